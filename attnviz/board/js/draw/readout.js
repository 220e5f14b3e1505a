// The readout: one line that says which word looks at which, and how much. The largest weight comes first, wherever it goes; if
// it goes to the word itself or to a special token, the largest of the other words follows.

import { anchorsOf } from "../core/selection.js";
import { partnerOf } from "../core/state.js";
import { element, withTerms } from "../core/element.js";
import { about, headName, isolated, threeDigits } from "../core/encoding.js";
import { uncertaintyIn, uncertaintyOf, named, ranked } from "../core/pattern.js";
import { ordinal, othersOf, rankOf } from "../core/specificity.js";
import { unknownLine } from "./unknownTokens.js";

const NEXT = 3;
const NOTED = 0.005;
const MOST = 0.5; // of a row: from here up it looks "mostly" there
const TERMS = { "other words": "specific", GAP: "gap", Winogender: "winogender" }; // of the glossary
const shown = new WeakMap(); // what a line shows: it is drawn again only if that changes, so that the focus stays on a term

// The parts of the line, for the readout and for the status line of screen readers. `lost` lists where the rest of the
// selected rows went, and how much; `before` where it went before they were rescaled. `word` is the largest of the other words
// where something else is larger, and `larger` is what is larger than a selected link; each is null or [name, weight].
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
  const best = order.find((i) => !own(i) && !there[i].special && line[i] > 0) ?? -1;
  const less = (i) => i >= 0 && Number(line[i].toFixed(3)) < Number(line[order[0]].toFixed(3));
  const second = partner < 0 && less(best) ? best : -1;
  const main = partner >= 0 ? partner : second >= 0 || best < 0 ? order[0] : best;
  const rest = order.filter((i) => i !== main && i !== second && line[i] > 0).slice(0, second < 0 ? NEXT : NEXT - 1);
  const many = anchors.length > 1;
  const parts = looks ? pattern.parts.map(({ to, shares, rescaled }) => [to, anchors.reduce((sum, i) => sum + shares[i], 0), rescaled]) : [];
  const written = (i) => about(line[i], uncertaintyIn(pattern, focus, anchors, i));
  const noted = parts.filter(([, share]) => share >= NOTED);
  const linked = second < 0 ? main : second; // the link between words
  const [row, key] = looks ? [anchors[0], linked] : [linked, anchors[0]];
  const how = second < 0 ? "" : looks && line[main] >= MOST * anchors.length ? "mostly " : "most ";
  return {
    specific: many || !(line[linked] > 0) ? null : specificOf(pattern, unfiltered, row, key, second >= 0),
    corpus: many || !corpus ? null : onCorpus(corpus, head, book.frame.counts, pattern.queries[row], pattern.keys[key]),
    units: [...anchors.map((i) => here[i]), there[main], ...(second < 0 ? [] : [there[second]])],
    who: anchors.map((i) => named(here, i)).join(" + "),
    does: looks ? `${many ? "look" : "looks"} ${how}at` : `${many ? "are" : "is"} looked at ${how}by`,
    whom: name(main),
    weight: line[main],
    written,
    value: written(main),
    word: second < 0 ? null : [name(second), written(second)],
    of: `of the ${own(main) ? "other " : ""}${pattern.options.words ? "words" : "tokens"}, most ${looks ? "at" : "by"}`,
    larger: partner >= 0 && less(partner) ? [name(order[0]), written(order[0])] : null,
    rounded: pattern.options.special === "renormalise" && written(main) !== threeDigits(line[main]),
    rest: partner >= 0 ? [] : rest.map((i) => [name(i), written(i)]),
    before: noted.filter(([, , rescaled]) => rescaled).map(([to, share]) => [to, about(share)]),
    lost: noted.filter(([, , rescaled]) => !rescaled).map(([to, share]) => [to, about(share)]),
    summed: many,
  };
}

// What the other words give the key of a link, filters apart; null without other words. The key is named if the line names another one first.
function specificOf(pattern, unfiltered, row, key, apart) {
  const [at, to] = [unfiltered.queries.indexOf(pattern.queries[row]), unfiltered.keys.indexOf(pattern.keys[key])];
  const { n, mean, error, looking, everywhere } = othersOf(unfiltered, at, to, uncertaintyOf);
  if (!n) return null;
  const word = pattern.options.words ? "word" : "token";
  const who = n === 1 ? `the other ${word} gives` : `the ${n} other ${word}s give`;
  const source = pattern.queries[row].special ? named(pattern.queries, row) : `\u201c${isolated(named(pattern.queries, row))}\u201d`;
  const here = apart ? `at ${isolated(named(pattern.keys, key))}` : "here";
  const warning = everywhere ? `${looking === n ? `every ${word} looks` : `most ${word}s look`} ${here}, not only ${source}` : "";
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
  const most = readout.word ? [`${readout.of} `, element("b", "", isolated(readout.word[0])), `\u00a0${readout.word[1]}`] : [];
  const larger = readout.larger && `most ${view.focus.side === "query" ? "goes to" : "comes from"} ${list([readout.larger])}`;
  const rest = [
    larger && state.selected && !state.point ? `the selected link; ${larger}` : larger,
    readout.summed && "summed",
    readout.rounded && "rounded, because little of this row is left",
    readout.rest.length && `then ${list(readout.rest)}`,
    hiddenText,
  ].filter(Boolean).join("; ");
  const parts = [pill, element("span", "", readout.does), element("b", "", readout.whom), element("span", "value", readout.value)];
  if (readout.word) {
    const also = element("span", "also");
    also.append(...most);
    parts.push(also);
  }
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
  const lines = [most.map((one) => one.textContent ?? one).join(""), larger, hiddenText, specific?.warning].filter(Boolean).join("; ");
  const terms = [specific?.short, corpus?.short].filter(Boolean).join("; ");
  return [lines, lines && terms && "; ", ...withTerms(view.glossary, terms, TERMS)].filter(Boolean);
}

export function sentenceOf(view) {
  const readout = view.pattern ? readoutOf(view) : null;
  const where = headName(...view.head);
  if (!readout) return `${where}. No word is selected.`;
  const list = (pairs) => pairs.map(([name, weight]) => `${name} ${weight}`).join(", ");
  const word = readout.word && `${begun(`${readout.of} ${readout.word.join(" ")}`)}`;
  const more = [word, unknownLine(view.book.frame, view.state.words, readout.units), readout.larger && `More than that: ${list([readout.larger])}.`, readout.rest.length && `Then ${list(readout.rest)}.`, readout.before.length && `Before rescaling, ${list(readout.before)}.`, readout.lost.length && `Hidden: ${list(readout.lost)}.`, begun(readout.specific?.warning), begun(readout.specific?.whole), begun(readout.corpus?.whole)];
  return [`In ${where}, ${readout.who} ${readout.does} ${readout.whom} ${readout.value}${readout.summed ? ", summed" : ""}.`, ...more].filter(Boolean).join(" ");
}

const begun = (text) => text && `${text[0].toUpperCase()}${text.slice(1)}.`;
