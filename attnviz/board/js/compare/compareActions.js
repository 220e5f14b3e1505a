// Actions on the panels. Each passes the next state to `set`; `at` has what it needs.

import { FULL, MOST, NO_PAIR, moved, named, removed, shifted, toggled } from "../draw/tray.js";
import { SPECIAL, clearSelection, sideOf, withSide } from "../core/state.js";
import { focusIn, selectAt, marked, stateIn } from "./linked.js";
import { keepSelected, toggleSelected, moveSelection } from "../core/selection.js";
import { unitWith, unitsOf } from "../core/pattern.js";
import { nextUnit } from "../input/input.js";
import { within } from "../core/element.js";

export function makeCompareActions(at, set, leave) {
  const put = (more) => set({ ...at.state(), message: "", ...more });
  const refuse = (message) => set({ ...at.state(), message, choosing: null });
  const end = (found) => Object.entries(found).find(([name]) => ["query", "key", "word"].includes(name));
  const sideFor = (name) => (name === "word" ? sideOf(at.state()) : name);

  function point(found) {
    const { point: before } = at.state();
    if (!found) return before ? put({ point: null }) : undefined;
    const same = before && before.frame === found.frame && ["query", "key", "word"].every((name) => before[name] === found[name]);
    return same ? undefined : set({ ...at.state(), point: found });
  }

  function selected(found, touched) {
    const now = at.state();
    const { frame } = found;
    if (found.query !== undefined && found.key !== undefined) return set(selectAt(now, frame, "query", found.query, found.key));
    const [name, token] = end(found);
    const side = sideFor(name);
    const { selected: before } = stateIn(now, frame);
    // Touch screens have no hover: a tap on the other column shows the link to the selected word.
    if (touched && before && before.side !== side && before.partner !== token) return set(selectAt(now, frame, before.side, before.token, token));
    return set(selectAt(now, frame, side, token));
  }

  function add(found) {
    const { frame } = found;
    const [name, token] = end(found);
    set(marked(toggleSelected(stateIn(at.state(), frame), sideFor(name), [token]), frame));
  }

  function cell(canvas, [down, right]) {
    const picture = at.pictureOn(canvas);
    if (!picture?.pattern) return;
    const { pattern: { queries, keys }, frame } = picture;
    const focus = focusIn(picture, at.state());
    const next = (from, step, units) => units[within(from < 0 ? 0 : from + step, 0, units.length - 1)].tokens[0];
    point({ frame, query: next(focus.query, down, queries), key: next(focus.key, right, keys) });
  }

  function selectPointed(canvas) {
    const picture = at.pictureOn(canvas);
    const { query, key } = picture?.pattern ? focusIn(picture, at.state()) : { query: -1, key: -1 };
    if (query < 0 || key < 0) return false;
    return set(selectAt(at.state(), picture.frame, "query", picture.pattern.queries[query].tokens[0], picture.pattern.keys[key].tokens[0]));
  }

  // The text of a line, and the words of its active side.
  function textOn(node) {
    const { frame, direction } = at.lineOn(node);
    const now = stateIn(at.state(), frame);
    const side = node.dataset.side === "both" ? sideOf(now) : node.dataset.side;
    const units = unitsOf(side === "key" ? frame.keys : frame.queries, now);
    return { frame, direction, now, side, units, from: now.selected?.side === side ? unitWith(units, now.selected.token) : -1 };
  }

  function stepWord(node, step) {
    const { frame, direction, now, side, units, from } = textOn(node);
    set(marked(moveSelection({ ...now, point: null }, side, units[nextUnit(from, step, units.length, direction)].tokens[0]), frame));
  }

  function keepWord(node) {
    const { frame, now, units, from } = textOn(node);
    if (from >= 0) set(marked(keepSelected({ ...now, point: null }, units[from].tokens), frame));
  }

  const made = (kind, of) => {
    const { panels } = at.state();
    const there = panels.some((panel) => panel.kind === kind && panel.of.join() === of.join());
    if (!there && panels.length >= MOST) return refuse(`There is room for ${MOST} such panels: remove one first.`);
    return put({ choosing: null, panels: there ? panels : [...panels, { kind, of }] });
  };

  function combine(kind) {
    const { pins } = at.state();
    if (at.data().shown || pins.length < 2) return refuse(NO_PAIR);
    if (pins.length === 2) return made(kind, [0, 1]);
    return put({ choosing: { kind, of: [] } });
  }

  function choose(picture) {
    const { choosing } = at.state();
    if (!choosing || picture.kind || !picture.own) return;
    const { kind, of } = choosing;
    const next = of.includes(picture.place) ? of.filter((place) => place !== picture.place) : [...of, picture.place];
    if (kind === "difference" && next.length === 2) made(kind, next);
    else put({ choosing: { kind, of: next } });
  }

  return {
    point, selected, add, cell, selectPointed, stepWord, keepWord, combine, choose,
    done: () => made(at.state().choosing.kind, at.state().choosing.of),
    difference: () => combine("difference"),
    ofLayer: (over) => {
      const { pins } = at.state();
      if (pins.length >= MOST) return refuse(FULL);
      const { head: [layer] } = at.data().selection;
      const { model, text } = at.data().own;
      return put({ pins: [...pins, { key: null, head: [layer, 0], over, name: "", here: true, model, text }] });
    },
    remove: (picture) => (picture.kind ? put({ panels: at.state().panels.filter((_, i) => i !== picture.place) }) : put(removed(at.state(), picture.place))),
    move: (from, to) => {
      if (!from.own || Boolean(from.kind) !== Boolean(to.kind)) return;
      put(from.kind ? { panels: shifted(at.state().panels, from.place, to.place) } : moved(at.state(), from.place, to.place));
    },
    name: (picture, name) => put(named(at.state(), picture.place, name)),
    pin: (picture) => {
      const { tray, full } = toggled(at.state(), picture.head, at.data().own);
      if (full) return refuse(FULL);
      return put(tray);
    },
    switchSide: (side = sideOf(at.state()) === "query" ? "key" : "query") => {
      const now = at.state();
      const frame = now.selected?.frame;
      set(frame ? marked(withSide(now, side, frame.cross), frame) : { ...now, side });
    },
    show: (what) => put(what),
    words: () => put({ words: !at.state().words }),
    special: () => put({ special: at.state().special === SPECIAL[0] ? SPECIAL[1] : SPECIAL[0] }),
    goTo: (place) => {
      const picture = at.pictures()[place];
      if (!picture || picture.kind) return false;
      return at.state().choosing ? choose(picture) : at.bringIntoView(place);
    },
    open: () => leave("attention"),
    clearSelection: () => {
      const { selected, point: pointing, choosing, message } = at.state();
      if (choosing || message) return put({ choosing: null });
      if (!selected && !pointing) return false;
      return set(clearSelection(at.state()));
    },
  };
}
