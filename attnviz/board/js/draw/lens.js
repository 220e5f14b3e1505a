// The matrix of a long text: the part under the reader's lens, and the picture of all of it.

import { anchorsOf } from "../core/selection.js";
import { drawMatrix, rings } from "./matrix.js";
import { aside, ring } from "./canvas.js";
import { makeRaster } from "./raster.js";
import { pixelRatio } from "../core/paper.js";
import { ranked } from "../core/pattern.js";
import { wholeRoom } from "./layout.js";
import { STEP, isFitted, lensOnAll, panned, rangeNote, rangeOf, revealed, zoomed } from "./zoom.js";

const LONG = 128; // units: a longer text is first shown whole
const CELLS = 10; // pixels per unit from which cells are drawn one by one

// `again` asks for another drawing.
export function makeLens(again) {
  const raster = makeRaster();
  let [text, lens, seen] = ["", null, null];
  let following = false;

  // Called before each drawing: `place` is where the matrix would be with its rows beside the words. Returns its place
  // under the lens, or null if there is no lens.
  function laid(name, place, head, { queries, keys }) {
    const area = wholeRoom(place, head);
    seen = place.x === undefined || Math.max(queries.length, keys.length) <= head.rows ? null : { area, rows: queries.length, columns: keys.length, place };
    if (!seen) return null;
    const now = `${name} ${queries.length} ${keys.length}`;
    if (now !== text) [text, lens] = [now, Math.max(queries.length, keys.length) > LONG ? lensOnAll(area, queries.length, keys.length) : null];
    if (lens) lens = panned(lens.cell < lensOnAll(area, seen.rows, seen.columns).cell ? lensOnAll(area, seen.rows, seen.columns) : lens, 0, 0, area, seen.rows, seen.columns);
    return lens && under();
  }

  function under() {
    const { area, rows, columns, place } = seen;
    const [first, last] = rangeOf(lens.row, area.height, lens.cell, rows);
    const [column, right] = rangeOf(lens.column, area.width, lens.cell, columns);
    return {
      ...place, first, last: last + 1, column, columns: right - column + 1, row: lens.cell, cell: lens.cell,
      every: lens.cell < 1 ? columns : undefined, // among so many columns, a few random names would not help
      y: area.y - lens.row * lens.cell, x: area.x + (column - lens.column) * lens.cell,
    };
  }

  function draw(c, theme, view, place, weights, beside) {
    const { pattern, focus } = view;
    const { area } = seen;
    seen.cell = cellOf(view);
    aside(c, () => {
      c.beginPath();
      c.rect(area.x - 3, area.y - 3, area.width + 6, area.height + 6);
      c.clip();
      if (lens.cell >= CELLS) return drawMatrix(c, theme, view, place, weights);
      raster.draw(c, theme, { ...pattern, rows: pattern.queries.length, columns: pattern.keys.length, weights }, lens, area);
      rings(c, theme, pattern, focus, place, new Set(anchorsOf(focus)));
      best(c, theme, view, place);
    });
    window(c, theme, place, beside);
  }

  // For one selected word, the link in the line above: it is hard to find in so small a picture.
  function best(c, theme, { focus }, place) {
    if (!seen.cell || (focus.query >= 0 && focus.key >= 0)) return;
    const { query, key } = seen.cell;
    const [x, y] = [place.x + (key - place.column + 0.5) * place.cell, place.y + (query + 0.5) * place.row];
    ring(c, theme, theme.ink, x - 5, y - 5, 10, 10);
  }

  // The active link: the one pointed at, or the strongest of the one selected word.
  function cellOf({ pattern, focus, line }) {
    const anchors = anchorsOf(focus);
    if (focus.query >= 0 && focus.key >= 0) return { query: focus.query, key: focus.key };
    if (anchors.length !== 1) return null;
    const other = ranked(line).find((i) => pattern.cross || i !== anchors[0]);
    if (other === undefined || !line[other]) return null;
    return focus.side === "query" ? { query: anchors[0], key: other } : { query: other, key: anchors[0] };
  }

  // The rows that the words and curves beside the matrix show.
  function window(c, theme, place, beside) {
    const { area } = seen;
    const [top, bottom] = [beside.first, beside.last - 1].map((row) => Math.min(area.y + area.height, Math.max(area.y, place.y + row * place.row)));
    c.strokeStyle = theme.mute;
    c.lineWidth = 1;
    c.beginPath();
    const right = area.x + Math.min(area.width, seen.columns * lens.cell);
    c.moveTo(right + 3, top);
    c.lineTo(right + 7, top);
    c.lineTo(right + 7, Math.max(bottom, top + 2));
    c.lineTo(right + 3, Math.max(bottom, top + 2));
    c.stroke();
  }

  const has = (x, y) => Boolean(seen) && x >= seen.area.x && x < seen.area.x + seen.area.width && y >= seen.area.y && y < seen.area.y + seen.area.height;

  function unitsAt(x, y) {
    if (!lens || !has(x, y)) return null;
    const [query, key] = [Math.floor(lens.row + (y - seen.area.y) / lens.cell), Math.floor(lens.column + (x - seen.area.x) / lens.cell)];
    return query < seen.rows && key < seen.columns ? { query, key } : null;
  }

  // A first lens: what is visible without a lens.
  function currentLens() {
    const { place, area, rows, columns } = seen;
    return lens ?? panned({ cell: place.cell, row: place.first, column: place.column }, 0, 0, area, rows, columns);
  }

  function change(next) {
    lens = next;
    again();
    return true;
  }

  return {
    laid, draw, has, unitsAt,
    isLong: () => Boolean(seen),
    isHeld: () => Boolean(seen && lens),
    // `at` is the point of the canvas that keeps its place; without it, the active link or the middle does.
    zoom(factor, at = null) {
      if (!seen) return false;
      const { area, rows, columns } = seen;
      const now = currentLens();
      const { cell } = seen;
      let point = { x: area.width / 2, y: area.height / 2 };
      if (at) point = { x: at.x - area.x, y: at.y - area.y };
      else if (cell) point = { x: (cell.key + 0.5 - now.column) * now.cell, y: (cell.query + 0.5 - now.row) * now.cell };
      const next = zoomed(now, factor, point, area, rows, columns);
      return change(!at && cell ? revealed(next, cell.query, cell.key, area, rows, columns) : next);
    },
    closer: (times) => STEP ** times,
    pan: (right, down) => Boolean(seen && lens) && change(panned(lens, right, down, seen.area, seen.rows, seen.columns)),
    // Show everything; if everything is visible, the rows beside their words again.
    fit() {
      if (!seen) return false;
      const { area, rows, columns } = seen;
      return change(lens && isFitted(lens, area, rows, columns) ? null : lensOnAll(area, rows, columns));
    },
    // The next drawing moves the pointed-at cell into view.
    follow: () => (following = true),
    followed({ query, key }, aligned) {
      if (!following) return null;
      following = false;
      if (!seen || query < 0 || key < 0) return null;
      const away = key < aligned.column || key >= aligned.column + aligned.columns;
      if (lens || away) lens = revealed(currentLens(), query, key, seen.area, seen.rows, seen.columns);
      return query;
    },
    note(units) {
      if (!seen || !lens) return "";
      const { area, rows, columns } = seen;
      return rangeNote(lens, area, rows, columns, { units, pooled: lens.cell * pixelRatio() < 1 });
    },
  };
}
