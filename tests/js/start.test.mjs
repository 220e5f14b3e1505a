// The live picture of the page Start: which word is looked at most, what is not drawn, and the arcs.

import assert from "node:assert/strict";
import test from "node:test";
import { rowArcs, rowOf } from "../../attnviz/board/js/start/startPicture.js";

test("the word looked at most is another word, and what is not drawn is what the row lacks to 1", () => {
  const { best, rest } = rowOf([0.25, 0.125, 0.5], 2);
  assert.equal(best, 0);
  assert.equal(rest, 0.125);
  assert.equal(rowOf([0.5, 0.5005], 0).rest, 0);
});

test("what is looked at more than the best other word is named: a special token, or the word itself", () => {
  const specials = [["[CLS]", 0.87], ["[SEP]", 0.033]];
  assert.deepEqual(rowOf([0.049, 0.03, 0.018], 2, specials).larger, ["[CLS]", 0.87]);
  assert.deepEqual(rowOf([0.333, 0.667], 1, [["[CLS]", 0]]).larger, ["itself", 0.667]);
  assert.equal(rowOf([0.64, 0.1, 0.05], 2, [["[CLS]", 0.12], ["[SEP]", 0.09]]).larger, null);
});

test("arcs leave the held word, the strongest last and thickest; weights under a hundredth get none", () => {
  const arcs = rowArcs([0.2, 0.6, 0.005, 0.1], 3, [10, 60, 110, 160], 112);
  assert.deepEqual(arcs.map(({ weight }) => weight), [0.2, 0.6]);
  assert.deepEqual(arcs.map(({ width }) => Math.round(width * 10) / 10), [3.6, 10.8]);
  assert.match(arcs[1].path, /^M160\.0 105\.4C160\.0 .* 60\.0 105\.4$/);
});
