import assert from "node:assert/strict";
import test from "node:test";
import { ROWS, madeBook, near } from "./made.mjs";
import { lineOf, lostTo, named, patternOf, ranked, unitWith } from "../../attnviz/board/js/core/pattern.js";

const show = { words: true, special: "show" };

test("attention to a word is the sum over its pieces and from a word the mean", () => {
  const { weights, lost } = patternOf(madeBook(), 0, 0, show);
  assert.ok(near(weights.subarray(4, 8), [0.2, 0.1, 0.6, 0.1])); // It
  assert.ok(near(weights.subarray(8, 12), [0.2, 0.2, 0.5, 0.1])); // didn't: the mean of three rows
  assert.deepEqual(Array.from(lost), [0, 0, 0, 0]);
});

test("a hidden token leaves its share in the row, and rescaling says what was lost", () => {
  const hidden = patternOf(madeBook(), 0, 0, { words: true, special: "hide" });
  assert.ok(near(hidden.weights, [0.1, 0.6, 0.2, 0.5]));
  assert.ok(near(hidden.lost, [0.3, 0.3]));
  assert.equal(lostTo(hidden), "hidden tokens");
  const rescaled = patternOf(madeBook(), 0, 0, { words: true, special: "renormalise" });
  assert.ok(near(rescaled.weights, [1 / 7, 6 / 7, 2 / 7, 5 / 7]));
  assert.ok(near(rescaled.lost, [0.3, 0.3]));
});

test("a row with nothing left to rescale stays 0", () => {
  const rows = ROWS.map((row, i) => (i === 1 ? [0.5, 0, 0, 0, 0, 0.5] : row));
  const { weights, lost } = patternOf(madeBook(rows), 0, 0, { words: true, special: "renormalise" });
  assert.deepEqual(Array.from(weights.subarray(0, 2)), [0, 0]);
  assert.ok(near(lost.subarray(0, 1), [1]));
});

test("a learned sink leaves its share though nothing is hidden", () => {
  const rows = ROWS.map((row) => row.map((weight) => weight / 2));
  const pattern = patternOf(madeBook(rows, { sinks: true }), 0, 0, show);
  assert.ok(near(pattern.lost, [0.5, 0.5, 0.5, 0.5], 1e-3));
  assert.equal(lostTo(pattern), "a learned sink");
});

test("rounding is no hidden share", () => {
  const rows = ROWS.map((row) => row.map((weight) => Math.max(0, weight - 0.0005)));
  assert.deepEqual(Array.from(patternOf(madeBook(rows), 0, 0, { words: false, special: "show" }).lost), [0, 0, 0, 0, 0, 0]);
});

test("the selected word's line is its row or its column", () => {
  const pattern = patternOf(madeBook(), 0, 0, show);
  assert.ok(near(lineOf(pattern, { side: "query", query: 1, key: -1 }), [0.2, 0.1, 0.6, 0.1]));
  assert.ok(near(lineOf(pattern, { side: "key", query: -1, key: 1 }), [0, 0.1, 0.2, 0]));
  assert.equal(lineOf(pattern, { side: "query", query: -1, key: 2 }), null);
});

test("strongest first, and equals in the order of the text", () => {
  assert.deepEqual(ranked([0.2, 0.5, 0.2, 0.1]), [1, 0, 2, 3]);
});

test("a token stays with its word when words become tokens", () => {
  const { frame } = madeBook();
  assert.equal(unitWith(frame.queries.words, 4), 2);
  assert.equal(unitWith(frame.queries.pieces, 4), 4);
  assert.equal(unitWith(frame.queries.words, null), -1);
});

test("a word that the text has twice is named with its number", () => {
  const units = ["it", "is", "it"].map((text) => ({ text, label: text, special: false }));
  assert.deepEqual([0, 1, 2].map((i) => named(units, i)), ["it (no. 1)", "is", "it (no. 2)"]);
});

test("several selected words' lines are summed", () => {
  const pattern = patternOf(madeBook(), 0, 0, show);
  assert.ok(near(lineOf(pattern, { side: "query", query: 1, key: -1, also: [3] }), [0.2, 0.1, 0.6, 1.1]));
  assert.ok(near(lineOf(pattern, { side: "key", query: -1, key: 1, also: [2] }), [0, 0.7, 0.7, 0]));
});
