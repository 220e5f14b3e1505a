// The selected words, and the same link in every panel, as sentences.

import { anchorsOf } from "../core/selection.js";
import { focusIn } from "./linked.js";
import { isolated, signed, threeDigits, withMark } from "../core/encoding.js";
import { partnerOf, sideOf } from "../core/state.js";
import { named } from "../core/pattern.js";
import { setFont } from "../draw/canvas.js";

// The selected words and the other end of the link, from the first panel that has them.
export function selectionWords(pictures, state) {
  const first = pictures.find((picture) => picture.pattern && anchorsOf(focusIn(picture, state)).length);
  if (!first) return { selectedWords: "", partner: "", side: sideOf(state) };
  const focus = focusIn(first, state);
  const { queries, keys } = first.pattern;
  const [near, far] = focus.side === "query" ? [queries, keys] : [keys, queries];
  const selectedWords = anchorsOf(focus).map((unit) => named(near, unit)).join(" + ");
  return { selectedWords, partner: partnerOf(focus) >= 0 ? named(far, partnerOf(focus)) : "", side: focus.side };
}

// The same link in every panel, as one sentence.
export function compareSentence(pictures, links) {
  const parts = pictures.map((picture, i) => {
    const link = links[i];
    const name = `${picture.numbers.join(picture.kind === "difference" ? " minus " : " and ")} ${picture.name || picture.title}`.trim();
    if (!link) return `${name}: ${picture.problem || "no such link"}`;
    const words = (units, places) => places.map((at) => isolated(withMark(units[at].label, units[at]))).join(" + ");
    return `${name}: ${words(picture.pattern.queries, link.queries)} \u2192 ${words(picture.pattern.keys, link.keys)} ${(picture.kind === "difference" ? signed : threeDigits)(link.value)}`;
  });
  return links.some(Boolean) ? `${parts.join("; ")}.` : `${pictures.length} panels. No word is selected.`;
}

// The width of the widest word of all panels, measured again only when the words have changed.
export function makeRuler(canvas) {
  let [last, width] = ["", 0];
  return (pictures, { words, special }, theme, scale) => {
    const found = pictures.filter(({ pattern }) => pattern);
    const name = [found.map(({ id, frame }) => id + frame.digest), words, special, scale].join();
    if (name === last) return width;
    const c = canvas.getContext("2d");
    setFont(c, theme, 12 * scale, 600);
    width = Math.max(0, ...found.flatMap(({ pattern }) => [...pattern.queries, ...pattern.keys].map((unit) => c.measureText(withMark(unit.label, unit)).width)));
    last = name;
    return width;
  };
}
