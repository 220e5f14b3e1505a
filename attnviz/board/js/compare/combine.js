// The difference, sum or mean of the patterns of several heads: the rule of attnviz/analysis/compare.py.

import { alignedUnits } from "./align.js";

export const NOTHING_SHARED = "These texts share no words, so there is nothing to compare.";
const ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth"];
const NAMED = 5; // left-out words that are named one by one

// Each caller's last result is kept, for the same patterns.
export function makeCombiner() {
  const cache = new Map();
  return (place, kind, patterns) => {
    const before = cache.get(place);
    if (before?.kind === kind && before.patterns.length === patterns.length && before.patterns.every((one, i) => one === patterns[i])) return before.made;
    const made = combined(kind, patterns);
    cache.set(place, { kind, patterns, made });
    return made;
  };
}

// Row and column words are those that all patterns have; `note` names the others.
export function combined(kind, patterns) {
  const rows = common(patterns.map((pattern) => pattern.queries));
  const columns = common(patterns.map((pattern) => pattern.keys));
  const weights = new Float32Array(rows.length * columns.length);
  const hidden = new Float32Array(rows.length);
  patterns.forEach((pattern, p) => {
    const part = kind === "mean" ? 1 / patterns.length : kind === "difference" && p ? -1 : 1;
    rows.forEach((row, i) => {
      hidden[i] += part * pattern.hidden[row[p]];
      columns.forEach((column, j) => (weights[i * columns.length + j] += part * pattern.weights[row[p] * pattern.keys.length + column[p]]));
    });
  });
  const [first] = patterns;
  return {
    queries: unitsFrom(patterns.map((pattern) => pattern.queries), rows),
    keys: unitsFrom(patterns.map((pattern) => pattern.keys), columns),
    weights,
    hidden,
    lost: hidden,
    parts: [],
    note: patterns.slice(1).map((other, i) => leftOut(first, other, rows.map((row) => [row[0], row[i + 1]]), columns.map((column) => [column[0], column[i + 1]]), ORDINALS[i + 1])).filter(Boolean).join(" "),
    options: first.options,
    causal: patterns.every((pattern) => pattern.causal),
    cross: first.cross,
    sinks: false,
    keep: null,
    between: "",
  };
}

// For each word of the first text that has a counterpart in every other text, its places in all of them.
function common([first, ...others]) {
  const maps = others.map((other) => new Map(alignedUnits(first, other)));
  return first.map((_, at) => [at, ...maps.map((map) => map.get(at))]).filter((places) => !places.includes(undefined));
}

// The first text's units, with all different words in their labels: tired/wide.
function unitsFrom(sides, places) {
  return places.map((at) => {
    const same = at.map((place, i) => sides[i][place]);
    const label = [...new Set(same.map((unit) => unit.label))].join("/");
    return { ...overlaid(same), label, text: [...new Set(same.map((unit) => unit.text))].join("/") };
  });
}

// The first of some corresponding units. If a word is unknown in one text or model and known in another, it is partly
// unknown.
export function overlaid(same) {
  const unknown = same.filter((unit) => unit.unknown);
  return { ...same[0], unknown: unknown.length > 0, partly: unknown.length > 0 && (unknown.length < same.length || unknown.some((unit) => unit.partly)) };
}

function leftOut(first, second, rows, columns, name) {
  const sentences = [[first, 0, ORDINALS[0]], [second, 1, name]].map(([pattern, side, called]) => {
    const [inRows, inColumns] = [rows, columns].map((pairs) => new Set(pairs.map((pair) => pair[side])));
    const alone = pattern.keys.filter((_, at) => !inColumns.has(at)).map((unit) => unit.text);
    alone.push(...pattern.queries.filter((unit, at) => !inRows.has(at) && !alone.includes(unit.text)).map((unit) => unit.text));
    if (!alone.length) return "";
    const shown = alone.slice(0, NAMED).map((text) => `\u201c${text}\u201d`);
    if (alone.length > NAMED) shown.push(`${alone.length - NAMED} more`);
    const list = shown.length === 1 ? shown[0] : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
    return `Only the ${called} has ${list}, left out here.`;
  });
  return sentences.filter(Boolean).join(" ");
}
