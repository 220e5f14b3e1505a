// All heads' weights in whole thousandths, as thousandths.py arranges them: low bytes first, then high bytes.

export const STEPS = 1000;

const triangle = (n) => (n * (n + 1)) / 2;

// Throws an error if `bytes` are not the weights of `shape`: { heads, rows, columns, causal }.
export function checkSize(bytes, { heads, rows, columns, causal }) {
  if (bytes.length !== 2 * heads * (causal ? triangle(rows) : rows * columns)) throw new Error("The weights of this text arrived damaged. Reload the page.");
}

// One head's thousandths, [query * columns + key]; 0 where a causal head cannot look.
export function thousandths(bytes, head, { rows, columns, causal }) {
  const high = bytes.length / 2;
  let at = head * (causal ? triangle(rows) : rows * columns);
  const steps = new Uint16Array(rows * columns);
  for (let j = 0; j < columns; j++) {
    for (let i = causal ? j : 0; i < rows; i++, at++) steps[i * columns + j] = bytes[at] | (bytes[high + at] << 8);
  }
  return steps;
}

// Thousandths as weights. A row sums to 1, so the missing part belongs to weights that were rounded down to 0: they share it,
// each less than half a thousandth. So no weight is off by more than that, and sums of many weights are right.
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
