// The bytes of frame.py in, a frame or a sheet out. A book is one frame with the sheets that belong to it.

const HEADER = 24; // magic 4, digest 16, length 4

export function digestOf(bytes) {
  return Array.from(bytes.subarray(4, 20), (b) => b.toString(16).padStart(2, "0")).join("");
}

export function decode(bytes) {
  const own = new Uint8Array(bytes); // a copy: what comes from Python starts anywhere in its buffer: arrays need it aligned
  if (String.fromCharCode(...own.subarray(0, 4)) !== "ATN1") throw new Error("These bytes are no frame of the board.");
  const length = new DataView(own.buffer).getUint32(20, true);
  const header = JSON.parse(new TextDecoder().decode(own.subarray(HEADER, HEADER + length)));
  const start = Math.ceil((HEADER + length) / 4) * 4;
  const numbers = header.dtype === "uint16" ? new Uint16Array(own.buffer, start) : new Uint8Array(own.buffer, start);
  const found = { ...header, digest: digestOf(own), numbers };
  if (header.kind === "sheet") return found;
  return { ...found, queries: sideOf(header.queries), keys: sideOf(header.keys) };
}

function sideOf({ tokens, words, pieces }) {
  return {
    tokens: tokens.map(([text, start, end, special, segment]) => ({ text, start, end, special: Boolean(special), segment })),
    words: unitsFrom(words),
    pieces: unitsFrom(pieces),
  };
}

// `joined` says that no blank stands between a unit and the one before it.
function unitsFrom(rows) {
  const units = rows.map(([text, label, start, end, special, segment, tokens]) => ({ text, label, start, end, special: Boolean(special), segment, tokens }));
  return units.map((unit, i) => {
    const before = units[i - 1];
    const joined = Boolean(before) && !unit.special && !before.special && before.segment === unit.segment && unit.start <= before.end;
    return { ...unit, joined };
  });
}

export function makeBook(frame) {
  return { frame, sheets: new Map(), patterns: new Map() };
}

export function addSheet(book, sheet) {
  book.sheets.set(sheet.head.join("."), sheet.numbers);
}

// Whether this head's exact weights are here; otherwise they have to be asked for.
export function isLoaded(book, layer, head) {
  return book.frame.whole || book.sheets.has(`${layer}.${head}`);
}

// One head's weights by token, [query * keys + key]; null where they are not here.
export function tokenWeights(book, layer, head) {
  const { frame } = book;
  const rows = frame.queries.tokens.length;
  const columns = frame.keys.tokens.length;
  const size = frame.causal ? (rows * (rows + 1)) / 2 : rows * columns;
  const source = frame.whole ? frame.numbers : book.sheets.get(`${layer}.${head}`);
  if (!source) return null;
  let at = frame.whole ? (layer * frame.heads + head) * size : 0;
  const weights = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    const end = frame.causal ? i + 1 : columns;
    for (let j = 0; j < end; j++) weights[i * columns + j] = source[at++] / 65535;
  }
  return weights;
}

// One head's small picture, where the frame holds pictures instead of weights.
export function pooledPicture(frame, layer, head) {
  const [rows, columns] = frame.pool;
  const start = (layer * frame.heads + head) * rows * columns;
  return { rows, columns, weights: Float32Array.from(frame.numbers.subarray(start, start + rows * columns), (v) => v / 255) };
}
