// Notes on what was hidden, rescaled or left out, in the sentences of analysis/view.py and filters.py.

import { isAcross, percent, share, sumOf } from "./filters.js";
import { counts } from "./pattern.js";

const ORDINAL = { a: "first", b: "second" };

export function notesOf(pattern) {
  const part = Object.fromEntries(pattern.parts.map((one) => [one.kind, one]));
  const { special, sink, away, weak } = part;
  if (special && !pattern.queries.length) return [`Special tokens are hidden, and there is nothing beside ${special.to}.`];
  const sunk = sink?.shares.some((one) => one > 0);
  return [
    ...(special?.rescaled || sink?.rescaled ? rescaling(pattern, special, sunk ? sink : null) : hiding(pattern, special, sunk ? sink : null)),
    ...(away ? [between(pattern.between, away)] : []),
    ...(weak && pattern.weights.length ? [keeping(pattern.keep, weak)] : []),
  ];
}

const mean = ({ shares }) => percent(sumOf(shares) / shares.length);

// Over the rows that count, as in the profile; over all rows if none counts.
function hiding(pattern, special, sink) {
  const rows = pattern.queries.map((_, row) => row).filter((row) => counts(pattern, row));
  const mean = ({ shares }) => percent(rows.length ? sumOf(rows.map((row) => shares[row])) / rows.length : sumOf(shares) / shares.length);
  return [
    ...(special ? [`Special tokens are hidden: on average ${mean(special)} of a row goes to ${special.to} and is left out.`] : []),
    ...(sink ? [`On average ${mean(sink)} of a row goes to ${sink.to}, which is no token, and is left out.`] : []),
  ];
}

function rescaling({ lost, empty }, special, sink) {
  const what = special ? "Special tokens are hidden and each row" : "Each row";
  const to = [special, sink].filter(Boolean).map((part) => part.to).join(" and ");
  const first = `${what} is rescaled to sum to 1: before, ${mean({ shares: lost })} of it on average went to ${to}.`;
  const rows = sumOf(empty);
  if (!rows) return [first];
  return [first, `${rows === 1 ? "One row has" : `${rows} rows have`} nothing left to rescale and ${rows === 1 ? "stays" : "stay"} 0.`];
}

function between(ends, away) {
  const [looks, at] = [ORDINAL[ends[0]], isAcross(ends) ? `the ${ORDINAL[ends[2]]}` : "itself"];
  return `Only how the ${looks} text looks at ${at} is shown: on average ${mean(away)} of a row goes to ${away.to} and is left out.`;
}

function keeping({ rule, value }, weak) {
  const what = {
    least: `Only weights of at least ${value} are shown`,
    top: value === 1 ? "Only the largest weight of a row is shown" : `Only the ${value} largest weights of a row are shown`,
    mass: `Only the largest weights of a row, which together reach ${share(value)} of it, are shown`,
  }[rule];
  return `${what}: on average ${mean(weak)} of a row is left out.`;
}
