// The matrix: each row is a word that looks (query), each column a word that it looks at (key).

import { uncertaintyOf } from "../core/pattern.js";
import { anchorsOf } from "../core/selection.js";
import { fill, ring, write } from "./canvas.js";

const DIGIT = 0.56; // of the size of its type: how wide a character of a number is, the point counted
const LEAST = 9.2; // pixels: smaller numbers are not written

export function drawMatrix(c, theme, view, place, weights) {
  const { pattern, focus, geometry } = view;
  const { scale } = geometry;
  const columns = pattern.keys.length;
  const last = Math.min(place.last, pattern.queries.length);
  const anchors = new Set(anchorsOf(focus));
  const numbers = place.row >= 18 * scale;
  const gap = [place.cell >= 18 ? 1 : 0, place.row >= 18 ? 1 : 0];
  for (let i = place.first; i < last; i++) {
    const y = place.y + i * place.row;
    for (let j = place.column; j < place.column + place.columns; j++) {
      const x = place.x + (j - place.column) * place.cell;
      if (pattern.causal && j > i) {
        fill(c, theme.hair, x + place.cell / 2 - 1, y + place.row / 2 - 1, 2, 2);
        continue;
      }
      const weight = weights[i * columns + j];
      if (pattern.keep && weight <= 0) continue; // left out: the colour of the page, not that of weight 0
      fill(c, theme.colour(weight), x, y, place.cell - gap[0], place.row - gap[1]);
      const meant = anchors.size ? anchors.has(focus.side === "query" ? i : j) : place.cell >= 34 * scale;
      const number = numbers && meant && Math.abs(weight) >= theme.writtenFrom ? theme.written(weight, uncertaintyOf(pattern, i, j)) : "";
      const size = Math.min((place.cell - 3) / (DIGIT * number.length), place.row * 0.5, 16 * scale);
      if (number && size >= LEAST * scale) {
        write(c, theme, number, x + (place.cell - gap[0]) / 2, y + place.row / 2, { size, color: theme.onColour(weight), align: "center", weight: 500 });
      } else if (weight <= -theme.writtenFrom) fill(c, theme.onColour(weight), x + place.cell * 0.3, y + place.row / 2 - 1, place.cell * 0.35, 1.5); // a minus
    }
  }
  rings(c, theme, pattern, focus, place, anchors);
}

export function rings(c, theme, pattern, focus, place, anchors) {
  const shown = (j) => j >= place.column && j < place.column + place.columns;
  const left = (j) => place.x + (j - place.column) * place.cell;
  for (const at of anchors) {
    if (focus.side === "query") ring(c, theme, theme.accent, place.x - 2, place.y + at * place.row - 2, place.columns * place.cell + 3, place.row + 3);
    else if (shown(at)) ring(c, theme, theme.accent, left(at) - 2, place.y - 2, place.cell + 3, pattern.queries.length * place.row + 3);
  }
  const [queries, keys] = focus.side === "query" ? [anchors, [focus.key]] : [[focus.query], anchors];
  for (const query of queries) for (const key of keys) {
    if (query >= 0 && key >= 0 && shown(key)) ring(c, theme, theme.ink, left(key) - 1, place.y + query * place.row - 1, place.cell + 1, place.row + 1);
  }
}
