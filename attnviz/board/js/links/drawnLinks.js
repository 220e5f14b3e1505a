// Actions on links, as pure functions of a state.
// A link is [[start, end], [start, end]], source before target, in characters of the text; a word is a unit's place in the list.

import { isolated, withMark } from "../core/encoding.js";

export const blank = { links: [], from: -1, message: "" };

// Chooses a word: it becomes the source, or ends the link in progress; choosing the source again deselects it.
export function picked(state, at, units, most) {
  const { links, from } = state;
  const name = (place) => nameOf(units[place]);
  if (from === at) return { ...state, from: -1, message: `${name(at)} is deselected.` };
  if (from < 0) {
    if (links.length >= most) return { ...state, message: `${links.length} links are drawn, and you can draw at most ${most}: remove one first.` };
    return { ...state, from: at, message: `From ${name(at)}. Now choose the word that it looks at.` };
  }
  const link = [spanOf(units[from]), spanOf(units[at])];
  const there = links.some((one) => same(one, link));
  const message = there ? `The link from ${name(from)} to ${name(at)} is drawn already.` : `Link drawn from ${name(from)} to ${name(at)}. ${counted(links.length + 1)}.`;
  return { links: there ? links : [...links, link], from: -1, message };
}

export function removed(state, at, units) {
  const links = state.links.filter((_, i) => i !== at);
  return { links, from: -1, message: `${linkName(state.links[at], units)}: removed. ${counted(links.length)}.` };
}

// Swaps source and target; an existing link is not drawn twice.
export function withReversed(state, at, units) {
  const [source, target] = state.links[at];
  const round = [target, source];
  const links = state.links.some((one) => same(one, round)) ? state.links.filter((_, i) => i !== at) : state.links.map((one, i) => (i === at ? round : one));
  return { links, from: -1, message: `Reversed: ${linkName(round, units)}.` };
}

// The same for several links.
export function withAllReversed(state, places, units) {
  const reversed = [...places].reverse().reduce((now, at) => withReversed(now, at, units), state);
  return { ...reversed, message: `${counted(places.length)} reversed.` };
}

export const cleared = () => ({ links: [], from: -1, message: "All links are removed." });
export const clearSelection = (state) => ({ ...state, from: -1, message: "Deselected." });

export const counted = (count) => (count === 1 ? "1 link" : `${count} links`);
export const same = (a, b) => a.join() === b.join();
const spanOf = ({ start, end }) => [start, end];

// The word in which a span begins; -1 for none.
export const unitAt = ([start], units) => units.findIndex((unit) => unit.start <= start && start < unit.end);

// A word as it is named, with its mark if the model cannot read it.
export const nameOf = (unit) => isolated(withMark(unit.text, unit));

export function linkName([source, target], units) {
  const name = (span) => nameOf(units[unitAt(span, units)] ?? { text: "\u2026" });
  return `${name(source)} \u2192 ${name(target)}`;
}
