import assert from "node:assert/strict";
import test from "node:test";
import { madeBook } from "./made.mjs";
import { aligned, counterpart } from "../../attnviz/board/js/compare/align.js";
import { NOTHING_SHARED, combined, makeCombiner } from "../../attnviz/board/js/compare/combine.js";

const words = (text) => (text ? text.split(" ") : []);

test("equal words pair up, and so do replaced runs of equal length", () => {
  assert.deepEqual(aligned(words("it was too tired"), words("it was too wide")), [[0, 0], [1, 1], [2, 2], [3, 3]]);
  assert.deepEqual(aligned(words("a x y b"), words("a u v b")), [[0, 0], [1, 1], [2, 2], [3, 3]]);
});

test("a run of another length has no counterpart", () => {
  assert.deepEqual(aligned(words("a x b"), words("a u v b")), [[0, 0], [2, 3]]);
  assert.deepEqual(aligned(words("the cat ran"), words("the old cat ran")), [[0, 0], [1, 2], [2, 3]]);
  assert.deepEqual(aligned([], words("a")), []);
});

test("the longest common run is found first, and of equals the earliest", () => {
  assert.deepEqual(aligned(words("a b c a b"), words("a b")), [[0, 0], [1, 1]]);
  assert.deepEqual(aligned(words("x a b c"), words("a b c x")), [[1, 0], [2, 1], [3, 2]]);
});

const unit = (text, tokens) => ({ text, label: text, tokens, special: false });
const side = (...units) => ({ words: units });

test("a token's counterpart counts the pieces of its word", () => {
  const first = side(unit("It", [0]), unit("didn't", [1, 2, 3]));
  const second = side(unit("[CLS]", [0]), unit("It", [1]), unit("didn't", [2, 3]));
  assert.deepEqual([0, 1, 2, 3].map((token) => counterpart(first, second, token)), [1, 2, 3, 3]);
  assert.equal(counterpart(second, first, 0), null);
  assert.equal(counterpart(first, second, null), null);
  const { frame } = madeBook();
  assert.equal(counterpart(frame.queries, frame.keys, 4), 4);
});

const pattern = (text, weights) => {
  const units = words(text).map((word, i) => unit(word, [i]));
  return { queries: units, keys: units, weights: Float32Array.from(weights), hidden: new Float32Array(units.length), options: {}, causal: false, cross: false };
};

test("a difference names both words, and turns round with its order", () => {
  const [one, two] = [pattern("a b", [1, 0, 0.25, 0.75]), pattern("a c", [0.5, 0.5, 1, 0])];
  const made = combined("difference", [one, two]);
  assert.deepEqual(made.keys.map((key) => key.label), ["a", "b/c"]);
  assert.deepEqual(Array.from(made.weights), [0.5, -0.5, -0.75, 0.75]);
  assert.deepEqual(Array.from(combined("difference", [two, one]).weights), [-0.5, 0.5, 0.75, -0.75]);
});

test("what one text lacks is left out and named", () => {
  const made = combined("mean", [pattern("a b", [1, 0, 0.5, 0.5]), pattern("a x b", [0, 0.5, 0.5, 1, 0, 0, 0.25, 0.25, 0.5])]);
  assert.deepEqual(Array.from(made.weights), [0.5, 0.25, 0.375, 0.5]);
  assert.equal(made.note, "Only the second has \u201cx\u201d, left out here.");
});

test("a sum of three heads sums to three, and their mean to one", () => {
  const three = [pattern("a b", [1, 0, 0.5, 0.5]), pattern("a b", [0, 1, 0.5, 0.5]), pattern("a b", [0.5, 0.5, 1, 0])];
  assert.deepEqual(Array.from(combined("sum", three).weights), [1.5, 1.5, 2, 1]);
  const mean = combined("mean", three).weights;
  assert.ok(Math.abs(mean[0] + mean[1] - 1) < 1e-6);
});

test("the same patterns are not combined twice", () => {
  const combine = makeCombiner();
  const both = [pattern("a b", [1, 0, 0, 1]), pattern("a b", [0, 1, 1, 0])];
  assert.equal(combine(0, "sum", both), combine(0, "sum", [...both]));
  assert.notEqual(combine(0, "sum", both), combine(0, "mean", both));
  assert.ok(NOTHING_SHARED);
});
