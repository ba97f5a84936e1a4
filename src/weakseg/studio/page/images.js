// Lists of images of which only what is seen is in the page: ten thousand cost as much as thirty.

export const STATES = {
  none: ["○", "no marks"],
  drawn: ["◐", "drawn"],
  done: ["●", "done"],
  skipped: ["–", "skipped"],
};

export class ImageList {
  // `box` scrolls; `size` is [width, height] of an item, a width of 0 is that of the box; `fill(button, image)` makes it.
  constructor(box, size, fill, chosen) {
    Object.assign(this, { box, size, fill, chosen, items: [], places: new Map(), current: -1, focused: false });
    this.inner = box.querySelector("ol");
    box.addEventListener("scroll", () => this.soon());
    box.addEventListener("keydown", (event) => this.pressed(event));
    new ResizeObserver(() => this.soon()).observe(box);
  }

  show(items, current) {
    this.items = items;
    this.places = new Map(items.map((image, place) => [image, place]));
    this.current = current;
    this.paint();
  }

  get columns() {
    return this.size[0] ? Math.max(Math.floor(this.box.clientWidth / this.size[0]), 1) : 1;
  }

  soon() {
    if (!this.waiting) this.waiting = requestAnimationFrame(() => ((this.waiting = 0), this.paint()));
  }

  paint() {
    const { box, inner, items, columns, size } = this;
    const held = inner.contains(document.activeElement) ? Number(document.activeElement.dataset.image) : null;
    inner.style.height = `${Math.ceil(items.length / columns) * size[1]}px`;
    const first = Math.max(Math.floor(box.scrollTop / size[1]) - 1, 0) * columns;
    const last = Math.min(first + (Math.ceil(box.clientHeight / size[1]) + 3) * columns, items.length);
    const reached = this.places.has(this.current) ? this.current : items[0];
    inner.replaceChildren(...items.slice(first, last).map((image, at) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      const place = first + at;
      item.setAttribute("aria-setsize", items.length);
      item.setAttribute("aria-posinset", place + 1);
      item.style.top = `${Math.floor(place / columns) * size[1]}px`;
      item.style.left = `${((place % columns) * 100) / columns}%`;
      item.style.width = `${100 / columns}%`;
      item.style.height = `${size[1]}px`;
      button.dataset.image = image;
      button.tabIndex = image === reached ? 0 : -1;
      if (image === this.current) button.setAttribute("aria-current", "true");
      button.addEventListener("click", () => this.chosen(image));
      this.fill(button, image);
      item.append(button);
      return item;
    }));
    if (held !== null) this.inner.querySelector(`[data-image="${held}"]`)?.focus({ preventScroll: true });
  }

  reveal(image) {
    const row = Math.floor((this.places.get(image) ?? 0) / this.columns) * this.size[1];
    if (row < this.box.scrollTop) this.box.scrollTop = row;
    if (row + this.size[1] > this.box.scrollTop + this.box.clientHeight) this.box.scrollTop = row + this.size[1] - this.box.clientHeight;
    this.paint();
  }

  focus(image) {
    this.reveal(image);
    this.inner.querySelector(`[data-image="${image}"]`)?.focus({ preventScroll: true });
  }

  pressed(event) {
    const at = this.places.get(Number(event.target.dataset?.image));
    if (at === undefined) return;
    const { columns } = this;
    const page = Math.max(Math.floor(this.box.clientHeight / this.size[1]), 1) * columns;
    const steps = { ArrowUp: -columns, ArrowDown: columns, ArrowLeft: -1, ArrowRight: 1, PageUp: -page, PageDown: page, Home: -at, End: this.items.length };
    if (!(event.key in steps)) return;
    event.preventDefault();
    event.stopPropagation();
    this.focus(this.items[Math.min(Math.max(at + steps[event.key], 0), this.items.length - 1)]);
  }
}
