import assert from "node:assert/strict";
import test from "node:test";
import { TOKENS, madeBook, near } from "./made.mjs";
import { differing, makeEncoding, signed, summed } from "../../attnviz/board/js/core/encoding.js";
import { firstState } from "../../attnviz/board/js/core/state.js";
import { focusIn, selectAt, linksIn, marked, stateIn } from "../../attnviz/board/js/compare/linked.js";
import { gridOf, manyOf, placeAt, placeIn } from "../../attnviz/board/js/compare/grid.js";
import { makeGallery, picturesOf, textsOf } from "../../attnviz/board/js/compare/gallery.js";
import { differing as wordsDiffering } from "../../attnviz/board/js/compare/textLines.js";
import { makeCombiner } from "../../attnviz/board/js/compare/combine.js";

const theme = makeEncoding(TOKENS, "light");
const shape = { count: 3, most: 13, labels: 60, width: 1200, free: 320, phone: false, scale: 1, tab: "curves", same: true, many: false };

test("differences carry their sign, and nothing rounds to a signed nothing", () => {
  assert.deepEqual([0.374, -0.076, 0, -0.0004].map(signed), ["+0.374", "\u22120.076", "0.000", "0.000"]);
  const other = differing(theme);
  assert.notEqual(other.colour(0.5), other.colour(-0.5));
  assert.deepEqual([other.place(-1), other.place(0), other.place(1)], [0, 0.5, 1]);
});

test("the sum of twelve heads has the colours of their mean, and its own numbers", () => {
  const twelve = summed(theme, 12);
  assert.equal(twelve.colour(6), theme.colour(0.5));
  assert.equal(twelve.written(7.64), "7.640");
  assert.equal(summed(theme, 3).written(1.25), "1.250");
});

test("up to four panels stand in a row, and a phone has one", () => {
  assert.deepEqual([1, 2, 3, 4, 12].map((count) => gridOf({ ...shape, count }).columns), [2, 2, 3, 4, 4]);
  assert.equal(gridOf({ ...shape, phone: true, width: 358 }).columns, 1);
  assert.equal(gridOf({ ...shape, count: 12, many: true }).columns, 6);
  assert.deepEqual([manyOf(12, ""), manyOf(12, "layer"), manyOf(8, "layer")], [false, true, false]);
});

test("one column of words serves a row of matrices of one height", () => {
  const once = gridOf({ ...shape, tab: "matrix" });
  assert.ok(once.once);
  assert.equal(placeIn(once, { queries: 13, keys: 13, anchor: 8, partner: -1, owns: false }).x, 3);
  assert.ok(placeIn(once, { queries: 13, keys: 13, anchor: 8, partner: -1, owns: true }).x > once.label);
  assert.equal(gridOf({ ...shape, tab: "matrix", same: false }).once, false);
});

test("what lies under the pointer is found again where it is drawn", () => {
  for (const tab of ["curves", "matrix"]) {
    const grid = gridOf({ ...shape, tab });
    const place = placeIn(grid, { queries: 13, keys: 13, anchor: 8, partner: -1, owns: true });
    const y = place.y + 5.5 * place.row;
    if (tab === "matrix") assert.deepEqual(placeAt(place, 13, 13, [place.x + 2.5 * place.cell, y]), { query: 5, key: 2 });
    else {
      assert.deepEqual(placeAt(place, 13, 13, [4, y]), { query: 5 });
      assert.deepEqual(placeAt(place, 13, 13, [place.keyX, y]), { key: 5 });
    }
    assert.equal(placeAt(place, 13, 13, [4, place.y + 13.5 * place.row]), null);
  }
});

test("of a long text the rows around the selected word are drawn", () => {
  const grid = gridOf({ ...shape, most: 1000 });
  const place = placeIn(grid, { queries: 1000, keys: 1000, anchor: 500, partner: -1, owns: true });
  assert.deepEqual([place.first, place.last], [436, 564]);
  assert.ok(place.height < 3000);
});

const source = (key, digest, more = {}) => ({ key, head: [0, 0], over: "", name: "", here: true, model: "made", text: "It didn't", frame: digest, heads: 1, problem: "", set: false, ...more });

function gathered() {
  const rows = (weight) => Array.from({ length: 6 }, (_, i) => (i === 1 ? [1 - weight, 0, weight, 0, 0, 0] : [1, 0, 0, 0, 0, 0]));
  const [one, two] = [madeBook(rows(0.5)), madeBook(rows(0.25))];
  two.frame.digest = "other";
  const books = new Map([[one.frame.digest, one], ["other", two]]);
  const sources = [source("a", one.frame.digest), source("b", "other", { here: false, text: "Another" }), source("c", null, { problem: "Not here." })];
  const selection = { head: [0, 0], focus: { side: "query", start: 0, segment: 0, special: false }, words: true, special: "show" };
  const state = { ...marked(firstState(selection, one.frame), one.frame), pins: sources, panels: [{ kind: "difference", of: [0, 1] }, { kind: "sum", of: [0, 2] }] };
  return { data: { sources, shown: "", own: { key: "a" } }, books, state, theme, combine: makeCombiner() };
}

test("a selected word is selected in every text, and its link is read out in every panel", () => {
  const all = gathered();
  const pictures = picturesOf(all);
  assert.deepEqual(pictures.map(({ problem }) => problem), ["", "", "Not here.", "", "This needs panel 3, which is not here."]);
  const links = linksIn(pictures, all.state);
  assert.ok(near([links[0].value, links[1].value, links[3].value], [0.5, 0.25, 0.25]));
  assert.deepEqual([links[2], links[4]], [null, null]);
  assert.deepEqual(textsOf(pictures).map(({ numbers }) => numbers), [[1], [2]]);
});

test("words that differ are marked between texts that are alike, and not between others", () => {
  const units = (text) => text.split(" ").map((word) => ({ text: word, special: word.startsWith("[") }));
  assert.deepEqual(wordsDiffering(units("[CLS] it was too tired"), units("[CLS] it was too wide")), [4]);
  assert.deepEqual(wordsDiffering(units("[CLS] it was old and tired"), units("it was tired")), [3, 4]);
  assert.deepEqual(wordsDiffering(units("it was too tired"), units("Anna took the cake")), []);
});

test("what is selected in one text and cleared in another is cleared", () => {
  const { state, books } = gathered();
  const other = books.get("other").frame;
  const again = selectAt(state, other, "query", 1);
  assert.equal(again.selected, null);
  const link = selectAt(state, other, "query", 1, 2);
  assert.equal(link.selected.frame, other);
  assert.equal(stateIn(link, state.selected.frame).selected.partner, 2);
});

test("a word that a text lacks is not pointed at there", () => {
  const all = gathered();
  const lone = { ...all.books.get("other").frame.queries, words: [] };
  const strange = { ...all.books.get("other").frame, queries: lone, keys: lone };
  const [picture] = picturesOf(all);
  assert.equal(focusIn({ ...picture, frame: strange }, all.state).query, -1);
});

test("a hand that only points finds the same pictures, and whatever changes them makes new ones", () => {
  const gallery = makeGallery();
  const all = { ...gathered(), arrived: 1 };
  const first = gallery(all);
  const pointing = { ...all.state, point: { frame: all.state.selected.frame, word: 2 }, selected: null, side: "key" };
  assert.equal(gallery({ ...all, state: pointing }).pictures, first.pictures);
  assert.equal(gallery({ ...all, state: pointing }).lines, first.lines);
  const changes = [
    { arrived: 2 }, { theme: { ...theme } }, { data: { ...all.data } },
    ...[{ words: false }, { special: "hide" }, { keep: { rule: "top", value: 1 } }, { between: "a-b" }, { tab: "matrix" }, { pins: [...all.state.pins] }, { panels: [] }].map((more) => ({ state: { ...all.state, ...more } })),
  ];
  for (const change of changes) assert.notEqual(gallery({ ...all, ...change }).pictures, gallery(all).pictures, Object.keys(change.state ?? change).join());
});
