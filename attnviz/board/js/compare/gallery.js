// Makes a picture of every panel and a line of every text, from Python's data, the books and the state.

import { NOTHING_SHARED } from "./combine.js";
import { qualifiers, pinAt } from "../draw/tray.js";
import { differing, summed } from "../core/encoding.js";
import { optionsOf } from "../core/state.js";
import { patternOf } from "../core/pattern.js";
import { pinName } from "../draw/chips.js";

export const OF_LAYER = -1; // the index of a layer's mean among the sheets of its heads
const WAITING = "On its way \u2026";
const NAMES = { difference: "Difference", sum: "Sum", mean: "Mean" };

// Returns the same pictures and texts as before while only the pointed-at or selected words change.
// `arrived` counts how often books and sheets may have arrived.
export function makeGallery() {
  let [before, made] = [null, null];
  return (given) => {
    const { data, arrived, state, theme } = given;
    const { pins, panels, words, special, keep, between, tab } = state;
    const now = [data, arrived, theme, pins, panels, words, special, keep, between, tab];
    if (!made || now.some((one, i) => one !== before[i])) {
      const pictures = picturesOf(given);
      [before, made] = [now, { pictures, lines: textsOf(pictures) }];
    }
    return made;
  };
}

// `data.sources` are what is shown now, each { key, frame, block, head, over, heads, model, text, problem }: pins by their
// key, or the heads of a set if `data.shown` names it or nothing is pinned.
export function picturesOf({ data, books, state, theme, combine }) {
  const ready = data.shown || !state.pins.length;
  const sources = ready ? data.sources.filter(({ set }) => set) : state.pins.map((pin) => ({ ...pin, ...data.sources.find(({ key }) => key === pin.key), name: pin.name }));
  const texts = qualifiers(sources);
  const single = sources.map((source, i) => pictureOf(source, i, { ready, beside: texts[i], books, state, theme, data }));
  const made = ready ? [] : state.panels.map((panel, i) => madeOf(panel, i, single, { books, state, theme, combine }));
  return [...single, ...made];
}

function pictureOf(source, i, { ready, beside, books, state, theme, data }) {
  const { key, head, over, heads, name = "", model, text, frame: digest, problem = digest ? "" : WAITING } = source;
  const book = books.get(digest);
  const pattern = book ? patternFrom(book, source, state) : null;
  const note = over ? `All ${heads} heads of layer ${head[0]}${over === "sum" ? `, summed: 0 to ${heads}` : " on average"}.` : book?.frame.roles[head[0]]?.[head[1]] ?? "";
  return {
    id: key, chosen: key === data.own.key, place: i, kind: "", numbers: ready ? [] : [i + 1], title: pinName(source), name, beside, note, text, model, head, over, heads,
    most: over === "sum" ? heads : 1, own: !ready, pinned: ready && pinAt(state.pins, head) >= 0, book, frame: book?.frame, pattern,
    problem: problem || (pattern ? "" : WAITING), theme: scaleFor(theme, over === "sum" ? heads : 1),
  };
}

function patternFrom(book, { head, over, heads }, state) {
  const pattern = patternOf(book, head[0], over ? OF_LAYER : head[1], optionsOf(state));
  return pattern && over === "sum" ? times(pattern, heads) : pattern;
}

const scaled = new WeakMap();
function times(pattern, count) {
  if (!scaled.has(pattern)) {
    const [weights, hidden] = [pattern.weights, pattern.hidden].map((list) => list.map((weight) => weight * count));
    scaled.set(pattern, { ...pattern, weights, hidden });
  }
  return scaled.get(pattern);
}

// Two models are always compared by words: they split a text differently.
function madeOf({ kind, of }, i, single, { state, theme, combine }) {
  const parts = of.map((at) => single[at]);
  const models = new Set(parts.map(({ model }) => model));
  const words = models.size > 1 ? { ...state, words: true } : state;
  const missing = parts.find(({ pattern }) => !pattern);
  const patterns = missing ? [] : parts.map((part) => patternFrom(part.book, part, words));
  const pattern = missing ? null : combine(i, kind, patterns);
  const empty = pattern && !pattern.weights.length;
  const byWords = models.size > 1 && !state.words ? "Two models split words differently, so words are compared." : "";
  return {
    id: `${kind} ${of.join()}`, place: i, kind, numbers: of.map((at) => at + 1), title: NAMES[kind], name: "", beside: "", own: true, pinned: false,
    note: [describe(kind, of, state.tab), byWords, pattern?.note].filter(Boolean).join(" "), text: "", frame: parts[0].frame, book: parts[0].book,
    pattern: empty ? null : pattern, problem: missing ? `This needs panel ${missing.numbers[0]}, which is not here.` : empty ? NOTHING_SHARED : "",
    theme: kind === "difference" ? differing(theme) : scaleFor(theme, kind === "sum" ? parts.reduce((sum, { most }) => sum + most, 0) : Math.max(...parts.map(({ most }) => most))),
  };
}

const scaleFor = (theme, most) => (most > 1 ? summed(theme, most) : theme);

function describe(kind, of, tab) {
  const [first, second] = of.map((at) => at + 1);
  if (kind === "difference") return `Green: more in ${first}. Purple${tab === "curves" ? ", dashed" : ""}: more in ${second}.`;
  return kind === "sum" ? `${of.length} heads added up: 0 to ${of.length}.` : `${of.length} heads on average.`;
}

// One line for each text and model, tinted by the chosen head if it is one of its heads, or else by its first.
export function textsOf(pictures) {
  const found = new Map();
  for (const picture of pictures) {
    if (!picture.frame || picture.kind) continue;
    const { digest } = picture.frame;
    if (!found.has(digest)) found.set(digest, { frame: picture.frame, book: picture.book, numbers: [], picture: null });
    const text = found.get(digest);
    text.numbers.push(...picture.numbers);
    if (picture.over !== "sum" && (picture.chosen || !text.picture)) text.picture = picture;
  }
  const texts = [...found.values()];
  return texts.map((text) => ({ ...text, tag: pictures.length > 1 && text.picture ? text.picture.title : "" }));
}
