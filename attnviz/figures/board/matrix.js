// A pattern in, its weights as a field of cells out: a row looks, a column is looked at.

import { anchorOf } from "./state.js";
import { fill, ring, write } from "./canvas.js";
import { twoDigits } from "./encoding.js";

export function drawMatrix(c, look, view, place, weights) {
  const { pattern, focus } = view;
  const columns = pattern.keys.length;
  const last = Math.min(place.last, pattern.queries.length);
  const anchor = anchorOf(focus);
  const numbers = place.cell >= 22 && place.row >= 18;
  const gap = [place.cell >= 18 ? 1 : 0, place.row >= 18 ? 1 : 0];
  for (let i = place.first; i < last; i++) {
    const y = place.y + i * place.row;
    for (let j = place.column; j < place.column + place.columns; j++) {
      const x = place.x + (j - place.column) * place.cell;
      if (pattern.causal && j > i) {
        fill(c, look.hair, x + place.cell / 2 - 1, y + place.row / 2 - 1, 2, 2);
        continue;
      }
      const weight = weights[i * columns + j];
      fill(c, look.colour(weight), x, y, place.cell - gap[0], place.row - gap[1]);
      const meant = anchor < 0 ? place.cell >= 34 : (focus.side === "query" ? i : j) === anchor;
      if (numbers && meant && weight >= look.writtenFrom) {
        const size = Math.min(place.cell * 0.42, place.row * 0.5, 16);
        write(c, look, twoDigits(weight), x + (place.cell - gap[0]) / 2, y + place.row / 2, { size, color: look.onColour(weight), align: "center", weight: 500 });
      }
    }
  }
  rings(c, look, pattern, focus, place, anchor);
}

function rings(c, look, pattern, focus, place, anchor) {
  const shown = (j) => j >= place.column && j < place.column + place.columns;
  const left = (j) => place.x + (j - place.column) * place.cell;
  if (anchor >= 0 && focus.side === "query") ring(c, look, look.accent, place.x - 2, place.y + anchor * place.row - 2, place.columns * place.cell + 3, place.row + 3);
  if (anchor >= 0 && focus.side === "key" && shown(anchor)) ring(c, look, look.accent, left(anchor) - 2, place.y - 2, place.cell + 3, pattern.queries.length * place.row + 3);
  if (focus.query >= 0 && focus.key >= 0 && shown(focus.key)) ring(c, look, look.ink, left(focus.key) - 1, place.y + focus.query * place.row - 1, place.cell + 1, place.row + 1);
}
