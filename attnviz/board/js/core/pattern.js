// One head's pattern over words or tokens: the rule of attnviz/analysis/view.py.

import { betweenOf, filtered, ofText } from "./filters.js";
import { largestError, tokenWeights } from "./frame.js";
import { withMark } from "./encoding.js";

const KEPT = 400; // patterns kept: all heads of a usual model
const WEIGHTS = 30_000_000; // and weights in them, 120 MB: only a few heads of a long text
const SINK = "a learned sink";
const NOTHING = 1e-6; // below this, a row has nothing left to rescale

// The words or tokens of one side, without the special ones if those are hidden.
export function unitsOf(side, { words, special }) {
  const all = words ? side.words : side.pieces;
  return special === "show" ? all : all.filter((unit) => !unit.special);
}

// The units that have a row, and those that have a column.
export const rowsOf = (frame, options) => ofText(unitsOf(frame.queries, options), betweenOf(frame, options)[0]);
export const columnsOf = (frame, options) => ofText(unitsOf(frame.keys, options), betweenOf(frame, options)[2]);

// The unit that contains a token; -1 if it is hidden or there is no token.
export function unitWith(units, token) {
  return token === null ? -1 : units.findIndex((unit) => unit.tokens.includes(token));
}

// Attention to a word is the sum over its pieces, attention from a word the mean over its pieces (Clark et al. 2019,
// section 4.1, arXiv:1906.04341). `lost` is the share of each row that went to special tokens or a learned sink, before it
// was rescaled; `hidden` is what the shown row lacks. Null if this head's weights are not here.
export function patternOf(book, layer, head, options) {
  const unfiltered = unfilteredOf(book, layer, head, options);
  return unfiltered && filtered(unfiltered, book.frame, options);
}

// The same without filters: statements about a head describe all its weights.
export function unfilteredOf(book, layer, head, options) {
  const name = `${layer}.${head} ${options.words} ${options.special}`;
  const cached = book.patterns.get(name);
  if (cached) return cached;
  const tokens = tokenWeights(book, layer, head);
  if (!tokens) return null;
  const made = merged(tokens, book.frame, options);
  // If little is left of a row, rescaling enlarges the rounding errors of its weights.
  const [off, rescaled] = [largestError(book, layer, head), options.special === "renormalise"];
  if (off || rescaled) made.uncertainty = made.lost.map((share) => off / (rescaled ? Math.max(1 - share, NOTHING) : 1));
  made.thousandths = Boolean(off && book.frame.dtype === "thousandths" && !rescaled);
  if ((book.patterns.size + 1) * made.weights.length > WEIGHTS || book.patterns.size >= KEPT) book.patterns.clear();
  book.patterns.set(name, made);
  return made;
}

export function merged(tokens, frame, options) {
  const queries = unitsOf(frame.queries, options);
  const keys = unitsOf(frame.keys, options);
  const hiddenUnits = options.special === "show" ? [] : (options.words ? frame.keys.words : frame.keys.pieces).filter((unit) => unit.special);
  const columns = frame.keys.tokens.length;
  const weights = new Float32Array(queries.length * keys.length);
  const mean = new Float32Array(columns);
  const [special, sink, hidden] = [0, 1, 2].map(() => new Float32Array(queries.length));
  const keyOf = new Int32Array(columns).fill(-1);
  keys.forEach((unit, j) => unit.tokens.forEach((token) => (keyOf[token] = j)));
  const rescaled = options.special === "renormalise" && (hiddenUnits.length > 0 || frame.sinks);
  queries.forEach((unit, i) => {
    const row = weights.subarray(i * keys.length, (i + 1) * keys.length);
    // In Python's order and precision, so that sums have the same digits: first the pieces of the query.
    mean.fill(0);
    for (const token of unit.tokens) for (let t = 0; t < columns; t++) mean[t] += tokens[token * columns + t];
    if (unit.tokens.length > 1) for (let t = 0; t < columns; t++) mean[t] /= unit.tokens.length;
    for (let t = 0; t < columns; t++) if (keyOf[t] >= 0) row[keyOf[t]] += mean[t];
    for (const { tokens: places } of hiddenUnits) for (const t of places) special[i] += mean[t];
    let sum = 0;
    for (let j = 0; j < row.length; j++) sum += row[j];
    // Without a learned sink nothing is missing: the rounding to sixteen bits per weight is not a share.
    if (frame.sinks) sink[i] = Math.max(0, 1 - sum - special[i]);
    hidden[i] = rescaled ? Number(sum < NOTHING) : special[i] + sink[i];
    if (rescaled && sum >= NOTHING) for (let j = 0; j < row.length; j++) row[j] /= sum;
    else if (rescaled) row.fill(0);
  });
  const lost = special.map((share, i) => share + sink[i]);
  const name = joined([...new Set(hiddenUnits.map((unit) => unit.label))]);
  const parts = [{ kind: "special", to: name, shares: special, rescaled }, { kind: "sink", to: SINK, shares: sink, rescaled }].filter(({ kind }) => (kind === "sink" ? frame.sinks : hiddenUnits.length));
  const empty = Float32Array.from(hidden, (share) => Number(rescaled && share === 1));
  const { causal, cross, sinks } = frame;
  return { queries, keys, weights, lost, empty, hidden, parts, options, causal, cross, sinks, keep: null, between: "" };
}

// Whether a row counts in statements about a head: a word that sees more than one place. The rule of analysis/positions.py.
export const counts = ({ queries, keys, causal }, row) => !queries[row].special && (causal ? row + 1 : keys.length) > 1;

// The largest error of a weight: for a word, that of all its pieces together. A weight in whole thousandths has three certain
// digits, unless it is a sum or a mean.
export function uncertaintyOf({ uncertainty, thousandths, queries, keys }, row, key, summed = false) {
  if (!uncertainty) return 0;
  const pieces = keys[key].tokens.length;
  return thousandths && !summed && pieces === 1 && queries[row].tokens.length === 1 ? 0 : uncertainty[row] * pieces;
}

// The same for the place `i` of a line: all selected words together.
export function uncertaintyIn(pattern, focus, anchors, i) {
  const many = anchors.length > 1;
  return anchors.reduce((sum, at) => sum + (focus.side === "query" ? uncertaintyOf(pattern, at, i, many) : uncertaintyOf(pattern, i, at, many)), 0);
}

const joined = (parts) => (parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`);

// Where the lost share of a row went.
export function lostTo({ parts }) {
  const [special, sink] = ["special", "sink"].map((kind) => parts.find((part) => part.kind === kind));
  return [...(special ? ["hidden tokens"] : []), ...(sink?.shares.some((share) => share > 0) ? [SINK] : [])].join(" and ");
}

// The weights of the selected words: the sum of their rows (what they look at) or of their columns (what looks at them);
// null if none is selected. One word's row is a view of the pattern itself.
export function lineOf(pattern, focus) {
  const { queries, keys, weights } = pattern;
  const looks = focus.side === "query";
  const [first, ...also] = [looks ? focus.query : focus.key, ...(focus.also ?? [])];
  if (first < 0) return null;
  const one = (at) => (looks ? weights.subarray(at * keys.length, (at + 1) * keys.length) : Float32Array.from(queries, (_, i) => weights[i * keys.length + at]));
  const line = one(first);
  return also.length ? also.map(one).reduce((sum, more) => sum.map((weight, i) => weight + more[i]), line) : line;
}

// Places in order of weight, strongest first; equal weights keep their order in the text.
export function ranked(line) {
  return Array.from(line, (_, i) => i).sort((a, b) => line[b] - line[a] || a - b);
}

// A word as sentences name it: numbered if the text has it more than once, and marked if the model cannot read it, as in
// analysis/row_stats.py.
export function named(units, at) {
  const same = units.filter((unit) => unit.text === units[at].text && unit.special === units[at].special);
  return withMark(same.length > 1 ? `${units[at].label} (no. ${same.indexOf(units[at]) + 1})` : units[at].label, units[at]);
}
