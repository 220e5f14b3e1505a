// Sentences about words that the model cannot read, as analysis/legibility_text.py has them.

import { PARTLY_UNKNOWN, UNKNOWN, isolated, markOf } from "../core/encoding.js";
import { unitsOf } from "../core/pattern.js";

// What the mark means in the picture; "" if the model reads the whole text. How much it cannot read stands above the board.
export function markMeaning(frame, words) {
  const sides = frame.cross ? [frame.queries, frame.keys] : [frame.queries];
  const unknown = sides.flatMap((side) => unitsOf(side, { words, special: "hide" })).filter(markOf);
  if (!unknown.length) return "";
  if (unknown.every(({ partly }) => partly)) return `${PARTLY_UNKNOWN} marks a word of which ${frame.name} cannot read a part.`;
  return `${UNKNOWN} marks what ${frame.name} cannot read.`;
}

// What a reader must know about the words just named; `who` is the model; "" if the model reads them all.
export function unknownNote(named, who = "It") {
  const unknown = [...new Set(named.filter(markOf))];
  if (!unknown.length) return "";
  const [first] = unknown;
  const name = `\u201c${isolated(first.label)}\u201d`;
  if (unknown.length > 1) return `${who} does not read these words, only its unknown token: they differ only in their places.`;
  if (first.partly) return `${who} does not read all of ${name}: a part of it is the unknown token.`;
  return `${who} does not read ${name}, only its unknown token, the same for every word that it does not know.`;
}

// The line below a text: what the mark means, and what that means for the words just named.
export function unknownLine(frame, words, named = []) {
  const meaning = markMeaning(frame, words);
  return meaning && [meaning, unknownNote(named)].filter(Boolean).join(" ");
}

// The same for several texts and models: each meaning once, then what follows for the link in the panels.
export function unknownLines(frames, words, pictures, links) {
  const one = new Set(frames.map(({ name }) => name)).size === 1;
  const meanings = frames.map((frame) => markMeaning(frame, words));
  const notes = pictures.flatMap(({ pattern, frame }, i) => {
    const link = links[i];
    return link && pattern ? [unknownNote([...link.queries.map((at) => pattern.queries[at]), ...link.keys.map((at) => pattern.keys[at])], one ? "It" : frame.name)] : [];
  });
  return [...new Set([...meanings, notes.find(Boolean)])].filter(Boolean).join(" ");
}
