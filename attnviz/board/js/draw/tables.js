// Two tables, shown on request: the weights of the selected words, and the strongest links of the head.

import { element } from "../core/element.js";
import { about, headName, isolated } from "../core/encoding.js";
import { uncertaintyOf, named, ranked } from "../core/pattern.js";
import { readoutOf } from "./readout.js";

const ROWS = 40; // for a longer text, the strongest
const LINKS = 20;

// `host` is empty until the reader opens the tables, and then contains both.
export function makeTables(host, opener) {
  let drawn = "";

  function draw(view) {
    if (host.hidden || !view.pattern) return;
    const { book, head, state, focus } = view;
    const name = JSON.stringify([book.frame.digest, head, state.words, state.special, state.keep, state.between, focus]);
    if (name === drawn) return;
    drawn = name;
    host.replaceChildren(...[selectionTable(view), linksTable(view)].filter(Boolean));
  }

  // Opens both, or closes them; returns whether they are open.
  function toggle() {
    host.hidden = !host.hidden;
    opener.textContent = host.hidden ? "Show as table" : "Hide the tables";
    opener.setAttribute("aria-expanded", String(!host.hidden));
    drawn = "";
    if (host.hidden) host.replaceChildren();
    return !host.hidden;
  }

  return { draw, toggle };
}

// Left-out weights are not shown as 0.000: they are one line at the end.
function selectionTable(view) {
  const { pattern, focus, line, head } = view;
  const readout = readoutOf(view);
  if (!readout) return null;
  const looks = focus.side === "query";
  const there = looks ? pattern.keys : pattern.queries;
  const all = ranked(line).filter((i) => !pattern.keep || line[i] > 0);
  const shown = all.slice(0, ROWS);
  if (all.length <= ROWS) shown.sort((a, b) => a - b);
  const what = looks ? `what ${readout.who} ${readout.summed ? "look" : "looks"} at` : `what looks at ${readout.who}`;
  const which = all.length > ROWS ? `, the ${ROWS} strongest of ${all.length}` : "";
  const title = `${headName(...head)}: ${what}${readout.summed ? ", summed" : ""}${which}`;
  const rows = [...shown.map((i) => [named(there, i), readout.written(i)]), ...readout.lost.map(([to, share]) => [`hidden: ${to}`, share])];
  return table(title, [looks ? "to (key)" : "from (query)", "weight"], rows);
}

function linksTable({ pattern, head }) {
  const { queries, keys, weights } = pattern;
  const best = largest(weights, LINKS);
  const rows = best.map((at) => [named(queries, Math.floor(at / keys.length)), named(keys, at % keys.length), about(weights[at], uncertaintyOf(pattern, Math.floor(at / keys.length), at % keys.length))]);
  const many = rows.length === 1 ? "strongest link" : `${rows.length} strongest links`;
  return table(`${headName(...head)}: its ${many}`, ["from (query)", "to (key)", "weight"], rows);
}

// The places of the `count` largest weights, largest first: a long text has too many weights to sort them all.
export function largest(weights, count) {
  const best = [];
  for (let at = 0; at < weights.length; at++) {
    const weight = weights[at];
    if (!(weight > 0) || (best.length === count && weight <= weights[best[count - 1]])) continue;
    let to = best.length;
    while (to > 0 && weights[best[to - 1]] < weight) to -= 1;
    best.splice(to, 0, at);
    if (best.length > count) best.pop();
  }
  return best;
}

function table(title, names, rows) {
  const made = element("table");
  const body = element("tbody");
  const line = element("tr");
  for (const name of names) {
    const cell = element("th", "", name);
    cell.scope = "col";
    line.append(cell);
  }
  for (const row of rows) {
    const one = element("tr");
    const [first, ...others] = row;
    const name = element("th", "", isolated(first));
    name.scope = "row";
    one.append(name, ...others.map((text) => element("td", "", isolated(text))));
    body.append(one);
  }
  const head = element("thead");
  head.append(line);
  made.append(element("caption", "", title), head, body);
  return made;
}
