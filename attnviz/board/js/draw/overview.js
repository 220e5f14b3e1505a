// The overview: every head of every layer as one small picture of its matrix; layers are rows, heads are columns.

import { anchorsOf } from "../core/selection.js";
import { optionsOf } from "../core/state.js";
import { fill, fitted, ring, write } from "./canvas.js";
import { patternOf, ranked } from "../core/pattern.js";
import { makePictures } from "./pictures.js";
import { pixelRatio } from "../core/paper.js";

const MIN_BAR = 0.1; // weaker links get no bar
const SMALL = 24; // pixels: narrower heads have no bars and fewer labels

// `again` requests another animation frame while pictures are missing.
export function makeOverview(canvas, again) {
  const pictures = makePictures(again);

  function draw(view) {
    const { book, state, theme, geometry } = view;
    const { frame } = book;
    const { pitch, pitchY, gutter, rise, box, scale } = geometry.overview;
    const width = gutter + frame.heads * pitch + (pitch < SMALL ? 8 : 0); // the last label may be wider than its head
    const height = rise + frame.layers * pitchY + 4;
    const painted = pictures.draw(view, width, height);
    const c = fitted(canvas, width, height);
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.drawImage(painted, 0, 0);
    const ratio = pixelRatio();
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    for (let layer = 0; layer < frame.layers; layer++) {
      if (book.layers.has(layer)) continue; // not arrived yet
      for (let head = 0; head < frame.counts[layer]; head++) fill(c, theme.field, gutter + head * pitch, rise + layer * pitchY, box, box);
    }
    axes(c, view);
    const link = barLink(view);
    if (link) bars(c, view, link, pictures.has);
    const at = ([layer, head]) => [gutter + head * pitch - 1.5, rise + layer * pitchY - 1.5, box + 3, box + 3];
    ring(c, theme, theme.accent, ...at(state.head), 2 * Math.max(1, scale * 0.8));
    if (state.hover) ring(c, theme, theme.ink, ...at(state.hover), 2);
    if (pitch >= SMALL) badges(c, view);
    return link;
  }

  function headAt(x, y, frame, { pitch, pitchY, gutter, rise }) {
    const [layer, head] = [Math.floor((y - rise) / pitchY), Math.floor((x - gutter) / pitch)];
    return layer >= 0 && layer < frame.layers && head >= 0 && head < frame.counts[layer] ? [layer, head] : null;
  }

  return { draw, headAt };
}

// The links that the bars show: the ones pointed at, or the strongest of the selected words among words. Their weights are summed.
export function barLink({ book, pattern, focus, line, geometry }) {
  const anchors = anchorsOf(focus);
  if (!book.frame.whole || !pattern || !anchors.length || focus.query < 0 || geometry.overview.pitch < SMALL) return null;
  if (focus.query >= 0 && focus.key >= 0) return focus.side === "query" ? { queries: anchors, keys: [focus.key] } : { queries: [focus.query], keys: anchors };
  const key = ranked(line).find((j) => !pattern.keys[j].special && (pattern.cross || anchors.length > 1 || j !== anchors[0]) && line[j] > 0);
  return key === undefined ? null : { queries: anchors, keys: [key] };
}

function bars(c, { book, state, theme, geometry }, { queries, keys }, has) {
  const { pitch, pitchY, gutter, rise, box, scale } = geometry.overview;
  for (let layer = 0; layer < book.frame.layers; layer++) {
    for (let head = 0; head < book.frame.counts[layer]; head++) {
      if (!has(layer, head, book.frame)) continue;
      const pattern = patternOf(book, layer, head, optionsOf(state));
      let weight = 0;
      for (const query of queries) for (const key of keys) weight += pattern.weights[query * pattern.keys.length + key];
      if (weight >= MIN_BAR) fill(c, theme.accent, gutter + head * pitch, rise + layer * pitchY + box + 1, Math.round(box * Math.min(1, weight)), 2 * Math.max(1, scale));
    }
  }
}

// The number of a pinned head, at its corner.
function badges(c, { book, state, theme, geometry }) {
  const { pitch, pitchY, gutter, rise, box, scale } = geometry.overview;
  state.pins.forEach(({ here, over, head: [layer, head] }, i) => {
    if (!here || over) return;
    const last = gutter + book.frame.heads * pitch - 9 * scale; // whole, also in the last column
    const [x, y] = [Math.min(last, gutter + head * pitch + box - 1), rise + layer * pitchY + 1];
    c.beginPath();
    c.arc(x, y, 7 * scale, 0, 2 * Math.PI);
    c.fillStyle = theme.ink;
    c.fill();
    c.strokeStyle = theme.page;
    c.lineWidth = 2;
    c.stroke();
    write(c, theme, String(i + 1), x, y + 0.5, { size: 10 * scale, color: theme.page, align: "center", weight: 700 });
  });
}

function axes(c, { book, head: [layer, head], theme, geometry }) {
  const { pitch, pitchY, gutter, rise, box, scale } = geometry.overview;
  const size = Math.max(11, Math.min(12, pitch)) * scale;
  const every = { columns: pitch < SMALL ? 4 : 1, rows: pitchY < 16 ? 5 : 1 };
  const shown = (i, chosen, step) => i === chosen || (i % step === 0 && (step === 1 || Math.abs(i - chosen) > step / 2 - 1));
  const style = (on, align) => ({ size, align, color: on ? theme.ink : theme.mute, weight: on ? 700 : 400 });
  for (let j = 0; j < book.frame.heads; j++) {
    if (shown(j, head, every.columns)) write(c, theme, `H${j}`, gutter + j * pitch + box / 2, rise / 2 - 1, style(j === head, "center"));
  }
  for (let i = 0; i < book.frame.layers; i++) {
    if (shown(i, layer, every.rows)) write(c, theme, `L${i}`, 0, rise + i * pitchY + box / 2, style(i === layer, "left"));
  }
}

export function drawLegend(canvas, theme, scale) {
  const [width, left] = [132 * scale, 8 * scale];
  const c = fitted(canvas, width + 2 * left, 32 * scale);
  for (let x = 0; x < width; x++) fill(c, `rgb(${theme.ramp[Math.round((255 * x) / width)].join()})`, left + x, 4 * scale, 1.5, 8 * scale);
  for (const { at, text } of theme.ticks) write(c, theme, text, left + width * theme.place(at), 22 * scale, { size: 11 * scale, color: theme.mute, align: "center" });
}
