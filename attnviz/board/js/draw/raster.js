// The part of a matrix under the lens, painted by device pixels. If several weights are under one pixel, the largest is
// shown.

import { pixelRatio } from "../core/paper.js";
import { under } from "./zoom.js";

// Painted again only after a change: pointing at words changes nothing.
export function makeRaster() {
  const canvas = document.createElement("canvas");
  let painted = "";
  let last = null;

  // `source` is { rows, columns, weights, causal, keep }, `area` { x, y, width, height } in CSS pixels of the context `c`.
  function draw(c, theme, source, lens, area) {
    const ratio = pixelRatio();
    const [width, height] = [Math.round(area.width * ratio), Math.round(area.height * ratio)];
    const name = [lens.cell, lens.row, lens.column, width, height, theme.name].join();
    if (name !== painted || source.weights !== last) {
      [painted, last] = [name, source.weights];
      [canvas.width, canvas.height] = [width, height];
      canvas.getContext("2d").putImageData(imageOf(theme, source, lens, width, height, 1 / (lens.cell * ratio)), 0, 0);
    }
    c.drawImage(canvas, area.x, area.y, area.width, area.height);
  }

  return { draw };
}

function imageOf(theme, { rows, columns, weights, causal = false, keep = null }, lens, width, height, pixel) {
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const colours = Uint32Array.from(theme.ramp, ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0);
  const across = under(lens.column, pixel, width, columns);
  under(lens.row, pixel, height, rows).forEach(([top, bottom], y) => {
    for (let x = 0; x < across.length; x++) {
      const [left, right] = across[x];
      if (causal && left >= bottom) break; // cells that cannot be seen have the colour of the page
      let most = 0;
      for (let i = top; i < bottom; i++) for (let j = left; j < right; j++) most = Math.max(most, weights[i * columns + j]);
      if (most > 0 || !keep) pixels[y * width + x] = colours[theme.step(most)];
    }
  });
  return image;
}
