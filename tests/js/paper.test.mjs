// Printing: how a head is laid out for paper, and how finely canvases are drawn.

import assert from "node:assert/strict";
import test from "node:test";
import { arranged, breadth, placesIn } from "../../attnviz/board/js/draw/layout.js";
import { gridOf } from "../../attnviz/board/js/compare/grid.js";
import { onPaper, pixelRatio, whenPrinted, watchPrinting } from "../../attnviz/board/js/core/paper.js";

const WIDTH = 680; // pixels of the paper
const on = (units, frame = { layers: 6, heads: 12 }) => arranged(breadth(WIDTH, 1, false, true), { frame, queries: units, keys: units, free: 200, labels: 70, lost: 0, ratio: 4, tab: "curves" });

test("on paper every row and every column of a sentence of 60 words is drawn, as wide as the paper once it is shrunk", () => {
  for (const units of [3, 13, 60, 100]) {
    const geometry = on(units);
    const { head } = geometry;
    const place = placesIn(geometry, { tab: "curves", keys: units, scrolled: 0 });
    assert.equal(head.rows, units); // nothing scrolls
    assert.deepEqual([place.columns, place.column], [units, 0]);
    assert.ok(Math.abs(head.width / head.shrunk - WIDTH) < 1e-9);
    assert.ok(place.x + units * place.cell <= place.left, "the curves begin behind the matrix");
    assert.ok((head.top + units * head.row) / head.shrunk <= 560 + 1, "the picture fits a page");
  }
});

test("a short sentence is not shrunk, and a text that is too long keeps its part", () => {
  assert.equal(on(13).head.shrunk, 1);
  assert.equal(on(300).head.rows, 40);
});

test("a narrow window is no phone on paper", () => {
  assert.equal(breadth(390, 1, false, true).phone, false);
  assert.equal(breadth(390).phone, true);
});

test("panels stand in two columns on paper, with lower rows where a text is long", () => {
  const panels = { count: 5, many: false, most: 60, labels: 60, width: WIDTH, free: 520, phone: false, scale: 1, tab: "curves", same: true };
  assert.equal(gridOf({ ...panels, paper: true }).columns, 2);
  assert.equal(gridOf({ ...panels, paper: true }).row, 12);
  assert.equal(gridOf(panels).columns, 4);
});

test("canvases are finer on paper, and a board of its own says when it is printed", () => {
  const classes = new Set();
  const listeners = new Map();
  const toggled = [];
  globalThis.document = { documentElement: { classList: { contains: (name) => classes.has(name), toggle: (name, yes) => (yes ? classes.add(name) : classes.delete(name)) } } };
  globalThis.addEventListener = (name, act) => listeners.set(name, act);
  globalThis.dispatchEvent = ({ type }) => listeners.get(type)?.();
  try {
    let drawn = 0;
    whenPrinted({ classList: { toggle: (_, yes) => toggled.push(yes) } }, () => (drawn += 1));
    watchPrinting();
    assert.deepEqual([onPaper(), pixelRatio()], [false, 1]);
    listeners.get("beforeprint")();
    assert.deepEqual([onPaper(), pixelRatio(), drawn], [true, 4, 1]);
    listeners.get("afterprint")();
    assert.deepEqual([onPaper(), drawn, toggled], [false, 2, [true, false]]);
  } finally {
    delete globalThis.document;
    delete globalThis.addEventListener;
    delete globalThis.dispatchEvent;
  }
});
