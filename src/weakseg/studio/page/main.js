// The page: what is open, what becomes of a mark, and which button does what.

import * as server from "./server.js";
import { View } from "./canvas.js";
import { Drawing } from "./drawing.js";
import { ImageList, STATES } from "./images.js";
import { colourAt, difference } from "./overlay.js";
import * as training from "./training.js";

const get = (id) => document.getElementById(id);
const view = new View(get("canvas"));
const TAGS = { untold: ["?", "nothing is said", "present"], present: ["+", "present", "absent"], absent: ["−", "absent", "untold"] };
const KEYS = { b: "brush", e: "erase", p: "click", r: "box", g: "polygon", i: "pick", h: "pan" };
const SHOWN = ["stage-a", "network", "difference"];
const POLL_MS = 1500;
const PATIENCE_MS = 150;

let project = { classes: [], images: [], marks: [], states: [] };
let queue = { order: [], scores: [] };
let now = { training: { state: "none", losses: [], scores: [] }, network: "", ranked: 0 };
let current = -1; // number of the image
let label = 0; // number of the class
let tool = "brush";
let stageA = null; // what stage A found, and what the network sees
let network = null;
let unsure = null; // a mask of what stage A is unsure of
let sending = Promise.resolve(); // marks go one after the other, each on the revision before it
let refused = null; // a mark that was not saved, because a file was changed

const tell = (text) => (get("status").textContent = text);
const width = () => Number(get("width").value);
const css = ([r, g, b]) => `rgb(${r}, ${g}, ${b})`;
const drawing = new Drawing(view, {
  tool: () => tool,
  width,
  colour: () => (tool === "erase" ? "rgb(255 255 255 / 60%)" : view.colours[label]),
  className: () => project.classes[label]?.name,
  ready: () => tool === "erase" || project.classes.length > 0 || (tell("Add a class first."), false),
  send: (mark, stroke) => send(mark, stroke),
  pick: ([x, y]) => pick(x, y),
});

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// ---- images

function described(image) {
  const marks = project.marks[image];
  const score = queue.scores[image];
  return `${project.images[image]}: ${STATES[project.states[image]][1]}${marks ? `, ${marks} marks` : ""}${score == null ? "" : `, ${Math.round(100 * score)} to correct`}`;
}

function stateSign(image) {
  return element("span", { class: "state", "aria-hidden": "true" }, STATES[project.states[image]][0]);
}

const list = new ImageList(get("list"), [0, 34], (button, image) => {
  button.title = described(image);
  button.setAttribute("aria-label", described(image));
  button.append(element("span", { class: "name" }, project.images[image]), stateSign(image));
}, (image) => open(image));

const gallery = new ImageList(get("all"), [136, 132], (button, image) => {
  button.title = described(image);
  button.setAttribute("aria-label", described(image));
  button.append(element("img", { src: `/api/images/${image}/thumbnail`, alt: "", loading: "lazy", width: 120, height: 90 }), element("span", { class: "name" }, project.images[image]), stateSign(image));
}, (image) => {
  get("gallery").close();
  open(image);
});

function showLists() {
  const named = project.images.map((_, image) => image);
  const ordered = get("worst").getAttribute("aria-pressed") === "true" && queue.order.length === named.length ? queue.order : named;
  list.show(ordered, current);
  const wanted = get("filter").value;
  const chosen = wanted === "all" ? ordered : ordered.filter((image) => project.states[image] === wanted);
  gallery.show(chosen, current);
  const count = (state) => project.states.filter((each) => each === state).length;
  const told = Object.entries(STATES).map(([state, [, words]]) => `${count(state).toLocaleString("en")} ${words}`).join(", ");
  get("counts").textContent = told;
}

async function refreshQueue() {
  queue = await server.queue();
  project.states = queue.states;
  project.marks = queue.marks;
  showLists();
}

// The image that should be drawn on next: the first in the order that is neither done nor skipped.
async function next(step = 1) {
  const order = list.items;
  const at = Math.max(order.indexOf(current), 0);
  for (let far = 1; far < order.length; far++) {
    const image = order[(at + step * far + order.length * far) % order.length];
    if (["none", "drawn"].includes(project.states[image])) return open(image);
  }
  tell("All other images are done or skipped.");
}

async function judge(said) {
  const again = project.states[current] === said;
  await send({ state: { said: again ? "open" : said } });
  if (!again && project.states[current] === said) await next();
}

// ---- classes

function showProject() {
  get("folder").textContent = project.name;
  view.colours = project.classes.map((each) => css(each.colour));
  view.names = project.classes.map((each) => each.name);
  showClasses();
  showLists();
}

function showClasses() {
  const focused = document.activeElement?.dataset?.class;
  get("classes").replaceChildren(...project.classes.map((each, number) => {
    const swatch = element("span", { class: "swatch" });
    swatch.style.background = css(each.colour);
    const key = number < 9 ? `${number + 1} ` : "";
    const name = element("button", { class: "name", "aria-pressed": String(number === label), "data-class": `${number}` }, swatch, `${key}${each.name}`);
    name.addEventListener("click", () => choose(number));
    const said = view.state?.tags[number] ?? "untold";
    const [sign, words, following] = TAGS[said];
    const tag = element("button", { class: "tag", title: `${each.name}: ${words}`, "aria-label": `${each.name}: ${words}; change`, "data-class": `tag ${number}` }, sign);
    tag.addEventListener("click", () => send({ tag: { class: each.name, said: following } }));
    return element("li", {}, name, tag);
  }));
  // A button that is made anew keeps the focus.
  if (focused) get("classes").querySelector(`[data-class="${focused}"]`)?.focus();
}

function choose(number) {
  if (number >= project.classes.length) return;
  label = number;
  showClasses();
  tell(`Drawing ${project.classes[number].name}.`);
}

// The class that is drawn or shown at a place becomes the one that is drawn with.
async function pick(x, y) {
  await sending;
  await layer(current);
  const drawn = view.scribbles && colourAt(view.scribbles, Math.floor(x), Math.floor(y));
  const shown = view.segmentation;
  const at = shown && [Math.floor((x / view.size.width) * shown.width), Math.floor((y / view.size.height) * shown.height)];
  const number = view.colours.indexOf(drawn ?? (at && colourAt(shown, ...at)));
  if (number < 0) return tell("Nothing is drawn or shown there.");
  choose(number);
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

// ---- the open image

function showState() {
  get("undo").disabled = !view.state?.undo;
  get("redo").disabled = !view.state?.redo;
  project.marks[current] = view.state.revision;
  project.states[current] = view.state.state;
  for (const said of ["done", "skipped"]) get(said).setAttribute("aria-pressed", String(view.state.state === said));
  get("stage").dataset.revision = view.state.revision;
  showClasses();
  showChanged();
  showLists();
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

async function open(number) {
  await sending;
  current = number;
  refused = null;
  delete get("stage").dataset.image; // what is shown, for whoever drives the page
  delete get("stage").dataset.solved;
  stageA = network = unsure = null;
  view.segmentation = view.scribbles = view.image = view.state = view.size = view.stroke = view.cursor = null;
  view.sent = [];
  get("numbers").textContent = "";
  try {
    const [state, image, scribbles] = await Promise.all([server.marks(number), server.image(number), server.scribbles(number)]);
    if (number !== current) return;
    Object.assign(view, { state, image, scribbles, layered: state.revision, size: { width: state.width, height: state.height } });
    view.fit();
    showState();
    list.reveal(number);
    get("stage").dataset.image = number;
    tell(project.classes.length ? `${project.images[number]} is open.` : "Add the classes first: name one, for instance background.");
    solve(number, state.revision);
    look(number);
  } catch (error) {
    tell(error.message);
  }
}

// A mark goes to the server; what was drawn of it is shown until the layer of scribbles has it.
function send(mark, stroke = null) {
  const image = current;
  if (stroke) view.sent.push(stroke);
  sending = sending.then(() => sent(image, mark, stroke)).catch((error) => tell(error.message));
  return sending;
}

async function sent(image, mark, stroke) {
  if (!view.state || image !== current) return;
  try {
    const { revision } = view.state;
    const saved = server.add(image, revision, mark);
    // Stage A is asked at once: it answers as soon as the mark is saved.
    if (!("state" in mark)) solve(image, revision + 1);
    const state = await saved;
    if (image !== current) return;
    view.state = state;
    if (stroke) stroke.revision = state.revision;
    showState();
    setTimeout(() => layer(image), PATIENCE_MS);
  } catch (error) {
    view.sent = view.sent.filter((each) => each !== stroke);
    if (error instanceof server.Conflict) {
      // Another tab drew, or a file was changed: this page shows what is saved.
      const [state, scribbles] = await Promise.all([server.marks(image), server.scribbles(image)]);
      Object.assign(view, { state, scribbles, layered: state.revision });
      if (state.changed.length && !("undo" in mark || "redo" in mark)) refused = mark;
      showState();
    }
    if (view.state && image === current) solve(image, view.state.revision);
    tell(error.message);
    view.draw();
  }
}

let layering = Promise.resolve();

// The layer of scribbles is fetched after the first overlay, or a little later: it is shown already.
function layer(image) {
  layering = layering.then(async () => {
    if (image !== current || !view.state || view.layered === view.state.revision) return;
    const { revision } = view.state;
    const scribbles = await server.scribbles(image);
    if (image !== current) return;
    Object.assign(view, { scribbles, layered: revision, sent: view.sent.filter((each) => !(each.revision <= revision)) });
    view.draw();
  }).catch((error) => tell(error.message));
  return layering;
}

// How good the answer is, in words.
function measured(found) {
  const above = 100 * found.gap / Math.max(found.energy, 1e-9);
  const best = above < 0.05 ? "and none is lower" : `the lowest possible is at most ${above.toPrecision(2)} % lower`;
  const part = found.unsure ? `; unsure in ${Math.max(100 * found.unsure, 0.1).toPrecision(2)} % of the image` : "";
  return `energy ${Number(found.energy).toFixed(3)}, ${best}${found.fine ? part : "; refining …"}; ${found.ms} ms`;
}

let question = new AbortController(); // the last one to stage A

async function solve(image, revision) {
  question.abort();
  const { signal } = (question = new AbortController());
  if (project.classes.length < 2) return;
  get("numbers").textContent = "solving …";
  try {
    for (const fine of [false, true]) {
      const found = await server.segmentation(image, revision, fine, signal);
      if (!found || image !== current || signal.aborted) return;
      stageA = found.bitmap;
      unsure = null;
      get("numbers").textContent = found.bitmap ? measured(found) : found.status;
      get("numbers").title = found.status;
      get("stage").dataset.solved = `${image} ${revision} ${found.fine ? "fine" : "first"}`;
      overlaid();
      layer(image);
      if (!found.fine) continue;
      unsure = found.unsure ? await server.unsure(image, revision) : null;
      if (image === current && !signal.aborted) overlaid();
      return;
    }
  } catch (error) {
    get("numbers").textContent = error.message;
  }
}

// What the network sees in the open image.
async function look(image) {
  try {
    const seen = now.network ? await server.network(image) : null;
    if (image !== current) return;
    network = seen;
    get("stage").dataset.network = seen ? now.network : "";
    overlaid();
  } catch (error) {
    tell(error.message);
  }
}

function overlaid() {
  const shown = get("shown").value;
  if (shown === "stage-a") view.segmentation = stageA;
  else if (shown === "network") view.segmentation = network;
  else view.segmentation = stageA && network ? difference(stageA, network) : null;
  view.unsure = shown === "stage-a" ? unsure : null;
  get("stage").dataset.unsure = view.unsure ? "shown" : "";
  view.draw();
}

function cycle() {
  get("shown").value = SHOWN[(SHOWN.indexOf(get("shown").value) + 1) % SHOWN.length];
  shownChanged();
}

function shownChanged() {
  const words = { "stage-a": "stage A: what the labels imply", network: "the network", difference: "where stage A differs from the network" };
  const shown = get("shown").value;
  tell(shown !== "stage-a" && !now.network ? "There is no network yet: train one." : `Shown is ${words[shown]}.`);
  overlaid();
}

// ---- what goes on meanwhile

function newNow(told) {
  const before = now;
  now = told;
  training.show(now);
  if (before.network !== now.network && current >= 0) {
    look(current);
    if (view.state) solve(current, view.state.revision);
  }
  if (before.ranked !== now.ranked || before.network !== now.network) refreshQueue().catch((error) => tell(error.message));
}

async function watch() {
  try {
    if (!document.hidden) newNow(await server.now());
    get("lost").hidden = true;
  } catch (error) {
    get("lost").hidden = false;
  }
  setTimeout(watch, POLL_MS);
}

// ---- tools and keys

function take(name) {
  tool = name;
  view.ring = null;
  drawing.cancel();
  for (const button of document.querySelectorAll("[data-tool]")) {
    button.setAttribute("aria-pressed", String(button.dataset.tool === name));
  }
  view.draw();
}

function widen(by) {
  get("width").value = String(width() + by);
  get("width-told").textContent = get("width").value;
}

function pressing(id, change) {
  const on = get(id).getAttribute("aria-pressed") !== "true";
  get(id).setAttribute("aria-pressed", String(on));
  change(on);
}

const toggleOverlay = () => pressing("overlay", (on) => ((view.overlay = on), view.draw()));
const toggleHatching = () => pressing("hatch", (on) => ((view.hatched = on), view.draw()));
const toggleUnsure = () => pressing("unsure", (on) => ((view.doubting = on), view.draw()));
const toggleOrder = () => pressing("worst", () => (showLists(), list.reveal(current)));

function showGallery() {
  get("gallery").showModal();
  showLists();
  gallery.focus(gallery.places.has(current) ? current : gallery.items[0]);
}

function zoomMiddle(factor) {
  const at = get("canvas").getBoundingClientRect();
  view.zoom({ clientX: at.left + at.width / 2, clientY: at.top + at.height / 2 }, factor);
}

function pressed(event) {
  if (document.querySelector("dialog[open]") || event.altKey) return;
  if (event.target.matches("input:not([type=range]), select")) return;
  if (event.target === get("canvas") && drawing.key(event)) return void event.preventDefault();
  const key = event.key.toLowerCase();
  if (key === "z") {
    event.preventDefault();
    return void send(event.shiftKey ? { redo: {} } : { undo: {} });
  }
  if (event.ctrlKey || event.metaKey) return;
  const does = {
    "[": () => widen(-1),
    "]": () => widen(1),
    a: toggleOverlay,
    s: cycle,
    x: toggleHatching,
    u: toggleUnsure,
    0: () => view.fit(),
    "+": () => zoomMiddle(1.25),
    "-": () => zoomMiddle(0.8),
    n: () => next(event.shiftKey ? -1 : 1),
    d: () => judge("done"),
    k: () => judge("skipped"),
    v: showGallery,
    "?": () => get("help").showModal(),
  };
  if (key >= "1" && key <= "9") choose(Number(key) - 1);
  else if (key in KEYS) take(KEYS[key]);
  else does[key]?.();
}

function listen() {
  const clicks = {
    undo: () => send({ undo: {} }),
    redo: () => send({ redo: {} }),
    fit: () => view.fit(),
    overlay: toggleOverlay,
    hatch: toggleHatching,
    unsure: toggleUnsure,
    worst: toggleOrder,
    next: () => next(),
    done: () => judge("done"),
    skipped: () => judge("skipped"),
    images: showGallery,
    keys: () => get("help").showModal(),
  };
  for (const [id, act] of Object.entries(clicks)) get(id).addEventListener("click", act);
  for (const button of document.querySelectorAll("[data-tool]")) button.addEventListener("click", () => take(button.dataset.tool));
  for (const close of document.querySelectorAll("dialog .close")) close.addEventListener("click", () => close.closest("dialog").close());
  document.addEventListener("keydown", pressed);
  document.addEventListener("keyup", (event) => event.key === " " && (drawing.held = false));
  get("width").addEventListener("input", () => widen(0));
  get("shown").addEventListener("change", shownChanged);
  get("filter").addEventListener("change", showLists);
  get("changed").querySelector("button").addEventListener("click", reload);
  get("new-class").addEventListener("submit", added);
  training.begin(tell, newNow);
}

async function begin() {
  listen();
  try {
    [project, now] = await Promise.all([server.project(), server.now()]);
    showProject();
    training.show(now);
    if (project.images.length) await open(0);
    get("stage").dataset.ready = Math.round(performance.now());
    await refreshQueue();
  } catch (error) {
    tell(error.message);
  }
  watch();
}

begin();
