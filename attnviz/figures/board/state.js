// What the reader does in, the next state out. Nothing here draws, and a state is never changed in place.
// Words are meant by a token's index on its side, so that they stay the same when words become tokens.

import { unitsOf, unitWith } from "./pattern.js";
import { within } from "./element.js";

export const SPECIAL = ["show", "hide", "renormalise"];

export function firstState(selection, frame) {
  const blank = { head: [0, 0], hover: null, hold: null, point: null, side: "query", pins: [], panels: [], full: false, words: true, special: "show", tab: "curves" };
  return adopted(blank, selection, frame);
}

// What Python says is chosen, taken over as it is.
export function adopted(state, selection, frame) {
  const [layer, head] = selection.head;
  return {
    ...state,
    head: [within(layer, 0, frame.layers - 1), within(head, 0, frame.counts[within(layer, 0, frame.layers - 1)] - 1)],
    hover: null,
    point: null,
    hold: holdFrom(selection.focus, frame),
    side: selection.focus ? selection.focus.side : state.side,
    words: selection.words,
    special: SPECIAL.includes(selection.special) ? selection.special : "show",
    pins: selection.pins ?? state.pins,
  };
}

function holdFrom(focus, frame) {
  if (!focus) return null;
  const tokens = (focus.side === "key" ? frame.keys : frame.queries).tokens;
  const token = focus.special
    ? tokens[focus.start]?.special ? focus.start : -1
    : tokens.findIndex((t) => !t.special && t.segment === focus.segment && t.start <= focus.start && focus.start < t.end);
  return token < 0 ? null : { side: focus.side, token, mate: null };
}

// What Python is told: never what is only pointed at.
export function choiceOf(state, frame) {
  let focus = null;
  if (state.hold) {
    const { side, token } = state.hold;
    const { start, segment, special } = (side === "key" ? frame.keys : frame.queries).tokens[token];
    focus = { side, start: special ? token : start, segment, special };
  }
  return { head: state.head, focus, words: state.words, special: state.special };
}

export const optionsOf = (state) => ({ words: state.words, special: state.special });
export const sideOf = (state) => (state.hold ? state.hold.side : state.side);
export const shownHead = (state) => state.hover ?? state.head;

// Which query and which key are meant, as indices into the units shown; -1 for none. The anchor is the end on `side`.
export function focusOf(state, frame) {
  const meant = tokensMeant(state, frame.cross);
  const options = optionsOf(state);
  return {
    side: meant.side,
    query: unitWith(unitsOf(frame.queries, options), meant.query),
    key: unitWith(unitsOf(frame.keys, options), meant.key),
  };
}

function tokensMeant({ hold, point, side }) {
  let meant = { side: hold ? hold.side : side, query: null, key: null };
  if (hold) meant = { side: hold.side, query: hold.side === "query" ? hold.token : hold.mate, key: hold.side === "key" ? hold.token : hold.mate };
  if (!point) return meant;
  const { query = null, key = null, word = null } = point;
  if (word !== null) {
    // A word of the sentence is the far end while another is held, and the near end otherwise.
    const far = meant.side === "query" ? "key" : "query";
    return hold ? { ...meant, [far]: word } : { ...meant, [meant.side]: word, [far]: null };
  }
  if (query !== null && key !== null) return { ...meant, query, key };
  if (query !== null) return hold?.side === "key" ? { ...meant, query } : { side: "query", query, key: null };
  return hold?.side === "query" ? { ...meant, key } : { side: "key", query: null, key };
}

export const anchorOf = (focus) => (focus.side === "query" ? focus.query : focus.key);
export const mateOf = (focus) => (focus.side === "query" ? focus.key : focus.query);

// Hold a word, or a link; the same again lets go.
export function held(state, side, token, mate = null) {
  const { hold } = state;
  const same = hold && hold.side === side && hold.token === token && hold.mate === mate;
  return { ...state, side, hold: same ? null : { side, token, mate }, point: null };
}

export function letGo(state) {
  return { ...state, hold: null, point: null };
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

// The head next to the chosen one; a layer with fewer heads keeps the nearest.
export function moved(state, frame, down, right) {
  const layer = within(state.head[0] + down, 0, frame.layers - 1);
  return chosen(state, [layer, within(state.head[1] + right, 0, frame.counts[layer] - 1)]);
}

// The other direction. The held word stays, except across two texts, where it has no place on the other side.
export function turned(state, side, cross) {
  if (side === sideOf(state)) return { ...state, side };
  const { hold } = state;
  if (!hold) return { ...state, side };
  if (!cross) return { ...state, side, hold: { side, token: hold.token, mate: hold.mate } };
  return { ...state, side, hold: hold.mate === null ? null : { side, token: hold.mate, mate: hold.token } };
}
