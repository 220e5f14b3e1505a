// The texts of all panels, one line each: tinted by its first head, differences underlined, the selected word marked.

import { alignedUnits } from "./align.js";
import { element } from "../core/element.js";
import { focusIn } from "./linked.js";
import { lineOf, unitsOf } from "../core/pattern.js";
import { makeSentence } from "../draw/sentence.js";

export function makeTexts(host) {
  let [built, lines] = ["", []];

  // `texts` are { frame, book, tag, numbers, picture }, one for each text and model.
  function draw(view, texts) {
    const { geometry, state } = view;
    const name = JSON.stringify([texts.map(({ frame, numbers, tag }) => [frame.digest, numbers, tag]), state.words, state.special, geometry.width, geometry.scale, geometry.phone]);
    const fresh = name !== built;
    if (fresh) build(texts);
    built = name;
    const type = geometry.phone ? [20, 24] : [24, texts.length > 1 ? 30 : 36].map((size) => size * geometry.scale);
    lines.forEach(({ sentence }, i) => {
      const { frame, book, picture } = texts[i];
      const full = picture?.pattern ?? bare(frame, state);
      const focus = focusIn({ frame, pattern: full }, state);
      sentence.draw({ ...view, book, pattern: full, geometry: { ...geometry, type }, focus, line: picture?.pattern ? lineOf(picture.pattern, focus) : null });
    });
    if (!fresh) return;
    even(host);
    underline(lines, texts, state);
  }

  function build(texts) {
    lines = texts.map(({ numbers, tag }, i) => {
      const [row, tagNode, words] = [element("div", "text-row"), element("span", "text-tag"), element("div", "text-words")];
      tagNode.append(...numbers.map((number) => element("span", "num", String(number))), element("small", "", tag));
      row.append(...(texts.length > 1 || tag ? [tagNode] : []), words);
      return { row, words, sentence: makeSentence(words, `attnviz-text${i}`) };
    });
    host.replaceChildren(...lines.map(({ row }) => row));
  }

  // The line that an element of the sentences belongs to.
  const lineOfNode = (node) => lines.findIndex(({ row }) => row.contains(node));

  return { draw, lineOfNode, direction: (i) => lines[i]?.sentence.direction() ?? "ltr" };
}

function bare(frame, { words, special }) {
  return { queries: unitsOf(frame.queries, { words, special }), keys: unitsOf(frame.keys, { words, special }) };
}

// All lines in the size of the smallest.
function even(host) {
  const outers = [...host.querySelectorAll(".line")];
  const least = Math.min(...outers.map((outer) => parseFloat(outer.style.getPropertyValue("--size"))));
  for (const outer of outers) outer.style.setProperty("--size", `${least}px`);
}

// A word is underlined if a similar text has another word, or none, in its place.
function underline(lines, texts, state) {
  const words = texts.map(({ frame }) => frame.queries.words);
  texts.forEach(({ frame }, i) => {
    const differs = new Set(words.flatMap((others) => differing(words[i], others)));
    const units = unitsOf(frame.queries, state);
    for (const span of lines[i].words.querySelectorAll(".unit")) {
      const token = units[span.dataset.unit]?.tokens[0];
      span.classList.toggle("differs", differs.has(words[i].findIndex((unit) => unit.tokens.includes(token))));
    }
  });
}

// The places of words that another text does not have; none if the texts have less than half in common.
export function differing(words, others) {
  const same = new Map(alignedUnits(words, others));
  const own = words.map((_, at) => at).filter((at) => !words[at].special);
  const different = own.filter((at) => others[same.get(at)]?.text !== words[at].text);
  return 2 * different.length > own.length ? [] : different;
}
