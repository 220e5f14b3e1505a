// Frames made by hand, byte by byte, and the tokens of the encoding as encoding.py has them. test_board_source.py holds both together.

import { readFileSync } from "node:fs";
import { decode, makeBook } from "../../attnviz/board/js/core/frame.js";

export const TOKENS = JSON.parse(readFileSync(new URL("./tokens.json", import.meta.url), "utf8"));

// [CLS] It didn ' t [SEP]: the words are "It" and "didn't".
export const SIDE = {
  tokens: [["[CLS]", 0, 0, 1, 0], ["It", 0, 2, 0, 0], ["didn", 3, 7, 0, 0], ["'", 7, 8, 0, 0], ["t", 8, 9, 0, 0], ["[SEP]", 9, 9, 1, 0]],
  words: [["[CLS]", "[CLS]", 0, 0, 1, 0, [0]], ["It", "It", 0, 2, 0, 0, [1]], ["didn't", "didn't", 3, 9, 0, 0, [2, 3, 4]], ["[SEP]", "[SEP]", 9, 9, 1, 0, [5]]],
  pieces: [
    ["[CLS]", "[CLS]", 0, 0, 1, 0, [0]], ["It", "It", 0, 2, 0, 0, [1]], ["didn", "didn", 3, 7, 0, 0, [2]],
    ["'", "'", 7, 8, 0, 0, [3]], ["t", "t", 8, 9, 0, 0, [4]], ["[SEP]", "[SEP]", 9, 9, 1, 0, [5]],
  ],
};

export const ROWS = [
  [1, 0, 0, 0, 0, 0],
  [0.2, 0.1, 0.3, 0.05, 0.25, 0.1],
  [0.4, 0.1, 0.1, 0.1, 0.1, 0.2],
  [0, 0.5, 0.2, 0.2, 0.1, 0],
  [0.2, 0, 0.3, 0.3, 0.1, 0.1],
  [0, 0, 0, 0, 0, 1],
];

export function header(more = {}) {
  return {
    kind: "frame", block: "self", name: "made", layers: 1, heads: 1, counts: [1], causal: false, cross: false, sinks: false,
    texts: ["It didn't", ""], queries: SIDE, keys: SIDE, roles: [], whole: true, sheets: true, pool: null, dtype: "uint16", ...more,
  };
}

export function bytesOf(head, numbers) {
  const text = new TextEncoder().encode(JSON.stringify(head));
  const start = Math.ceil((24 + text.length) / 4) * 4;
  const array = { uint8: Uint8Array, thousandths: Uint8Array, uint16: Uint16Array, float32: Float32Array }[head.dtype].from(numbers);
  const bytes = new Uint8Array(start + array.byteLength);
  bytes.set(new TextEncoder().encode("ATN1"));
  bytes.set(Array.from({ length: 16 }, (_, i) => (numbers.length + i) % 256), 4);
  new DataView(bytes.buffer).setUint32(20, text.length, true);
  bytes.set(text, 24);
  bytes.set(new Uint8Array(array.buffer), start);
  return bytes;
}

export const steps = (rows) => rows.flat().map((weight) => Math.round(weight * 65535));

export function madeBook(rows = ROWS, more = {}) {
  return makeBook(decode(bytesOf(header(more), steps(rows))));
}

export function near(found, wanted, within = 1e-4) {
  return found.length === wanted.length && Array.from(found).every((value, i) => Math.abs(value - wanted[i]) <= within);
}
