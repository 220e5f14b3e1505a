// Actions on the board. Each passes the next state to `set`; `at` returns the frame, state, view and pictures.

import { SPECIAL, chosen, focusOf, select, hovered, clearSelection, moved, optionsOf, pointed, sideOf, withSide } from "../core/state.js";
import { isSeen } from "../core/frame.js";
import { betweenOf, isAcross } from "../core/filters.js";
import { columnsOf, rowsOf, unitsOf } from "../core/pattern.js";
import { keepSelected, toggleSelected, moveSelection } from "../core/selection.js";
import { nextUnit } from "./input.js";
import { within } from "../core/element.js";

const LONG = 10; // characters that fit every column of labels

export function makeActions(at, set) {
  const options = () => optionsOf(at.state());
  const units = (side) => (side === "key" ? columnsOf : rowsOf)(at.frame(), options());
  const token = (side, unit) => units(side)[unit].tokens[0];
  // A word of a single sentence can be query or key; with two texts, the left one has the queries and the right one the keys,
  // also if only the attention from one text of a pair to the other is shown.
  const sideFor = (side) => (side === "both" ? sideOf(at.state()) : side);
  const across = () => isAcross(betweenOf(at.frame(), options()));
  const wordAt = ({ side, unit }) => {
    const { frame } = at;
    const word = unitsOf(side === "key" ? frame().keys : frame().queries, options())[unit];
    const looks = word.segment === "ab".indexOf(options().between[0]);
    return { side: side === "both" && across() ? (looks ? "query" : "key") : side, tokens: word.tokens };
  };

  function point(link) {
    const now = at.state();
    if (!link) return now.point ? set(pointed(now, null)) : undefined;
    pointTokens(Object.fromEntries(Object.entries(link).map(([side, unit]) => [side, token(side, unit)])));
  }

  function pointTokens(meant) {
    const { point: before } = at.state();
    const same = before && ["query", "key", "word"].every((end) => before[end] === meant[end]);
    if (!same) set(pointed(at.state(), meant));
  }

  function pointWord(word) {
    if (!word) return point(null);
    const { side, tokens } = wordAt(word);
    pointTokens({ [side === "both" ? "word" : side]: tokens[0] });
  }

  function addUnit(side, unit) {
    set(toggleSelected(at.state(), side, units(side)[unit].tokens));
  }

  function hover(head) {
    const now = at.state();
    const same = head ? now.hover && head.join() === now.hover.join() : !now.hover;
    if (same || (head && !isSeen(at.book(), ...head))) return;
    set(hovered(now, head));
  }

  function selectLink(link, touched) {
    const now = at.state();
    const { selected } = now;
    if (link.query !== undefined && link.key !== undefined) return set(select(now, "query", token("query", link.query), token("key", link.key)));
    const [side, unit] = Object.entries(link)[0];
    // Touch screens have no hover: a tap on the other column shows the link to the selected word.
    if (touched && selected && selected.side !== side && selected.partner !== token(side, unit)) return set({ ...now, selected: { ...selected, partner: token(side, unit) }, point: null });
    return set(select(now, side, token(side, unit)));
  }

  return {
    point,
    pointWord,
    hover,
    selectLink,
    selectWord: (word) => {
      const { side, tokens } = wordAt(word);
      set(select(at.state(), sideFor(side), tokens[0]));
    },
    addWord: (word) => {
      const { side, tokens } = wordAt(word);
      set(toggleSelected(at.state(), sideFor(side), tokens));
    },
    // The query of a link, unless the selected words are keys.
    addLink: (link) => {
      const side = link.query === undefined || (link.key !== undefined && sideOf(at.state()) === "key") ? "key" : "query";
      addUnit(side, link[side]);
    },
    addPointed: () => {
      const focus = focusOf(at.state(), at.frame());
      if (focus[focus.side] >= 0) addUnit(focus.side, focus[focus.side]);
      return true;
    },
    keepSelected: () => {
      const focus = focusOf(pointed(at.state(), null), at.frame());
      const unit = focus[focus.side];
      if (unit >= 0) set(keepSelected(at.state(), units(focus.side)[unit].tokens));
      return true;
    },
    selectPointed: () => {
      const { query, key } = focusOf(at.state(), at.frame());
      if (query >= 0 && key >= 0) set(select(at.state(), "query", token("query", query), token("key", key)));
      return true;
    },
    choose: (head) => set(chosen(at.state(), head)),
    move: (step, repeated) => {
      if (repeated) at.still();
      set(moved(at.state(), at.frame(), ...step));
    },
    stepWord: (step, side) => {
      const now = at.state();
      const meant = sideFor(side);
      const focus = focusOf(pointed(now, null), at.frame());
      const from = focus.side === meant ? focus[meant] : -1;
      const unit = nextUnit(from, step, units(meant).length, at.direction());
      set(moveSelection(now, meant, token(meant, unit)));
    },
    cell: ([down, right]) => {
      const { query, key } = focusOf(at.state(), at.frame());
      const next = (from, step, side) => within(from < 0 ? 0 : from + step, 0, units(side).length - 1);
      point({ query: next(query, down, "query"), key: next(key, right, "key") });
      at.follow();
    },
    switchSide: (side = sideOf(at.state()) === "query" ? "key" : "query") => set(withSide(at.state(), side, at.frame().cross || across())),
    show: (what) => {
      const now = at.state();
      if (what === "words") set({ ...now, words: !now.words });
      else if (what === "special") set({ ...now, special: SPECIAL[(SPECIAL.indexOf(now.special) + 1) % SPECIAL.length] });
      else set({ ...now, ...what });
    },
    clearSelection: () => {
      const { selected, point: pointing } = at.state();
      if (!selected && !pointing) return false;
      return set(clearSelection(at.state()));
    },
    // The full text of labels that the pictures shortened.
    fullText: (link) =>
      Object.entries(link)
        .map(([side, unit]) => units(side)[unit].text)
        .filter((text) => Array.from(text).length > LONG)
        .join(" \u2192 "),
    headAt: at.headAt,
    unitsAt: at.unitsAt,
    scrolled: at.scrolled,
  };
}
