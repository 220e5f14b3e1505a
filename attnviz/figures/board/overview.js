// A book in, every head of every layer as one small picture of its matrix out: layers are rows, heads are columns.

import { anchorOf, optionsOf } from "./state.js";
import { fill, fitted, ring, write } from "./canvas.js";
import { lineOf, patternOf, ranked } from "./pattern.js";
import { pooledPicture } from "./frame.js";

const BARRED = 0.1; // weaker links get no bar
const SMALL = 24; // pixels: narrower heads have no bars and fewer labels

export function makeOverview(canvas) {
  const pictures = document.createElement("canvas");
  let painted = "";

  function draw(view) {
    const { book, state, look, geometry } = view;
    const { frame } = book;
    const { pitch, pitchY, gutter, rise, box, scale } = geometry.overview;
    const options = optionsOf(state);
    const name = [frame.digest, options.words, options.special, look.theme, pitch, pitchY, box, devicePixelRatio].join();
    const width = gutter + frame.heads * pitch + (pitch < SMALL ? 8 : 0); // the last label may be wider than its head
    const height = rise + frame.layers * pitchY + 4;
    if (name !== painted) {
      painted = name;
      paint(pictures, view, width, height);
    }
    const c = fitted(canvas, width, height);
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.drawImage(pictures, 0, 0);
    c.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    axes(c, view);
    const link = barredLink(view);
    if (link) bars(c, view, link);
    const at = ([layer, head]) => [gutter + head * pitch - 1.5, rise + layer * pitchY - 1.5, box + 3, box + 3];
    ring(c, look, look.accent, ...at(state.head), 2 * Math.max(1, scale * 0.8));
    if (state.hover) ring(c, look, look.ink, ...at(state.hover), 2);
    return link;
  }

  function headAt(x, y, frame, { pitch, pitchY, gutter, rise }) {
    const [layer, head] = [Math.floor((y - rise) / pitchY), Math.floor((x - gutter) / pitch)];
    return layer >= 0 && layer < frame.layers && head >= 0 && head < frame.counts[layer] ? [layer, head] : null;
  }

  return { draw, headAt };
}

// The link that the bars show: the one pointed at, or the strongest of the held word among words.
export function barredLink({ book, pattern, focus, geometry }) {
  if (!book.frame.whole || !pattern || focus.query < 0 || geometry.overview.pitch < SMALL) return null;
  if (focus.key >= 0) return { query: focus.query, key: focus.key };
  const line = lineOf(pattern, focus);
  const key = ranked(line).find((j) => !pattern.keys[j].special && (pattern.cross || j !== anchorOf(focus)));
  return key === undefined ? null : { query: focus.query, key };
}

function bars(c, { book, state, look, geometry }, { query, key }) {
  const { pitch, pitchY, gutter, rise, box, scale } = geometry.overview;
  for (let layer = 0; layer < book.frame.layers; layer++) {
    for (let head = 0; head < book.frame.counts[layer]; head++) {
      const pattern = patternOf(book, layer, head, optionsOf(state));
      const weight = pattern.weights[query * pattern.keys.length + key];
      if (weight >= BARRED) fill(c, look.accent, gutter + head * pitch, rise + layer * pitchY + box + 1, Math.round(box * weight), 2 * Math.max(1, scale));
    }
  }
}

function axes(c, { book, head: [layer, head], look, geometry }) {
  const { pitch, pitchY, gutter, rise, box, scale } = geometry.overview;
  const size = Math.max(11, Math.min(12, pitch)) * scale;
  const every = { columns: pitch < SMALL ? 4 : 1, rows: pitchY < 16 ? 5 : 1 };
  const shown = (i, chosen, step) => i === chosen || (i % step === 0 && (step === 1 || Math.abs(i - chosen) > step / 2 - 1));
  const style = (on, align) => ({ size, align, color: on ? look.ink : look.mute, weight: on ? 700 : 400 });
  for (let j = 0; j < book.frame.heads; j++) {
    if (shown(j, head, every.columns)) write(c, look, `H${j}`, gutter + j * pitch + box / 2, rise / 2 - 1, style(j === head, "center"));
  }
  for (let i = 0; i < book.frame.layers; i++) {
    if (shown(i, layer, every.rows)) write(c, look, `L${i}`, 0, rise + i * pitchY + box / 2, style(i === layer, "left"));
  }
}

// All pictures at once, pixel by pixel of the device, so that no browser smooths them.
function paint(canvas, { book, state, look, geometry }, width, height) {
  const ratio = devicePixelRatio || 1;
  const { pitch, pitchY, gutter, rise, box } = geometry.overview;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const image = new ImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(image.data.buffer);
  const colours = Uint32Array.from(look.ramp, ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0);
  const side = Math.round(box * ratio);
  for (let layer = 0; layer < book.frame.layers; layer++) {
    for (let head = 0; head < book.frame.counts[layer]; head++) {
      const { rows, columns, weights } = pictureOf(book, layer, head, optionsOf(state));
      const across = sampling(columns, Math.max(1, Math.round((side * columns) / Math.max(rows, columns))));
      const down = sampling(rows, Math.max(1, Math.round((side * rows) / Math.max(rows, columns))));
      const left = Math.round((gutter + head * pitch) * ratio);
      const top = Math.round((rise + layer * pitchY) * ratio);
      down.forEach(([i0, i1], y) => {
        const row = (top + y) * canvas.width + left;
        across.forEach(([j0, j1], x) => {
          let most = 0;
          for (let i = i0; i < i1; i++) for (let j = j0; j < j1; j++) most = Math.max(most, weights[i * columns + j]);
          pixels[row + x] = colours[look.step(most)];
        });
      });
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function pictureOf(book, layer, head, options) {
  if (!book.frame.whole) return pooledPicture(book.frame, layer, head);
  const { queries, keys, weights } = patternOf(book, layer, head, options);
  return { rows: queries.length, columns: keys.length, weights };
}

// Which weights lie under each pixel: one where there is room, else all of a stretch, of which the largest is shown.
export function sampling(count, pixels) {
  return Array.from({ length: pixels }, (_, p) => {
    const from = Math.floor((p * count) / pixels);
    return [from, Math.max(from + 1, Math.floor(((p + 1) * count) / pixels))];
  });
}

export function drawLegend(canvas, look, scale) {
  const [width, left] = [132 * scale, 8 * scale];
  const c = fitted(canvas, width + 2 * left, 32 * scale);
  for (let x = 0; x < width; x++) fill(c, `rgb(${look.ramp[Math.round((255 * x) / width)].join()})`, left + x, 4 * scale, 1.5, 8 * scale);
  for (const { at, text } of look.ticks) write(c, look, text, left + width * look.place(at), 22 * scale, { size: 11 * scale, color: look.mute, align: "center" });
}
