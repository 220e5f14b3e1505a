import assert from "node:assert/strict";
import test from "node:test";
import { withAllReversed, blank, cleared, clearSelection, linkName, picked, removed, withReversed, unitAt } from "../../attnviz/board/js/links/drawnLinks.js";
import { arcsOf, levelsOf, linesOf, riseOf } from "../../attnviz/board/js/links/arcs.js";

const UNITS = [["The", 0, 3], ["animal", 4, 10], ["didn't", 11, 17], ["it", 43, 45]].map(([text, start, end]) => ({ text, start, end }));
const [THE, ANIMAL, DIDNT, IT] = [0, 1, 2, 3];
const draw = (state, from, to, most = 8) => picked(picked(state, from, UNITS, most), to, UNITS, most);

test("the first word chosen is the source, the second the target", () => {
  const half = picked(blank, IT, UNITS, 8);
  assert.deepEqual([half.from, half.links], [IT, []]);
  const whole = picked(half, ANIMAL, UNITS, 8);
  assert.deepEqual([whole.from, whole.links], [-1, [[[43, 45], [4, 10]]]]);
  assert.match(whole.message, /1 link\.$/);
});

test("choosing the source again, and Escape, clear it and leave the links alone", () => {
  const one = draw(blank, IT, ANIMAL);
  for (const after of [picked(picked(one, DIDNT, UNITS, 8), DIDNT, UNITS, 8), clearSelection(picked(one, DIDNT, UNITS, 8))]) {
    assert.equal(after.from, -1);
    assert.equal(after.links, one.links);
  }
});

test("the same link is drawn once, and its other way round is another link", () => {
  const one = draw(blank, IT, ANIMAL);
  assert.equal(draw(one, IT, ANIMAL).links, one.links);
  assert.match(draw(one, IT, ANIMAL).message, /already/);
  assert.equal(draw(one, ANIMAL, IT).links.length, 2);
});

test("beyond the limit no link begins, and a notice says so", () => {
  const one = draw(blank, IT, ANIMAL, 1);
  const after = picked(one, THE, UNITS, 1);
  assert.equal(after.from, -1);
  assert.match(after.message, /at most 1: remove one first/);
});

test("a link is removed, turned round, and all are cleared", () => {
  const two = draw(draw(blank, IT, ANIMAL), THE, ANIMAL);
  assert.deepEqual(removed(two, 0, UNITS).links, [[[0, 3], [4, 10]]]);
  assert.deepEqual(withReversed(two, 0, UNITS).links[0], [[4, 10], [43, 45]]);
  const both = draw(two, ANIMAL, IT);
  assert.deepEqual(withReversed(both, 0, UNITS).links, both.links.slice(1), "it was there already");
  assert.deepEqual(cleared().links, []);
});

test("several links are turned round at once, also where one is there already", () => {
  const three = draw(draw(draw(blank, IT, ANIMAL), THE, ANIMAL), ANIMAL, IT);
  const after = withAllReversed(three, [0, 1], UNITS);
  assert.deepEqual(after.links, [[[4, 10], [0, 3]], [[4, 10], [43, 45]]]);
  assert.equal(after.message, "2 links reversed.");
});

test("a span belongs to the word in which it begins", () => {
  assert.equal(unitAt([14, 17], UNITS), DIDNT);
  assert.equal(unitAt([20, 22], UNITS), -1);
  assert.equal(linkName([[43, 45], [14, 17]], UNITS), "\u2068it\u2069 \u2192 \u2068didn't\u2069");
});

// Words 40 pixels wide and 20 high; four on the first line, two on the second.
const BOXES = [[0, 50], [60, 50], [120, 50], [180, 50], [0, 120], [60, 120]].map(([left, top]) => ({ left, top, right: left + 40, bottom: top + 20 }));

test("a line begins where a word stands lower, whichever way the text runs", () => {
  assert.deepEqual(linesOf(BOXES), [0, 0, 0, 0, 1, 1]);
  assert.deepEqual(linesOf([BOXES[3], BOXES[0], BOXES[5]]), [0, 0, 1]);
  assert.deepEqual(linesOf([{ ...BOXES[0] }, { ...BOXES[1], top: 54 }]), [0, 0], "a smaller word stands on the same line");
});

const lines = linesOf(BOXES);
const numbers = (path) => path.match(/-?[\d.]+/g).map(Number);

test("an arc that spans another is higher, and needs more room above the line", () => {
  const ends = [{ source: 0, target: 3 }, { source: 2, target: 1 }, { source: 4, target: 5 }, { source: 3, target: 4 }];
  const levels = levelsOf(ends, BOXES, lines);
  assert.deepEqual(levels, [1, 0, 0, 0]);
  assert.ok(riseOf(levels) > riseOf([0]));
  const [long, short] = arcsOf(ends, BOXES, lines, levels);
  assert.ok(Math.min(...numbers(long.path).filter((_, i) => i % 2)) < Math.min(...numbers(short.path).filter((_, i) => i % 2)));
});

test("an arc runs from its source to its target, where the arrow head is", () => {
  const [arc] = arcsOf([{ source: 3, target: 0 }], BOXES, lines, [0]);
  assert.deepEqual(numbers(arc.path).slice(0, 2), [200, 50]);
  assert.deepEqual(arc.tip[0], [20, 50]);
  assert.ok(arc.tip[1][1] < 50, "the arrow points down at the word");
  assert.ok(arc.mark[1] < 50 && arc.mark[0] > 20 && arc.mark[0] < 200);
});

test("from line to line a link runs between the lines", () => {
  const [down, up] = arcsOf([{ source: 0, target: 4 }, { source: 5, target: 1 }], BOXES, lines, [0, 0]);
  assert.deepEqual([numbers(down.path)[1], down.tip[0][1]], [70, 120]);
  assert.deepEqual([numbers(up.path)[1], up.tip[0][1]], [120, 70]);
  assert.ok(up.tip[1][1] > 70, "the arrow points up at the word");
});

test("several links at one word end apart, and their marks do not cover each other", () => {
  const ends = [{ source: 0, target: 3 }, { source: 1, target: 3 }, { source: 2, target: 3 }, { source: 3, target: 0 }];
  const arcs = arcsOf(ends, BOXES, lines, levelsOf(ends, BOXES, lines));
  const tips = arcs.slice(0, 3).map(({ tip }) => tip[0][0]);
  assert.equal(new Set(tips).size, 3);
  assert.ok(tips[0] > tips[1] && tips[1] > tips[2], "arcs lie within each other");
  arcs.forEach(({ mark: [x, y] }, i) => arcs.slice(0, i).forEach(({ mark: [a, b] }) => assert.ok(Math.hypot(a - x, b - y) >= 24)));
});

test("a mark stands between the lines rather than on a word", () => {
  const three = [...BOXES, { left: 0, top: 190, right: 40, bottom: 210 }, { left: 60, top: 190, right: 100, bottom: 210 }];
  const [{ mark: [x, y] }] = arcsOf([{ source: 7, target: 1 }], three, linesOf(three), [0]);
  assert.ok(three.every(({ left, right, top, bottom }) => x < left || x > right || y < top || y > bottom));
});
