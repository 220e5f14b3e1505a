// One small picture of every head's matrix: a few in each frame of animation, so that the page stays responsive.

import { optionsOf } from "../core/state.js";
import { patternOf } from "../core/pattern.js";
import { onPaper, pixelRatio } from "../core/paper.js";
import { pooledPicture } from "../core/frame.js";

const SLICE = 8; // milliseconds of a frame for pictures

// `again` requests another animation frame.
export function makePictures(again) {
  const canvas = document.createElement("canvas");
  let [place, kind, heads] = ["", "", []];
  let [image, pixels] = [null, null];
  let [next, due] = [0, 0];
  let seen = new Set();

  // The canvas with the pictures that are ready. Pictures that only look different, as with another filter, are painted over.
  function draw(view, width, height) {
    const { book, state, theme, geometry } = view;
    const { frame } = book;
    const { pitch, pitchY, box } = geometry.overview;
    const { words, special, keep, between } = optionsOf(state);
    const where = [frame.digest, words, special, pitch, pitchY, box, width, height, pixelRatio()].join();
    const how = [keep?.rule, keep?.value, between, theme.mode, book.layers.size].join();
    if (where !== place) {
      canvas.width = Math.round(width * pixelRatio());
      canvas.height = Math.round(height * pixelRatio());
      image = new ImageData(canvas.width, canvas.height);
      pixels = new Uint32Array(image.data.buffer);
      heads = frame.counts.flatMap((count, layer) => Array.from({ length: count }, (_, head) => [layer, head]));
      [next, seen] = [0, new Set()];
    }
    if (where !== place || how !== kind) [place, kind, due] = [where, how, heads.length];
    if (due) paint(view);
    return canvas;
  }

  function paint({ book, state, theme, geometry }) {
    const until = onPaper() ? Infinity : performance.now() + SLICE;
    const colours = Uint32Array.from(theme.ramp, ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0);
    do {
      const [layer, head] = heads[next];
      const found = pictureOf(book, layer, head, optionsOf(state));
      if (found) picture(found, layer, head, geometry.overview, (weight) => colours[theme.step(weight)]);
      if (found) seen.add(layer * book.frame.heads + head);
      next = (next + 1) % heads.length;
      due -= 1;
    } while (due && performance.now() < until);
    canvas.getContext("2d").putImageData(image, 0, 0);
    if (due) again();
  }

  // Drawn by device pixel, so that no browser smooths it.
  function picture({ rows, columns, weights, keep }, layer, head, { pitch, pitchY, gutter, rise, box }, colour) {
    const side = Math.round(box * pixelRatio());
    const across = sampling(columns, Math.max(1, Math.round((side * columns) / Math.max(rows, columns))));
    const down = sampling(rows, Math.max(1, Math.round((side * rows) / Math.max(rows, columns))));
    const left = Math.round((gutter + head * pitch) * pixelRatio());
    const top = Math.round((rise + layer * pitchY) * pixelRatio());
    for (let y = top; y < top + side; y++) pixels.fill(0, y * canvas.width + left, y * canvas.width + left + side);
    down.forEach(([i0, i1], y) => {
      const row = (top + y) * canvas.width + left;
      across.forEach(([j0, j1], x) => {
        let most = 0;
        for (let i = i0; i < i1; i++) for (let j = j0; j < j1; j++) most = Math.max(most, weights[i * columns + j]);
        if (most > 0 || !keep) pixels[row + x] = colour(most); // left-out weights have the colour of the page
      });
    });
  }

  return { draw, has: (layer, head, { heads: most }) => seen.has(layer * most + head) };
}

function pictureOf(book, layer, head, options) {
  if (!book.frame.whole) return pooledPicture(book, layer, head);
  const { queries, keys, weights, keep } = patternOf(book, layer, head, options);
  return { rows: queries.length, columns: keys.length, weights, keep };
}

// The weights under each pixel: one if there is room, or else several, the largest of which is shown.
export function sampling(count, pixels) {
  return Array.from({ length: pixels }, (_, p) => {
    const from = Math.floor((p * count) / pixels);
    return [from, Math.max(from + 1, Math.floor(((p + 1) * count) / pixels))];
  });
}
