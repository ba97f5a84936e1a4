// The page: tools, classes, images, and what becomes of a mark.

import * as server from "./server.js";
import { View } from "./canvas.js";

const get = (id) => document.getElementById(id);
const view = new View(get("canvas"));
const TAGS = { untold: ["?", "nothing is said", "present"], present: ["+", "present", "absent"], absent: ["−", "absent", "untold"] };
const KEYS = { b: "brush", e: "erase", p: "click", r: "box", h: "pan" };

let project = { classes: [], images: [] };
let current = -1; // number of the image
let label = 0; // number of the class
let tool = "brush";
let held = false; // the space bar
let refused = null; // a mark that was not saved, because a file was changed
let sending = Promise.resolve(); // marks go one after the other, each on the revision before it

const tell = (text) => (get("status").textContent = text);
const width = () => Number(get("width").value);
const css = ([r, g, b]) => `rgb(${r}, ${g}, ${b})`;

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function showProject() {
  get("folder").textContent = project.name;
  view.colours = project.classes.map((each) => css(each.colour));
  view.names = project.classes.map((each) => each.name);
  showClasses();
  get("images").replaceChildren(...project.images.map((each, number) => {
    const state = element("span", {}, each.marks ? `${each.marks}` : "new");
    const button = element("button", { title: each.marks ? `${each.name}: ${each.marks} marks` : `${each.name}: no mark yet` }, element("span", {}, each.name), state);
    if (number === current) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => open(number));
    return element("li", {}, button);
  }));
}

function showClasses() {
  get("classes").replaceChildren(...project.classes.map((each, number) => {
    const swatch = element("span", { class: "swatch" });
    swatch.style.background = css(each.colour);
    const key = number < 9 ? `${number + 1} ` : "";
    const name = element("button", { class: "name", "aria-pressed": String(number === label) }, swatch, `${key}${each.name}`);
    name.addEventListener("click", () => choose(number));
    const said = view.state?.tags[number] ?? "untold";
    const [sign, words, next] = TAGS[said];
    const tag = element("button", { class: "tag", title: `${each.name}: ${words}`, "aria-label": `${each.name}: ${words}; change` }, sign);
    tag.addEventListener("click", () => send({ tag: { class: each.name, said: next } }));
    return element("li", {}, name, tag);
  }));
}

function showState() {
  get("undo").disabled = !view.state?.undo;
  get("redo").disabled = !view.state?.redo;
  const marks = view.state?.revision ?? 0;
  project.images[current].marks = marks;
  const button = get("images").children[current]?.firstChild;
  if (button) {
    button.lastChild.textContent = marks ? `${marks}` : "new";
    button.title = `${project.images[current].name}: ${marks ? `${marks} marks` : "no mark yet"}`;
  }
  showClasses();
  showChanged();
  view.draw();
}

// Another program changed a file: nothing is overwritten, and nothing is drawn on what is not shown.
function showChanged() {
  const changed = view.state?.changed ?? [];
  get("changed").hidden = !changed.length;
  get("changed").querySelector("p").textContent =
    `Another program changed ${changed.join(", ")}. Reload it to go on from there; undo then brings back what was drawn here.`;
}

async function reload() {
  const image = current;
  try {
    await sending;
    await server.reload(image, view.state.revision);
    const mark = refused;
    await open(image);
    if (mark && image === current) await send(mark);
  } catch (error) {
    tell(error.message);
  }
}

function choose(number) {
  if (number >= project.classes.length) return;
  label = number;
  showClasses();
  tell(`Drawing ${project.classes[number].name}.`);
}

function take(name) {
  tool = name;
  view.ring = null;
  for (const button of document.querySelectorAll("[data-tool]")) {
    button.setAttribute("aria-pressed", String(button.dataset.tool === name));
  }
  view.draw();
}

async function open(number) {
  await sending;
  for (const [place, item] of [...get("images").children].entries()) {
    item.firstChild.toggleAttribute("aria-current", place === number);
    if (place === number) item.firstChild.setAttribute("aria-current", "true");
  }
  current = number;
  refused = null;
  delete get("stage").dataset.image; // what is shown, for whoever drives the page
  view.segmentation = view.scribbles = view.image = view.state = view.size = null;
  get("numbers").textContent = "";
  try {
    const [state, image, scribbles] = await Promise.all([server.marks(number), server.image(number), server.scribbles(number)]);
    if (number !== current) return;
    Object.assign(view, { state, image, scribbles, size: { width: state.width, height: state.height } });
    view.fit();
    showState();
    get("stage").dataset.image = number;
    tell(project.classes.length ? `${project.images[number].name} is open.` : "Add the classes first: name one, for instance background.");
    solve(number, state.revision);
  } catch (error) {
    tell(error.message);
  }
}

function send(mark) {
  const image = current;
  sending = sending.then(() => sent(image, mark)).catch((error) => tell(error.message));
  return sending;
}

async function sent(image, mark) {
  if (!view.state || image !== current) return;
  try {
    const state = await server.add(image, view.state.revision, mark);
    const scribbles = await server.scribbles(image);
    if (image !== current) return;
    Object.assign(view, { state, scribbles, stroke: null });
    showState();
    solve(image, state.revision);
  } catch (error) {
    view.stroke = null;
    if (error instanceof server.Conflict) {
      // Another tab drew, or a file was changed: this page shows what is saved.
      const [state, scribbles] = await Promise.all([server.marks(image), server.scribbles(image)]);
      Object.assign(view, { state, scribbles });
      if (state.changed.length && !("undo" in mark || "redo" in mark)) refused = mark;
      showState();
      solve(image, state.revision);
    }
    tell(error.message);
    view.draw();
  }
}

async function solve(image, revision) {
  if (project.classes.length < 2) return;
  get("numbers").textContent = "solving …";
  try {
    for (const fine of [false, true]) {
      const found = await server.segmentation(image, revision, fine);
      if (!found || image !== current || revision !== view.state?.revision) return;
      view.segmentation = found.bitmap;
      get("numbers").textContent = found.bitmap ? `energy ${found.energy}, at most ${found.gap} above the lowest possible; ${found.ms} ms${found.fine ? "" : ", refining …"}` : "";
      get("numbers").title = found.status;
      tell(found.bitmap ? "" : found.status);
      get("stage").dataset.solved = `${image} ${revision} ${found.fine ? "fine" : "first"}`;
      view.draw();
      if (found.fine) return;
    }
  } catch (error) {
    get("numbers").textContent = error.message;
  }
}

// Pointers: one draws, two zoom and move.
const touching = new Map();
let panning = null;

function down(event) {
  if (!view.size) return;
  get("canvas").setPointerCapture(event.pointerId);
  touching.set(event.pointerId, event);
  if (touching.size === 2) {
    view.stroke = null;
    panning = null;
    return view.draw();
  }
  if (tool === "pan" || held || event.button === 1) return void (panning = event);
  if (event.button !== 0 || view.stroke) return;
  if (tool !== "erase" && !project.classes.length) return tell("Add a class first.");
  const at = view.clamped(view.place(event));
  const colour = tool === "erase" ? "rgb(255 255 255 / 60%)" : view.colours[label];
  if (tool === "box") view.stroke = { box: [...at, ...at], from: at, colour, pointer: event.pointerId };
  else if (tool === "click") view.stroke = { points: [at], width: 6 / view.scale, colour, pointer: event.pointerId };
  else view.stroke = { points: [at], width: width(), colour, pointer: event.pointerId };
  view.draw();
}

function move(event) {
  if (!view.size) return;
  const before = touching.get(event.pointerId);
  if (touching.size === 2 && before) return pinched(event, before);
  if (panning && before) {
    view.pan(event.clientX - before.clientX, event.clientY - before.clientY);
    return void touching.set(event.pointerId, event);
  }
  const at = view.place(event);
  const ringed = ["brush", "erase"].includes(tool) && event.pointerType !== "touch";
  view.ring = ringed ? { x: at[0], y: at[1], width: width() } : null;
  const stroke = view.stroke;
  if (stroke && stroke.pointer === event.pointerId) {
    if (stroke.box) {
      const [x, y] = view.clamped(at);
      const [a, b] = stroke.from;
      stroke.box = [Math.min(a, x), Math.min(b, y), Math.max(a, x), Math.max(b, y)];
    } else if (tool !== "click" && stroke.points.length < 3900) {
      const seen = event.getCoalescedEvents?.() ?? [];
      for (const each of seen.length ? seen : [event]) stroke.points.push(view.clamped(view.place(each)));
    }
  }
  view.draw();
}

function pinched(event, before) {
  const other = [...touching.values()].find((each) => each.pointerId !== event.pointerId);
  const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1;
  const middle = { clientX: (event.clientX + other.clientX) / 2, clientY: (event.clientY + other.clientY) / 2 };
  view.zoom(middle, apart(event) / apart(before));
  view.pan((event.clientX - before.clientX) / 2, (event.clientY - before.clientY) / 2);
  touching.set(event.pointerId, event);
}

function up(event) {
  touching.delete(event.pointerId);
  panning = null;
  const stroke = view.stroke;
  if (!stroke || stroke.pointer !== event.pointerId || stroke.sent) return;
  if (event.type === "pointercancel") {
    view.stroke = null;
    return view.draw();
  }
  stroke.sent = true;
  const name = project.classes[label]?.name;
  // Pixel centres lie at integers on the server, edges do here.
  const centred = (stroke.points ?? []).slice(0, 4000).map(([x, y]) => [round(x - 0.5), round(y - 0.5)]);
  if (stroke.box) {
    const [left, top, right, bottom] = stroke.box.map(Math.round);
    if (right > left && bottom > top) return void send({ box: { class: name, left, top, right, bottom } });
    view.stroke = null;
    return view.draw();
  }
  if (tool === "click") {
    const [x, y] = stroke.points[0];
    const inside = (value, size) => Math.min(Math.floor(value), size - 1);
    return void send({ click: { class: name, x: inside(x, view.size.width), y: inside(y, view.size.height) } });
  }
  send(tool === "erase" ? { erase: { points: centred, width: width() } } : { stroke: { class: name, points: centred, width: width() } });
}

const round = (value) => Math.round(value * 100) / 100;

function widen(by) {
  get("width").value = String(width() + by);
  get("width-told").textContent = get("width").value;
}

function toggled() {
  view.overlay = !view.overlay;
  get("overlay").setAttribute("aria-pressed", String(view.overlay));
  view.draw();
}

function pressed(event) {
  if (event.target instanceof HTMLInputElement && event.target.type !== "range") return;
  if (event.altKey) return;
  const key = event.key.toLowerCase();
  if (key === "z") event.preventDefault();
  if (key === "z") return void send(event.shiftKey ? { redo: {} } : { undo: {} });
  if (event.ctrlKey || event.metaKey) return;
  if (key >= "1" && key <= "9") choose(Number(key) - 1);
  else if (key in KEYS) take(KEYS[key]);
  else if (key === "[") widen(-1);
  else if (key === "]") widen(1);
  else if (key === "a") toggled();
  else if (key === "0") view.fit();
  else if (key === "n" && project.images.length) open((current + 1) % project.images.length);
  else if (key === "+" || key === "-") zoomMiddle(key === "+" ? 1.25 : 0.8);
  else if (key === " " && event.target === get("canvas")) {
    held = true;
    event.preventDefault();
  }
}

function zoomMiddle(factor) {
  const at = get("canvas").getBoundingClientRect();
  view.zoom({ clientX: at.left + at.width / 2, clientY: at.top + at.height / 2 }, factor);
}

async function begin() {
  const canvas = get("canvas");
  canvas.addEventListener("pointerdown", down);
  canvas.addEventListener("pointermove", move);
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", up);
  canvas.addEventListener("pointerleave", () => {
    view.ring = null;
    view.draw();
  });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (view.size) view.zoom(event, Math.exp(-event.deltaY / 400));
  }, { passive: false });
  document.addEventListener("keydown", pressed);
  document.addEventListener("keyup", (event) => event.key === " " && (held = false));
  for (const button of document.querySelectorAll("[data-tool]")) button.addEventListener("click", () => take(button.dataset.tool));
  get("width").addEventListener("input", () => widen(0));
  get("undo").addEventListener("click", () => send({ undo: {} }));
  get("redo").addEventListener("click", () => send({ redo: {} }));
  get("fit").addEventListener("click", () => view.fit());
  get("overlay").addEventListener("click", toggled);
  get("changed").querySelector("button").addEventListener("click", reload);
  get("new-class").addEventListener("submit", added);
  try {
    project = await server.project();
    showProject();
    if (project.images.length) await open(0);
  } catch (error) {
    tell(error.message);
  }
}

async function added(event) {
  event.preventDefault();
  const name = get("class-name").value.trim();
  if (!name) return;
  try {
    await sending;
    project = await server.addClass(name);
    get("class-name").value = "";
    showProject();
    await open(current);
    choose(project.classes.length - 1);
  } catch (error) {
    tell(error.message);
  }
}

begin();
