// The words beside and above the pictures.

import { anchorsOf } from "../core/selection.js";
import { markOf, percent } from "../core/encoding.js";
import { aside, setFont, shortened, write } from "./canvas.js";

const STRONG = 0.1; // from here on, a key word is bold
const TINTED = 0.02;
const NOTED = 0.005;
const MARK = 0.8; // of a word's size

// A column of words: `side` is "query" or "key".
export function drawColumn(c, theme, view, place, side) {
  const { pattern, focus, line } = view;
  const units = side === "query" ? pattern.queries : pattern.keys;
  const anchors = focus.side === side ? anchorsOf(focus) : [];
  const partner = side === "query" ? focus.query : focus.key;
  const pair = focus.query >= 0 && focus.key >= 0;
  const left = side === "query";
  const lost = pattern.options.special === "renormalise" && !pattern.keep && !pattern.between ? pattern.lost : pattern.hidden;
  for (let i = place.first; i < Math.min(place.last, units.length); i++) {
    const weight = focus.side !== side && line ? line[i] : 0;
    const anchor = anchors.includes(i);
    const share = Math.abs(weight) / theme.total;
    const style = { size: place.size, align: left ? "right" : "left", weight: anchor || share >= STRONG ? 600 : 400 };
    style.color = units[i].special ? theme.mute : theme.ink;
    if (anchor && left) Object.assign(style, { ground: theme.accent, color: theme.onAccent });
    else if (anchor) Object.assign(style, { edge: theme.accent, color: theme.accent });
    else if (share >= TINTED) Object.assign(style, { ground: theme.colour(weight), color: theme.onColour(weight) });
    if (pair && i === partner && !anchor) style.edge = theme.ink;
    const y = place.y + (i + 0.5) * place.row;
    label(c, theme, units[i], left ? place.queryX : place.keyX, y, place.widest, style);
    if (left && place.lost && lost[i] >= NOTED) {
      write(c, theme, percent(lost[i]), place.lostX, y, { size: place.size * 0.86, align: "right", color: theme.mute });
    }
  }
}

// Slanted words above the columns of a matrix. For narrow columns only every few words and the selected ones.
export function drawSlanted(c, theme, view, place) {
  const { pattern, focus, line } = view;
  const angle = place.cell < 1.45 * place.size ? -Math.PI / 3 : -Math.PI / 4;
  const most = (place.top - place.size) / Math.sin(-angle);
  const every = place.every ?? Math.ceil((place.size * 1.1) / place.cell);
  const anchors = anchorsOf(focus);
  for (let j = place.column; j < place.column + place.columns; j++) {
    const anchor = focus.side === "key" && anchors.includes(j);
    const strong = focus.side === "query" && line && (Math.abs(line[j]) >= STRONG * theme.total || j === focus.key);
    if (!anchor && !strong && (j - place.column) % every) continue;
    const color = anchor ? theme.accent : strong ? theme.ink : theme.mute;
    const style = { size: place.size, align: "left", weight: anchor || strong ? 600 : 400, color };
    setFont(c, theme, style.size, style.weight);
    aside(c, () => {
      c.translate(place.x + (j - place.column + 0.5) * place.cell, place.top - place.size * 0.7);
      c.rotate(angle);
      label(c, theme, pattern.keys[j], 0, 0, most, style);
    });
  }
}

// The mark of a word that the model cannot read follows it, small and whole, also if the word is shortened.
function label(c, theme, unit, x, y, most, { size, align, weight, color, ground, edge }) {
  const mark = markOf(unit) && ` ${markOf(unit)}`;
  let room = 0;
  if (mark) {
    setFont(c, theme, size * MARK);
    room = c.measureText(mark).width;
  }
  setFont(c, theme, size, weight);
  const seen = shortened(c, unit.label, most - room);
  const wide = ground || edge || mark ? c.measureText(seen).width : 0;
  if (ground || edge) {
    const width = wide + room;
    const pad = size * 0.45;
    c.fillStyle = ground ?? theme.page;
    c.beginPath();
    c.roundRect(align === "right" ? x - width - pad : x - pad, y - size * 0.85, width + 2 * pad, size * 1.7, 3);
    c.fill();
    if (edge) {
      c.strokeStyle = edge;
      c.lineWidth = 2;
      c.stroke();
    }
  }
  const right = align === "right";
  write(c, theme, seen, right ? x - room : x, y + 0.5, { size, align, weight, color });
  if (mark) write(c, theme, mark, right ? x : x + wide, y + 0.5, { size: size * MARK, align, color: ground || edge ? color : theme.mute });
}
