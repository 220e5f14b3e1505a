// Is a link specific: what the other words give the same target, and whether they look there too. The rule of
// attnviz/analysis/specificity.py.

const [AS_MUCH, LEAST, FEW] = [0.5, 0.1, 3];

// What the other words that may see a key give it, beside a row: their number, mean weight, the mean error of their weights,
// and how many of them look there too; `everywhere` if more than half do. In a causal pattern only later words see the key.
export function othersOf(pattern, row, key, errorOf = () => 0) {
  const { queries, keys, weights, causal, cross } = pattern;
  const own = weights[row * keys.length + key];
  let [n, sum, error, looking] = [0, 0, 0, 0];
  queries.forEach((unit, i) => {
    if (unit.special || i === row || (!cross && i === key) || (causal && i < key)) return;
    const weight = weights[i * keys.length + key];
    n += 1;
    sum += weight;
    error += errorOf(pattern, i, key);
    if (own >= LEAST && weight >= Math.max(AS_MUCH * own, LEAST)) looking += 1;
  });
  return { n, mean: n ? sum / n : 0, error: n ? error / n : 0, looking, everywhere: n >= FEW && 2 * looking > n };
}

// The rank of a head on annotated texts: `ranks` has two digits to the base 36 for each head, in the order of layers.
export function rankOf({ ranks }, [layer, head], counts) {
  const at = counts.slice(0, layer).reduce((sum, count) => sum + count, head);
  return parseInt(ranks.slice(2 * at, 2 * at + 2), 36);
}

export function ordinal(number) {
  const ending = [11, 12, 13].includes(number % 100) ? "th" : ({ 1: "st", 2: "nd", 3: "rd" }[number % 10] ?? "th");
  return `${number}${ending}`;
}
