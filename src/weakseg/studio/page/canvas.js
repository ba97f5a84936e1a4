// The image on a canvas: zoom, pan, labels, and the pointer's position in pixels of the image.

import { Hatching, doubt } from "./overlay.js";

const LARGEST = 64;

export class View {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.image = this.scribbles = this.segmentation = this.state = this.size = null;
    this.overlay = true;
    this.hatched = false;
    this.hatching = new Hatching();
    this.unsure = null; // a mask: opaque where stage A is unsure
    this.doubting = true;
    this.doubts = new Hatching(doubt);
    this.cursor = null; // where keys draw
    this.stroke = null; // what is being drawn: {points, width, colour}, {box} or {polygon}
    this.sent = []; // what was drawn, until the layer of scribbles has it
    this.layered = -1; // the revision of that layer
    this.ring = null;
    this.colours = [];
    this.names = [];
    this.scale = 1;
    this.left = this.top = 0;
    new ResizeObserver(() => this.resized()).observe(canvas);
  }

  resized() {
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.canvas;
    this.canvas.width = Math.round(clientWidth * ratio);
    this.canvas.height = Math.round(clientHeight * ratio);
    this.fit();
  }

  fit() {
    if (!this.size) return this.draw();
    const { clientWidth, clientHeight } = this.canvas;
    this.scale = Math.min(clientWidth / this.size.width, clientHeight / this.size.height) * 0.96 || 1;
    this.left = (clientWidth - this.size.width * this.scale) / 2;
    this.top = (clientHeight - this.size.height * this.scale) / 2;
    this.draw();
  }

  // The place in edge coordinates: 0 is the left edge of the first pixel, half a pixel before its centre.
  place(event) {
    const at = this.canvas.getBoundingClientRect();
    return [(event.clientX - at.left - this.left) / this.scale, (event.clientY - at.top - this.top) / this.scale];
  }

  clamped([x, y]) {
    return [Math.min(Math.max(x, 0), this.size.width), Math.min(Math.max(y, 0), this.size.height)];
  }

  zoom(event, factor) {
    const [x, y] = this.place(event);
    const scale = Math.min(Math.max(this.scale * factor, 0.02), LARGEST);
    this.left += x * (this.scale - scale);
    this.top += y * (this.scale - scale);
    this.scale = scale;
    this.draw();
  }

  pan(across, down) {
    this.left += across;
    this.top += down;
    this.draw();
  }

  // The image moves so that a place can be seen.
  reveal([x, y]) {
    const { clientWidth, clientHeight } = this.canvas;
    const [across, down] = [this.left + x * this.scale, this.top + y * this.scale];
    this.left += Math.min(Math.max(across, 0), clientWidth) - across;
    this.top += Math.min(Math.max(down, 0), clientHeight) - down;
  }

  draw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.paint();
    });
  }

  paint() {
    const { context, canvas } = this;
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!this.size) return;
    context.setTransform(ratio * this.scale, 0, 0, ratio * this.scale, ratio * this.left, ratio * this.top);
    const { width, height } = this.size;
    context.imageSmoothingEnabled = this.scale < 2;
    if (this.image) context.drawImage(this.image, 0, 0, width, height);
    context.imageSmoothingEnabled = false;
    if (this.overlay && this.segmentation) {
      context.globalAlpha = 0.5;
      context.drawImage(this.segmentation, 0, 0, width, height);
      context.globalAlpha = 1;
      for (const [hatching, mask] of [[this.hatching, this.hatched && this.segmentation], [this.doubts, this.doubting && this.unsure]]) {
        if (!mask) continue;
        context.save();
        hatching.draw(context, this, mask);
        context.restore();
      }
    }
    if (this.scribbles) context.drawImage(this.scribbles, 0, 0, width, height);
    if (this.state) this.paintMarks(context);
    for (const stroke of [...this.sent, this.stroke]) if (stroke) this.paintStroke(context, stroke);
    this.paintRing(context);
    if (this.cursor) this.paintCursor(context);
  }

  paintMarks(context) {
    for (const [label, left, top, right, bottom] of this.state.boxes) {
      this.paintBox(context, this.colours[label], left, top, right, bottom, this.names[label]);
    }
    for (const [label, x, y] of this.state.clicks) {
      context.beginPath();
      context.arc(x + 0.5, y + 0.5, 5 / this.scale, 0, 2 * Math.PI);
      context.fillStyle = this.colours[label];
      context.fill();
      context.lineWidth = 1.5 / this.scale;
      context.strokeStyle = "#fff";
      context.stroke();
    }
  }

  paintBox(context, colour, left, top, right, bottom, name) {
    context.lineWidth = 4 / this.scale;
    context.strokeStyle = "#000";
    context.strokeRect(left, top, right - left, bottom - top);
    context.lineWidth = 2 / this.scale;
    context.strokeStyle = colour;
    context.strokeRect(left, top, right - left, bottom - top);
    if (!name) return;
    context.font = `${13 / this.scale}px system-ui, sans-serif`;
    context.lineWidth = 3 / this.scale;
    context.strokeStyle = "#000";
    context.strokeText(name, left + 4 / this.scale, top + 15 / this.scale);
    context.fillStyle = "#fff";
    context.fillText(name, left + 4 / this.scale, top + 15 / this.scale);
  }

  paintPolygon(context, { polygon, at, colour }) {
    for (const [width, shade] of [[4, "#000"], [2, colour]]) {
      context.beginPath();
      for (const [x, y] of at ? [...polygon, at] : polygon) context.lineTo(x, y);
      if (!at) context.closePath();
      context.lineWidth = width / this.scale;
      context.strokeStyle = shade;
      context.stroke();
    }
    context.beginPath();
    context.arc(...polygon[0], 6 / this.scale, 0, 2 * Math.PI);
    context.stroke();
  }

  paintCursor(context) {
    const [x, y] = this.cursor;
    const far = 12 / this.scale;
    for (const [width, shade] of [[4, "#000"], [2, "#fff"]]) {
      context.beginPath();
      context.moveTo(x - far, y);
      context.lineTo(x + far, y);
      context.moveTo(x, y - far);
      context.lineTo(x, y + far);
      context.lineWidth = width / this.scale;
      context.strokeStyle = shade;
      context.stroke();
    }
  }

  paintStroke(context, stroke) {
    if (stroke.polygon) this.paintPolygon(context, stroke);
    if (stroke.box) this.paintBox(context, stroke.colour, ...stroke.box);
    if (stroke.points) {
      context.beginPath();
      for (const [x, y] of stroke.points) context.lineTo(x, y);
      if (stroke.points.length === 1) context.lineTo(stroke.points[0][0] + 0.01, stroke.points[0][1]);
      context.lineCap = context.lineJoin = "round";
      context.lineWidth = Math.max(stroke.width, 1);
      context.strokeStyle = stroke.colour;
      context.stroke();
    }
  }

  paintRing(context) {
    if (this.ring) {
      for (const [width, colour] of [[3, "#000"], [1, "#fff"]]) {
        context.beginPath();
        context.arc(this.ring.x, this.ring.y, Math.max(this.ring.width / 2, 0.5), 0, 2 * Math.PI);
        context.lineWidth = width / this.scale;
        context.strokeStyle = colour;
        context.stroke();
      }
    }
  }
}
