import assert from "node:assert/strict";
import test from "node:test";
import { beside, cellOf, isStep } from "../../attnviz/board/js/links/headGrid.js";
import { summaryOf } from "../../attnviz/board/js/links/headRows.js";

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
