// A pattern and what is meant in; one line in words out: who looks at whom, and how much.

import { anchorsOf } from "../core/held.js";
import { mateOf } from "../core/state.js";
import { element } from "../core/element.js";
import { about, headName, isolated, threeDigits } from "../core/encoding.js";
import { doubtOf, named, ranked } from "../core/pattern.js";
import { unreadLine } from "./unread.js";

const NEXT = 3;
const NOTED = 0.005;

// The same line as data: the readout and the status line for screen readers both speak it. `lost` says where the rest of the
// held rows went, and how much; `before` where that was before they were rescaled.
export function spoken({ pattern, focus, line }) {
  if (!line || !line.length) return null;
  const anchors = anchorsOf(focus);
  const looks = focus.side === "query";
  const [here, there] = looks ? [pattern.queries, pattern.keys] : [pattern.keys, pattern.queries];
  const own = (i) => !pattern.cross && anchors.length === 1 && anchors[0] === i; // of several, one may look at another
  const name = (i) => (own(i) ? "itself" : named(there, i));
  const order = ranked(line);
  const mate = mateOf(focus);
  // What is 0 is left out by a filter, or cannot be seen.
  const main = mate >= 0 ? mate : order.find((i) => !own(i) && line[i] > 0) ?? order[0];
  const rest = order.filter((i) => i !== main && line[i] > 0).slice(0, NEXT);
  const many = anchors.length > 1;
  const parts = looks ? pattern.parts.map(({ to, shares, rescaled }) => [to, anchors.reduce((sum, i) => sum + shares[i], 0), rescaled]) : [];
  const doubt = (i) => anchors.reduce((sum, at) => sum + (looks ? doubtOf(pattern, at, i, many) : doubtOf(pattern, i, at, many)), 0);
  const written = (i) => about(line[i], doubt(i));
  const noted = parts.filter(([, share]) => share >= NOTED);
  return {
    units: [...anchors.map((i) => here[i]), there[main]],
    who: anchors.map((i) => named(here, i)).join(" + "),
    does: looks ? (many ? "look at" : "looks at") : many ? "are looked at by" : "is looked at by",
    whom: name(main),
    weight: line[main],
    written,
    value: written(main),
    rounded: pattern.options.special === "renormalise" && written(main) !== threeDigits(line[main]),
    rest: mate >= 0 ? [] : rest.map((i) => [name(i), written(i)]),
    before: noted.filter(([, , rescaled]) => rescaled).map(([to, share]) => [to, about(share)]),
    lost: noted.filter(([, , rescaled]) => !rescaled).map(([to, share]) => [to, about(share)]),
    summed: many,
  };
}

// Returns what of it a phone, which has room for the main thing only, says in a line of its own: where the rest went.
export function drawReadout(host, view) {
  const { pattern, state } = view;
  if (!pattern) {
    host.replaceChildren(view.missing);
    return "";
  }
  const said = spoken(view);
  if (!said) {
    const verb = state.side === "query" ? "what it looks at" : "what looks at it";
    if (state.hold && !state.point) host.replaceChildren("The word that is held is not shown here. Click another, or press Escape.");
    else if (view.geometry.phone) host.replaceChildren(`Tap a word to see ${verb}. Another tap lets go.`);
    else host.replaceChildren(`Point at a word to see ${verb}. Click holds it, Escape lets go.`);
    return "";
  }
  const held = element("span", view.focus.side === "query" ? "pill" : "pill outlined", said.who);
  const list = (pairs) => pairs.map(([name, weight]) => `${isolated(name)}\u00a0${weight}`).join(", ");
  const gone = [said.before.length && `before rescaling, ${list(said.before)}`, said.lost.length && `hidden: ${list(said.lost)}`].filter(Boolean).join("; ");
  const rest = [
    said.summed && "summed",
    said.rounded && "rounded, because little of this row is left",
    said.rest.length && `then ${list(said.rest)}`,
    gone,
  ].filter(Boolean).join("; ");
  const parts = [held, element("span", "", said.does), element("b", "", said.whom), element("span", "value", said.value)];
  host.replaceChildren(...parts, ...(rest ? [element("span", "rest", rest)] : []));
  return gone;
}

export function sentenceOf(view) {
  const said = view.pattern ? spoken(view) : null;
  const where = headName(...view.head);
  if (!said) return `${where}. No word is held.`;
  const list = (pairs) => pairs.map(([name, weight]) => `${name} ${weight}`).join(", ");
  const more = [unreadLine(view.book.frame, view.state.words, said.units), said.rest.length && `Then ${list(said.rest)}.`, said.before.length && `Before rescaling, ${list(said.before)}.`, said.lost.length && `Hidden: ${list(said.lost)}.`];
  return [`In ${where}, ${said.who} ${said.does} ${said.whom} ${said.value}${said.summed ? ", summed" : ""}.`, ...more].filter(Boolean).join(" ");
}
