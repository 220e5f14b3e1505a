// The bytes of codec.py in, one head's weights out, to whole thousandths. Each head is read alone, when it is wanted.
// Whatever chooses a table is arithmetic with whole numbers, the same as in codec.py, where the method is described.

export const STEPS = 1000;
const [FINE, EXACT, SYMBOLS, CLASSES, BINS, FEATURES, SHARES, TOTAL] = [256, 16, 40, 2, 40, 9, 4096, 65536];
const LOW = TOTAL - 1;
const NONE = 255; // no symbol has this place of a table

const LOGS = Int16Array.from({ length: 16 * STEPS + 1 }, (_, t) => Math.round(FINE * Math.log2(1 + t / 16)));
// Of each symbol, the first weight that it stands for, and how many bits of the weight it leaves open.
const FIRST = Array.from({ length: SYMBOLS }, (_, s) => (s < EXACT ? s : (4 + ((s - EXACT) & 3)) << (2 + ((s - EXACT) >> 2))));
const OPEN = Array.from({ length: SYMBOLS }, (_, s) => (s < EXACT ? 0 : 2 + ((s - EXACT) >> 2)));

const damaged = () => new Error("The weights of this text arrived damaged. Reload the page.");

// `shape` is { heads, rows, columns, causal }. Only what all heads share is read here.
export function openLanes(bytes, shape) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { heads } = shape;
  let at = heads * (5 + FEATURES);
  if (at > bytes.length) throw damaged();
  const kinds = Array.from({ length: heads }, (_, head) => {
    const from = heads * 4 + head * (1 + FEATURES);
    return { base: bytes[from] * BINS, coefficients: Array.from({ length: FEATURES }, (_, i) => view.getInt8(from + 1 + i)) };
  });
  if (kinds.some(({ base }) => base >= CLASSES * BINS)) throw damaged();
  const tables = { shares: new Uint16Array(CLASSES * BINS * SYMBOLS), starts: new Uint16Array(CLASSES * BINS * SYMBOLS), symbols: new Uint8Array(CLASSES * BINS * SHARES).fill(NONE) };
  for (let table = 0; table < CLASSES * BINS; table++) at = readTable(bytes, at, tables, table);
  const lanes = [];
  for (let head = 0; head < heads; head++) {
    const words = view.getUint32(head * 4, true);
    lanes.push([at, words]);
    at += 2 * words;
  }
  if (at !== bytes.length) throw damaged();
  return { shape, view, kinds, tables, lanes, found: new Map() };
}

function readTable(bytes, begin, { shares, starts, symbols }, table) {
  let at = begin;
  let start = 0;
  const count = bytes[at++];
  for (let symbol = 0; symbol < count; symbol++) {
    let share = bytes[at++];
    if (share >= 128) share = (share & 127) | (bytes[at++] << 7);
    if (!(symbol < SYMBOLS && start + share <= SHARES)) throw damaged(); // also where the bytes have ended
    const place = table * SYMBOLS + symbol;
    shares[place] = share;
    starts[place] = start;
    symbols.fill(symbol, table * SHARES + start, table * SHARES + start + share);
    start += share;
  }
  return at;
}

// One head's thousandths, row by row; rows of a causal block end at the diagonal, and the rest is 0. They are kept: words or
// tokens, special ones or not, ask for them again.
export function thousandths(all, head) {
  if (!all.found.has(head)) all.found.set(head, readLane(all, head));
  return all.found.get(head);
}

function readLane({ shape, view, kinds, tables, lanes }, head) {
  const { rows, columns, causal } = shape;
  const { base, coefficients } = kinds[head];
  const [cAbove, cLeft, cCorner, cUsual, cRest, cRuns, cTwin, cApart, cOne] = coefficients;
  const { shares, starts, symbols } = tables;
  const found = new Uint16Array(rows * columns);
  const logs = new Int16Array(rows * columns);
  const sums = new Int32Array(columns);
  const nothing = new Int16Array(columns);
  const [from, words] = lanes[head];
  if (words < 2) throw damaged();
  const end = from + 2 * words;
  let state = (view.getUint16(from, true) << 16) | view.getUint16(from + 2, true); // 32 bits, whatever their sign
  let at = from + 4;

  function take(width, start) {
    state = (Math.imul(width, state >>> 16) + (state & LOW) - start) | 0;
    if (state >>> 16) return;
    if (at >= end) throw damaged();
    state = (state << 16) | view.getUint16(at, true);
    at += 2;
  }

  for (let i = 0; i < rows; i++) {
    let twin = nothing;
    if (i > 0) {
      const width = TOTAL >> (32 - Math.clz32(i - 1));
      const number = i === 1 ? 0 : ((state & LOW) / width) | 0;
      if (number >= i) throw damaged();
      if (i > 1) take(width, number * width);
      twin = logs.subarray(number * columns, (number + 1) * columns);
    }
    const before = i ? logs.subarray((i - 1) * columns, i * columns) : nothing;
    const visible = causal ? i + 1 : columns;
    let [left, rest, runs, apart] = [0, STEPS, 0, 0];
    for (let j = 0; j < visible; j++) {
      const known = causal ? i - j : i;
      const usual = known > 1 ? (sums[j] / known) | 0 : sums[j];
      const expected =
        cAbove * before[j] + cLeft * left + cCorner * (j ? before[j - 1] : 0) + cUsual * usual +
        cRest * LOGS[rest > 0 ? ((16 * rest) / (visible - j)) | 0 : 0] + cRuns * Math.floor(runs / (j + 4)) +
        cTwin * twin[j] + cApart * Math.floor(apart / (j + 4)) + cOne * FINE;
      const table = base + Math.min(Math.max(expected >> 12, 0), BINS - 1);
      const slot = state & LOW;
      const symbol = symbols[table * SHARES + (slot >> 4)];
      if (symbol === NONE) throw damaged();
      const width = (shares[table * SYMBOLS + symbol] << 4) >> OPEN[symbol];
      const begin = starts[table * SYMBOLS + symbol] << 4;
      const open = OPEN[symbol] ? ((slot - begin) / width) | 0 : 0;
      take(width, begin + open * width);
      const step = FIRST[symbol] + open;
      if (step > STEPS) throw damaged();
      const log = LOGS[16 * step];
      found[i * columns + j] = step;
      logs[i * columns + j] = left = log;
      sums[j] += log;
      rest -= step;
      runs += log - usual;
      apart += log - twin[j];
    }
  }
  if (state !== TOTAL || at !== end) throw damaged();
  return found;
}

// Thousandths as weights. A row sums to 1, so what it lacks went to weights that were rounded down to 0: they share it, each
// less than half a thousandth. So no weight is off by more than that, and sums over many of them come out right.
export function restored(steps, { rows, columns, causal }) {
  const weights = Float32Array.from(steps, (step) => step / STEPS);
  for (let i = 0; i < rows; i++) {
    const [begin, end] = [i * columns, i * columns + (causal ? i + 1 : columns)];
    let [lacks, zeros] = [STEPS, 0];
    for (let k = begin; k < end; k++) {
      lacks -= steps[k];
      if (steps[k] === 0) zeros += 1;
    }
    if (lacks <= 0 || zeros === 0) continue;
    const share = Math.min(lacks / zeros, 0.499) / STEPS;
    for (let k = begin; k < end; k++) if (steps[k] === 0) weights[k] = share;
  }
  return weights;
}
