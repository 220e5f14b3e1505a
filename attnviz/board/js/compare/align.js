// Which word of one text corresponds to which word of another: the rule of attnviz/analysis/compare.py.

// Equal words pair up (longest common runs first, as Python's difflib finds them); so do words of replaced runs of equal
// length. A run that was inserted, deleted, or replaced by one of another length has no counterpart.
export function aligned(first, second) {
  const pairs = [];
  let [a, b] = [0, 0];
  for (const [i, j, size] of [...commonRuns(first, second), [first.length, second.length, 0]]) {
    if (i - a === j - b) for (let k = 0; k < i - a; k++) pairs.push([a + k, b + k]);
    for (let k = 0; k < size; k++) pairs.push([i + k, j + k]);
    [a, b] = [i + size, j + size];
  }
  return pairs;
}

// The same for units: a special token never corresponds to a word.
export function alignedUnits(first, second) {
  const texts = (units) => units.map((unit) => unit.text);
  return aligned(texts(first), texts(second)).filter(([a, b]) => first[a].special === second[b].special);
}

// The longest common run, then those before it and after it, in order.
function commonRuns(first, second) {
  const places = new Map();
  second.forEach((word, j) => places.set(word, [...(places.get(word) ?? []), j]));
  const found = [];
  const open = [[0, first.length, 0, second.length]];
  while (open.length) {
    const [a, aEnd, b, bEnd] = open.pop();
    const [i, j, size] = longest(first, places, a, aEnd, b, bEnd);
    if (!size) continue;
    found.push([i, j, size]);
    open.push([a, i, b, j], [i + size, aEnd, j + size, bEnd]);
  }
  return found.sort((x, y) => x[0] - y[0]);
}

// Among runs of equal length, the one that begins first in the first text, then in the second.
function longest(first, places, a, aEnd, b, bEnd) {
  let best = [a, b, 0];
  let lengths = new Map();
  for (let i = a; i < aEnd; i++) {
    const next = new Map();
    for (const j of places.get(first[i]) ?? []) {
      if (j < b || j >= bEnd) continue;
      const size = (lengths.get(j - 1) ?? 0) + 1;
      next.set(j, size);
      if (size > best[2]) best = [i - size + 1, j - size + 1, size];
    }
    lengths = next;
  }
  return best;
}

const known = new WeakMap();
// The token of `second` that corresponds to `token` of `first`, both sides of frames; null if its word has no
// counterpart. Words are aligned, also if tokens are shown; a word with fewer pieces returns its last piece.
export function counterpart(first, second, token) {
  if (token === null || first === second) return token;
  if (!known.has(first)) known.set(first, new WeakMap());
  const maps = known.get(first);
  if (!maps.has(second)) maps.set(second, counterparts(first, second));
  return maps.get(second).get(token) ?? null;
}

function counterparts(first, second) {
  const found = new Map();
  for (const [a, b] of alignedUnits(first.words, second.words)) {
    const there = second.words[b].tokens;
    first.words[a].tokens.forEach((token, piece) => found.set(token, there[Math.min(piece, there.length - 1)]));
  }
  return found;
}
