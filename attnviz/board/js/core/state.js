// The state of the board and its changes: pure functions that return the next state.
// Words are meant by a token's index on its side, so that they stay the same when words become tokens.

import { columnsOf, rowsOf, unitWith } from "./pattern.js";
import { tokensOf } from "./selection.js";
import { within } from "./element.js";

export const SPECIAL = ["show", "hide", "renormalise"];

export function firstState(selection, frame) {
  const blank = { head: [0, 0], hover: null, selected: null, point: null, side: "query", pins: [], panels: [], refused: "", words: true, special: "show", keep: null, between: "", tab: "curves" };
  return adopted(blank, selection, frame);
}

// Python's selection, taken over unchanged.
export function adopted(state, selection, frame) {
  const [layer, head] = selection.head;
  return {
    ...state,
    head: [within(layer, 0, frame.layers - 1), within(head, 0, frame.counts[within(layer, 0, frame.layers - 1)] - 1)],
    hover: null,
    point: null,
    selected: selectionFrom(selection.focus, frame),
    side: selection.focus ? selection.focus.side : state.side,
    words: selection.words,
    special: SPECIAL.includes(selection.special) ? selection.special : "show",
    keep: selection.keep ?? null,
    between: selection.between ?? "",
    tab: selection.view ?? state.tab,
    pins: selection.pins ?? state.pins,
  };
}

function selectionFrom(focus, frame) {
  if (!focus) return null;
  const { side, also = [] } = focus;
  const tokens = (side === "key" ? frame.keys : frame.queries).tokens;
  const at = (place) => tokens.findIndex((t, i) => t.special === place.special && (t.special ? i === place.start : t.segment === place.segment && t.start <= place.start && place.start < t.end));
  const [token, ...others] = [focus, ...also].map(at).filter((found) => found >= 0);
  return token === undefined ? null : { side, token, partner: null, also: others };
}

// The selection for Python: without what is only pointed at.
export function choiceOf(state, frame) {
  const { head, selected, words, special, keep, between, tab: view } = state;
  let focus = null;
  if (selected) {
    const tokens = (selected.side === "key" ? frame.keys : frame.queries).tokens;
    const places = tokensOf(selected).map((token) => {
      const { start, segment, special: odd } = tokens[token];
      return { start: odd ? token : start, segment, special: odd };
    });
    focus = { side: selected.side, ...places[0], also: places.slice(1) };
  }
  return { head, focus, words, special, keep, between, view };
}

// The reader's changes since `choice` was sent to Python, without the selected words: those belong to the text.
export function changedSince(state, choice) {
  const now = { head: state.head, words: state.words, special: state.special, keep: state.keep, between: state.between, view: state.tab };
  return Object.fromEntries(Object.entries(now).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(choice[name])));
}

export const optionsOf = ({ words, special, keep, between }) => ({ words, special, keep, between });
export const sideOf = (state) => (state.selected ? state.selected.side : state.side);
export const shownHead = (state) => state.hover ?? state.head;

// The active query and key, as indices into the shown units; -1 for none. The anchor is the end on `side`; `also`
// are the other selected words on that side.
export function focusOf(state, frame) {
  const meant = tokensMeant(state);
  const options = optionsOf(state);
  const units = { query: rowsOf(frame, options), key: columnsOf(frame, options) };
  const far = meant.side === "query" ? "key" : "query";
  const near = [meant[meant.side], ...meant.also].map((token) => unitWith(units[meant.side], token));
  const [first = -1, ...also] = new Set(near.filter((unit) => unit >= 0));
  return { side: meant.side, [meant.side]: first, [far]: unitWith(units[far], meant[far]), also };
}

export function tokensMeant({ selected, point, side }) {
  let meant = { side, query: null, key: null, also: [] };
  if (selected) meant = { side: selected.side, query: selected.side === "query" ? selected.token : selected.partner, key: selected.side === "key" ? selected.token : selected.partner, also: selected.also };
  if (!point) return meant;
  const { query = null, key = null, word = null } = point;
  if (word !== null) {
    // A word of the sentence is the far end if another word is selected, and the near end if none is.
    const far = meant.side === "query" ? "key" : "query";
    return selected ? { ...meant, [far]: word } : { ...meant, [meant.side]: word, [far]: null };
  }
  if (query !== null && key !== null) return { ...meant, query, key, also: [] };
  if (query !== null) return selected?.side === "key" ? { ...meant, query } : { side: "query", query, key: null, also: [] };
  return selected?.side === "query" ? { ...meant, key } : { side: "key", query: null, key, also: [] };
}

export const anchorOf = (focus) => (focus.side === "query" ? focus.query : focus.key);
export const partnerOf = (focus) => (focus.side === "query" ? focus.key : focus.query);

// Select a word or a link; the same one again clears the selection.
export function select(state, side, token, partner = null) {
  const { selected } = state;
  const same = selected && selected.side === side && selected.token === token && selected.partner === partner && !selected.also.length;
  return { ...state, side, selected: same ? null : { side, token, partner, also: [] }, point: null };
}

export function clearSelection(state) {
  return { ...state, selected: null, point: null };
}

export function pointed(state, point) {
  return { ...state, point };
}

export function hovered(state, head) {
  return { ...state, hover: head };
}

export function chosen(state, head) {
  return { ...state, head, hover: null };
}

// The head next to the chosen one; in a layer with fewer heads, the nearest.
export function moved(state, frame, down, right) {
  const layer = within(state.head[0] + down, 0, frame.layers - 1);
  return chosen(state, [layer, within(state.head[1] + right, 0, frame.counts[layer] - 1)]);
}

// The other direction. The selected word stays, except across two texts, where it does not exist on the other side.
export function withSide(state, side, cross) {
  if (side === sideOf(state)) return { ...state, side };
  const { selected } = state;
  if (!selected) return { ...state, side };
  if (!cross) return { ...state, side, selected: { ...selected, side } };
  return { ...state, side, selected: selected.partner === null ? null : { side, token: selected.partner, partner: selected.token, also: [] } };
}
