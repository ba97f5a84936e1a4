// What lies on the image: stage A, the network, or where they differ; as colours, and hatched as well.

const HATCHES = [[45, 9], [135, 9], [0, 9], [90, 9], [22, 16], [112, 16], [67, 16], [157, 16]]; // angle, distance

function canvas(width, height) {
  const made = document.createElement("canvas");
  made.width = Math.max(width, 1);
  made.height = Math.max(height, 1);
  return made;
}

// The colour of one pixel, or null where it is transparent.
export function colourAt(bitmap, x, y) {
  const context = canvas(1, 1).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, -x, -y);
  const [red, green, blue, opaque] = context.getImageData(0, 0, 1, 1).data;
  return opaque ? `rgb(${red}, ${green}, ${blue})` : null;
}

function pixels(bitmap) {
  const context = canvas(bitmap.width, bitmap.height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
}

// The first where it differs from the second; they have one size.
export function difference(one, other) {
  const [ours, theirs] = [pixels(one), pixels(other)];
  const [a, b] = [new Uint32Array(ours.data.buffer), new Uint32Array(theirs.data.buffer)];
  for (let at = 0; at < a.length; at++) if (a[at] === b[at]) a[at] = 0;
  const made = canvas(one.width, one.height);
  made.getContext("2d").putImageData(ours, 0, 0);
  return made;
}

// One canvas for each class that occurs, opaque where the class is.
function masks(bitmap, colours) {
  const shown = pixels(bitmap);
  const found = new Map();
  const keys = new Map(colours.map((colour, label) => [colour.match(/\d+/g).join(), label]));
  const { data, width, height } = shown;
  for (let at = 0; at < data.length; at += 4) {
    if (!data[at + 3]) continue;
    const label = keys.get(`${data[at]},${data[at + 1]},${data[at + 2]}`);
    if (label === undefined) continue;
    if (!found.has(label)) found.set(label, new ImageData(width, height));
    found.get(label).data[at + 3] = 255;
  }
  return [...found].map(([label, image]) => {
    const made = canvas(width, height);
    made.getContext("2d").putImageData(image, 0, 0);
    return [label, made];
  });
}

// What is unsure: white lines beside black ones, which no class has.
const UNSURE = -1;
export const doubt = (mask) => [[UNSURE, mask]];

function lines(context, label, ratio) {
  const [angle, distance] = label === UNSURE ? [45, 14] : HATCHES[label % HATCHES.length];
  const side = distance * ratio;
  const tile = canvas(side, side);
  const pen = tile.getContext("2d");
  pen.lineWidth = 1.5 * ratio;
  const shades = label === UNSURE ? ["rgb(0 0 0 / 90%)", "rgb(255 255 255 / 95%)"] : ["rgb(0 0 0 / 75%)"];
  shades.forEach((shade, number) => {
    const down = side / 2 + 1.5 * ratio * number;
    pen.beginPath();
    pen.strokeStyle = shade;
    pen.moveTo(0, down);
    pen.lineTo(side, down);
    pen.stroke();
  });
  const pattern = context.createPattern(tile, "repeat");
  pattern.setTransform(new DOMMatrix().rotate(angle));
  return pattern;
}

export class Hatching {
  // `masksOf(bitmap, colours)` says what has lines of its own.
  constructor(masksOf = masks) {
    this.masksOf = masksOf;
  }

  // Lines on each class, in pixels of the screen; kept until the view or what it shows changes.
  draw(context, view, bitmap) {
    const { width, height } = context.canvas;
    const key = [view.scale, view.left, view.top, width, height, ...view.colours].join();
    if (this.bitmap !== bitmap) this.masks = this.masksOf(bitmap, view.colours);
    if (this.bitmap !== bitmap || this.key !== key) {
      Object.assign(this, { bitmap, key, made: canvas(width, height) });
      const ratio = window.devicePixelRatio || 1;
      const all = this.made.getContext("2d");
      const one = canvas(width, height);
      const pen = one.getContext("2d");
      for (const [label, mask] of this.masks) {
        pen.setTransform(1, 0, 0, 1, 0, 0);
        pen.globalCompositeOperation = "copy";
        pen.imageSmoothingEnabled = false;
        const [x, y] = [view.left * ratio, view.top * ratio];
        pen.drawImage(mask, x, y, view.size.width * view.scale * ratio, view.size.height * view.scale * ratio);
        pen.globalCompositeOperation = "source-in";
        pen.fillStyle = lines(pen, label, ratio);
        pen.fillRect(0, 0, width, height);
        all.drawImage(one, 0, 0);
      }
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(this.made, 0, 0);
  }
}
