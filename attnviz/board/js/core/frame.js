// Reads the bytes of frame.py: a frame, a layer or a sheet. A book is one frame with the layers and sheets that belong to it.

import { digestOf } from "./store.js";
import { STEPS, checkSize, restored, thousandths } from "./thousandths.js";

const HEADER = 24; // magic 4, digest 16, length 4
const EXACT = 20_000_000; // weights of sheets that a book keeps: 80 MB; the oldest is removed first
const ARRAYS = { uint8: Uint8Array, thousandths: Uint8Array, uint16: Uint16Array, float32: Float32Array };

export function decode(bytes) {
  const { header, start, own } = parseHeader(bytes);
  const found = { ...header, digest: digestOf(own) };
  if (header.kind !== "frame") return { ...found, numbers: new ARRAYS[header.dtype](own.buffer, start) };
  const queries = sideOf(header.queries);
  const frame = { ...found, queries, keys: header.keys ? sideOf(header.keys) : queries };
  if (header.layered) return { ...frame, numbers: new Uint8Array(frame.layers * frame.heads * frame.pool[0] * frame.pool[1]) };
  const numbers = new ARRAYS[header.dtype](own.buffer, start);
  if (header.dtype === "thousandths") checkSize(numbers, shapeOf(frame));
  return { ...frame, numbers };
}

const shapeOf = ({ layers, heads, queries, keys, causal }) => ({ heads: layers * heads, rows: queries.tokens.length, columns: keys.tokens.length, causal });

// `bytes` come from the store: nothing in them is deflated.
function parseHeader(bytes) {
  const own = new Uint8Array(bytes); // a copy: bytes from Python may start anywhere in their buffer, and arrays must be aligned
  if (String.fromCharCode(...own.subarray(0, 4)) !== "ATN1") throw new Error("These bytes are no frame of the board.");
  const length = new DataView(own.buffer).getUint32(20, true);
  const header = JSON.parse(new TextDecoder().decode(own.subarray(HEADER, HEADER + length)));
  return { header, start: Math.ceil((HEADER + length) / 4) * 4, own };
}

// `unknown` are places of tokens that the model cannot read; a frame without them has none.
function sideOf({ tokens, words, pieces, unknown = [] }) {
  const unread = new Set(unknown.filter((at) => Number.isInteger(at) && at >= 0 && at < tokens.length));
  return {
    tokens: tokens.map(([text, start, end, special, segment]) => ({ text, start, end, special: Boolean(special), segment })),
    words: unitsFrom(words, unread),
    pieces: unitsFrom(pieces, unread),
  };
}

// `joined` says that there is no space between a unit and the one before it, `unknown` that the model cannot read it, `partly`
// that it reads some of it.
function unitsFrom(rows, unread) {
  const units = rows.map(([text, label, start, end, special, segment, tokens]) => ({ text, label, start, end, special: Boolean(special), segment, tokens }));
  return units.map((unit, i) => {
    const before = units[i - 1];
    const joined = Boolean(before) && !unit.special && !before.special && before.segment === unit.segment && unit.start <= before.end;
    const count = unit.tokens.filter((token) => unread.has(token)).length;
    return { ...unit, joined, unknown: count > 0, partly: count > 0 && count < unit.tokens.length };
  });
}

export function makeBook(frame) {
  const here = frame.layered ? [] : Array.from({ length: frame.layers }, (_, layer) => layer);
  return { frame, layers: new Set(here), sheets: new Map(), patterns: new Map() };
}

// Adds the small pictures of a layer; returns whether they are new.
export function addLayer({ frame, layers }, { frame: meant, layer, numbers }) {
  const size = frame.heads * (frame.pool?.[0] ?? 0) * (frame.pool?.[1] ?? 0);
  if (meant !== frame.digest || layers.has(layer) || numbers.length !== size) return false;
  frame.numbers.set(numbers, layer * size);
  layers.add(layer);
  return true;
}

// Adds the exact weights of a head; a sheet of another frame is ignored.
export function addSheet(book, sheet) {
  const name = sheet.head.join(".");
  if (sheet.frame !== book.frame.digest || book.sheets.has(name)) return;
  book.sheets.set(name, sheet.numbers);
  let total = 0;
  for (const numbers of book.sheets.values()) total += numbers.length;
  for (const [old, numbers] of book.sheets) {
    if (total <= EXACT || old === name) break;
    total -= numbers.length;
    book.sheets.delete(old);
  }
  for (const made of [...book.patterns.keys()]) if (made.startsWith(`${name} `)) book.patterns.delete(made);
}

// Whether this head's weights are here; if not, Python must send them.
export function isLoaded(book, layer, head) {
  return book.frame.whole || book.sheets.has(`${layer}.${head}`);
}

// Whether something of this head can be shown: its weights, or its small picture.
export function isSeen(book, layer, head) {
  return isLoaded(book, layer, head) || book.layers.has(layer);
}

// The largest error of a weight of this head: 0 if there is a sheet.
export function largestError({ frame, sheets }, layer, head) {
  if (sheets.has(`${layer}.${head}`) || frame.dtype === "float32") return 0;
  return frame.dtype === "thousandths" ? 1 / (2 * STEPS) : 1 / (2 * 65535);
}

// One head's weights by token, [query * keys + key]: exact if there is a sheet; null if they are not here.
export function tokenWeights(book, layer, head) {
  const { frame } = book;
  const exact = book.sheets.get(`${layer}.${head}`);
  if (exact) return unrolled(exact, 0, 1, frame);
  if (!frame.whole) return null;
  const number = layer * frame.heads + head;
  if (frame.dtype === "thousandths") return restored(thousandths(frame.numbers, number, shapeOf(frame)), shapeOf(frame));
  return unrolled(frame.numbers, number, frame.dtype === "float32" ? 1 : 65535, frame);
}

// The head at place `number`, row by row, as parts of `one`.
function unrolled(source, number, one, { queries, keys, causal }) {
  const rows = queries.tokens.length;
  const columns = keys.tokens.length;
  const size = causal ? (rows * (rows + 1)) / 2 : rows * columns;
  let at = number * size;
  if (at + size > source.length) throw new Error("The weights of this text arrived damaged. Reload the page.");
  const weights = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    const end = causal ? i + 1 : columns;
    for (let j = 0; j < end; j++) weights[i * columns + j] = source[at++] / one;
  }
  return weights;
}

// One head's small picture, if the frame has pictures instead of weights; null if its layer has not arrived.
export function pooledPicture({ frame, layers }, layer, head) {
  if (!layers.has(layer)) return null;
  const [rows, columns] = frame.pool;
  const start = (layer * frame.heads + head) * rows * columns;
  return { rows, columns, weights: Float32Array.from(frame.numbers.subarray(start, start + rows * columns), (v) => v / 255) };
}
