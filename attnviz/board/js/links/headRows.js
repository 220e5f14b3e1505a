// The list of the best heads, and the rows of the chosen one as a small picture.

import { button, element } from "../core/element.js";
import { headName, isolated, percent, signed, threeDigits } from "../core/encoding.js";

// The best heads as a table: rank, head, weight, margin. A click anywhere on a row chooses its head.
export function makeBest(host, choose) {
  const body = host.querySelector("tbody");
  let built = "";
  body.addEventListener("click", (event) => {
    const at = event.target.closest?.("tr")?.dataset.head;
    if (at) choose(at.split(",").map(Number));
  });

  function draw({ best, chosen }, theme) {
    const name = JSON.stringify([best, theme.name]);
    if (name !== built) body.replaceChildren(...best.map((one) => line(one, theme)));
    built = name;
    for (const row of body.children) {
      const on = row.dataset.head === chosen.join();
      row.classList.toggle("chosen", on);
      row.querySelector("button").setAttribute("aria-pressed", String(on));
    }
  }

  return { draw };
}

function line({ layer, head, weight, margin, rank }, theme) {
  const row = element("tr");
  row.dataset.head = [layer, head].join();
  const name = element("th");
  name.scope = "row";
  name.append(button(headName(layer, head), () => {}));
  const [share, inner] = [element("td", "share"), element("div")];
  inner.append(barOf(weight, theme), element("span", "", threeDigits(weight)));
  share.append(inner);
  row.append(element("td", "", String(rank)), name, share, element("td", "", signed(margin)));
  return row;
}

function barOf(weight, theme) {
  const bar = element("span", "track");
  const full = element("i");
  full.style.cssText = `width: ${(100 * weight).toFixed(1)}%; background: ${theme.bar}`;
  bar.append(full);
  return bar;
}

// Where each source looks in the chosen head: bars, the target's in the colour of the reader.
export function drawRows(host, { rows, more }, theme) {
  host.replaceChildren(...rows.map((row) => picture(row, theme)));
  if (more) host.append(element("p", "more-rows", `${more} more links count in the same way.`));
}

function picture({ source, target, places, rest, first }, theme) {
  const one = element("section", "look");
  const title = element("h3");
  title.append(element("b", "", isolated(source)), first ? " looks at " : ": ", element("span", `mark ${first ? "hit" : "miss"}`, `${isolated(target)} ${first ? "first" : "does not come first"}`));
  one.append(title, ...places.map((place) => bar(place, theme)));
  if (rest >= 0.005) one.append(bar({ text: "all others", weight: rest, kind: "rest" }, theme));
  return one;
}

function bar({ text, weight, kind }, theme) {
  const one = element("div", `place ${kind}`);
  const name = element("span", "", kind === "special" || kind === "rest" ? text : isolated(text));
  name.title = text;
  if (kind === "special") name.append(element("small", "", " no word"));
  one.append(name, barOf(weight, { bar: kind === "target" ? theme.accent : kind === "rest" ? theme.line : theme.bar }), element("b", "", threeDigits(weight)));
  return one;
}

// The chosen head in one line: what it gives, where that ranks, and by how much.
export function summaryOf({ weight, margin, rank, count, links }, target) {
  const on = links === 1 ? `${isolated(target)} gets ` : `The ${links} targets get, on average, `;
  const than = margin > 0 ? "more than" : margin < 0 ? "less than" : "as much as";
  return [on, threeDigits(weight), `, ${margin ? `${threeDigits(Math.abs(margin))} ` : ""}${than} the strongest other word. Rank ${rank} of ${count} (top ${percent(rank / count)}).`];
}
