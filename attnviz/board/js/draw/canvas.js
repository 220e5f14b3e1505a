// A canvas context in CSS pixels, and the few shapes that all pictures share.

import { pixelRatio } from "../core/paper.js";

export function fitted(canvas, width, height) {
  const ratio = pixelRatio();
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.width = `${w / ratio}px`;
    canvas.style.height = `${h / ratio}px`;
    fonts.delete(canvas.getContext("2d")); // resizing resets the canvas's font
  }
  const c = canvas.getContext("2d");
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, w, h);
  c.textBaseline = "middle";
  return c;
}

// Setting a font takes longer than writing a word, so it is set only if it changes.
const fonts = new WeakMap();
export function setFont(c, theme, size, weight = 400) {
  const font = `${weight} ${size}px ${theme.sans}`;
  if (fonts.get(c) === font) return;
  c.font = font;
  fonts.set(c, font);
}

// Draws with its own state; afterwards the context is restored.
export function aside(c, draw) {
  const font = fonts.get(c);
  c.save();
  draw();
  c.restore();
  fonts.set(c, font);
}

export function write(c, theme, text, x, y, { size, color, align = "left", weight = 400 }) {
  setFont(c, theme, size, weight);
  c.fillStyle = color;
  c.textAlign = align;
  c.fillText(text, x, y);
}

export function fill(c, color, x, y, width, height) {
  c.fillStyle = color;
  c.fillRect(x, y, width, height);
}

// A ring with a halo of the page colour: orange on mid blue alone would have 1.2 : 1.
export function ring(c, theme, color, x, y, width, height, line = 2) {
  for (const [stroke, thick] of [[theme.page, line + 2], [color, line]]) {
    c.strokeStyle = stroke;
    c.lineWidth = thick;
    c.strokeRect(x, y, width, height);
  }
}

// Text that fits `most` pixels, shortened at its end.
export function shortened(c, text, most) {
  if (c.measureText(text).width <= most) return text;
  const signs = Array.from(text);
  let [low, high] = [1, signs.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (c.measureText(`${signs.slice(0, middle).join("")}\u2026`).width <= most) low = middle;
    else high = middle - 1;
  }
  return `${signs.slice(0, low).join("")}\u2026`;
}
