// Frames in transfer: the carrier brings bytes from Python, boards wait for them by digest. Both are in one browser page,
// in separate modules, so they share one well-known object of that page.

const PLACE = Symbol.for("attnviz.frames");

// The digest in front of a frame's or a sheet's header: its name here.
export function digestOf(bytes) {
  return Array.from(bytes.subarray(4, 20), (b) => b.toString(16).padStart(2, "0")).join("");
}

function registry() {
  globalThis[PLACE] ??= { frames: new Map(), waiting: new Set() };
  return globalThis[PLACE];
}

// Bytes with the mark ATZ1 as they were before their array was deflated, with the mark ATN1; others as they are.
export async function inflated(bytes) {
  if (bytes[2] !== "Z".charCodeAt()) return bytes;
  const start = Math.ceil((24 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(20, true)) / 4) * 4;
  const array = await new Response(new Blob([bytes.subarray(start)]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).arrayBuffer();
  const plain = new Uint8Array(start + array.byteLength);
  plain.set(bytes.subarray(0, start));
  plain.set(new Uint8Array(array), start);
  plain[2] = "N".charCodeAt();
  return plain;
}

// Deflated bytes count as arrived when they are inflated; damaged ones throw an error when they are used.
export function addBytes(bytes) {
  const name = digestOf(bytes);
  const { frames } = registry();
  if (frames.has(name)) return name;
  const entry = { bytes: null, failure: null, carriers: 0 };
  frames.set(name, entry);
  const arrive = (found) => {
    Object.assign(entry, found);
    if (frames.get(name) === entry) for (const listener of [...registry().waiting]) listener();
  };
  if (bytes[2] !== "Z".charCodeAt()) arrive({ bytes });
  else inflated(bytes).then((plain) => arrive({ bytes: plain }), () => arrive({ failure: new Error("The weights of this text arrived damaged. Reload the page.") }));
  return name;
}

// The digests of the sheets and layers that have arrived. A header begins with its kind.
const KIND = 24 + '{"kind":"'.length;
export const parts = () => [...registry().frames].filter(([, { bytes }]) => bytes && bytes[KIND] !== "f".charCodeAt()).map(([name]) => name);

export function storedBytes(name) {
  const { bytes = null, failure = null } = registry().frames.get(name) ?? {};
  if (failure) throw failure;
  return bytes;
}

// Calls `listener` at every arrival; returns a function that stops it.
export function onArrival(listener) {
  registry().waiting.add(listener);
  return () => registry().waiting.delete(listener);
}

// The default export of the carrier. Streamlit calls it again for the same element after every change.
const carried = new WeakMap();
export function carry({ data, parentElement }) {
  const { frames } = registry();
  const before = carried.get(parentElement);
  const name = data ? addBytes(data) : null;
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
  const stored = name && registry().frames.get(name);
  if (stored && (stored.carriers -= 1) <= 0) registry().frames.delete(name);
}
