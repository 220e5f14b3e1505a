import assert from "node:assert/strict";
import test from "node:test";
import { madeBook } from "./made.mjs";
import { anchorsOf, keepSelected, toggleSelected, tokensOf, moveSelection } from "../../attnviz/board/js/core/selection.js";
import { adopted, changedSince, choiceOf, firstState, focusOf, select, hovered, clearSelection, moved, pointed, shownHead, withSide } from "../../attnviz/board/js/core/state.js";

const { frame } = madeBook(undefined, { layers: 3, heads: 4, counts: [4, 2, 4] });
const plain = { words: true, special: "show", keep: null, between: "", view: "curves" };
const selection = { head: [2, 3], focus: { side: "query", start: 8, segment: 0, special: false, also: [] }, ...plain };
const first = firstState(selection, frame);

test("a selection comes in and goes out the same", () => {
  assert.deepEqual(choiceOf(adopted(first, { ...selection, focus: { side: "key", start: 5, segment: 0, special: true } }, frame), frame).focus, { side: "key", start: 5, segment: 0, special: true, also: [] });
  assert.deepEqual(choiceOf(first, frame), selection);
});

test("choices made since the last message to Python are kept, but not the selection: another text has other words", () => {
  const lastSent = JSON.parse(JSON.stringify(choiceOf(first, frame)));
  assert.deepEqual(changedSince(first, lastSent), {});
  assert.deepEqual(changedSince({ ...first, selected: null }, lastSent), {});
  assert.deepEqual(changedSince({ ...first, head: [1, 0], tab: "matrix" }, lastSent), { head: [1, 0], view: "matrix" });
});

test("a word selected by one of its pieces is selected whole, and stays when words become tokens", () => {
  assert.deepEqual(focusOf(first, frame), { side: "query", query: 2, key: -1, also: [] });
  assert.deepEqual(focusOf({ ...first, words: false }, frame), { side: "query", query: 4, key: -1, also: [] });
});

test("what does not exist in this text is not selected, and heads stay within the model", () => {
  const far = firstState({ ...selection, head: [9, 9], focus: { side: "query", start: 99, segment: 0, special: false } }, frame);
  assert.equal(far.selected, null);
  assert.deepEqual(far.head, [2, 3]);
  assert.deepEqual(firstState({ ...selection, head: [1, 3] }, frame).head, [1, 1]);
  assert.equal(firstState({ ...selection, focus: { side: "query", start: 1, segment: 0, special: true } }, frame).selected, null);
});

test("pointing at a word asks what it looks at; while one is selected, for the link to it", () => {
  const free = clearSelection(first);
  assert.deepEqual(focusOf(pointed(free, { word: 1 }), frame), { side: "query", query: 1, key: -1, also: [] });
  assert.deepEqual(focusOf(pointed({ ...free, side: "key" }, { word: 1 }), frame), { side: "key", query: -1, key: 1, also: [] });
  assert.deepEqual(focusOf(pointed(first, { word: 1 }), frame), { side: "query", query: 2, key: 1, also: [] });
});

test("pointing at the column of keys turns the question round, unless a query is selected", () => {
  assert.deepEqual(focusOf(pointed(clearSelection(first), { key: 1 }), frame), { side: "key", query: -1, key: 1, also: [] });
  assert.deepEqual(focusOf(pointed(first, { key: 1 }), frame), { side: "query", query: 2, key: 1, also: [] });
  assert.deepEqual(focusOf(pointed(first, { query: 1 }), frame), { side: "query", query: 1, key: -1, also: [] });
  assert.deepEqual(focusOf(pointed(first, { query: 0, key: 5 }), frame), { side: "query", query: 0, key: 3, also: [] });
});

test("selecting the same word again clears the selection", () => {
  const once = select(clearSelection(first), "query", 1);
  assert.deepEqual(once.selected, { side: "query", token: 1, partner: null, also: [] });
  assert.equal(select(once, "query", 1).selected, null);
  assert.deepEqual(select(once, "query", 1, 3).selected, { side: "query", token: 1, partner: 3, also: [] });
});

test("what is only pointed at is never sent", () => {
  assert.deepEqual(choiceOf(hovered(pointed(first, { word: 1 }), [0, 0]), frame), selection);
  assert.deepEqual(shownHead(hovered(first, [0, 0])), [0, 0]);
});

test("heads move within the model, and a layer with fewer of them keeps the nearest", () => {
  assert.deepEqual(moved(first, frame, 0, 1).head, [2, 3]);
  assert.deepEqual(moved(first, frame, -1, 0).head, [1, 1]);
  assert.deepEqual(moved({ ...first, head: [0, 0] }, frame, -1, -1).head, [0, 0]);
});

test("the other direction keeps the word, but not across two texts", () => {
  assert.deepEqual(withSide(first, "key", false).selected, { side: "key", token: 4, partner: null, also: [] });
  assert.equal(withSide(first, "key", true).selected, null);
  const link = select(first, "query", 1, 3);
  assert.deepEqual(withSide(link, "key", true).selected, { side: "key", token: 3, partner: 1, also: [] });
  assert.equal(withSide(first, "query", true).selected, first.selected);
});

test("a word taken in is summed with the selected one, and taken out again", () => {
  const both = toggleSelected(first, "query", [1]);
  assert.deepEqual(both.selected, { side: "query", token: 4, partner: null, also: [1] });
  assert.deepEqual(focusOf(both, frame), { side: "query", query: 2, key: -1, also: [1] });
  assert.deepEqual(anchorsOf(focusOf(both, frame)), [2, 1]);
  assert.deepEqual(toggleSelected(both, "query", [1]).selected, first.selected);
  assert.deepEqual(toggleSelected(both, "query", [2, 3, 4]).selected, { side: "query", token: 1, partner: null, also: [] });
  assert.equal(toggleSelected(first, "query", [2, 3, 4]).selected, null);
});

test("a word of the other side is selected alone", () => {
  assert.deepEqual(toggleSelected(first, "key", [1]).selected, { side: "key", token: 1, partner: null, also: [] });
});

test("a word that is to stay does when the arrows move on, and is sent once", () => {
  const stays = keepSelected(first, [2, 3, 4]);
  assert.deepEqual(anchorsOf(focusOf(stays, frame)), [2]);
  const on = moveSelection(stays, "query", 1);
  assert.deepEqual(anchorsOf(focusOf(on, frame)), [1, 2]);
  assert.deepEqual(tokensOf(moveSelection(on, "query", 4).selected), [4]);
  assert.deepEqual(keepSelected(moveSelection(on, "query", 4), [2, 3, 4]).selected.also, []);
  assert.deepEqual(choiceOf(stays, frame).focus.also, []);
});

test("of words selected together one that is hidden leaves the others", () => {
  const odd = { ...toggleSelected(clearSelection(first), "query", [0]), special: "hide" };
  assert.deepEqual(focusOf(odd, frame), { side: "query", query: -1, key: -1, also: [] });
  assert.deepEqual(focusOf(toggleSelected(odd, "query", [1]), frame), { side: "query", query: 0, key: -1, also: [] });
});

test("while several are selected, pointing at a word asks for their links to it, and at a cell for that cell", () => {
  const both = toggleSelected(first, "query", [1]);
  assert.deepEqual(focusOf(pointed(both, { word: 5 }), frame), { side: "query", query: 2, key: 3, also: [1] });
  assert.deepEqual(focusOf(pointed(both, { query: 1, key: 5 }), frame), { side: "query", query: 1, key: 3, also: [] });
});

test("clicking one of several words holds that one alone", () => {
  assert.deepEqual(select(toggleSelected(first, "query", [1]), "query", 4).selected, { side: "query", token: 4, partner: null, also: [] });
});

test("filters, several words and the picture come in and go out the same", () => {
  const also = [{ start: 0, segment: 0, special: true }, { start: 0, segment: 0, special: false }];
  const more = { ...selection, focus: { ...selection.focus, also }, keep: { rule: "top", value: 3 }, between: "a-b", view: "matrix" };
  assert.deepEqual(choiceOf(firstState(more, frame), frame), more);
});
