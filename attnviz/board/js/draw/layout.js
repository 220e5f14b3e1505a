// Computes the size and place of everything from the available width, the units and the heads. Pure: the caller measures.

import { within } from "../core/element.js";

export const PHONE = 608; // the board's own width: a window of 640 minus 16 at each edge
export const STACKED = 900; // below this, the overview is above the head instead of beside it
const GAP = 32;
const BELOW = 96; // space below the pictures for Streamlit's next line and the tray
const ALONE = 48; // the edge of the screen in presentation mode
const PROJECTED = 16; // the same where the page around the board is presented: the matrix fits the screen, and nothing stands beside it that is taller
const LEAST = 380; // the left side's width if a model has few heads
const ROWS = 40; // more rows than this scroll inside the head's view
const ROW = [18, 30];
const LEAST_CELL = 10;
// On paper: pixels that the chosen head may be tall and all heads wide, a row's height, the narrowest cell, the most rows drawn, and the sentence's type.
const PAPER = { tall: 560, overview: 300, row: [14, 18], cell: 5, rows: 128, type: [18, 30] };

// The part of the layout that is known before the sentence is drawn.
export function breadth(width, scale = 1, presenting = false, paper = false) {
  const phone = width < PHONE && !paper;
  const type = paper ? { type: PAPER.type } : {};
  return { width, phone, stacked: width < STACKED, scale, size: 13 * scale, presenting, paper, ...type };
}

// `free` is the height from the top of the pictures to the end of the window, `labels` the width of the widest word.
export function arranged(base, { frame, queries, keys, free, labels, lost, ratio, tab }) {
  const { width, phone, stacked, scale, presenting, projected } = base;
  const most = Math.max(queries, keys);
  if (base.paper) return arrangedOnPaper(base, { frame, most, keys, labels, lost, ratio });
  const wide = stacked ? width : within(width * 0.35, 400, 560 * scale);
  const top = (phone ? (tab === "matrix" ? 60 : 36) : 56) * scale;
  const label = within(labels + 13 * scale, 40, 120 * scale);
  const side = stacked ? width : width - wide - GAP * scale;
  const room = side - 2 * label - lost - curves(base);
  const below = stacked ? 0 : presenting ? ALONE : projected ? PROJECTED : BELOW;
  const height = Math.max(free - top - below, projected ? 0 : leftHeight(frame, wide, scale) - top);
  const least = projected ? base.size + 2 : ROW[0] * scale;
  const row = phone ? 24 : Math.floor(within(Math.min((stacked ? 30 * most : height) / most, Math.max(room, 0) / keys), least, ROW[1] * scale));
  const overview = overviewOf(base, frame, most, wide, top + most * row, ratio);
  const pictures = Math.ceil(overview.gutter + frame.heads * overview.pitch - (overview.pitch - overview.box));
  const left = stacked ? width : overview.deep ? wide : Math.max(LEAST * scale, pictures);
  const rows = most > ROWS ? Math.max(12, Math.min(ROWS, Math.floor(Math.max(height, 360) / row))) : most;
  return { ...base, overview, left, head: { width: stacked ? width : width - left - GAP * scale, top, row, rows, label, lost, most, least: LEAST_CELL, shrunk: 1 } };
}

// On paper nothing scrolls: all rows and columns are drawn, and where they do not fit one page, smaller.
function arrangedOnPaper(base, { frame, most, keys, labels, lost, ratio }) {
  const { width, scale } = base;
  const [top, label] = [56 * scale, within(labels + 13 * scale, 40, 120 * scale)];
  const shown = most > PAPER.rows ? ROWS : most;
  const least = PAPER.cell * scale;
  const beside = 2 * label + lost + curves(base);
  const shrunk = Math.max(1, (shown * PAPER.row[0] + top) / PAPER.tall, (Math.min(keys, PAPER.rows) * least + beside) / width);
  const room = width * shrunk - beside;
  const row = Math.floor(within(Math.min((PAPER.tall * shrunk - top) / shown, room / keys), PAPER.row[0], PAPER.row[1] * scale));
  const deep = frame.layers > 16;
  const overview = { ...overviewOf(base, frame, most, PAPER.overview * scale, (deep ? 320 : 260) * scale, ratio), beside: true };
  return { ...base, overview, left: width, head: { width: width * shrunk, top, row, rows: shown, label, lost, most, least, shrunk } };
}


// The smallest width for the curves; on a large screen, a smaller part is enough.
const curves = ({ presenting, scale }) => (presenting ? 160 : 210) * scale;

// The left side: the overview at full width, and the facts below it. The head may be as tall.
function leftHeight(frame, wide, scale) {
  if (frame.layers > 16) return 380 * scale;
  return 20 * scale + frame.layers * Math.min(44 * scale, (wide - 24 * scale) / frame.heads) + 190 * scale;
}

function overviewOf({ phone, stacked, scale }, frame, units, wide, tall, ratio) {
  const gutter = (frame.layers > 10 ? 28 : phone ? 22 : 24) * scale;
  const rise = 20 * scale;
  const deep = frame.layers > 16;
  const height = phone ? 320 : Math.max(tall, 240 * scale) - rise;
  let pitch = Math.min((wide - gutter) / frame.heads, height / frame.layers, (deep ? 16 : 44) * scale * (phone ? 2 : 1));
  if (!phone) pitch = Math.max(6, Math.floor(pitch));
  const box = boxOf(pitch, units, phone, ratio);
  return { gutter, rise, pitch, box, pitchY: phone && !deep ? box + 7 : pitch, deep, scale, beside: deep || (stacked && !phone) };
}

// Whole device pixels per weight, unless that would leave more than a quarter of the cell empty.
function boxOf(pitch, units, phone, ratio) {
  const inner = pitch - (pitch > 24 ? (phone ? 2 : 4) : 2);
  const pixels = Math.floor((inner * ratio) / units + 0.01);
  const whole = (pixels * units) / ratio;
  return whole >= 0.75 * inner ? whole : inner;
}

// The places of matrix, curves and labels in the head's canvas. `scrolled` is how far its rows are scrolled.
export function placesIn({ head, phone, presenting, scale, size }, { tab, keys, scrolled }) {
  const { width, top, row, rows, label, most } = head;
  const lost = phone ? 0 : head.lost;
  const first = Math.floor(scrolled / row);
  const shared = { top, row, y: top - scrolled, size, first, last: Math.min(most, first + rows + 1), widest: label - 0.9 * size, lost: lost > 0 };
  if (phone && tab === "matrix") {
    const columns = columnsIn(width - label - 32, row, keys, scrolled, head);
    return { ...shared, queryX: label, x: label + 8, ...columns };
  }
  if (phone) return { ...shared, queryX: label, left: label + 12, right: width - label - 12, keyX: width - label };
  const columns = columnsIn(width - 2 * label - lost - curves({ presenting, scale }), row, keys, scrolled, head);
  const x = label + 6 * scale;
  const start = x + columns.columns * columns.cell + (lost ? 18 * scale + lost : 0);
  return {
    ...shared,
    x,
    ...columns,
    queryX: label - size * 0.4,
    left: start + 14 * scale,
    right: width - label - 12 * scale,
    keyX: width - label + size * 0.2,
    lostX: start - 4 * scale,
  };
}

// The room of a matrix that is shown whole, as a long text's at first.
export const wholeRoom = (place, { rows, row }) => ({ x: place.x, y: place.top, width: place.columns * place.cell, height: rows * row });

// The part of a place that says where the matrix is: its first row and its first shown column begin at `x`, `y`.
export function matrixPlace({ x, y, cell, row, column, columns, first, last }) {
  return x === undefined ? null : { x, y, cell, row, column, columns, first, last };
}

// Square cells if they fit, or else narrower ones; if even those do not fit, the columns near the shown rows.
function columnsIn(room, row, keys, scrolled, { rows, most, row: height, least = LEAST_CELL }) {
  const cell = within(Math.floor(room / keys), least, row);
  const columns = Math.min(keys, Math.max(6, Math.floor(room / cell)));
  const furthest = Math.max(1, (most - rows) * height);
  return { cell, columns, column: Math.round((keys - columns) * Math.min(1, scrolled / furthest)) };
}
