// The panel of the training: what is trained, how far it is, and what to do about it.

import * as server from "./server.js";

const get = (id) => document.getElementById(id);

function duration(seconds) {
  if (seconds < 90) return `${Math.max(Math.round(seconds), 1)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

function sentence(told) {
  const done = told.losses.length;
  const of = told.epochs ? `epoch ${done} of ${told.epochs}` : "reading the labels";
  const loss = done ? `, loss ${told.losses[done - 1].toPrecision(3)}` : "";
  const score = told.scores.length ? `, IoU ${told.scores.at(-1)[1].toFixed(3)}` : "";
  if (told.state === "none") return "Nothing is trained yet.";
  if (told.state === "running") return `Run ${told.run}: ${of}${loss}${score}${told.seconds_left === null ? "" : `, about ${duration(told.seconds_left)} left`}.`;
  if (told.state === "failed") return `Run ${told.run} ended: ${told.message}`;
  return `Run ${told.run} ${told.state === "finished" ? "is finished" : "is stopped"}: ${of}${loss}${score}.`;
}

// The losses as a line; the lowest and the highest fill the height.
function curve(losses) {
  const canvas = get("curve");
  canvas.hidden = losses.length < 2;
  if (canvas.hidden) return;
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth * ratio, canvas.clientHeight * ratio];
  Object.assign(canvas, { width, height });
  const [least, most] = [Math.min(...losses), Math.max(...losses)];
  const pen = canvas.getContext("2d");
  pen.strokeStyle = getComputedStyle(canvas).color;
  pen.lineWidth = 2 * ratio;
  pen.beginPath();
  losses.forEach((loss, at) => {
    const share = most > least ? (loss - least) / (most - least) : 0.5;
    pen.lineTo(3 + (at / (losses.length - 1)) * (width - 6), height - 4 - share * (height - 8));
  });
  pen.stroke();
  canvas.setAttribute("aria-label", `Loss of ${losses.length} epochs, from ${losses[0].toPrecision(3)} to ${losses.at(-1).toPrecision(3)}`);
}

// The last score of each run beside the marks that there were: what an hour of drawing brought.
function compared(scores) {
  get("scores").hidden = !scores.length;
  const before = (at) => (at ? scores[at].score - scores[at - 1].score : 0);
  const signed = (value) => (value ? ` (${value > 0 ? "+" : "−"}${Math.abs(value).toFixed(3)})` : "");
  get("scores").querySelector("tbody").replaceChildren(...scores.map(({ run, marks, score }, at) => {
    const row = document.createElement("tr");
    for (const text of [run, marks, `${score.toFixed(3)}${signed(before(at))}`]) {
      const cell = document.createElement("td");
      cell.textContent = text;
      row.append(cell);
    }
    return row;
  }));
}

export function show(now) {
  const told = now.training;
  const running = told.state === "running";
  get("train").hidden = running;
  get("stop").hidden = !running;
  get("resume").hidden = running || told.state === "none" || told.state === "finished" || !told.losses.length;
  const said = sentence(told) + (now.problem ? ` ${now.problem}` : "");
  if (get("trained").textContent !== said) get("trained").textContent = said;
  curve(told.losses);
  compared(now.scores ?? []);
}

export function begin(tell, changed) {
  const act = (what, body) => async () => {
    try {
      changed(await server.training(what, body()));
    } catch (error) {
      tell(error.message);
    }
  };
  const wanted = () => ({ network: get("network").value, epochs: Number(get("epochs").value) || null });
  get("train").addEventListener("click", act("start", wanted));
  get("stop").addEventListener("click", act("stop", () => ({})));
  get("resume").addEventListener("click", act("resume", () => ({})));
}
