// Where a head looks on average, and how widely: the profile of analysis/head_profile.py and analysis/positions.py.

import { element, termLink } from "../core/element.js";
import { headName, isolated, percent, together, withMark } from "../core/encoding.js";
import { counts, lostTo } from "../core/pattern.js";

// Shares in reading order, which add up to 1, and as whole percents, which add up to 100; entropy in bits and its
// maximum. All are averaged over the rows that count.
const known = new WeakMap(); // adding up a long text's weights takes a while
export function profileOf(pattern) {
  if (!known.has(pattern)) known.set(pattern, counted(pattern));
  return known.get(pattern);
}

function counted(pattern) {
  const { queries, keys, weights, hidden, causal, cross, options } = pattern;
  const word = options.words ? "word" : "token";
  const start = keys.findIndex((key) => !key.special);
  const names = [...new Set(keys.filter((key) => key.special).map((key) => key.text))];
  const opening = new Set(keys.slice(0, start < 0 ? keys.length : start).map((key) => key.text));
  const first = start === 0 && keys[0].tokens.includes(0) ? [`the first ${word}`] : []; // often a sink, whatever the word
  const neighbours = cross ? [] : [`the ${word} before`, "itself", ...(causal ? [] : [`the ${word} after`])];
  const others = cross ? `${word}s of the other text` : `other ${word}s`;
  const labels = [...names.filter((name) => opening.has(name)), ...first, ...neighbours, others, ...names.filter((name) => !opening.has(name))];
  const shares = new Map(labels.map((label) => [label, 0]));
  const missing = hidden.some((share) => share > 0) && lostTo(pattern);
  if (missing) shares.set(missing, 0);
  const touch = (a, b) => a && b && !a.special && !b.special && a.segment === b.segment && a.tokens[a.tokens.length - 1] + 1 === b.tokens[0];
  let [rows, bits, most] = [0, 0, 0];
  const add = (label, weight) => {
    shares.set(label, shares.get(label) + weight);
    if (weight > 0) bits -= weight * Math.log2(weight);
  };
  const usual = keys.map((key, j) => (key.special ? key.text : j === 0 && first.length ? first[0] : others));
  queries.forEach((query, i) => {
    if (!counts(pattern, i)) return;
    rows += 1;
    let rest = 0; // of the words without their own line: nearly all in a long text
    for (let j = 0; j < keys.length; j++) {
      const weight = weights[i * keys.length + j];
      if (!weight) continue;
      let label = usual[j];
      if (!cross && label === others && !keys[j].special && Math.abs(j - i) < 2) {
        if (j === i) label = "itself";
        else if (j === i - 1 && touch(keys[j], query)) label = `the ${word} before`;
        else if (!causal && j === i + 1 && touch(query, keys[j])) label = `the ${word} after`;
      }
      if (label !== others) add(label, weight);
      else {
        rest += weight;
        bits -= weight * Math.log2(weight);
      }
    }
    shares.set(others, shares.get(others) + rest);
    if (missing) add(missing, hidden[i]);
    most += Math.log2((causal ? i + 1 : keys.length) + (missing ? 1 : 0));
  });
  const over = Math.max(rows, 1);
  const listed = [...shares].map(([label, share]) => [label, share / over]);
  const percents = together(listed.map(([, share]) => share), missing ? listed.length - 1 : -1);
  return { shares: listed, percents, entropy: bits / over, most: most / over, rows };
}

// A share of a profile as text, the same everywhere.
export const written = ({ shares, percents }, at) => (shares[at][1] > 0 && shares[at][1] < 0.005 ? "under 1\u202f%" : percent(percents[at] / 100));

// The words that a causal model cannot have used for the selected word.
export function unseen({ queries, causal }, focus) {
  if (!causal) return "";
  const words = queries.slice(focus.query + 1).filter((unit) => !unit.special);
  if (focus.query < 0 || focus.side !== "query" || !words.length) return "This model reads left to right: no word looks ahead.";
  const few = words.slice(0, 4).map((unit, i) => `${i && !unit.joined ? " " : ""}${unit.label}`).join("");
  const verb = words.length === 1 ? "comes" : "come";
  return `This model reads left to right. \u201c${isolated(few)}${words.length > 4 ? " \u2026" : ""}\u201d ${verb} after ${withMark(`\u201c${isolated(queries[focus.query].label)}\u201d`, queries[focus.query])} and cannot change this row.`;
}

const shown = new WeakMap(); // what the profile shows: it is drawn again only if that changes, so that the focus stays on a term

export function drawProfile(host, { pattern, unfiltered, focus, head, theme, profile, glossary }) {
  const note = pattern ? unseen(pattern, focus) : "";
  const key = JSON.stringify(pattern ? [head, profile, note, theme.bar, unfiltered.cross] : null);
  if (shown.get(host) === key) return;
  shown.set(host, key);
  if (!pattern) {
    host.replaceChildren();
    return;
  }
  host.classList.toggle("cross", unfiltered.cross);
  const title = element("h3", "", `On average, ${headName(...head)} looks at`);
  const spread = element("small");
  spread.append(termLink(glossary, "entropy"), ` ${profile.entropy.toFixed(1)} of ${profile.most.toFixed(1)} bits`);
  title.append(spread);
  const rows = profile.shares.map(([label, share], at) => {
    const row = element("div", "fact");
    const bar = element("i", "bar");
    bar.style.width = `${100 * share}%`;
    bar.style.background = theme.bar;
    const track = element("span", "track");
    track.append(bar);
    row.append(element("span", "", label), track, element("b", "", written(profile, at)));
    return row;
  });
  host.replaceChildren(title, ...rows, ...(note ? [element("p", "note", note)] : []));
}
