import assert from "node:assert/strict";
import test from "node:test";
import { SIDE, madeBook, near } from "./made.mjs";
import { betweenOf, beyond, isPair, leaveOut } from "../../attnviz/board/js/core/filters.js";
import { columnsOf, patternOf, rowsOf, unfilteredOf } from "../../attnviz/board/js/core/pattern.js";

const left = (rule, value, row) => {
  const found = Float32Array.from(row);
  const out = leaveOut(found, { rule, value });
  return [Array.from(found, (weight) => Number(weight.toFixed(3))), Number(out.toFixed(3))];
};

test("least keeps what is not smaller, and says how much goes", () => {
  assert.deepEqual(left("least", 0.3, [0.05, 0.4, 0.3, 0.15, 0.1]), [[0, 0.4, 0.3, 0, 0], 0.3]);
});

test("top keeps the largest, and of equals the earlier", () => {
  assert.deepEqual(left("top", 2, [0.2, 0.3, 0.2, 0.2, 0.1]), [[0.2, 0.3, 0, 0, 0], 0.5]);
  assert.deepEqual(left("top", 9, [0.2, 0.8]), [[0.2, 0.8], 0]);
});

test("mass keeps the fewest that reach the share of what is shown", () => {
  assert.deepEqual(left("mass", 0.8, [0.05, 0.4, 0.3, 0.15, 0.1]), [[0, 0.4, 0.3, 0.15, 0], 0.15]);
  assert.deepEqual(left("mass", 0.5, [0.1, 0.3, 0.2]), [[0, 0.3, 0], 0.3]);
  assert.deepEqual(left("mass", 1, [0.7, 0, 0.3]), [[0.7, 0, 0.3], 0]);
});

test("the note names where weights were left out, beside their share", () => {
  assert.deepEqual([["least", 0.1], ["top", 1], ["top", 3], ["mass", 0.9]].map(([rule, value]) => beyond({ rule, value })), ["below 0.1", "beyond the largest", "beyond the 3 largest", "beyond 90\u202f%"]);
});

test("the unfiltered pattern stays as it is, and a filtered one is made once", () => {
  const book = madeBook();
  const options = { words: true, special: "show", keep: { rule: "least", value: 0.3 } };
  const before = Array.from(unfilteredOf(book, 0, 0, options).weights);
  const found = patternOf(book, 0, 0, options);
  assert.equal(patternOf(book, 0, 0, { ...options, keep: { ...options.keep } }), found);
  assert.deepEqual(Array.from(unfilteredOf(book, 0, 0, options).weights), before);
  assert.ok(near(found.weights.subarray(4, 8), [0, 0, 0.6, 0]));
  assert.ok(near(found.hidden, [0, 0.4, 0.5, 0]));
});

// [CLS] It | didn ' t [SEP]: the last four stand in a second text.
const unitsIn = (rows) => rows.map((row) => [...row.slice(0, 5), Number(row[6][0] > 1), row[6]]);
const PAIR = { tokens: SIDE.tokens.map((row, i) => [...row.slice(0, 4), Number(i > 1)]), words: unitsIn(SIDE.words), pieces: unitsIn(SIDE.pieces) };

test("of a pair the rows of one text and the columns of one are left, and the rest of each row is counted", () => {
  const book = madeBook(undefined, { queries: PAIR, keys: PAIR });
  assert.equal(isPair(book.frame), true);
  const options = { words: true, special: "show", between: "a-b" };
  const found = patternOf(book, 0, 0, options);
  assert.deepEqual([rowsOf(book.frame, options), columnsOf(book.frame, options)].map((units) => units.map((unit) => unit.text)), [["[CLS]", "It"], ["didn't", "[SEP]"]]);
  assert.ok(near(found.weights, [0, 0, 0.6, 0.1]));
  assert.ok(near(found.hidden, [1, 0.3]));
  assert.equal(found.cross, true);
  assert.equal(patternOf(book, 0, 0, { ...options, between: "b-b" }).cross, false);
});

test("with one text there is nothing to choose", () => {
  const { frame } = madeBook();
  assert.equal(isPair(frame), false);
  assert.equal(betweenOf(frame, { between: "a-b" }), "");
});
