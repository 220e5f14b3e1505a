// The size of every panel and the place of its parts, from the number of panels, the length of their texts and the width.

import { within } from "../core/element.js";

const MANY = { set: 8, own: 16 }; // more panels than these are small, without words
const GAP = 24;
const ROW = [18, 26];
const PAPER_ROW = 12;
const LONGEST = 128; // rows and columns drawn at once; for a longer text, those around the selected word
const NARROW = 3; // pixels of the narrowest column

// `most` is the largest number of words of a panel, `labels` the width of the widest, `free` the height from the top of the
// pictures to the end of the window. `same` says that all panels have as many rows: then one column of words serves a row. `many` has them small.
export function gridOf({ count, many, most, labels, width, free, phone, paper = false, scale, tab, same }) {
  const size = within(12 * scale, 12, 18);
  const gap = GAP;
  if (many) {
    const columns = phone ? 2 : 6;
    const each = (width - gap * (columns - 1)) / columns;
    const cell = Math.max(1, Math.floor((each - 8) / Math.min(most, LONGEST)));
    return { compact: true, once: false, columns, gap, each, label: 0, size, row: cell, cell, top: 3, rows: Math.min(most, LONGEST) };
  }
  const columns = phone ? 1 : within(count, 2, paper ? 2 : 4);
  const label = Math.min(labels + size * 1.1, 96 * scale);
  const matrix = tab === "matrix";
  const once = matrix && same && !phone;
  const each = phone ? Math.min(width, 320) : (width - (once ? label : 0) - gap * (columns - 1)) / columns;
  const top = matrix ? 60 * scale : 4;
  const row = Math.floor(within((free - top) / most, (paper ? PAPER_ROW : ROW[0]) * scale, ROW[1] * scale));
  const room = once ? each - size * 1.6 : each - label - size * 1.6;
  const cell = matrix ? within(Math.floor(room / most), NARROW, row) : 0;
  return { compact: false, once, columns, gap, each, label, size, row: matrix && cell >= 10 ? cell : row, cell, top, rows: Math.min(most, LONGEST) };
}

export const manyOf = (count, shown) => count > (shown ? MANY.set : MANY.own);

// The place of matrix or curves and words on one panel's canvas. `owns` says that it has its own column of words.
export function placeIn(grid, { queries, keys, anchor, partner, owns }) {
  const { compact, label, size, row, cell, top, each } = grid;
  const first = around(queries, grid.rows, anchor);
  const shown = Math.min(queries, grid.rows);
  const place = { top, row, first, last: first + shown, y: top - first * row, size, widest: label - size * 0.9, lost: false };
  if (!cell) {
    const last = first + Math.min(Math.max(queries, keys), grid.rows);
    return { ...place, last, width: each, height: top + (last - first) * row + 4, queryX: label - 2, left: label + 10, right: each - label - 10, keyX: each - label + 2 };
  }
  const x = owns ? label + 3 : 3;
  const room = Math.floor((compact ? each - 6 : each - (owns && !grid.once ? label : 0) - size * 1.6) / cell);
  const columns = Math.max(1, Math.min(keys, room));
  const column = around(keys, columns, partner);
  const width = x + columns * cell + (compact ? 3 : size * 2);
  return { ...place, x, cell, column, columns, queryX: label - size * 0.4, width, height: top + shown * row + 4 };
}

// The first of `count` places, out of `all`, with `middle` in their middle.
function around(all, count, middle) {
  return Math.round(within((middle < 0 ? 0 : middle) - count / 2, 0, Math.max(0, all - count)));
}

// The query and the key under a point of a panel, as places in it.
export function placeAt({ x, y, row, cell, column, columns, first, last, left, right, top }, queries, keys, [px, py]) {
  if (py < top - 2) return null;
  const at = Math.floor((py - y) / row);
  if (at < first || at >= last) return null;
  if (x === undefined) {
    const onKeys = px > (left + right) / 2;
    return at < (onKeys ? keys : queries) ? (onKeys ? { key: at } : { query: at }) : null;
  }
  const j = Math.floor((px - x) / cell);
  if (at >= queries) return null;
  if (j < 0) return { query: at };
  return j < columns ? { query: at, key: column + j } : null;
}
