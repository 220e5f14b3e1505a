// Ribbons between two columns of words. Each query has a band of fixed height, its whole 1.0, divided among
// ribbons: thickness is weight, and the missing part of the band is hidden. In a difference, negative ones are dashed.

import { anchorsOf } from "../core/selection.js";
import { fill } from "./canvas.js";

const BAND = 0.84; // of a row's height
const THINNEST = 0.004; // smaller weights leave their part of the band empty: a hundred of them would look like one grey area
const DASHES = [8, 4];
const MOST = 1500; // ribbons behind the selected word; beyond that, the weakest are left out

export function drawCurves(c, theme, view, place, weights) {
  const { focus } = view;
  const anchors = new Set(anchorsOf(focus));
  const ribbons = ribbonsOf(view, place, weights, theme.total);
  const isMeant = (ribbon) => !anchors.size || anchors.has(focus.side === "query" ? ribbon.query : ribbon.key);
  const pair = focus.query >= 0 && focus.key >= 0;
  const partner = focus.side === "query" ? focus.key : focus.query;
  if (anchors.size) {
    c.globalAlpha = 0.06;
    for (const ribbon of ribbons) if (!isMeant(ribbon)) draw(c, place, ribbon, theme.mute);
    c.globalAlpha = 1;
  }
  const pointed = [];
  for (const ribbon of ribbons) {
    if (!isMeant(ribbon)) continue;
    if (pair && (focus.side === "query" ? ribbon.key : ribbon.query) === partner) pointed.push(ribbon);
    else draw(c, place, ribbon, theme.faded(seen(ribbon.weight, theme), pair ? 0.45 : anchors.size ? 1 : 0.8));
  }
  for (const ribbon of pointed) draw(c, place, { ...ribbon, thick: Math.max(2, ribbon.thick) }, theme.ink);
  bands(c, theme, view, place, anchors);
}

// The last ribbons are kept for the same weights: while a pointer moves over words, they do not change.
const remembered = new WeakMap();
function ribbonsOf(view, place, weights, total) {
  const name = [place.row, place.first, place.last, total].join();
  const cached = remembered.get(weights);
  if (cached?.name === name) return cached.found;
  const found = ribbonsFrom(view, place, weights, total);
  remembered.set(weights, { name, found });
  return found;
}

// Weakest first, so that the strong ones are on top.
function ribbonsFrom({ pattern }, place, weights, total) {
  const band = (place.row * BAND) / total;
  const columns = pattern.keys.length;
  const found = [];
  for (let query = place.first; query < Math.min(place.last, pattern.queries.length); query++) {
    // Differences of a row may add up to more than its band: then they are centred on it and extend beyond it.
    let all = 0;
    for (let key = 0; key < columns; key++) all += Math.abs(weights[query * columns + key]);
    let from = (-band * Math.max(total, all)) / 2;
    for (let key = 0; key < columns; key++) {
      const weight = weights[query * columns + key];
      const thick = Math.abs(weight) * band;
      if (Math.abs(weight) > THINNEST * total) found.push({ query, key, weight, thick, from: from + thick / 2 });
      from += thick;
    }
  }
  return found.sort((a, b) => a.thick - b.thick).slice(-MOST);
}

// The palest colour that is still visible as a line.
const seen = (weight, { total }) => Math.sign(weight) * Math.max(Math.abs(weight), 0.05 * total);

function draw(c, place, { query, key, weight, from, thick }, color) {
  const y0 = place.y + (query + 0.5) * place.row + from;
  const y1 = place.y + (key + 0.5) * place.row;
  const middle = (place.right - place.left) / 2;
  c.strokeStyle = color;
  c.lineWidth = Math.max(0.5, thick);
  if (weight < 0) c.setLineDash(DASHES);
  c.beginPath();
  c.moveTo(place.left, y0);
  c.bezierCurveTo(place.left + middle, y0, place.right - middle, y1, place.right, y1);
  c.stroke();
  if (weight < 0) c.setLineDash([]);
}

// The ends of the bands, with the selected word's in the accent colour.
function bands(c, theme, { pattern, focus }, place, anchors) {
  const end = (x, i, color) => fill(c, color, x, place.y + (i + 0.08) * place.row, 3, place.row * BAND);
  for (let i = place.first; i < place.last; i++) {
    if (i < pattern.queries.length) end(place.left - 3, i, theme.line);
    if (i < pattern.keys.length) end(place.right, i, theme.line);
  }
  for (const anchor of anchors) end(focus.side === "query" ? place.left - 3 : place.right, anchor, theme.accent);
}
