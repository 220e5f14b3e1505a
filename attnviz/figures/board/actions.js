// Gestures in, the next state handed to `set` out. `at` gives what the gesture needs to know: frame, state, view, pictures.

import { SPECIAL, chosen, focusOf, held, hovered, letGo, moved, optionsOf, pointed, sideOf, turned } from "./state.js";
import { isLoaded } from "./frame.js";
import { unitsOf } from "./pattern.js";
import { walked } from "./input.js";
import { within } from "./element.js";

const LONG = 10; // signs that fit every column of labels

export function makeActions(at, set) {
  const units = (side) => unitsOf(side === "key" ? at.frame().keys : at.frame().queries, optionsOf(at.state()));
  const token = (side, unit) => units(side)[unit].tokens[0];
  // A word of the one sentence may look or be looked at; of two texts, the left looks and the right is looked at.
  const sideFor = (side) => (side === "both" ? sideOf(at.state()) : side);

  function point(link) {
    const now = at.state();
    if (!link) return now.point ? set(pointed(now, null)) : undefined;
    const meant = Object.fromEntries(Object.entries(link).map(([side, unit]) => [side, token(side, unit)]));
    const { point: before } = now;
    const same = before && ["query", "key", "word"].every((end) => before[end] === meant[end]);
    return same ? undefined : set(pointed(now, meant));
  }

  function pointWord(word) {
    if (!word) return point(null);
    if (word.side !== "both") return point({ [word.side]: word.unit });
    const now = at.state();
    const meant = token("query", word.unit);
    return now.point?.word === meant ? undefined : set(pointed(now, { word: meant }));
  }

  function hover(head) {
    const now = at.state();
    const same = head ? now.hover && head.join() === now.hover.join() : !now.hover;
    if (same || (head && !isLoaded(at.book(), ...head))) return;
    set(hovered(now, head));
  }

  function holdLink(link, touched) {
    const now = at.state();
    const { hold } = now;
    if (link.query !== undefined && link.key !== undefined) return set(held(now, "query", token("query", link.query), token("key", link.key)));
    const [side, unit] = Object.entries(link)[0];
    // There is no hovering on glass: a tap on the other column asks for the link to the held word.
    if (touched && hold && hold.side !== side && hold.mate !== token(side, unit)) return set(held(now, hold.side, hold.token, token(side, unit)));
    return set(held(now, side, token(side, unit)));
  }

  return {
    point,
    pointWord,
    hover,
    holdLink,
    holdWord: ({ unit, side }) => set(held(at.state(), sideFor(side), token(sideFor(side), unit))),
    holdPointed: () => {
      const { query, key } = focusOf(at.state(), at.frame());
      if (query >= 0 && key >= 0) set(held(at.state(), "query", token("query", query), token("key", key)));
      return true;
    },
    choose: (head) => set(chosen(at.state(), head)),
    move: (step, repeated) => {
      if (repeated) at.still();
      set(moved(at.state(), at.frame(), ...step));
    },
    walk: (step, side) => {
      const now = at.state();
      const meant = sideFor(side);
      const focus = focusOf(pointed(now, null), at.frame());
      const from = focus.side === meant ? focus[meant] : -1;
      const unit = walked(from, step, units(meant).length, at.direction());
      set(held({ ...now, hold: null }, meant, token(meant, unit)));
    },
    cell: ([down, right]) => {
      const { query, key } = focusOf(at.state(), at.frame());
      const next = (from, step, side) => within(from < 0 ? 0 : from + step, 0, units(side).length - 1);
      point({ query: next(query, down, "query"), key: next(key, right, "key") });
    },
    turn: (side = sideOf(at.state()) === "query" ? "key" : "query") => set(turned(at.state(), side, at.frame().cross)),
    show: (what) => {
      const now = at.state();
      if (what === "words") set({ ...now, words: !now.words });
      else if (what === "special") set({ ...now, special: now.special === SPECIAL[0] ? SPECIAL[1] : SPECIAL[0] });
      else set({ ...now, ...what });
    },
    letGo: () => {
      const { hold, point: pointing } = at.state();
      if (!hold && !pointing) return false;
      return set(letGo(at.state()));
    },
    // What the pictures had to shorten, whole.
    wholeText: (link) =>
      Object.entries(link)
        .map(([side, unit]) => units(side)[unit].text)
        .filter((text) => Array.from(text).length > LONG)
        .join(" \u2192 "),
    headAt: at.headAt,
    unitsAt: at.unitsAt,
    scrolled: at.scrolled,
  };
}
