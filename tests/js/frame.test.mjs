import assert from "node:assert/strict";
import test from "node:test";
import { ROWS, bytesOf, header, madeBook, near, steps } from "./made.mjs";
import { addSheet, decode, digestOf, isLoaded, makeBook, pooledPicture, tokenWeights } from "../../attnviz/figures/board/frame.js";

test("bytes are read wherever they start in their buffer", () => {
  const bytes = bytesOf(header(), steps(ROWS));
  for (const shift of [0, 1, 2, 3]) {
    const buffer = new Uint8Array(bytes.length + shift);
    buffer.set(bytes, shift);
    const frame = decode(buffer.subarray(shift));
    assert.equal(frame.numbers[6 + 1], Math.round(0.1 * 65535));
    assert.equal(frame.digest, digestOf(bytes));
  }
});

test("bytes of something else are refused", () => {
  assert.throws(() => decode(new Uint8Array(64)), /no frame/);
});

test("a head's weights come back to three digits", () => {
  assert.ok(near(tokenWeights(madeBook(), 0, 0), ROWS.flat(), 1 / 131070 + 1e-7));
});

test("of a causal frame only the lower triangle travels, and the rest is exactly 0", () => {
  const rows = [[1], [0.4, 0.6], [0.1, 0.2, 0.7]];
  const three = { tokens: [["a", 0, 1, 0, 0], ["b", 2, 3, 0, 0], ["c", 4, 5, 0, 0]], words: [], pieces: [] };
  const book = makeBook(decode(bytesOf(header({ causal: true, heads: 2, counts: [2], queries: three, keys: three }), steps([...rows, ...rows].map((row) => row)))));
  const weights = tokenWeights(book, 0, 1);
  assert.ok(near(weights, [1, 0, 0, 0.4, 0.6, 0, 0.1, 0.2, 0.7]));
  assert.equal(weights[1] + weights[2] + weights[5], 0);
});

test("where only pictures travel, a head is missing until its sheet is there", () => {
  const picture = Array.from({ length: 2 * 2 * 3 }, (_, i) => i * 20);
  const book = makeBook(decode(bytesOf(header({ whole: false, dtype: "uint8", heads: 2, counts: [2], pool: [2, 3] }), picture)));
  assert.deepEqual(Array.from(pooledPicture(book.frame, 0, 1).weights, (w) => Math.round(w * 255)), picture.slice(6));
  assert.equal(isLoaded(book, 0, 1), false);
  assert.equal(tokenWeights(book, 0, 1), null);
  addSheet(book, decode(bytesOf({ kind: "sheet", head: [0, 1], dtype: "uint16" }, steps(ROWS))));
  assert.equal(isLoaded(book, 0, 1), true);
  assert.ok(near(tokenWeights(book, 0, 1), ROWS.flat()));
});

test("units that touch are joined, and a special token never is", () => {
  const { pieces } = madeBook().frame.queries;
  assert.deepEqual(pieces.map((unit) => unit.joined), [false, false, false, true, true, false]);
});
