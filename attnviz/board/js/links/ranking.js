// The component of Find heads: a map of all scores, the best heads, and the rows of the chosen head.

import { button, element, setText } from "../core/element.js";
import { drawRows, makeBest, othersOf, summaryOf } from "./headRows.js";
import { headName } from "../core/encoding.js";
import { mounter } from "../core/mounter.js";
import { themeOf } from "../core/theme.js";
import { whenPrinted } from "../core/paper.js";
import { makeHeadGrid } from "./headGrid.js";

const IDLE = 300; // milliseconds without input before a head chosen with the arrow keys is sent to Python
const LEGEND = 16; // colours of the legend

export const mountRanking = mounter(makeRanking, "picked");

// `data` is made by attnviz/board/ranking.py, with `answered`: the number of our last message that Python has received.
function makeRanking(root, tokens, clock = Date.now) {
  const $ = (name) => root.querySelector(name);
  const host = $(".attnviz");
  const one = { send: null };
  let [data, chosen, theme, sent, idleTimer, pending] = [null, null, null, 0, 0, false];
  const grid = makeHeadGrid($(".head-grid"), (head) => choose(head));
  const best = makeBest($(".best"), (head) => choose(head));
  const open = button("Open on the board", () => sendChoice("board"));
  open.className = "go";
  $(".this-head header").append(open);
  const printed = new AbortController();
  whenPrinted(host, () => data && update(), printed.signal);
  const sized = new ResizeObserver(() => data && draw());
  sized.observe(host);

  // The ring moves at once; the choice is sent after a pause to Python, which has the head's rows.
  function choose(head) {
    if (head.join() === chosen.join()) return;
    chosen = head;
    draw();
    clearTimeout(idleTimer);
    pending = true;
    idleTimer = setTimeout(() => sendChoice(""), IDLE);
  }

  function sendChoice(go) {
    clearTimeout(idleTimer);
    pending = false;
    sent = Math.max(sent + 1, clock()); // different from any number of an earlier map here
    one.send({ head: chosen, go, number: sent });
  }

  function draw() {
    if (!host.clientWidth) return;
    host.classList.toggle("phone", host.clientWidth < 608);
    const shown = { ...data, chosen };
    grid.draw(shown, theme, $(".map").clientWidth);
    best.draw(shown, theme);
    const here = chosen.join() === data.chosen.join();
    $(".this-head").classList.toggle("coming", !here);
    $(".this-head h2").textContent = headName(...chosen);
    if (!here) return;
    const [before, weight, after] = summaryOf(data.summary, data.rows[0].target, data.order);
    $(".summary").replaceChildren(before, element("b", "", weight), after);
    const others = othersOf(data.summary, data.rows[0]);
    $(".specific").replaceChildren(...[others, data.corpus && `${data.corpus.sentence}.`].filter(Boolean).map((text) => element("span", "", text)));
    $(".specific").classList.toggle("everywhere", data.summary.everywhere);
    drawRows($(".looks"), data, theme);
    setText($("[role=status]"), `${headName(...chosen)}: ${$(".summary").textContent} ${others}`.trim());
  }

  function update() {
    const before = theme?.name;
    theme = themeOf(host, tokens, "");
    if (theme.name !== before) legend();
    draw();
  }

  function legend() {
    const stops = Array.from({ length: LEGEND }, (_, i) => i / (LEGEND - 1));
    const colours = stops.map((along) => `rgb(${theme.ramp[Math.round(255 * along)].join()})`);
    $(".scale i").style.background = `linear-gradient(to right, ${colours.join()})`;
    $(".scale span").replaceChildren(...theme.ticks.map(({ at, text }) => {
      const tick = element("small", "", text);
      tick.style.left = `${100 * theme.place(at)}%`;
      return tick;
    }));
  }

  one.take = (given) => {
    const stale = data && given.answered < sent; // from an older run: the head chosen since then will be answered too
    data = given;
    chosen = stale || pending ? chosen : data.chosen;
    const heads = data.counts.reduce((sum, count) => sum + count, 0);
    const { links, drawn } = data.summary;
    setText($(".count"), `${heads} in ${data.counts.length} layers${links < drawn ? `, by ${links} of the ${drawn} links` : ""}`);
    update();
  };
  const leave = () => pending && sendChoice(""); // another page opens
  addEventListener("attnviz-leave", leave);
  one.stop = () => {
    removeEventListener("attnviz-leave", leave);
    clearTimeout(idleTimer);
    printed.abort();
    sized.disconnect();
  };
  return one;
}
