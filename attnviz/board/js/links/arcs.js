// Curves between linked words, their arrow heads, and the places of their remove marks. Pure functions.

const [LOW, STEP, MOST] = [30, 26, 8]; // pixels of the lowest arc, pixels that each arc above another one is higher, and the largest number of levels
const APART = 12; // pixels between the ends of several links at one word
const TIP = [9, 4.5]; // an arrow head's length and half its width
const CLEAR = 27; // pixels between remove marks, from centre to centre
export const MARK = 24; // a remove mark's width

// The line of each box, from 0: a box that begins below the middle of the one before it begins a new line.
export function linesOf(boxes) {
  let line = 0;
  return boxes.map(({ top }, i) => {
    const before = boxes[i - 1];
    if (before && top > (before.top + before.bottom) / 2) line += 1;
    return line;
  });
}

// How many arcs of the same line are below each arc; 0 for a link between lines.
export function levelsOf(ends, boxes, lines) {
  const spans = ends.map(({ source, target }) => [middle(boxes[source]), middle(boxes[target])].sort((a, b) => a - b));
  const order = ends.map((_, i) => i).sort((a, b) => spans[a][1] - spans[a][0] - (spans[b][1] - spans[b][0]) || a - b);
  const levels = ends.map(() => 0);
  const done = [];
  for (const i of order) {
    const { source, target } = ends[i];
    if (lines[source] !== lines[target]) continue;
    const below = done.filter((j) => lines[ends[j].source] === lines[source] && spans[j][0] < spans[i][1] && spans[i][0] < spans[j][1]);
    levels[i] = below.reduce((most, j) => Math.max(most, levels[j] + 1), 0);
    done.push(i);
  }
  return levels;
}

// The space above every line, so that its highest arc and the arc's mark do not touch the line above.
export const riseOf = (levels) => heightAt(Math.max(0, ...levels)) + MARK / 2 + 6;

const heightAt = (level) => LOW + STEP * Math.min(level, MOST);

// `ends` are { source, target }, places in `boxes` ({ left, right, top, bottom }). Each arc is { path, tip, mark }: the curve,
// the corners of its arrow head, and where its remove mark is centred.
export function arcsOf(ends, boxes, lines, levels) {
  const from = anchors(ends, boxes, lines);
  const marks = [];
  return ends.map((_, i) => {
    const [start, end] = from[i];
    const up = end.side === "top" ? -1 : 1;
    const short = [end.x, end.y + up * TIP[0]];
    const bend = start.side === end.side ? (4 / 3) * heightAt(levels[i]) : Math.max(24, 0.5 * Math.abs(end.y - start.y));
    const curve = [[start.x, start.y], [start.x, start.y + (start.side === "top" ? -bend : bend)], [end.x, end.y + up * bend], short];
    const mark = free(curve, marks, boxes);
    marks.push(mark);
    return { path: `M${text(curve[0])}C${curve.slice(1).map(text).join(" ")}`, tip: [[end.x, end.y], [end.x - TIP[1], short[1]], [end.x + TIP[1], short[1]]], mark };
  });
}

// Where each link leaves its source and reaches its target: above the words on one line, between the lines on two.
function anchors(ends, boxes, lines) {
  const at = new Map();
  const sides = ends.map(({ source, target }) => {
    const down = lines[target] - lines[source];
    return down === 0 ? ["top", "top"] : down > 0 ? ["bottom", "top"] : ["top", "bottom"];
  });
  ends.forEach(({ source, target }, i) => {
    for (const [end, place, other] of [[0, source, target], [1, target, source]]) {
      const name = `${place} ${sides[i][end]}`;
      const far = middle(boxes[other]);
      at.set(name, [...(at.get(name) ?? []), { i, end, far, left: far < middle(boxes[place]) }]);
    }
  });
  const found = ends.map(() => []);
  for (const [name, here] of at) {
    const [place, side] = [boxes[parseInt(name, 10)], name.split(" ")[1]];
    // Those to the left come first, and on each side the far ones, so that arcs that share a word are nested.
    here.sort((a, b) => b.left - a.left || b.far - a.far);
    const apart = Math.min(APART, (place.right - place.left) / here.length);
    here.forEach(({ i, end }, n) => (found[i][end] = { x: middle(place) + (n - (here.length - 1) / 2) * apart, y: place[side], side }));
  }
  return found;
}

// The middle of a curve, or the next place on it that no other mark and no word covers.
function free(curve, marks, boxes) {
  const places = [0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82, 0.12, 0.88].map((t) => on(curve, t));
  const clear = places.filter(([x, y]) => marks.every(([a, b]) => Math.hypot(a - x, b - y) >= CLEAR));
  const near = MARK / 2;
  const bare = clear.find(([x, y]) => !boxes.some(({ left, right, top, bottom }) => x > left - near && x < right + near && y > top - near && y < bottom + near));
  return bare ?? clear[0] ?? places[0];
}

function on([a, b, c, d], t) {
  const s = 1 - t;
  return [0, 1].map((i) => s * s * s * a[i] + 3 * s * s * t * b[i] + 3 * s * t * t * c[i] + t * t * t * d[i]);
}

const middle = ({ left, right }) => (left + right) / 2;
const text = ([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`;
