// One head: its matrix with a word at each row, and curves that go on from its rows.

import { anchorOf, optionsOf } from "../core/state.js";
import { drawColumn, drawSlanted } from "./labels.js";
import { drawCurves } from "./curves.js";
import { drawMatrix } from "./matrix.js";
import { makeLens } from "./lens.js";
import { makeRaster } from "./raster.js";
import { aside, fitted, setFont, write } from "./canvas.js";
import { profileOf, written } from "./headProfile.js";
import { notesOf } from "../core/notes.js";
import { pooledPicture } from "../core/frame.js";
import { lensOnAll } from "./zoom.js";
import { columnsOf, counts, named } from "../core/pattern.js";
import { percent } from "../core/encoding.js";
import { matrixPlace, placesIn, wholeRoom } from "./layout.js";
import { element, termLink, within } from "../core/element.js";

const SLANTED = 56; // pixels that the slanted word above the last column reaches beyond it
const MOVE = 140; // milliseconds of the transition between heads
const SINK = { share: 0.4, chosen: 0.5, beyond: 1.5, few: 5 }; // the rule of analysis/head_roles.py

export function makeHead({ stage, roll, canvas, note, below }, again) {
  const eased = makeEasing(again);
  const lens = makeLens(again);
  const small = makeRaster();
  let place = null;
  let anchored = null;
  let noted = "";

  function draw(view) {
    const { pattern, geometry, state, theme } = view;
    const { head } = geometry;
    const scrolls = head.most > head.rows;
    stage.style.maxHeight = scrolls ? `${head.top + head.rows * head.row + 4}px` : "";
    stage.classList.toggle("scrolls", scrolls);
    stage.style.zoom = head.shrunk === 1 ? "" : 1 / head.shrunk;
    roll.style.height = `${head.top + head.most * head.row + 4}px`;
    if (!pattern) {
      const c = fitted(canvas, head.width, head.top + head.rows * head.row + 4);
      noted = view.missing;
      note.textContent = view.missing;
      note.style.cssText = "left: 0; top: 8px";
      meanwhile(c, view);
      place = null;
      mark(null);
      below.textContent = "";
      return;
    }
    if (scrolls) keepInView(view);
    const scrolled = scrolls ? stage.scrollTop : 0;
    place = placesIn(geometry, { tab: state.tab, keys: pattern.keys.length, scrolled });
    let under = scrolls ? lens.laid(view.book.frame.digest, place, head, pattern) : null;
    const nextUnit = scrolls ? lens.followed(view.focus, place) : null;
    if (nextUnit !== null) {
      under = lens.laid(view.book.frame.digest, place, head, pattern);
      toRow(nextUnit, head);
    }
    const height = head.top + Math.min(head.rows, head.most) * head.row + 4;
    const c = fitted(canvas, head.width, height);
    const weights = view.still || scrolls ? eased.now(pattern) : eased.towards(pattern); // a long text is too large for a transition
    aside(c, () => {
      c.beginPath();
      c.rect(0, scrolls ? head.top - 3 : 0, head.width, height);
      c.clip();
      if (under) lens.draw(c, theme, view, under, weights, place);
      else if (place.x !== undefined) drawMatrix(c, theme, view, place, weights);
      if (place.left !== undefined) {
        drawCurves(c, theme, view, place, weights);
        drawColumn(c, theme, view, place, "key");
      }
      drawColumn(c, theme, view, place, "query");
    });
    if (place.x !== undefined) drawSlanted(c, theme, view, under ?? place);
    mark(matrixPlace(under ?? place));
    captions(c, view);
    sinkNote(view);
    // The missing parts of the rows are named below them.
    const notes = [scrolls ? scrollNote(view) : "", ...notesOf(pattern)].filter(Boolean).join(" ");
    if (below.textContent !== notes) below.textContent = notes;
  }

  // The canvas says where its matrix is.
  function mark(matrix) {
    const text = matrix ? JSON.stringify(matrix) : "";
    if ((canvas.dataset.matrix ?? "") !== text) canvas.dataset.matrix = text;
  }

  // Until a head's weights arrive, its small picture is shown where its matrix will be; if there are too many, as large as fits.
  function meanwhile(c, { book, theme, geometry, state, head: [layer, number] }) {
    const { head, phone } = geometry;
    const picture = book.frame.whole || (phone && state.tab !== "matrix") ? null : pooledPicture(book, layer, number);
    if (!picture) return;
    const side = Math.min(head.width, head.rows * head.row);
    const keys = columnsOf(book.frame, optionsOf(state)).length;
    const area = book.frame.sheets ? wholeRoom(placesIn(geometry, { tab: state.tab, keys, scrolled: 0 }), head) : { x: 3, y: head.top, width: side, height: side };
    small.draw(c, theme, { ...picture, causal: book.frame.causal }, lensOnAll(area, picture.rows, picture.columns), area);
  }

  function captions(c, { pattern, geometry, theme }) {
    const { width } = geometry.head;
    const style = { size: 12 * geometry.scale, color: theme.mute, align: "right" };
    const y = place.top - 12 * geometry.scale;
    if (place.left !== undefined) {
      write(c, theme, geometry.phone || !fits(c, theme, "looks (query)", style.size) ? "looks" : "looks (query)", place.queryX, y, style);
      write(c, theme, geometry.phone ? "is looked at" : "is looked at (key)", width, y, style);
    }
    if (place.lost) write(c, theme, pattern.options.special === "renormalise" && !pattern.keep && !pattern.between ? "rescaled" : "hidden", place.lostX + 6, y, style);
  }

  // Whether a caption fits above the words on the left.
  function fits(c, theme, text, size) {
    setFont(c, theme, size);
    return c.measureText(text).width < place.queryX;
  }

  function sinkNote({ unfiltered, geometry, glossary }) {
    const sink = place.left === undefined ? null : sinkOf(unfiltered);
    const text = sink ? sinkSentence(unfiltered, sink, geometry.phone) : "";
    const left = place.left + (place.x === undefined ? 0 : SLANTED * geometry.scale);
    const where = sink ? `left: ${left}px; top: 0px; width: ${geometry.head.width - left}px` : "";
    if (noted === text + where) return;
    noted = text + where;
    note.replaceChildren(...(sink ? [text, ...(sink.resting ? [termLink(glossary, "sink"), "”)."] : [])] : []));
    note.style.cssText = where;
  }

  function scrollNote({ pattern, geometry }) {
    const { rows, most } = geometry.head;
    const words = pattern.options.words ? "words" : "tokens";
    if (lens.isHeld()) return lens.note(words);
    const cut = place.columns < pattern.keys.length ? `; the matrix shows columns ${place.column + 1} to ${place.column + place.columns}` : "";
    return `Rows ${place.first + 1} to ${Math.min(most, place.first + rows)} of ${most} ${words}${cut}. Scroll for the others.`;
  }

  // A row that was reached with the keyboard is scrolled into view.
  function toRow(at, { row, rows }) {
    const lowest = (at + 2 - rows) * row;
    stage.scrollTop = Math.max(lowest, Math.min(stage.scrollTop, Math.max(0, at - 1) * row));
  }

  // The selected word's row stays in the middle until the reader scrolls.
  function keepInView({ focus, geometry, state, book }) {
    const anchor = anchorOf(focus);
    const name = `${book.frame.digest} ${anchor} ${state.words} ${state.special} ${geometry.head.rows}`;
    if (name === anchored || state.point || anchor < 0) return;
    anchored = name;
    const { row, rows, most } = geometry.head;
    stage.scrollTop = within((anchor + 0.5 - rows / 2) * row, 0, (most - rows) * row);
  }

  // The query and the key under a point of the canvas, as indices into the shown units.
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

// Weights in transition from one head to the next, so that the eye can follow. Numbers never change gradually.
export function makeEasing(again, clock = () => performance.now()) {
  let from = null;
  let to = null;
  let shown = null;
  let tall = 0; // the same number of weights in another number of rows does not correspond
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
    const before = from;
    shown = weights.map((weight, i) => before[i] + (weight - before[i]) * eased);
    again();
    return shown;
  }

  return { now, towards, stop: () => (shown = null) };
}

// The key that most words look at first and that takes much of the head. Only the first token of all and tokens that the model
// adds are called a sink (`resting`); for another word, the line only describes the weights.
const sinks = new WeakMap(); // used in every drawing, computed once
export function sinkOf(pattern) {
  if (!sinks.has(pattern)) sinks.set(pattern, sunk(pattern));
  return sinks.get(pattern);
}

function sunk(pattern) {
  const { queries, keys, weights, causal } = pattern;
  const n = keys.length;
  const takes = new Float64Array(n);
  const even = new Float64Array(n);
  const first = new Float64Array(n);
  let rows = 0;
  for (let i = 0; i < queries.length; i++) {
    if (!counts(pattern, i)) continue;
    rows += 1;
    const seen = causal ? i + 1 : n;
    let [best, alone] = [0, true];
    for (let j = 0; j < seen; j++) {
      const weight = weights[i * n + j];
      takes[j] += weight;
      even[j] += 1 / seen;
      if (j === 0) continue;
      if (weight > weights[i * n + best]) [best, alone] = [j, true];
      else if (weight === weights[i * n + best]) alone = false;
    }
    if (alone && weights[i * n + best] > 0) first[best] += 1;
  }
  const enough = (j) => first[j] > SINK.chosen * rows && takes[j] > SINK.share * rows && takes[j] > SINK.beyond * even[j];
  const key = rows < SINK.few ? -1 : keys.findIndex((_, j) => enough(j));
  if (key < 0) return null;
  const { special, start, end, tokens } = keys[key];
  return { key, share: takes[key] / rows, chosen: first[key] / rows, resting: (special && start === end) || tokens.includes(0) };
}

// If the key has its own line in the profile, with the digits of that line. `short` fits one line of a phone.
export function sinkSentence(pattern, { key, share, resting }, short = false) {
  const { keys, options } = pattern;
  const profile = profileOf(pattern);
  const { special, text } = keys[key];
  const word = options.words ? "word" : "token";
  const line = special ? text : key === 0 && resting ? `the first ${word}` : "";
  const alone = line && (!special || keys.filter((one) => one.special && one.text === text).length === 1);
  const much = alone ? written(profile, profile.shares.findIndex(([label]) => label === line)) : percent(share);
  const name = special ? named(keys, key) : `\u201c${named(keys, key)}\u201d`;
  if (short) return resting ? `${name} takes ${much} (a “` : `Most ${word}s look first at ${name}.`;
  return resting ? `${name} takes ${much}: heads park unused attention there (a “` : `Most ${word}s look first at ${name}: it takes ${much} of this head.`;
}
