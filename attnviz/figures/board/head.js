// One head's pattern in, its matrix and its curves side by side out, with one column of words that serves both.

import { anchorOf } from "./state.js";
import { drawColumn, drawSlanted } from "./labels.js";
import { drawCurves } from "./curves.js";
import { drawMatrix } from "./matrix.js";
import { makeLens } from "./lens.js";
import { makeRaster } from "./raster.js";
import { aside, fitted, setFont, write } from "./canvas.js";
import { notesOf } from "./notes.js";
import { pooledPicture } from "./frame.js";
import { whole } from "./zoom.js";
import { percent } from "./encoding.js";
import { placesIn } from "./layout.js";
import { element, within } from "./element.js";

const MOVE = 140; // milliseconds from one head to the next
const SINK = { share: 0.4, chosen: 0.5 }; // the rule of analysis/patterns.py

export function makeHead({ stage, roll, canvas, note, below }, again) {
  const eased = makeEasing(again);
  const lens = makeLens(again);
  const small = makeRaster();
  let place = null;
  let anchored = null;
  let noted = "";

  function draw(view) {
    const { pattern, geometry, state, look } = view;
    const { head } = geometry;
    const scrolls = head.most > head.rows;
    stage.style.maxHeight = scrolls ? `${head.top + head.rows * head.row + 4}px` : "";
    stage.classList.toggle("scrolls", scrolls);
    roll.style.height = `${head.top + head.most * head.row + 4}px`;
    if (!pattern) {
      const c = fitted(canvas, head.width, head.top + head.rows * head.row + 4);
      noted = view.missing;
      note.textContent = view.missing;
      note.style.cssText = "left: 0; top: 8px";
      meanwhile(c, view);
      place = null;
      below.textContent = "";
      return;
    }
    if (scrolls) keepInView(view);
    const scrolled = scrolls ? stage.scrollTop : 0;
    place = placesIn(geometry, { tab: state.tab, keys: pattern.keys.length, scrolled });
    const area = head.rows * head.row;
    let under = scrolls ? lens.laid(view.book.frame.digest, place, head.rows, area, pattern) : null;
    const walked = scrolls ? lens.followed(view.focus, place) : null;
    if (walked !== null) {
      under = lens.laid(view.book.frame.digest, place, head.rows, area, pattern);
      toRow(walked, head);
    }
    const height = head.top + Math.min(head.rows, head.most) * head.row + 4;
    const c = fitted(canvas, head.width, height);
    const weights = view.still || scrolls ? eased.now(pattern) : eased.towards(pattern); // a long text is too much to ease
    aside(c, () => {
      c.beginPath();
      c.rect(0, scrolls ? head.top - 3 : 0, head.width, height);
      c.clip();
      if (under) lens.draw(c, look, view, under, weights, place);
      else if (place.x !== undefined) drawMatrix(c, look, view, place, weights);
      if (place.left !== undefined) {
        drawCurves(c, look, view, place, weights);
        drawColumn(c, look, view, place, "key");
      }
      drawColumn(c, look, view, place, "query");
    });
    if (place.x !== undefined) drawSlanted(c, look, view, under ?? place);
    captions(c, view);
    sinkNote(view);
    // Whatever is missing from the rows is named beneath them.
    const notes = [scrolls ? scrollNote(view) : "", ...notesOf(pattern)].filter(Boolean).join(" ");
    if (below.textContent !== notes) below.textContent = notes;
  }

  // Until a head's weights are here, or where they are too many, its small picture stands in their place.
  function meanwhile(c, { book, look, geometry: { head, phone }, state, head: [layer, number] }) {
    const picture = book.frame.whole || (phone && state.tab !== "matrix") ? null : pooledPicture(book, layer, number);
    if (!picture) return;
    const side = Math.min(head.width, head.rows * head.row);
    const area = { x: 3, y: head.top, width: side, height: side };
    small.draw(c, look, { ...picture, causal: book.frame.causal }, whole(area, picture.rows, picture.columns), area);
  }

  function captions(c, { pattern, geometry, look }) {
    const { width } = geometry.head;
    const style = { size: 12 * geometry.scale, color: look.mute, align: "right" };
    const y = place.top - 12 * geometry.scale;
    if (place.left !== undefined) {
      write(c, look, geometry.phone || place.lost || !fits(c, look, "looks (query)", style.size) ? "looks" : "looks (query)", place.queryX, y, style);
      write(c, look, geometry.phone ? "is looked at" : "is looked at (key)", width, y, style);
    }
    if (place.lost) write(c, look, pattern.options.special === "renormalise" && !pattern.keep && !pattern.between ? "rescaled" : "hidden", place.lostX + 6, y, style);
  }

  // Whether a caption of the words on the left ends beside the last of the words that stand aslant above the matrix.
  function fits(c, look, text, size) {
    if (place.x === undefined) return true;
    setFont(c, look, size);
    return c.measureText(text).width < place.queryX - place.x - (place.columns - 0.5) * place.cell - 1.5 * size;
  }

  function sinkNote({ whole, geometry, glossary }) {
    const sink = place.left === undefined ? null : sinkOf(whole);
    const text = sink ? `${whole.keys[sink.key].label} takes ${percent(sink.share)} of this head: a resting place, called a ` : "";
    const where = sink ? `left: ${place.left}px; top: 0px; width: ${geometry.head.width - place.left}px` : "";
    if (noted === text + where) return;
    noted = text + where;
    note.replaceChildren(...(sink ? [text, linkTo(glossary, "sink"), "."] : []));
    note.style.cssText = where;
  }

  function scrollNote({ pattern, geometry }) {
    const { rows, most } = geometry.head;
    const words = pattern.options.words ? "words" : "tokens";
    if (lens.isHeld()) return lens.said(words);
    const cut = place.columns < pattern.keys.length ? `; the matrix shows columns ${place.column + 1} to ${place.column + place.columns}` : "";
    return `Rows ${place.first + 1} to ${Math.min(most, place.first + rows)} of ${most} ${words}${cut}. Scroll for the others.`;
  }

  // A row that the keyboard has walked to comes into view.
  function toRow(at, { row, rows }) {
    const lowest = (at + 2 - rows) * row;
    stage.scrollTop = Math.max(lowest, Math.min(stage.scrollTop, Math.max(0, at - 1) * row));
  }

  // The held word's row stays in the middle, until the reader scrolls it away.
  function keepInView({ focus, geometry, state, book }) {
    const anchor = anchorOf(focus);
    const name = `${book.frame.digest} ${anchor} ${state.words} ${state.special} ${geometry.head.rows}`;
    if (name === anchored || state.point || anchor < 0) return;
    anchored = name;
    const { row, rows, most } = geometry.head;
    stage.scrollTop = within((anchor + 0.5 - rows / 2) * row, 0, (most - rows) * row);
  }

  // Which query and which key lie under a point of the canvas, as indices into the units shown.
  function unitsAt(x, y, { pattern }) {
    if (!place || !pattern || y < place.top - 2) return null;
    if (lens.isHeld() && lens.has(x, y)) return lens.unitsAt(x, y);
    const row = Math.floor((y - place.y) / place.row);
    const column = place.x === undefined ? -1 : Math.floor((x - place.x) / place.cell);
    const inMatrix = column >= 0 && column < place.columns;
    if (inMatrix) return row >= 0 && row < pattern.queries.length ? { query: row, key: place.column + column } : null;
    const right = place.left !== undefined && x > (place.left + place.right) / 2;
    const count = (right ? pattern.keys : pattern.queries).length;
    if (row < 0 || row >= count) return null;
    return right ? { key: row } : { query: row };
  }

  return { draw, unitsAt, lens, still: eased.stop };
}

// A word that a glossary explains, in a window of its own; the bare word where there is none.
function linkTo(glossary, term) {
  if (!glossary) return term;
  const link = element("a", "", term);
  Object.assign(link, { href: glossary + term, target: "_blank", rel: "noopener", title: "What this is: in the glossary" });
  return link;
}

// Weights on their way from one head to the next, so that the eye can follow. Numbers are never on their way.
export function makeEasing(again, clock = () => performance.now()) {
  let from = null;
  let to = null;
  let shown = null;
  let tall = 0; // as many weights in another number of rows are no neighbours of these
  let start = 0;

  function now({ weights, queries }) {
    from = to = shown = weights;
    tall = queries?.length;
    return weights;
  }

  function towards(pattern) {
    const { weights, queries } = pattern;
    const rows = queries?.length;
    if (!shown || shown.length !== weights.length || rows !== tall) return now(pattern);
    if (to !== weights) {
      [from, to, start] = [shown, weights, clock()];
    }
    if (from === to) return weights;
    const part = within((clock() - start) / MOVE, 0, 1);
    if (part === 1) return now(pattern);
    const eased = 1 - (1 - part) ** 3;
    const begun = from;
    shown = weights.map((weight, i) => begun[i] + (weight - begun[i]) * eased);
    again();
    return shown;
  }

  return { now, towards, stop: () => (shown = null) };
}

// The key that most words choose first and that takes much of the head; words that see only one key have no choice.
const sinks = new WeakMap(); // asked at every drawing, found once
export function sinkOf(pattern) {
  if (!sinks.has(pattern)) sinks.set(pattern, sunk(pattern));
  return sinks.get(pattern);
}

function sunk({ queries, keys, weights, causal }) {
  const n = keys.length;
  const takes = new Float64Array(n);
  const first = new Float64Array(n);
  let rows = 0;
  for (let i = 0; i < queries.length; i++) {
    if (queries[i].special || n < 2 || (causal && i === 0)) continue;
    rows += 1;
    let best = 0;
    for (let j = 0; j < n; j++) {
      takes[j] += weights[i * n + j];
      if (weights[i * n + j] > weights[i * n + best]) best = j;
    }
    first[best] += 1;
  }
  const key = first.findIndex((count, j) => count > SINK.chosen * rows && takes[j] > SINK.share * rows);
  return key < 0 ? null : { key, share: takes[key] / rows, chosen: first[key] / rows };
}
