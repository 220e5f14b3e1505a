// The list of the best heads, and the rows of the chosen one as a small picture.

import { button, element } from "../core/element.js";
import { headName, isolated, percent, signed, threeDigits } from "../core/encoding.js";

export const EVERYWHERE = "\u2217"; // marks a head that looks at the target from everywhere

// The best heads as a table: rank, head, weight, what the other words give, the difference, and the rank on annotated texts
// where it is known. A click anywhere on a row chooses its head.
export function makeBest(host, choose) {
  const body = host.querySelector("tbody");
  let built = "";
  body.addEventListener("click", (event) => {
    const at = event.target.closest?.("tr")?.dataset.head;
    if (at) choose(at.split(",").map(Number));
  });

  function draw({ best, chosen, corpus, rows, summary }, theme) {
    const name = JSON.stringify([best, corpus, rows.length, rows[0].n, theme.name]);
    if (name !== built) {
      body.replaceChildren(...best.map((one, at) => line(one, corpus?.best[at], theme)));
      host.querySelector("table").classList.toggle("known", Boolean(corpus));
      host.querySelector(".below").replaceChildren(...legendOf({ best, corpus, rows, summary }).map((text) => element("span", "", text)));
    }
    built = name;
    for (const row of body.children) {
      const on = row.dataset.head === chosen.join();
      row.classList.toggle("chosen", on);
      row.querySelector("button").setAttribute("aria-pressed", String(on));
    }
  }

  return { draw };
}

function line({ layer, head, weight, others, difference, everywhere, rank }, known, theme) {
  const row = element("tr");
  row.dataset.head = [layer, head].join();
  const name = element("th");
  name.scope = "row";
  name.append(button(headName(layer, head), () => {}));
  if (everywhere) {
    const mark = element("span", "everywhere", EVERYWHERE);
    mark.setAttribute("role", "img");
    mark.setAttribute("aria-label", mark.title = "Most words look here");
    name.append(mark);
  }
  const [share, inner] = [element("td", "share"), element("div")];
  inner.append(barOf(weight, theme, others), element("span", "", threeDigits(weight)));
  share.append(inner);
  row.append(element("td", "", String(rank)), name, share, element("td", "others", others === null ? "\u2013" : threeDigits(others)), element("td", "", difference === null ? "\u2013" : signed(difference)), element("td", "corpus", known ? String(known) : ""));
  return row;
}

// What the columns are, and the mark where there is one.
export function legendOf({ best, corpus, rows, summary }) {
  const one = summary.links === 1;
  const [source, target] = [isolated(rows[0].source), isolated(rows[0].target)];
  const others = one && rows[0].n ? `what the ${counted(rows[0].n, "other word")} that can see \u201c${target}\u201d give${rows[0].n === 1 ? "s" : ""} it` : "what other words give the targets";
  return [
    one && !rows[0].n ? `No other word can see \u201c${target}\u201d.` : `Others: ${others}, on average; the tick on the bar. Difference: the weight minus that.`,
    ...(best.some(({ everywhere }) => everywhere) ? [`${EVERYWHERE} Most words look here, not only ${one ? `\u201c${source}\u201d` : "the sources"}: over half give at least half as much, and 0.1 or more.`] : []),
    ...(corpus ? [`Corpus: the head\u2019s rank on ${corpus.on}.`] : []),
  ];
}

const counted = (n, what) => (n === 1 ? what : `${n} ${what}s`);

// A bar of a weight, with a tick at what others give.
function barOf(weight, theme, others = null) {
  const bar = element("span", "track");
  const full = element("i");
  full.style.cssText = `width: ${(100 * weight).toFixed(1)}%; background: ${theme.bar}`;
  bar.append(full);
  if (others !== null) {
    const tick = element("b");
    tick.style.left = `${(100 * Math.min(1, others)).toFixed(1)}%`;
    bar.append(tick);
  }
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
export function summaryOf({ weight, margin, rank, count, links }, target, order = "weight") {
  const on = links === 1 ? `${isolated(target)} gets ` : `The ${links} targets get, on average, `;
  const than = margin > 0 ? "more than" : margin < 0 ? "less than" : "as much as";
  const by = order === "weight" ? "" : " by the difference";
  return [on, threeDigits(weight), `, ${margin ? `${threeDigits(Math.abs(margin))} ` : ""}${than} the strongest other word. Rank ${rank} of ${count}${by} (top ${percent(rank / count)}).`];
}

// What the other words give the target of the chosen head, and whether they look there too; "" without any.
export function othersOf({ others, difference, everywhere, links }, { source, n, looking }) {
  if (others === null) return "";
  const beyond = difference ? `, ${threeDigits(Math.abs(difference))} ${difference > 0 ? "less" : "more"}` : ", as much";
  if (links > 1) return `${everywhere ? "Most words look here, not only the sources: o" : "O"}ther words give the targets ${threeDigits(others)} on average${beyond}.`;
  const words = n === 1 ? "the one other word gives" : `the ${n} other words give`;
  const who = everywhere ? `${looking === n ? "Every word looks" : "Most words look"} here, not only \u201c${isolated(source)}\u201d: ${words}` : `T${words.slice(1)}`;
  return `${who} it ${threeDigits(others)} on average${beyond}.`;
}
