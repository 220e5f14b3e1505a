// The live picture of the page Start: a sentence, and where the word pointed at looks, as arcs whose thickness is the weight.

import { element } from "../core/element.js";
import { threeDigits } from "../core/encoding.js";
import { themeOf } from "../core/theme.js";
import { whenPrinted } from "../core/paper.js";

const DRAWN = 0.01; // weights below get no arc
const STRONG = 0.1; // weights below are drawn in the quiet colour
const MOST = 0.5; // from here up a word looks "mostly" there
const THICKNESS = 18; // pixels of a weight of 1

// One row as the picture shows it: the word looked at most, apart from the word itself, the share of what is not drawn, and
// what is looked at more than that word: [name, weight] of the word itself or of a special token (`specials`, as such pairs), or null.
export function rowOf(weights, held, specials = []) {
  let best = -1;
  weights.forEach((weight, i) => {
    if (i !== held && (best < 0 || weight > weights[best])) best = i;
  });
  const larger = [["itself", weights[held]], ...specials].reduce((a, b) => (b[1] > a[1] ? b : a));
  return { best, rest: Math.max(0, 1 - weights.reduce((sum, weight) => sum + weight, 0)), larger: larger[1] > weights[best] ? larger : null };
}

// The arcs from the word `held`, thinnest first, as { path, width, weight }; `centres` are the middles of the words, in pixels.
export function rowArcs(weights, held, centres, height) {
  const from = centres[held];
  return weights
    .map((weight, i) => ({ weight, to: centres[i], own: i === held }))
    .filter(({ weight, own }) => !own && weight >= DRAWN)
    .sort((a, b) => a.weight - b.weight)
    .map(({ weight, to }) => {
      const foot = height - 3 - weight * 6;
      const top = Math.max(12, height - 14 - Math.abs(from - to) * 0.26) - weight * 4;
      const bend = (top - (foot - top) * 0.33).toFixed(1);
      const [a, b, y] = [from.toFixed(1), to.toFixed(1), foot.toFixed(1)];
      return { weight, width: Math.max(1, weight * THICKNESS), path: `M${a} ${y}C${a} ${bend} ${b} ${bend} ${b} ${y}` };
    });
}

export function makeStartPicture(root, tokens) {
  const [host, arcs, sentence, readout] = [".attnviz", "svg", ".sentence", ".readout"].map((name) => root.querySelector(name));
  const touched = matchMedia("(hover: none)"); // a finger cannot point
  let [data, held, words, theme] = [null, 0, [], null];

  function show(next) {
    if (JSON.stringify(next) !== JSON.stringify(data)) {
      data = next;
      held = data.held;
      words = data.words.map(made);
      sentence.replaceChildren(...words.flatMap((word) => [word, " "]));
    }
    theme = themeOf(host, tokens, "");
    draw();
  }

  function made(text, i) {
    const word = element("button", "unit", text);
    word.type = "button";
    for (const name of ["pointerenter", "focus", "click"]) word.addEventListener(name, () => hold(i));
    return word;
  }

  function hold(i) {
    if (held === i) return;
    held = i;
    draw();
  }

  function draw() {
    const weights = data.weights[held];
    const { best, rest, larger } = rowOf(weights, held, data.specials.map((name, i) => [name, data.apart[held][i]]));
    words.forEach((word, i) => {
      const [weight, own] = [weights[i], i === held];
      word.tabIndex = own ? 0 : -1;
      word.classList.toggle("selected", own);
      word.classList.toggle("best", i === best);
      word.setAttribute("aria-pressed", own);
      word.style.background = own || weight < DRAWN ? "" : theme.colour(weight);
      word.style.color = own || weight < DRAWN ? "" : theme.onColour(weight);
      if (weight >= theme.writtenFrom) word.dataset.weight = threeDigits(weight);
      else delete word.dataset.weight;
    });
    const strong = (text, name) => element("b", name, text);
    const [whom, weight] = larger ?? [data.words[best], weights[best]];
    const does = !larger ? " looks at " : weight >= MOST ? " looks mostly at " : " looks most at ";
    readout.replaceChildren(
      strong(data.words[held], "held"), does, strong(whom, ""), " ", strong(threeDigits(weight), "value"), " of 1",
      ...(larger ? [`; of the ${whom === "itself" ? "other " : ""}words, most at `, strong(data.words[best], ""), ` ${threeDigits(weights[best])}`] : []),
      `, in head ${data.head} of ${data.model}. Not ${arcs.clientHeight ? "drawn" : "shown"}: ${data.specials.join(" and ")} take ${threeDigits(rest)} together. `,
      ...(larger ? [] : [element("span", "hint", touched.matches ? "Tap any word." : "Point at any word.")]), // the longer line is seen while one points
    );
    drawArcs(weights);
  }

  function drawArcs(weights) {
    const { width, height, left } = arcs.getBoundingClientRect();
    if (!height) return arcs.replaceChildren();
    arcs.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const centres = words.map((word) => {
      const box = word.getBoundingClientRect();
      return box.left + box.width / 2 - left;
    });
    arcs.replaceChildren(
      ...rowArcs(weights, held, centres, height).map(({ path, width: thickness, weight }) => {
        const arc = document.createElementNS(arcs.namespaceURI, "path");
        for (const [name, value] of Object.entries({ d: path, fill: "none", "stroke-linecap": "round", "stroke-width": thickness })) arc.setAttribute(name, value);
        arc.setAttribute("stroke", weight < STRONG ? theme.mute : theme.colour(weight));
        if (weight < STRONG) arc.setAttribute("opacity", "0.45");
        return arc;
      }),
    );
  }

  function walk(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -words.length, End: words.length }[event.key];
    if (!step) return;
    event.preventDefault();
    words[Math.min(words.length - 1, Math.max(0, held + step))].focus();
  }

  sentence.addEventListener("keydown", walk);
  const printed = new AbortController();
  whenPrinted(host, () => data && show(data), printed.signal);
  const observer = new ResizeObserver(() => data && draw());
  observer.observe(host);
  return { take: show, stop: () => {
      observer.disconnect();
      printed.abort();
    }, };
}
