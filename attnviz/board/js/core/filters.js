// Filters of a pattern, which leave out weak weights or one text of a pair: the rule of analysis/filters.py.

const REACHED = 1e-6; // of a row: a smaller difference of a sum is due to rounding
export const ELSEWHERE = "the text that is not shown";

const pairs = new WeakMap();
// Whether the words of two texts are on both sides.
export function isPair(frame) {
  if (!pairs.has(frame)) pairs.set(frame, [frame.queries, frame.keys].every(({ tokens }) => [0, 1].every((n) => tokens.some((t) => !t.special && t.segment === n))));
  return pairs.get(frame);
}

// The shown part of a pair, "" for everything; across two texts, whose rows and columns differ, there is nothing to choose.
export const betweenOf = (frame, { between = "" }) => (between && isPair(frame) ? between : "");
export const isAcross = (between) => between !== "" && between[0] !== between[2];

// The units of the text called "a" or "b"; all of them for no name.
export function ofText(units, name) {
  return name ? units.filter((unit) => unit.segment === "ab".indexOf(name)) : units;
}

const last = new WeakMap(); // a pattern keeps only its last filter: sliders try many
export function filtered(unfiltered, frame, options) {
  const { keep = null } = options;
  const between = betweenOf(frame, options);
  if (!keep && !between) return unfiltered;
  const name = `${keep?.rule} ${keep?.value} ${between}`;
  if (last.get(unfiltered)?.name !== name) last.set(unfiltered, { name, made: made(unfiltered, keep, between) });
  return last.get(unfiltered).made;
}

// `parts` says where each row's hidden share went; `hidden` is their sum, which is missing in the row.
function made(unfiltered, keep, between) {
  const across = isAcross(between);
  const [queries, keys] = [ofText(unfiltered.queries, between[0]), ofText(unfiltered.keys, between[2])];
  const rows = queries.map((unit) => unfiltered.queries.indexOf(unit));
  const columns = keys.map((unit) => unfiltered.keys.indexOf(unit));
  const n = unfiltered.keys.length;
  const weights = new Float32Array(rows.length * columns.length);
  const [away, weak] = [new Float32Array(rows.length), new Float32Array(rows.length)];
  rows.forEach((i, r) => {
    const row = weights.subarray(r * columns.length, (r + 1) * columns.length);
    columns.forEach((j, c) => (row[c] = unfiltered.weights[i * n + j]));
    if (between) away[r] = Math.max(0, sumOf(unfiltered.weights.subarray(i * n, (i + 1) * n)) - sumOf(row));
    if (keep) weak[r] = leaveOut(row, keep);
  });
  const parts = unfiltered.parts.map((part) => ({ ...part, shares: Float32Array.from(rows, (i) => part.shares[i]) }));
  if (between) parts.push({ kind: "away", to: ELSEWHERE, shares: away });
  if (keep) parts.push({ kind: "weak", to: beyond(keep), shares: weak });
  const hidden = Float32Array.from(rows, (i, r) => unfiltered.hidden[i] + away[r] + weak[r]);
  const [lost, empty] = [unfiltered.lost, unfiltered.empty].map((shares) => Float32Array.from(rows, (i) => shares[i]));
  const causal = unfiltered.causal && !across;
  const uncertainty = unfiltered.uncertainty && Float32Array.from(rows, (i) => unfiltered.uncertainty[i]);
  return { ...unfiltered, uncertainty, queries, keys, weights, lost, empty, hidden, parts, causal, cross: unfiltered.cross || across, keep, between };
}

// Sets the weights that `keep` leaves out of a row to 0; returns their sum.
export function leaveOut(row, { rule, value }) {
  const least = Math.fround(value);
  const stays = rule === "least" ? (weight) => weight >= least : largest(row, rule, value);
  let out = 0;
  for (let j = 0; j < row.length; j++) {
    if (stays(row[j])) continue;
    out += row[j];
    row[j] = 0;
  }
  return out;
}

// Whether a weight is among the largest, called in text order: among equal weights, the earlier ones are.
function largest(row, rule, value) {
  const sorted = row.slice().sort().reverse();
  const count = rule === "top" ? Math.min(value, row.length) : reaching(sorted, value);
  const cut = count ? sorted[count - 1] : Infinity;
  let equal = count - sorted.indexOf(cut);
  return (weight) => weight > cut || (weight === cut && equal-- > 0);
}

// How many of the largest weights together reach this share of the row.
function reaching(sorted, share) {
  const wanted = share * sumOf(sorted) - REACHED;
  let [sum, count] = [0, 0];
  while (count < sorted.length && sum < wanted) sum += sorted[count++];
  return count;
}

export function sumOf(row) {
  let sum = 0;
  for (let j = 0; j < row.length; j++) sum += row[j];
  return sum;
}

// Which weights are left out, in words: `below 0.1`.
export function beyond({ rule, value }) {
  if (rule === "least") return `below ${value}`;
  return rule === "top" ? `beyond the ${value === 1 ? "largest" : `${value} largest`}` : `beyond ${share(value)}`;
}

// A share that a reader chose, as in sentences: `90 %`, `99.5 %`.
export const share = (value) => `${Number((100 * value).toFixed(2))}\u202f%`;

// A share as analysis/view.py writes it: "under 1 %" if it rounds to 0 but is not 0.
export function percent(value) {
  return value > 0 && value < 0.005 ? "under 1\u202f%" : `${(100 * value).toFixed(0)}\u202f%`;
}
