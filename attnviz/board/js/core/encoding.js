// Colours and number formats, from the tokens of attnviz/figures/encoding.py.

export function makeEncoding(tokens, mode) {
  const colours = tokens[mode];
  const ramp = table(colours.sequential);
  const css = ramp.map(([r, g, b]) => `rgb(${r},${g},${b})`);
  const on = ramp.map((rgb) => (luminance(rgb) > tokens.luminance ? "#000" : "#FFF"));
  const step = (weight) => Math.round(255 * Math.min(1, Math.max(0, weight)) ** tokens.exponent);
  return {
    ...colours,
    mode,
    luminance: tokens.luminance,
    ticks: tokens.legend,
    writtenFrom: tokens.writtenFrom,
    written: about,
    total: 1, // the sum of a row
    fonts: { sans: tokens.font, serif: tokens.sentenceFont },
    bar: colours.sequential[mode === "dark" ? 4 : 3],
    ramp,
    step,
    colour: (weight) => css[step(weight)],
    onColour: (weight) => on[step(weight)],
    faded: (weight, alpha) => `rgba(${ramp[step(weight)].join()},${alpha})`,
    place: (weight) => weight ** tokens.exponent,
    differenceTicks: tokens.differenceLegend,
  };
}

// The same for differences, -1 to +1, on the diverging scale: numbers carry their sign.
export function differing(theme) {
  const ramp = table(theme.diverging);
  const css = ramp.map((rgb) => `rgb(${rgb.join()})`);
  const on = ramp.map((rgb) => (luminance(rgb) > theme.luminance ? "#000" : "#FFF"));
  const bent = (difference) => Math.sign(difference) * theme.place(Math.min(1, Math.abs(difference)));
  const step = (difference) => Math.round(127.5 + 127.5 * bent(difference));
  return {
    ...theme,
    ramp,
    step,
    ticks: theme.differenceTicks,
    written: signed,
    colour: (difference) => css[step(difference)],
    onColour: (difference) => on[step(difference)],
    faded: (difference, alpha) => `rgba(${ramp[step(difference)].join()},${alpha})`,
    place: (difference) => (1 + bent(difference)) / 2,
  };
}

// The same for the sum of `count` heads, 0 to `count`, which is the sum of a row.
export function summed(theme, count) {
  const part = (weight) => weight / count;
  return {
    ...theme,
    total: count,
    writtenFrom: theme.writtenFrom * count,
    step: (weight) => theme.step(part(weight)),
    colour: (weight) => theme.colour(part(weight)),
    onColour: (weight) => theme.onColour(part(weight)),
    faded: (weight, alpha) => theme.faded(part(weight), alpha),
  };
}

// 256 colours, evenly between the stops.
export function table(stops) {
  const colours = stops.map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  const last = colours.length - 1;
  return Array.from({ length: 256 }, (_, i) => {
    const at = (i / 255) * last;
    const from = Math.min(last - 1, Math.floor(at));
    return colours[from].map((value, c) => Math.round(value + (colours[from + 1][c] - value) * (at - from)));
  });
}

// Relative luminance of sRGB, WCAG 2.2.
export function luminance(rgb) {
  const [r, g, b] = rgb.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

// A weight, wherever it stands: 0.640.
export function threeDigits(weight) {
  return weight.toFixed(3);
}

// A weight that may be off by `uncertainty`, with its certain digits: "\u2248 0.64" if the third may differ.
const UNCERTAIN = 0.001;
export function about(weight, uncertainty = 0) {
  if (uncertainty < UNCERTAIN && threeDigits(Math.max(0, weight - uncertainty)) === threeDigits(weight + uncertainty)) return threeDigits(weight);
  return uncertainty < 0.1 ? `\u2248 ${weight.toFixed(uncertainty < 0.01 ? 2 : 1)}` : "not known here";
}

// A difference: +0.374, with a true minus below 0, and no sign if it rounds to 0.
export function signed(difference) {
  return signOf(difference.toFixed(3)) + threeDigits(Math.abs(difference));
}

const signOf = (rounded) => (Number(rounded) > 0 ? "+" : Number(rounded) < 0 ? "\u2212" : "");

export function percent(share, digits = 0) {
  return `${(100 * share).toFixed(digits)}\u202f%`;
}

// Shares of one whole as whole percents that add up to 100, by largest remainders: the rule of attnviz/rounding.py. The
// share at place `alone` is rounded by itself, and the others share the rest.
const [FINE, STEP] = [1e9, 1e7];
export function together(shares, alone = -1) {
  const fine = shares.map((share) => Math.floor(share * FINE + 0.5));
  const parts = fine.map((one) => Math.floor(one / STEP));
  const sum = (list) => list.reduce((total, one) => total + one, 0);
  let left = Math.floor((sum(fine) + STEP / 2) / STEP) - sum(parts);
  const order = fine.map((_, at) => at).filter((at) => at !== alone).sort((a, b) => (fine[b] % STEP) - (fine[a] % STEP));
  if (alone >= 0) {
    const own = Math.floor((fine[alone] + STEP / 2) / STEP);
    left -= own - parts[alone];
    parts[alone] = own;
  }
  for (const at of order.slice(0, Math.max(left, 0))) parts[at] += 1;
  for (const at of order.reverse().filter((at) => parts[at] > 0).slice(0, Math.max(-left, 0))) parts[at] -= 1;
  return parts;
}

export function headName(layer, head) {
  return `L${layer}\u00b7H${head}`;
}

export function thousands(count) {
  return count.toLocaleString("en");
}

// A word inside a sentence of ours, isolated so that its direction does not change its neighbours.
export function isolated(word) {
  return `\u2068${word}\u2069`;
}

// The mark beside a word that the model cannot read, or not all of it, as in attnviz/types.py. A special token shows it by
// its name.
export const UNKNOWN = "[UNK]";
export const PARTLY_UNKNOWN = "[partly UNK]";
export function markOf({ unknown, partly, special }) {
  if (!unknown || special) return "";
  return partly ? PARTLY_UNKNOWN : UNKNOWN;
}

// A word or its label with its mark, if it has one: the text is shortened first, so that the mark stays whole.
export function withMark(text, unit) {
  const mark = markOf(unit);
  return mark ? `${text} ${mark}` : text;
}

// The direction of a text: that of its first letter.
export function directionOf(text) {
  const letter = /\p{L}/u.exec(text);
  return letter && /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u.test(letter[0]) ? "rtl" : "ltr";
}
