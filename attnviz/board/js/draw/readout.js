// The readout: one line that says which word looks at which, and how much.

import { anchorsOf } from "../core/selection.js";
import { partnerOf } from "../core/state.js";
import { element } from "../core/element.js";
import { about, headName, isolated, threeDigits } from "../core/encoding.js";
import { uncertaintyIn, named, ranked } from "../core/pattern.js";
import { unknownLine } from "./unknownTokens.js";

const NEXT = 3;
const NOTED = 0.005;

// The parts of the line, for the readout and for the status line of screen readers. `lost` lists where the rest of the
// selected rows went, and how much; `before` where it went before they were rescaled.
export function readoutOf({ pattern, focus, line }) {
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
  return {
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

// Returns the part that a phone shows in a separate line: where the rest went.
export function drawReadout(host, view) {
  const { pattern, state } = view;
  if (!pattern) {
    host.replaceChildren(view.missing);
    return "";
  }
  const readout = readoutOf(view);
  if (!readout) {
    const verb = state.side === "query" ? "what it looks at" : "what looks at it";
    if (state.selected && !state.point) host.replaceChildren("The selected word is not shown here. Click another, or press Escape.");
    else if (view.geometry.phone) host.replaceChildren(`Tap a word to see ${verb}. Tap it again to deselect it.`);
    else host.replaceChildren(element("span", "hint", `Point at a word to see ${verb}. Click selects it, Escape deselects it.`));
    return "";
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
  host.replaceChildren(...parts, ...(rest ? [element("span", "rest", rest)] : []));
  return hiddenText;
}

export function sentenceOf(view) {
  const readout = view.pattern ? readoutOf(view) : null;
  const where = headName(...view.head);
  if (!readout) return `${where}. No word is selected.`;
  const list = (pairs) => pairs.map(([name, weight]) => `${name} ${weight}`).join(", ");
  const more = [unknownLine(view.book.frame, view.state.words, readout.units), readout.rest.length && `Then ${list(readout.rest)}.`, readout.before.length && `Before rescaling, ${list(readout.before)}.`, readout.lost.length && `Hidden: ${list(readout.lost)}.`];
  return [`In ${where}, ${readout.who} ${readout.does} ${readout.whom} ${readout.value}${readout.summed ? ", summed" : ""}.`, ...more].filter(Boolean).join(" ");
}
