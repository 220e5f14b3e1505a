// Frames on their way: the carrier brings bytes from Python, boards wait for them by digest. Both live in one browser page,
// in separate modules, so they meet at one well-known place of that page.

const PLACE = Symbol.for("attnviz.frames");

// The digest that a frame or a sheet carries in front of its header: its name here.
export function digestOf(bytes) {
  return Array.from(bytes.subarray(4, 20), (b) => b.toString(16).padStart(2, "0")).join("");
}

function meeting() {
  globalThis[PLACE] ??= { frames: new Map(), waiting: new Set() };
  return globalThis[PLACE];
}

export function bring(bytes) {
  const name = digestOf(bytes);
  const { frames, waiting } = meeting();
  if (!frames.has(name)) {
    frames.set(name, { bytes, carriers: 0 });
    for (const look of [...waiting]) look();
  }
  return name;
}

// The digests of the sheets and layers that are here. A header begins with its kind.
const KIND = 24 + '{"kind":"'.length;
export const parts = () => [...meeting().frames].filter(([, { bytes }]) => bytes[KIND] !== "f".charCodeAt()).map(([name]) => name);

export function fetched(name) {
  return meeting().frames.get(name)?.bytes ?? null;
}

// `look` is called whenever something arrives; returns the way to stop.
export function whenBrought(look) {
  meeting().waiting.add(look);
  return () => meeting().waiting.delete(look);
}

// The default export of the carrier. Streamlit calls it anew for the same element whenever anything changes.
const carried = new WeakMap();
export function carry({ data, parentElement }) {
  const { frames } = meeting();
  const before = carried.get(parentElement);
  const name = data ? bring(data) : null;
  if (name !== before) {
    if (name) frames.get(name).carriers += 1;
    release(before);
    carried.set(parentElement, name);
  }
  return () => {
    release(carried.get(parentElement));
    carried.delete(parentElement);
  };
}

function release(name) {
  const kept = name && meeting().frames.get(name);
  if (kept && (kept.carriers -= 1) <= 0) meeting().frames.delete(name);
}
