// A pattern and what is meant in; one line in words out: who looks at whom, and how much.

import { anchorOf, mateOf } from "./state.js";
import { element } from "./element.js";
import { headName, isolated, threeDigits } from "./encoding.js";
import { lostTo, named, ranked } from "./pattern.js";

const NEXT = 3;
const NOTED = 0.005;

// The same line as data: the readout and the status line for screen readers both speak it.
export function spoken({ pattern, focus, line }) {
  if (!line) return null;
  const anchor = anchorOf(focus);
  const looks = focus.side === "query";
  const [here, there] = looks ? [pattern.queries, pattern.keys] : [pattern.keys, pattern.queries];
  const self = (i) => !pattern.cross && i === anchor;
  const name = (i) => (self(i) ? "itself" : named(there, i));
  const order = ranked(line);
  const mate = mateOf(focus);
  const main = mate >= 0 ? mate : order.find((i) => !self(i)) ?? order[0];
  const rest = order.filter((i) => i !== main).slice(0, NEXT);
  return {
    who: named(here, anchor),
    does: looks ? "looks at" : "is looked at by",
    whom: name(main),
    weight: line[main],
    rest: mate >= 0 ? [] : rest.map((i) => [name(i), line[i]]),
    lost: looks && pattern.lost[anchor] >= NOTED ? [lostTo(pattern), pattern.lost[anchor]] : null,
    rescaled: pattern.options.special === "renormalise",
  };
}

export function drawReadout(host, view) {
  const { pattern, state } = view;
  if (!pattern) {
    host.replaceChildren(view.missing);
    return;
  }
  const said = spoken(view);
  if (!said) {
    const verb = state.side === "query" ? "what it looks at" : "what looks at it";
    host.replaceChildren(`Point at a word to see ${verb}. Click holds it, Escape lets go.`);
    return;
  }
  const held = element("span", view.focus.side === "query" ? "pill" : "pill outlined", said.who);
  const then = said.rest.map(([name, weight]) => `${isolated(name)}\u00a0${threeDigits(weight)}`).join(", ");
  const lost = said.lost ? `${said.rescaled ? "before rescaling, " : ""}${said.lost[0]}\u00a0${threeDigits(said.lost[1])}` : "";
  const rest = [then && `then ${then}`, lost].filter(Boolean).join("; ");
  const parts = [held, element("span", "", said.does), element("b", "", said.whom), element("span", "value", threeDigits(said.weight))];
  host.replaceChildren(...parts, ...(rest ? [element("span", "rest", rest)] : []));
}

export function sentenceOf(view) {
  const said = view.pattern ? spoken(view) : null;
  const where = headName(...view.head);
  if (!said) return `${where}. No word is held.`;
  const rest = said.rest.map(([name, weight]) => `${name} ${threeDigits(weight)}`).join(", ");
  const lost = said.lost ? ` ${said.lost[0]} ${threeDigits(said.lost[1])}.` : "";
  return `In ${where}, ${said.who} ${said.does} ${said.whom} ${threeDigits(said.weight)}.${rest ? ` Then ${rest}.` : ""}${lost}`;
}
