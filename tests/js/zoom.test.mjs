import assert from "node:assert/strict";
import test from "node:test";
import { LARGEST, isFitted, lensOnAll, panned, rangeNote, rangeOf, revealed, under, zoomed } from "../../attnviz/board/js/draw/zoom.js";

const AREA = { width: 300, height: 500 };
const near = (a, b) => assert.ok(Math.abs(a - b) < 1e-9, `${a} is not ${b}`);

test("the whole matrix fits, in square cells", () => {
  assert.deepEqual(lensOnAll(AREA, 1000, 600), { cell: 0.5, row: 0, column: 0 });
  assert.deepEqual(lensOnAll(AREA, 600, 1000), { cell: 0.3, row: 0, column: 0 });
  assert.equal(lensOnAll(AREA, 2, 2).cell, LARGEST);
});

test("what lies under the pointer stays there when the matrix grows and shrinks", () => {
  const lens = { cell: 2, row: 100, column: 200 };
  const point = { x: 90, y: 40 }; // the unit at 100 + 20 down, 200 + 45 across
  const larger = zoomed(lens, 3, point, AREA, 1000, 1000);
  assert.equal(larger.cell, 6);
  near(larger.row + 40 / 6, 120);
  near(larger.column + 90 / 6, 245);
  const back = zoomed(larger, 1 / 3, point, AREA, 1000, 1000);
  [back.cell - 2, back.row - 100, back.column - 200].forEach((off) => near(off, 0));
});

test("nothing is smaller than the whole or larger than the largest, and no edge is left", () => {
  const lens = lensOnAll(AREA, 1000, 1000);
  assert.deepEqual(zoomed(lens, 0.1, { x: 10, y: 10 }, AREA, 1000, 1000), lens);
  assert.equal(zoomed(lens, 1e6, { x: 10, y: 10 }, AREA, 1000, 1000).cell, LARGEST);
  assert.equal(isFitted(lens, AREA, 1000, 1000), true);
  assert.equal(isFitted(zoomed(lens, 1.5, { x: 0, y: 0 }, AREA, 1000, 1000), AREA, 1000, 1000), false);
  const near = panned({ cell: 10, row: 5, column: 5 }, 9999, -99999, AREA, 1000, 1000);
  assert.deepEqual([near.row, near.column], [950, 0]);
});

test("dragging moves the paper with the hand", () => {
  const moved = panned({ cell: 10, row: 50, column: 60 }, 30, -20, AREA, 1000, 1000);
  assert.deepEqual([moved.row, moved.column], [52, 57]);
});

test("a cell that the keyboard walks to comes into view with two around it, and one that is seen moves nothing", () => {
  const lens = { cell: 10, row: 100, column: 100 }; // rows 100 to 149, columns 100 to 129
  assert.deepEqual(revealed(lens, 110, 110, AREA, 1000, 1000), lens);
  assert.deepEqual(revealed(lens, 300, 50, AREA, 1000, 1000), { cell: 10, row: 253, column: 48 });
  assert.deepEqual(revealed(lens, 0, 999, AREA, 1000, 1000), { cell: 10, row: 0, column: 970 });
});

test("the range is that of the units that can be seen, also in part", () => {
  assert.deepEqual(rangeOf(100, 300, 10, 1000), [100, 129]);
  assert.deepEqual(rangeOf(100.5, 300, 10, 1000), [100, 130]);
  assert.deepEqual(rangeOf(0, 300, 0.3, 1000), [0, 999]);
});

test("every unit lies under some pixel and every pixel over some unit", () => {
  assert.deepEqual(under(0, 2.5, 4, 10), [[0, 2], [2, 5], [5, 7], [7, 10]]);
  assert.deepEqual(under(4.5, 0.5, 4, 6), [[4, 5], [5, 6], [5, 6]]);
  assert.deepEqual(under(8, 1.5, 9, 10), [[8, 9], [9, 10]]);
});

test("the line below says what is seen and whether it is pooled", () => {
  const all = rangeNote(lensOnAll(AREA, 1000, 1000), AREA, 1000, 1000, { units: "words", pooled: true });
  assert.match(all, /^The matrix shows all 1000 words, pooled by maximum: /);
  const part = rangeNote({ cell: 10, row: 100, column: 200 }, AREA, 1000, 900, { units: "tokens", pooled: false });
  assert.match(part, /^The matrix shows rows 101 to 150 and columns 201 to 230 of 1000 by 900 tokens: /);
});
