// The sentence in large type, each word tinted by the weight that the selected word gives it.

import { anchorOf } from "../core/state.js";
import { anchorsOf } from "../core/selection.js";
import { columnsOf, rowsOf, uncertaintyIn, unitsOf } from "../core/pattern.js";
import { unknownNote } from "./unknownTokens.js";
import { element, within } from "../core/element.js";
import { about, directionOf, markOf, withMark } from "../core/encoding.js";

const SHOWN = 500; // units drawn at once: a longer text shows the part around the selected word
const TINTED = 0.004;
const LARGEST = 72; // pixels, in presentation mode
const ON_PAPER = 0.96; // words are a little wider there than on the screen that measures them

// `prefix` distinguishes several sentences of one page.
export function makeSentence(host, prefix = "attnviz") {
  let built = "";
  let lines = [];
  let lastAnchor = -1;

  function draw(seen) {
    const view = inText(seen);
    const { book, pattern, focus, geometry } = view;
    const sides = book.frame.cross ? ["query", "key"] : ["both"];
    const windows = sides.map((side) => windowOf(unitsFor(side, pattern), meantOn(side, focus)));
    const name = [book.frame.digest, pattern.options.words, pattern.options.special, geometry.width, geometry.phone, geometry.scale, windows.map((w) => w.start)].join();
    if (name !== built) {
      built = name;
      lastAnchor = -1;
      lines = sides.map((side, i) => build(side, unitsFor(side, pattern), windows[i], book.frame, prefix));
      host.replaceChildren(...lines.map((line) => line.outer));
      size(view);
    }
    for (const line of lines) tint(line, view);
    keepInView(view);
  }

  // The largest type in which every line fits; else the smallest, and it wraps.
  function size({ geometry }) {
    const [least, most] = geometry.type ?? (geometry.phone ? [24, 24] : (lines.length > 1 ? [24, 30] : [28, 40]).map((size) => size * geometry.scale));
    const fits = lines.map(({ outer, words }) => {
      outer.classList.remove("wrapped");
      outer.style.setProperty("--size", "40px");
      words.style.cssText = "white-space: nowrap; width: max-content";
      const wide = words.offsetWidth;
      words.style.cssText = "";
      return Math.floor((40 * outer.clientWidth * (geometry.paper ? ON_PAPER : 1)) / (wide + 1));
    });
    const chosen = within(Math.min(...fits), least, geometry.presenting ? LARGEST : most);
    lines.forEach(({ outer }, i) => {
      outer.style.setProperty("--size", `${chosen}px`);
      outer.classList.toggle("wrapped", fits[i] < chosen);
    });
  }

  function keepInView({ focus, state }) {
    const anchor = anchorOf(focus);
    if (anchor === lastAnchor || state.point) return;
    lastAnchor = anchor;
    const line = lines.find(({ side }) => side === "both" || side === focus.side);
    const word = line?.spans.get(anchor);
    if (!word || line.outer.scrollHeight <= line.outer.clientHeight + 4) return;
    line.outer.scrollTop = word.offsetTop - line.outer.clientHeight / 2 + word.offsetHeight / 2;
  }

  return { draw, direction: () => lines[0]?.outer.dir ?? "ltr" };
}

// The sentence is always whole, also if the pictures leave units out, and with or without this head's weights: units,
// focus and line refer to all of its words.
function inText(view) {
  const { book: { frame }, state: { words, special, keep, between }, focus, line } = view;
  const options = { words, special, keep, between };
  const [queries, keys] = [unitsOf(frame.queries, options), unitsOf(frame.keys, options)];
  const anchors = anchorsOf(focus);
  const written = (at) => about(line[at], view.pattern ? uncertaintyIn(view.pattern, focus, anchors, at) : 0);
  const full = { ...view, written, pattern: { queries, keys, options } };
  const [rows, columns] = [rowsOf(frame, options), columnsOf(frame, options)];
  if (rows.length === queries.length && columns.length === keys.length) return full;
  const [row, column] = [(at) => queries.indexOf(rows[at]), (at) => keys.indexOf(columns[at])];
  const [near, far, there] = focus.side === "query" ? [row, column, keys] : [column, row, queries];
  const spread = line && new Float32Array(there.length);
  line?.forEach((weight, at) => (spread[far(at)] = weight));
  const places = new Map(Array.from(line ?? [], (_, at) => [far(at), at]));
  return { ...full, line: spread, written: (i) => (places.has(i) ? written(places.get(i)) : ""), focus: { side: focus.side, query: row(focus.query), key: column(focus.key), also: focus.also.map(near) } };
}

const unitsFor = (side, pattern) => (side === "key" ? pattern.keys : pattern.queries);
const meantOn = (side, focus) => (side === "both" ? anchorOf(focus) : side === "query" ? focus.query : focus.key);

function windowOf(units, anchor) {
  if (units.length <= SHOWN) return { start: 0, end: units.length };
  // In steps of half the shown part, so that moving through a long text rebuilds it rarely.
  const half = SHOWN / 2;
  const start = within((Math.floor(Math.max(anchor, 0) / half) - 0.5) * half, 0, units.length - SHOWN);
  return { start: Math.round(start), end: Math.round(start) + SHOWN };
}

function build(side, units, { start, end }, { texts }, prefix) {
  const outer = element("div", "line");
  outer.dir = directionOf(texts[units.find((unit) => !unit.special)?.segment ?? 0]);
  const words = element("div", "words");
  words.tabIndex = 0;
  words.setAttribute("role", "listbox");
  words.setAttribute("aria-multiselectable", "true");
  const name = { both: "The sentence", query: "The text that looks", key: "The text that is looked at" }[side];
  words.setAttribute("aria-label", `${name}. Arrow keys move between words; Shift + Enter keeps a word while you move on.`);
  words.dataset.side = side;
  if (side !== "both") outer.append(element("small", "tag", side === "query" ? "looks" : "is looked at"));
  if (start > 0) words.append(element("small", "cut", `\u2026 ${start} before`), " ");
  const spans = new Map();
  for (let i = start; i < end; i++) {
    const unit = units[i];
    const span = element("span", `unit${unit.special ? " special" : ""}${unit.joined ? " joined" : ""}`, unit.special ? unit.label : unit.text || unit.label);
    span.setAttribute("role", "option");
    span.dataset.unit = String(i);
    span.id = `${prefix}-${side}-${i}`;
    markUnread(span, unit);
    if (i > start && !unit.joined) words.append(" ");
    words.append(span);
    spans.set(i, span);
  }
  if (end < units.length) words.append(" ", element("small", "cut", `${units.length - end} more \u2026`));
  outer.append(words);
  return { side, outer, words, spans, painted: new Map() };
}

// A word that the model cannot read: its mark above it and a dotted frame, and the mark in its name.
export function markUnread(span, unit) {
  const mark = markOf(unit);
  if (!mark) return;
  span.classList.add("unread-word");
  span.dataset.mark = mark;
  span.setAttribute("aria-label", withMark(unit.text || unit.label, unit));
  span.title = unknownNote([unit], "The model");
}

// Only changes are written to the page.
function tint({ side, words, spans, painted }, { focus, line, theme, written: number }) {
  const anchor = anchorOf(focus);
  const anchors = new Set(anchorsOf(focus));
  const pair = focus.query >= 0 && focus.key >= 0;
  const anchored = side === "both" || side === focus.side;
  const reached = side === "both" || side !== focus.side; // the words that the weights of `line` belong to
  const partner = focus.side === "query" ? focus.key : focus.query;
  let best = -1;
  if (line && reached) for (let i = 0; i < line.length; i++) if (!(anchored && anchors.has(i)) && (best < 0 || line[i] > line[best])) best = i;
  for (const [i, span] of spans) {
    const isAnchor = anchored && anchors.has(i);
    const weight = line && reached ? line[i] : 0;
    const paired = pair && reached && !isAnchor && i === partner;
    const written = line && reached && (weight >= theme.writtenFrom || paired) ? number(i) : "";
    const tinted = !isAnchor && weight >= TINTED;
    const paint = `${isAnchor ? focus.side : ""} ${paired} ${i === best && !isAnchor} ${written} ${tinted ? theme.step(weight) : ""} ${theme.mode}`;
    if (painted.get(i) === paint) continue;
    painted.set(i, paint);
    span.classList.toggle("selected", isAnchor && focus.side === "query");
    span.classList.toggle("selected-key", isAnchor && focus.side === "key");
    span.classList.toggle("pair", paired);
    span.classList.toggle("best", i === best && !isAnchor);
    span.setAttribute("aria-selected", String(isAnchor));
    span.style.backgroundColor = tinted ? theme.colour(weight) : "";
    span.style.color = tinted ? theme.onColour(weight) : "";
    if (written) span.dataset.weight = written;
    else delete span.dataset.weight;
  }
  const active = anchored && anchor >= 0 ? spans.get(anchor) : null;
  if (active) words.setAttribute("aria-activedescendant", active.id);
  else words.removeAttribute("aria-activedescendant");
}
