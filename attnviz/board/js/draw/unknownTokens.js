// Sentences about words that the model cannot read, as analysis/legibility_text.py has them.

import { PARTLY_UNKNOWN, UNKNOWN, isolated, markOf } from "../core/encoding.js";
import { unitsOf } from "../core/pattern.js";

// How many words, or tokens, of the text are unknown to the model; "" if it reads them all.
export function unknownCount(frame, words) {
  const sides = frame.cross ? [frame.queries, frame.keys] : [frame.queries];
  const all = sides.flatMap((side) => unitsOf(side, { words, special: "hide" }));
  const unknown = all.filter(markOf);
  if (!unknown.length) return "";
  const mark = unknown.every(({ partly }) => partly) ? PARTLY_UNKNOWN : UNKNOWN;
  const noun = `${words ? "word" : "token"}${all.length === 1 ? "" : "s"}`;
  return `${mark}: ${unknown.length} of ${all.length} ${noun} ${unknown.length === 1 ? "is" : "are"} unknown to ${frame.name}.`;
}

// What a reader must know about the words just named; `who` is the model; "" if the model reads them all.
export function unknownNote(named, who = "It") {
  const unknown = [...new Set(named.filter(markOf))];
  if (!unknown.length) return "";
  const [first] = unknown;
  const name = `\u201c${isolated(first.label)}\u201d`;
  if (unknown.length > 1) return `${who} does not read these words, only its unknown token: to it they differ by their places alone.`;
  if (first.partly) return `${who} does not read all of ${name}: a part is its unknown token to it.`;
  return `${who} does not read ${name}, only its unknown token, the same for every word that it does not know.`;
}

// The line below a text: how many words are unknown, and what that means for the ones just named.
export function unknownLine(frame, words, named = []) {
  const count = unknownCount(frame, words);
  return count && [count, unknownNote(named)].filter(Boolean).join(" ");
}

// The same for several texts and models: each count once, then its meaning for the link in the panels.
export function unknownLines(frames, words, pictures, links) {
  const one = new Set(frames.map(({ name }) => name)).size === 1;
  const counts = frames.map((frame) => unknownCount(frame, words));
  const notes = pictures.flatMap(({ pattern, frame }, i) => {
    const link = links[i];
    return link && pattern ? [unknownNote([...link.queries.map((at) => pattern.queries[at]), ...link.keys.map((at) => pattern.keys[at])], one ? "It" : frame.name)] : [];
  });
  return [...new Set([...counts, notes.find(Boolean)])].filter(Boolean).join(" ");
}
