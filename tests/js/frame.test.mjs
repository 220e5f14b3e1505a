import assert from "node:assert/strict";
import test from "node:test";
import { ROWS, bytesOf, header, madeBook, near, steps } from "./made.mjs";
import { addLayer, addSheet, decode, isLoaded, isSeen, makeBook, pooledPicture, tokenWeights } from "../../attnviz/board/js/core/frame.js";
import { digestOf } from "../../attnviz/board/js/core/store.js";
import { patternOf } from "../../attnviz/board/js/core/pattern.js";
import { restored } from "../../attnviz/board/js/core/thousandths.js";

const sheetOf = (frame, head) => decode(bytesOf({ kind: "sheet", frame, head, dtype: "float32" }, ROWS.flat()));

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
  assert.deepEqual(Array.from(pooledPicture(book, 0, 1).weights, (w) => Math.round(w * 255)), picture.slice(6));
  assert.equal(isLoaded(book, 0, 1), false);
  assert.equal(tokenWeights(book, 0, 1), null);
  addSheet(book, sheetOf("0".repeat(32), [0, 1]));
  assert.equal(isLoaded(book, 0, 1), false, "a sheet of another frame");
  addSheet(book, sheetOf(book.frame.digest, [0, 1]));
  assert.equal(isLoaded(book, 0, 1), true);
  assert.deepEqual(tokenWeights(book, 0, 1), Float32Array.from(ROWS.flat()));
});

test("an outline is filled layer by layer, and what is not here is not seen", () => {
  const outline = { whole: false, dtype: "uint8", layers: 2, heads: 2, counts: [2, 1], pool: [2, 3], layered: true };
  const book = makeBook(decode(bytesOf(header(outline), [])));
  const layer = (number, frame = book.frame.digest) => decode(bytesOf({ kind: "layer", frame, layer: number, dtype: "uint8" }, Array.from({ length: 12 }, (_, i) => i * 20 + number)));
  assert.equal(pooledPicture(book, 1, 0), null);
  assert.equal(isSeen(book, 1, 0), false);
  assert.equal(addLayer(book, layer(1, "0".repeat(32))), false, "of another frame");
  assert.equal(addLayer(book, layer(1)), true);
  assert.equal(addLayer(book, layer(1)), false, "a second time");
  assert.deepEqual([isSeen(book, 1, 0), isSeen(book, 0, 0), isLoaded(book, 1, 0)], [true, false, false]);
  assert.deepEqual(Array.from(pooledPicture(book, 1, 0).weights, (w) => Math.round(w * 255)), [1, 21, 41, 61, 81, 101]);
  assert.equal(pooledPicture(book, 0, 1), null);
});

test("of many large sheets the oldest are dropped", () => {
  const book = makeBook(decode(bytesOf(header({ whole: false, dtype: "uint8", heads: 3, counts: [3], pool: [2, 3] }), new Uint8Array(18))));
  for (const head of [0, 1, 2]) addSheet(book, { frame: book.frame.digest, head: [0, head], numbers: { length: 9_000_000 } });
  assert.deepEqual([...book.sheets.keys()], ["0.1", "0.2"]);
});

test("a sheet makes its head exact at once, and no other", () => {
  const rounded = ROWS.map((row) => row.map((weight) => weight * 0.999));
  const book = makeBook(decode(bytesOf(header({ heads: 2, counts: [2] }), steps([...rounded, ...rounded]))));
  const options = { words: false, special: "show" };
  const [before, other] = [patternOf(book, 0, 0, options), patternOf(book, 0, 1, options)];
  assert.ok(near(before.weights, rounded.flat()));
  addSheet(book, sheetOf(book.frame.digest, [0, 0]));
  assert.deepEqual(patternOf(book, 0, 0, options).weights, Float32Array.from(ROWS.flat()));
  assert.equal(patternOf(book, 0, 1, options), other);
});

test("the text that looks at itself is sent once", () => {
  const { frame } = makeBook(decode(bytesOf(header({ keys: null }), steps(ROWS))));
  assert.deepEqual(frame.keys, frame.queries);
});

test("what a row of thousandths lacks is shared by the weights that were rounded to nothing", () => {
  const shape = { rows: 3, columns: 4, causal: false };
  // 1 thousandth for two weights: half each, but less than would be shown as 0.001. Nothing is taken from a row that has too much.
  const weights = restored(Uint16Array.from([700, 299, 0, 0, 600, 401, 0, 0, 999, 1, 0, 0]), shape);
  assert.ok(near(weights, [0.7, 0.299, 0.000499, 0.000499, 0.6, 0.401, 0, 0, 0.999, 0.001, 0, 0], 1e-7));
  assert.equal(weights[2].toFixed(3), "0.000");
  const causal = restored(Uint16Array.from([1000, 0, 0, 999, 0, 0, 0, 999, 0]), { rows: 3, columns: 3, causal: true });
  assert.ok(near(causal, [1, 0, 0, 0.999, 0.000499, 0, 0.000499, 0.999, 0.000499], 1e-7));
  assert.equal(causal[1] + causal[2] + causal[5], 0);
});

test("units that touch are joined, and a special token never is", () => {
  const { pieces } = madeBook().frame.queries;
  assert.deepEqual(pieces.map((unit) => unit.joined), [false, false, false, true, true, false]);
});
