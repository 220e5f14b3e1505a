// A book and how it is shown in, one head's pattern over words or tokens out: the rule of attnviz/analysis/view.py.

import { tokenWeights } from "./frame.js";

const KEPT = 400; // patterns remembered: all heads of a usual model
const NOTHING = 1e-6; // below this a row has nothing left that could be rescaled

// The words or tokens of one side, without the special ones where those are hidden.
export function unitsOf(side, { words, special }) {
  const all = words ? side.words : side.pieces;
  return special === "show" ? all : all.filter((unit) => !unit.special);
}

// The unit that holds a token; -1 where it is hidden or nothing is meant.
export function unitWith(units, token) {
  return token === null ? -1 : units.findIndex((unit) => unit.tokens.includes(token));
}

// Attention to a word is the sum over its pieces, attention from a word the mean over its pieces (Clark et al. 2019,
// section 4.1, arXiv:1906.04341). `lost` is the share of each row that went to what is hidden: the row falls short by it,
// unless it was rescaled. Null where this head's weights are not here.
export function patternOf(book, layer, head, options) {
  const name = `${layer}.${head} ${options.words} ${options.special}`;
  const kept = book.patterns.get(name);
  if (kept) return kept;
  const tokens = tokenWeights(book, layer, head);
  if (!tokens) return null;
  if (book.patterns.size >= KEPT) book.patterns.clear();
  const made = merged(tokens, book.frame, options);
  book.patterns.set(name, made);
  return made;
}

export function merged(tokens, frame, options) {
  const queries = unitsOf(frame.queries, options);
  const keys = unitsOf(frame.keys, options);
  const allKeys = options.words ? frame.keys.words : frame.keys.pieces;
  const columns = frame.keys.tokens.length;
  const weights = new Float32Array(queries.length * keys.length);
  const lost = new Float32Array(queries.length);
  const keyOf = new Int32Array(columns).fill(-1);
  keys.forEach((unit, j) => unit.tokens.forEach((token) => (keyOf[token] = j)));
  queries.forEach((unit, i) => {
    const row = weights.subarray(i * keys.length, (i + 1) * keys.length);
    for (const token of unit.tokens) {
      for (let t = 0; t < columns; t++) if (keyOf[t] >= 0) row[keyOf[t]] += tokens[token * columns + t];
    }
    let sum = 0;
    for (let j = 0; j < row.length; j++) sum += row[j] /= unit.tokens.length;
    // Without a hidden token or a learned sink nothing is missing: what sixteen bits a weight round away is no share.
    lost[i] = frame.sinks || keys.length < allKeys.length ? Math.max(0, 1 - sum) : 0;
    if (options.special === "renormalise" && sum >= NOTHING) for (let j = 0; j < row.length; j++) row[j] /= sum;
    else if (options.special === "renormalise") row.fill(0);
  });
  return { queries, keys, weights, lost, options, causal: frame.causal, cross: frame.cross, sinks: frame.sinks };
}

// What the share that a row has lost went to.
export function lostTo({ options, sinks }) {
  const parts = [...(options.special === "show" ? [] : ["hidden tokens"]), ...(sinks ? ["a learned sink"] : [])];
  return parts.join(" and ");
}

// The weights of the held word: its row (at whom it looks) or its column (who looks at it); null where nothing is held.
export function lineOf(pattern, focus) {
  const { queries, keys, weights } = pattern;
  if (focus.side === "query") return focus.query < 0 ? null : weights.subarray(focus.query * keys.length, (focus.query + 1) * keys.length);
  return focus.key < 0 ? null : Float32Array.from(queries, (_, i) => weights[i * keys.length + focus.key]);
}

// Places in order of weight, strongest first; equal weights keep their order in the text.
export function ranked(line) {
  return Array.from(line, (_, i) => i).sort((a, b) => line[b] - line[a] || a - b);
}

// A word as sentences name it: numbered where the text has it more than once, as analysis/shares.py does.
export function named(units, at) {
  const same = units.filter((unit) => unit.text === units[at].text && unit.special === units[at].special);
  return same.length > 1 ? `${units[at].label} (no. ${same.indexOf(units[at]) + 1})` : units[at].label;
}
