// What pointers and keys do on the image: strokes, clicks, boxes, polygons, moving and zooming.

const NEAR = 12; // pixels of the screen within which a click closes a polygon
const MOST_POINTS = 3900;

export class Drawing {
  // `page` says what is drawn with: tool(), width(), colour(), className(), ready(), send(mark, stroke), pick(at).
  constructor(view, page) {
    Object.assign(this, { view, page, touching: new Map(), panning: null, held: false });
    const canvas = view.canvas;
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.up(event));
    canvas.addEventListener("pointercancel", (event) => this.up(event));
    canvas.addEventListener("pointerleave", () => ((view.ring = null), view.draw()));
    canvas.addEventListener("dblclick", () => this.close());
    canvas.addEventListener("blur", () => ((view.cursor = null), (this.held = false), view.draw()));
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (view.size) view.zoom(event, Math.exp(-event.deltaY / 400));
    }, { passive: false });
  }

  cancel() {
    this.view.stroke = null;
    this.view.draw();
  }

  down(event) {
    const { view, page } = this;
    if (!view.size) return;
    // A palm does not draw while a pen does.
    if (event.pointerType === "touch" && [...this.touching.values()].some((each) => each.pointerType === "pen")) return;
    view.canvas.setPointerCapture(event.pointerId);
    this.touching.set(event.pointerId, event);
    if (this.touching.size === 2) {
      this.panning = null;
      return view.stroke?.polygon ? undefined : this.cancel();
    }
    if (page.tool() === "pan" || this.held || event.button === 1) return void (this.panning = event);
    if (event.button !== 0) return;
    const at = view.clamped(view.place(event));
    if (event.altKey || page.tool() === "pick") return page.pick(at);
    this.press(at, event.pointerId);
  }

  press(at, pointer) {
    const { view, page } = this;
    const tool = page.tool();
    if (tool === "polygon" && view.stroke?.polygon) return this.vertex(at);
    if (view.stroke || !page.ready()) return;
    const colour = page.colour();
    if (tool === "box") view.stroke = { box: [...at, ...at], from: at, colour, pointer };
    else if (tool === "polygon") view.stroke = { polygon: [at], at, colour };
    else view.stroke = { points: [at], width: tool === "click" ? 6 / view.scale : page.width(), colour, pointer, click: tool === "click" };
    view.draw();
  }

  vertex(at) {
    const stroke = this.view.stroke;
    const near = (other) => Math.hypot(other[0] - at[0], other[1] - at[1]) * this.view.scale < NEAR;
    if (stroke.polygon.length > 2 && (near(stroke.polygon[0]) || near(stroke.polygon.at(-1)))) return this.close();
    if (!near(stroke.polygon.at(-1)) && stroke.polygon.length < MOST_POINTS) stroke.polygon.push(at);
    this.view.draw();
  }

  // The polygon is done: its inside is of the class.
  close() {
    const stroke = this.view.stroke;
    if (!stroke?.polygon || stroke.polygon.length < 3) return;
    stroke.at = null;
    this.send({ polygon: { class: this.page.className(), points: centred(stroke.polygon) } });
  }

  // The next stroke can begin before this one is saved.
  send(mark) {
    const { view } = this;
    this.page.send(mark, view.stroke);
    view.stroke = null;
    view.draw();
  }

  move(event) {
    const { view, page, touching } = this;
    if (!view.size) return;
    const before = touching.get(event.pointerId);
    if (touching.size === 2 && before) return this.pinched(event, before);
    if (this.panning && before) {
      view.pan(event.clientX - before.clientX, event.clientY - before.clientY);
      return void touching.set(event.pointerId, event);
    }
    const at = view.place(event);
    const ringed = ["brush", "erase"].includes(page.tool()) && event.pointerType !== "touch";
    view.ring = ringed ? { x: at[0], y: at[1], width: page.width() } : null;
    view.cursor = null;
    const stroke = view.stroke;
    if (stroke?.polygon) stroke.at = view.clamped(at);
    else if (stroke && stroke.pointer === event.pointerId) {
      const seen = stroke.box ? [] : (event.getCoalescedEvents?.() ?? []);
      for (const each of seen.length ? seen : [event]) this.drag(view.clamped(view.place(each)));
    }
    view.draw();
  }

  drag(at) {
    const { stroke } = this.view;
    if (stroke?.polygon) stroke.at = at;
    else if (stroke?.box) {
      const [[x, y], [a, b]] = [at, stroke.from];
      stroke.box = [Math.min(a, x), Math.min(b, y), Math.max(a, x), Math.max(b, y)];
    } else if (stroke && !stroke.click && stroke.points.length < MOST_POINTS) stroke.points.push(at);
  }

  pinched(event, before) {
    const { view, touching } = this;
    const other = [...touching.values()].find((each) => each.pointerId !== event.pointerId);
    const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1;
    const middle = { clientX: (event.clientX + other.clientX) / 2, clientY: (event.clientY + other.clientY) / 2 };
    view.zoom(middle, apart(event) / apart(before));
    view.pan((event.clientX - before.clientX) / 2, (event.clientY - before.clientY) / 2);
    touching.set(event.pointerId, event);
  }

  up(event) {
    this.touching.delete(event.pointerId);
    this.panning = null;
    const { stroke } = this.view;
    if (!stroke || stroke.polygon || stroke.pointer !== event.pointerId) return;
    if (event.type === "pointercancel") return this.cancel();
    this.release();
  }

  release() {
    const { view, page } = this;
    const stroke = view.stroke;
    if (!stroke || stroke.polygon) return;
    const name = page.className();
    if (stroke.box) {
      const [left, top, right, bottom] = stroke.box.map(Math.round);
      if (right <= left || bottom <= top) return this.cancel();
      return this.send({ box: { class: name, left, top, right, bottom } });
    }
    if (stroke.click) {
      const inside = (value, size) => Math.min(Math.floor(value), size - 1);
      const [x, y] = stroke.points[0];
      return this.send({ click: { class: name, x: inside(x, view.size.width), y: inside(y, view.size.height) } });
    }
    const drawn = { points: centred(stroke.points), width: page.width() };
    this.send(page.tool() === "erase" ? { erase: drawn } : { stroke: { class: name, ...drawn } });
  }

  // Keys on the image: arrows move a cross, Enter presses and lifts.
  key(event) {
    const { view, page } = this;
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (!view.size) return false;
    if (event.key in arrows) {
      const [across, down] = arrows[event.key];
      if (event.ctrlKey || page.tool() === "pan") view.pan(-40 * across, -40 * down);
      else this.step(across, down, (event.shiftKey ? 1 : 10) / view.scale);
      return true;
    }
    if (event.key === "Enter") {
      if (view.stroke?.polygon && !view.cursor) return this.close(), true;
      this.step(0, 0, 0);
      if (page.tool() === "pick") page.pick(view.cursor);
      else if (view.stroke?.polygon) this.vertex(view.cursor);
      else if (view.stroke) this.release();
      else {
        this.press(view.cursor, "keyboard");
        if (page.tool() === "click") this.release();
      }
      return true;
    }
    if (event.key === "Escape" && view.stroke) return this.cancel(), true;
    if (event.key === "Backspace" && view.stroke?.polygon) {
      view.stroke.polygon.pop();
      if (!view.stroke.polygon.length) this.cancel();
      return view.draw(), true;
    }
    if (event.key === " ") return (this.held = true);
    return false;
  }

  step(across, down, by) {
    const { view } = this;
    const [x, y] = view.cursor ?? [view.size.width / 2, view.size.height / 2];
    view.cursor = view.clamped([x + across * by, y + down * by]);
    this.drag(view.cursor);
    view.reveal(view.cursor);
    view.draw();
  }
}

// Pixel centres lie at integers on the server, edges do here.
function centred(points) {
  const round = (value) => Math.round(value * 100) / 100;
  return points.map(([x, y]) => [round(x - 0.5), round(y - 0.5)]);
}
