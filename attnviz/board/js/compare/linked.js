// Transfers the selected word and the pointed-at word from one text to the others. `selected` and `point` have
// the `frame` that their tokens belong to.

import { anchorsOf } from "../core/selection.js";
import { counterpart } from "./align.js";
import { select, partnerOf, tokensMeant } from "../core/state.js";
import { lineOf, ranked, unitWith } from "../core/pattern.js";

const sideIn = (frame, side) => (side === "key" ? frame.keys : frame.queries);

// The state for another text: words without a counterpart there are not selected and not pointed at.
export function stateIn(state, frame) {
  return { ...state, selected: selectedIn(state.selected, frame), point: pointIn(state.point, frame) };
}

function selectedIn(selected, frame) {
  if (!selected || selected.frame === frame) return selected;
  const at = (side, token) => counterpart(sideIn(selected.frame, side), sideIn(frame, side), token);
  const [token, ...also] = [selected.token, ...selected.also].map((one) => at(selected.side, one)).filter((one) => one !== null);
  if (token === undefined) return null;
  return { frame, side: selected.side, token, partner: at(selected.side === "key" ? "query" : "key", selected.partner), also };
}

function pointIn(point, frame) {
  if (!point || point.frame === frame) return point;
  const found = { frame };
  for (const end of ["query", "key", "word"]) {
    if (point[end] === undefined) continue;
    const token = counterpart(sideIn(point.frame, end), sideIn(frame, end), point[end]);
    if (token === null) return null;
    found[end] = token;
  }
  return found;
}

// The selected or pointed-at row and column of a picture, as focusOf returns it for a board.
export function focusIn({ frame, pattern }, state) {
  const meant = tokensMeant(stateIn(state, frame));
  const units = { query: pattern.queries, key: pattern.keys };
  const far = meant.side === "query" ? "key" : "query";
  const near = [meant[meant.side], ...meant.also].map((token) => unitWith(units[meant.side], token));
  const [first = -1, ...also] = new Set(near.filter((unit) => unit >= 0));
  return { side: meant.side, [meant.side]: first, [far]: unitWith(units[far], meant[far]), also };
}

// The link that all pictures show: the one pointed at, or the selected word's strongest in the chosen head's picture, or in the
// first with the word. Returns for each picture { queries, keys, value }, places in it, or null if it lacks a word.
export function linksIn(pictures, state) {
  const seen = pictures.map((picture) => picture.pattern && { picture, focus: focusIn(picture, state) });
  const able = seen.filter((one) => one && anchorsOf(one.focus).length);
  const first = able.find((one) => one.picture.chosen) ?? able[0];
  if (!first) return pictures.map(() => null);
  const meant = partnerOf(first.focus);
  const partner = meant >= 0 ? meant : strongest(first.picture.pattern, first.focus);
  if (partner === undefined) return pictures.map(() => null);
  const far = first.focus.side === "query" ? "key" : "query";
  const units = far === "key" ? first.picture.pattern.keys : first.picture.pattern.queries;
  return seen.map((one) => one && linkIn(one, far, counterpart(sideIn(first.picture.frame, far), sideIn(one.picture.frame, far), units[partner].tokens[0])));
}

function linkIn({ picture: { pattern }, focus }, far, token) {
  const anchors = anchorsOf(focus);
  const partner = unitWith(far === "key" ? pattern.keys : pattern.queries, token);
  if (!anchors.length || partner < 0) return null;
  const value = lineOf(pattern, focus)[partner];
  return far === "key" ? { queries: anchors, keys: [partner], value } : { queries: [partner], keys: anchors, value };
}

// Only words, and not the selected word itself.
function strongest(pattern, focus) {
  const there = focus.side === "query" ? pattern.keys : pattern.queries;
  const anchors = anchorsOf(focus);
  return ranked(lineOf(pattern, focus)).find((at) => !there[at].special && (pattern.cross || !anchors.includes(at)));
}

// Selects in the tokens of the text in which the reader clicked.
export function selectAt(state, frame, side, token, partner = null) {
  const next = select({ ...state, selected: selectedIn(state.selected, frame) }, side, token, partner);
  return marked(next, frame);
}

export const marked = (state, frame) => (state.selected ? { ...state, selected: { ...state.selected, frame } } : state);
