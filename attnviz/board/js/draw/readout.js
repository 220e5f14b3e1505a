// The readout: one line that says which word looks at which, and how much.

import { anchorsOf } from "../core/selection.js";
import { partnerOf } from "../core/state.js";
import { element, withTerms } from "../core/element.js";
import { about, headName, isolated, threeDigits } from "../core/encoding.js";
import { uncertaintyIn, uncertaintyOf, named, ranked } from "../core/pattern.js";
import { ordinal, othersOf, rankOf } from "../core/specificity.js";
import { unknownLine } from "./unknownTokens.js";

const NEXT = 3;
const NOTED = 0.005;
const TERMS = { "other words": "specific", GAP: "gap", Winogender: "winogender" }; // of the glossary
const shown = new WeakMap(); // what a line shows: it is drawn again only if that changes, so that the focus stays on a term

// The parts of the line, for the readout and for the status line of screen readers. `lost` lists where the rest of the
// selected rows went, and how much; `before` where it went before they were rescaled.
export function readoutOf({ pattern, unfiltered = pattern, focus, line, head, corpus, book }) {
  if (!line || !line.length) return null;
  const anchors = anchorsOf(focus);
  const looks = focus.side === "query";
  const [here, there] = looks ? [pattern.queries, pattern.keys] : [pattern.keys, pattern.queries];
  const own = (i) => !pattern.cross && anchors.length === 1 && anchors[0] === i; // among several, one may look at another one
  const name = (i) => (own(i) ? "itself" : named(there, i));
  const order = ranked(line);
  const partner = partnerOf(focus);
  // A weight of 0 is left out by a filter, or hidden.
  const main = partner >= 0 ? partner : order.find((i) => !own(i) && line[i] > 0) ?? order[0];
  const rest = order.filter((i) => i !== main && line[i] > 0).slice(0, NEXT);
  const many = anchors.length > 1;
  const parts = looks ? pattern.parts.map(({ to, shares, rescaled }) => [to, anchors.reduce((sum, i) => sum + shares[i], 0), rescaled]) : [];
  const written = (i) => about(line[i], uncertaintyIn(pattern, focus, anchors, i));
  const noted = parts.filter(([, share]) => share >= NOTED);
  const [row, key] = looks ? [anchors[0], main] : [main, anchors[0]];
  return {
    specific: many || !(line[main] > 0) ? null : specificOf(pattern, unfiltered, row, key),
    corpus: many || !corpus ? null : onCorpus(corpus, head, book.frame.counts, pattern.queries[row], pattern.keys[key]),
    units: [...anchors.map((i) => here[i]), there[main]],
    who: anchors.map((i) => named(here, i)).join(" + "),
    does: looks ? (many ? "look at" : "looks at") : many ? "are looked at by" : "is looked at by",
    whom: name(main),
    weight: line[main],
    written,
    value: written(main),
    rounded: pattern.options.special === "renormalise" && written(main) !== threeDigits(line[main]),
    rest: partner >= 0 ? [] : rest.map((i) => [name(i), written(i)]),
    before: noted.filter(([, , rescaled]) => rescaled).map(([to, share]) => [to, about(share)]),
    lost: noted.filter(([, , rescaled]) => !rescaled).map(([to, share]) => [to, about(share)]),
    summed: many,
  };
}

// What the other words give the key of a link, filters apart; null without other words.
function specificOf(pattern, unfiltered, row, key) {
  const [at, to] = [unfiltered.queries.indexOf(pattern.queries[row]), unfiltered.keys.indexOf(pattern.keys[key])];
  const { n, mean, error, looking, everywhere } = othersOf(unfiltered, at, to, uncertaintyOf);
  if (!n) return null;
  const word = pattern.options.words ? "word" : "token";
  const who = n === 1 ? `the other ${word} gives` : `the ${n} other ${word}s give`;
  const source = pattern.queries[row].special ? named(pattern.queries, row) : `\u201c${isolated(named(pattern.queries, row))}\u201d`;
  const warning = everywhere ? `${looking === n ? `every ${word} looks` : `most ${word}s look`} here, not only ${source}` : "";
  return { short: `other words\u00a0${about(mean, error)}`, whole: `${who} it ${about(mean, error)} on average`, warning };
}

// The head's rank on annotated texts, for a pronoun that looks at an earlier word; null for other links.
function onCorpus({ pronouns, on, of, short, ranks }, head, counts, query, key) {
  if (query.special || key.special || key.start >= query.start || query.segment || !pronouns.includes(query.start)) return null;
  const rank = `${ordinal(rankOf({ ranks }, head, counts))} of ${of} heads on`;
  return { short: `${rank} ${short}`, whole: `${rank} ${on}` };
}

// Returns the part that a phone shows in a separate line: where the rest went, and what the others give, as nodes.
export function drawReadout(host, view) {
  const { pattern, state } = view;
  const readout = pattern ? readoutOf(view) : null;
  if (!readout) shown.delete(host);
  if (!pattern) {
    host.replaceChildren(view.missing);
    return [];
  }
  if (!readout) {
    const verb = state.side === "query" ? "what it looks at" : "what looks at it";
    if (state.selected && !state.point) host.replaceChildren("The selected word is not shown here. Click another, or press Escape.");
    else if (view.geometry.phone) host.replaceChildren(`Tap a word to see ${verb}. Tap it again to deselect it.`);
    else host.replaceChildren(element("span", "hint", `Point at a word to see ${verb}. Click selects it, Escape deselects it.`));
    return [];
  }
  const pill = element("span", view.focus.side === "query" ? "pill" : "pill outlined", readout.who);
  const list = (pairs) => pairs.map(([name, weight]) => `${isolated(name)}\u00a0${weight}`).join(", ");
  const hiddenText = [readout.before.length && `before rescaling, ${list(readout.before)}`, readout.lost.length && `hidden: ${list(readout.lost)}`].filter(Boolean).join("; ");
  const rest = [
    readout.summed && "summed",
    readout.rounded && "rounded, because little of this row is left",
    readout.rest.length && `then ${list(readout.rest)}`,
    hiddenText,
  ].filter(Boolean).join("; ");
  const parts = [pill, element("span", "", readout.does), element("b", "", readout.whom), element("span", "value", readout.value)];
  const { specific, corpus } = readout;
  const titled = ({ short, whole }) => {
    const one = element("span");
    one.append(...withTerms(view.glossary, short, TERMS));
    one.title = whole;
    return one;
  };
  const beside = specific || corpus ? element("span", "beside-it") : null;
  if (specific) beside.append(...(specific.warning ? [element("strong", "", specific.warning), ": "] : []), titled(specific));
  if (corpus) beside.append(specific ? "; " : "", titled(corpus));
  const key = JSON.stringify([pill.className, ...parts.map((one) => one.textContent), rest, specific, corpus]);
  if (shown.get(host) !== key) host.replaceChildren(...parts, ...(rest ? [element("span", "rest", rest)] : []), ...(beside ? [beside] : []));
  shown.set(host, key);
  const lines = [hiddenText, specific?.warning].filter(Boolean).join("; ");
  const terms = [specific?.short, corpus?.short].filter(Boolean).join("; ");
  return [lines, lines && terms && "; ", ...withTerms(view.glossary, terms, TERMS)].filter(Boolean);
}

export function sentenceOf(view) {
  const readout = view.pattern ? readoutOf(view) : null;
  const where = headName(...view.head);
  if (!readout) return `${where}. No word is selected.`;
  const list = (pairs) => pairs.map(([name, weight]) => `${name} ${weight}`).join(", ");
  const more = [unknownLine(view.book.frame, view.state.words, readout.units), readout.rest.length && `Then ${list(readout.rest)}.`, readout.before.length && `Before rescaling, ${list(readout.before)}.`, readout.lost.length && `Hidden: ${list(readout.lost)}.`, begun(readout.specific?.warning), begun(readout.specific?.whole), begun(readout.corpus?.whole)];
  return [`In ${where}, ${readout.who} ${readout.does} ${readout.whom} ${readout.value}${readout.summed ? ", summed" : ""}.`, ...more].filter(Boolean).join(" ");
}

const begun = (text) => text && `${text[0].toUpperCase()}${text.slice(1)}.`;
