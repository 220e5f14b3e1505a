import assert from "node:assert/strict";
import test from "node:test";
import { beside, cellOf, isStep } from "../../attnviz/board/js/links/headGrid.js";
import { legendOf, othersOf, summaryOf } from "../../attnviz/board/js/links/headRows.js";

test("arrows walk the map and stop at its edges; a layer with fewer heads keeps the nearest", () => {
  const counts = [3, 2, 3];
  assert.deepEqual(beside([0, 2], "ArrowDown", counts), [1, 1]);
  assert.deepEqual(beside([0, 0], "ArrowLeft", counts), [0, 0]);
  assert.deepEqual(beside([2, 2], "ArrowRight", counts), [2, 2]);
  assert.deepEqual(beside([1, 0], "ArrowUp", counts), [0, 0]);
  assert.equal(isStep("a") || isStep("toString"), false);
});

test("a cell is never too small for a finger, and of many layers not too high for a window", () => {
  for (const [layers, heads] of [[6, 12], [30, 9], [12, 12], [24, 16]]) {
    for (const room of [326, 520, 1200]) {
      const [width, height] = cellOf({ layers, heads }, room, true);
      assert.ok(width >= 24 && height >= 24 && width <= 40);
    }
  }
  assert.deepEqual(cellOf({ layers: 6, heads: 12 }, 326, true), [24, 28]);
  assert.ok(30 * cellOf({ layers: 30, heads: 9 }, 520, false)[1] < 600);
});

const message = (more) => summaryOf({ weight: 0.64, margin: 0.47, rank: 2, count: 72, links: 1, ...more }, "animal").join("");

test("a head is summed up in a sentence with its numbers", () => {
  assert.equal(message({}), "\u2068animal\u2069 gets 0.640, 0.470 more than the strongest other word. Rank 2 of 72 (top 3\u202f%).");
  assert.match(message({ margin: -0.1, links: 3 }), /^The 3 targets get, on average, 0\.640, 0\.100 less than/);
});

test("a ranking by the difference says so", () => {
  const words = summaryOf({ weight: 0.64, margin: 0.47, rank: 2, count: 72, links: 1 }, "animal", "difference").join("");
  assert.match(words, /Rank 2 of 72 by the difference \(top 3/);
});

const row = { source: "it", target: "animal", n: 9, looking: 2 };
const others = (summary, more = {}) => othersOf({ others: 0.099, difference: 0.541, everywhere: false, links: 1, ...summary }, { ...row, ...more });

test("what other words give is said beside the weight, and whether they all look there", () => {
  assert.equal(others({}), "The 9 other words give it 0.099 on average, 0.541 less.");
  assert.equal(others({}, { n: 1 }), "The one other word gives it 0.099 on average, 0.541 less.");
  const marked = { others: 0.5, difference: 0.25, everywhere: true };
  assert.equal(others(marked, { looking: 7 }), "Most words look here, not only \u201c\u2068it\u2069\u201d: the 9 other words give it 0.500 on average, 0.250 less.");
  assert.match(others(marked, { looking: 9 }), /^Every word looks here, not only/);
  assert.match(others({ difference: -0.1 }), /0\.100 more\.$/);
  assert.match(others({ ...marked, links: 2 }), /^Most words look here, not only the sources: other words give the targets 0\.500/);
  assert.equal(others({ others: null, difference: null }), "", "no other word can see it");
});

test("the legend names the columns, the mark only where it is, and the corpus only where it is known", () => {
  const plain = { best: [{ everywhere: false }], corpus: null, rows: [row], summary: { links: 1 } };
  assert.equal(legendOf(plain).length, 1);
  assert.match(legendOf(plain)[0], /what the 9 other words that can see .*animal.* give it/);
  assert.match(legendOf({ ...plain, best: [{ everywhere: true }] })[1], /^\u2217 Most words look here, not only .*it/);
  assert.match(legendOf({ ...plain, corpus: { on: "pronoun \u2192 antecedent, GAP held-out" } })[1], /GAP held-out/);
  assert.match(legendOf({ ...plain, rows: [{ ...row, n: 0 }] })[0], /^No other word can see/);
  assert.match(legendOf({ ...plain, rows: [row, row], summary: { links: 2 } })[0], /other words give the targets/);
});
