// The map of heads: a grid of layers by heads with one number for each, to choose from by pointer or arrow keys.

import { element, within } from "../core/element.js";
import { headName, threeDigits } from "../core/encoding.js";
import { onPaper } from "../core/paper.js";
import { frameScale } from "../draw/presenter.js";

const GUTTER = 28;
const DEEP = 14; // layers from which cells are lower with a mouse
const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

// The head next to another one; in a layer with fewer heads, the nearest.
export function beside([layer, head], key, counts) {
  const [down, right] = STEPS[key];
  const row = within(layer + down, 0, counts.length - 1);
  return [row, within(head + right, 0, counts[row] - 1)];
}

export const isStep = (key) => Object.hasOwn(STEPS, key);

// A cell's width and height in the given space: large enough for a finger on touch screens, with an upper limit. `scale` is how
// much larger all is while the page is presented.
export function cellOf({ layers, heads, scale = 1 }, room, finger) {
  const width = within(Math.floor((room - GUTTER * scale) / heads), onPaper() ? 12 : 24, 40 * scale);
  if (layers > DEEP) return [width, (finger ? 24 : 18) * scale];
  return [width, Math.max(28 * scale, Math.min(width, 36 * scale))];
}

export function makeHeadGrid(host, choose) {
  let [built, cells, data] = ["", new Map(), null];
  const nameOf = ([layer, head]) => `${layer}.${head}`;

  function draw(given, theme, room) {
    data = given;
    const scale = frameScale(host);
    const name = JSON.stringify([data.counts, room, scale]);
    if (name !== built) build(room, scale);
    built = name;
    data.counts.forEach((count, layer) => {
      for (let head = 0; head < count; head++) paint([layer, head], theme);
    });
    host.setAttribute("aria-activedescendant", `map-${nameOf(data.chosen)}`);
  }

  function build(room, scale) {
    const heads = Math.max(...data.counts);
    const finger = matchMedia("(pointer: coarse)").matches;
    const [width, height] = cellOf({ layers: data.counts.length, heads, scale }, room, finger);
    host.style.cssText = `--cell: ${width}px; --tall: ${height}px; --gutter: ${GUTTER * scale}px`;
    cells = new Map();
    const top = row([label("", "gridcell"), ...Array.from({ length: heads }, (_, head) => label(`H${head}`, "columnheader"))]);
    host.replaceChildren(top, ...data.counts.map((count, layer) => row([label(`L${layer}`, "rowheader"), ...Array.from({ length: count }, (_, head) => cell([layer, head]))])));
  }

  function cell(at) {
    const one = element("span", "cell");
    one.setAttribute("role", "gridcell");
    one.id = `map-${nameOf(at)}`;
    one.dataset.head = at.join();
    cells.set(nameOf(at), one);
    return one;
  }

  // The weight is the colour; a dot says that the head's choice is right, hollow if most words look there; an outline that the
  // reader chose it.
  function paint([layer, head], theme) {
    const one = cells.get(nameOf([layer, head]));
    const weight = data.weights[layer][head];
    const chosen = data.chosen[0] === layer && data.chosen[1] === head;
    one.style.background = theme.colour(weight);
    one.style.color = theme.onColour(weight);
    const everywhere = data.everywhere[layer][head] > 0;
    one.classList.toggle("first", data.margins[layer][head] > 0);
    one.classList.toggle("everywhere", everywhere);
    one.classList.toggle("chosen", chosen);
    one.setAttribute("aria-selected", String(chosen));
    const description = `${headName(layer, head)}: ${threeDigits(weight)}${everywhere ? ", most words look there" : ""}`;
    one.setAttribute("aria-label", description);
    one.title = description;
  }

  host.addEventListener("click", (event) => {
    const at = event.target.closest?.(".cell")?.dataset.head;
    if (at) choose(at.split(",").map(Number));
  });
  host.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !isStep(event.key)) return;
    choose(beside(data.chosen, event.key, data.counts));
    event.preventDefault();
    event.stopPropagation();
  });
  return { draw };
}

function row(parts) {
  const one = element("div", "grid-row");
  one.setAttribute("role", "row");
  one.append(...parts);
  return one;
}

function label(text, role) {
  const one = element("span", "axis", text);
  one.setAttribute("role", role);
  return one;
}
