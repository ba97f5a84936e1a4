// What the page asks the server, and what it tells it.

export class Conflict extends Error {}

async function asked(path, more = {}) {
  const answer = await fetch(path, { credentials: "same-origin", ...more });
  if (answer.status === 409) throw new Conflict(await told(answer));
  if (!answer.ok) throw new Error(await told(answer));
  return answer;
}

async function told(answer) {
  const text = await answer.text();
  try {
    return JSON.parse(text).error;
  } catch {
    return text || `The server answered ${answer.status}.`;
  }
}

const posted = (path, body) =>
  asked(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

const json = async (answer) => (await answer).json();
const bitmap = async (answer) => createImageBitmap(await (await answer).blob());

export const now = () => json(asked("/api/now"));
export const queue = () => json(asked("/api/queue"));
export const training = (what, body) => json(posted(`/api/training/${what}`, body));
export const project = () => json(asked("/api/project"));
export const addClass = (name) => json(posted("/api/classes", { name }));
export const marks = (id) => json(asked(`/api/images/${id}/marks`));
export const image = (id) => bitmap(asked(`/api/images/${id}/image`));
export const scribbles = (id) => bitmap(asked(`/api/images/${id}/scribbles`));
export const reload = (id, revision) => json(posted(`/api/images/${id}/reload`, { revision }));
export const add = (id, revision, mark) => json(posted(`/api/images/${id}/marks`, { revision, mark }));

// Where stage A is unsure of a revision; null where nothing is known of it.
export async function unsure(id, revision) {
  const answer = await asked(`/api/images/${id}/unsure?revision=${revision}`);
  return answer.status === 204 ? null : createImageBitmap(await answer.blob());
}

// What the network sees; null where there is none.
export async function network(id) {
  const answer = await asked(`/api/images/${id}/network`);
  return answer.status === 204 ? null : createImageBitmap(await answer.blob());
}

// The segmentation of a revision, which may be on its way; null where a newer question has made it obsolete.
export async function segmentation(id, revision, fine, signal) {
  const path = `/api/images/${id}/segmentation?revision=${revision}&fine=${fine ? 1 : 0}`;
  for (;;) {
    let answer;
    try {
      answer = await asked(path, { signal });
    } catch (error) {
      if (error instanceof Conflict || signal.aborted) return null;
      throw error;
    }
    if (answer.status === 202) continue;
    const said = (name) => answer.headers.get(`x-${name}`);
    const numbers = { energy: said("energy"), gap: said("gap"), ms: said("milliseconds"), fine: said("fine") === "1", unsure: Number(said("unsure")), status: said("status") };
    return { ...numbers, bitmap: answer.status === 204 ? null : await createImageBitmap(await answer.blob()) };
  }
}
