// Zooming and panning of a matrix, as pure functions of a lens. A lens is { cell, row, column }: the pixels per unit, and
// the unit at the upper left corner, in fractions. `area` is { width, height } in pixels. Nothing here draws.

import { within } from "../core/element.js";

export const LARGEST = 44; // pixels per unit
export const STEP = 1.5; // the factor of one press of +

// Shows all of it, as large as it fits.
export function lensOnAll({ width, height }, rows, columns) {
  return { cell: Math.min(LARGEST, width / columns, height / rows), row: 0, column: 0 };
}

export function isFitted(lens, area, rows, columns) {
  return lens.cell <= lensOnAll(area, rows, columns).cell * 1.001;
}

// Enlarges by `factor`; the point `x`, `y` of the area keeps its place.
export function zoomed(lens, factor, { x, y }, area, rows, columns) {
  const cell = within(lens.cell * factor, lensOnAll(area, rows, columns).cell, LARGEST);
  const moved = { cell, row: lens.row + y / lens.cell - y / cell, column: lens.column + x / lens.cell - x / cell };
  return inside(moved, area, rows, columns);
}

// Moves by this many pixels to the right and down.
export function panned(lens, right, down, area, rows, columns) {
  return inside({ ...lens, row: lens.row - down / lens.cell, column: lens.column - right / lens.cell }, area, rows, columns);
}

// The same lens, or the nearest one that shows this cell completely, with two more cells around it if possible.
export function revealed(lens, query, key, { width, height }, rows, columns) {
  const nearest = (first, seen, at) => {
    const edge = Math.min(2, Math.max(0, (seen - 1) / 2));
    return within(first, at + 1 + edge - seen, at - edge);
  };
  const moved = { ...lens, row: nearest(lens.row, height / lens.cell, query), column: nearest(lens.column, width / lens.cell, key) };
  return inside(moved, { width, height }, rows, columns);
}

function inside(lens, { width, height }, rows, columns) {
  const most = (count, size) => Math.max(0, count - size / lens.cell);
  return { ...lens, row: within(lens.row, 0, most(rows, height)), column: within(lens.column, 0, most(columns, width)) };
}

// The first and the last visible unit, counted from 0.
export function rangeOf(first, size, cell, count) {
  return [Math.floor(first + 1e-6), Math.min(count, Math.ceil(first + size / cell - 1e-6)) - 1];
}

// The units under each of so many pixels: [from, to), more than one if a unit is smaller than a pixel. `pixel` is the
// size of a pixel in units; the list ends at the last unit.
export function under(first, pixel, pixels, count) {
  const found = [];
  for (let p = 0; p < pixels; p++) {
    const from = Math.floor(first + p * pixel + 1e-6);
    if (from >= count) break;
    found.push([from, Math.min(count, Math.max(from + 1, Math.floor(first + (p + 1) * pixel + 1e-6)))]);
  }
  return found;
}

// The line below the picture: which part is visible, whether it is pooled, and how to see another part.
export function rangeNote(lens, { width, height }, rows, columns, { units, pooled }) {
  const [top, bottom] = rangeOf(lens.row, height, lens.cell, rows);
  const [left, right] = rangeOf(lens.column, width, lens.cell, columns);
  const all = top === 0 && left === 0 && bottom === rows - 1 && right === columns - 1;
  const count = rows === columns ? `${rows} ${units}` : `${rows} by ${columns} ${units}`;
  const part = all ? `all ${count}` : `rows ${top + 1} to ${bottom + 1} and columns ${left + 1} to ${right + 1} of ${count}`;
  const how = all ? "+ looks closer; double click or 0 lays its rows beside the words." : "+ and \u2212 zoom, dragging moves, 0 shows all.";
  return `The matrix shows ${part}${pooled ? ", pooled by maximum" : ""}: ${how}`;
}
