// A place in the page and every head's score in; a map, the best heads and the chosen one's picture out.

import { button, element } from "../core/element.js";
import { drawRows, makeBest, summaryOf } from "./headrows.js";
import { headName } from "../core/encoding.js";
import { lookOf } from "../core/look.js";
import { makeHeadGrid } from "./headgrid.js";

const REST = 300; // milliseconds that the hand rests before Python is told of a head that arrows walked to
const LEGEND = 16; // colours of the legend

const standing = new WeakMap();

// Streamlit calls this anew, with the same root, whenever Python has run or the theme has changed.
export function mountFound({ parentElement, data, setTriggerValue }, tokens) {
  const one = standing.get(parentElement) ?? makeFound(parentElement, tokens);
  standing.set(parentElement, one);
  one.send = (value) => setTriggerValue("picked", value);
  one.take(data);
  return () => {
    one.stop();
    standing.delete(parentElement);
  };
}

// `data` is what attnviz/figures/board/found.py makes of a ranking, with `answered`: the number of our last message that Python had heard.
function makeFound(root, tokens, clock = Date.now) {
  const $ = (name) => root.querySelector(name);
  const host = $(".attnviz");
  const one = { send: null };
  let [data, chosen, look, sent, resting, waits] = [null, null, null, 0, 0, false];
  const grid = makeHeadGrid($(".head-grid"), (head) => choose(head));
  const best = makeBest($(".best"), (head) => choose(head));
  const open = button("Open on the board", () => tell("board"));
  open.className = "go";
  $(".this-head header").append(open);
  const sized = new ResizeObserver(() => data && draw());
  sized.observe(host);

  // The ring moves at once; Python, which knows the head's rows, is told when the hand rests.
  function choose(head) {
    if (head.join() === chosen.join()) return;
    chosen = head;
    draw();
    clearTimeout(resting);
    waits = true;
    resting = setTimeout(() => tell(""), REST);
  }

  function tell(go) {
    clearTimeout(resting);
    waits = false;
    sent = Math.max(sent + 1, clock()); // unlike any number of a map that stood here before
    one.send({ head: chosen, go, number: sent });
  }

  function draw() {
    if (!host.clientWidth) return;
    host.classList.toggle("phone", host.clientWidth < 608);
    const shown = { ...data, chosen };
    grid.draw(shown, look, $(".map").clientWidth);
    best.draw(shown, look);
    const here = chosen.join() === data.chosen.join();
    $(".this-head").classList.toggle("coming", !here);
    $(".this-head h2").textContent = headName(...chosen);
    if (!here) return;
    const [before, weight, after] = summaryOf(data.summary, data.rows[0].target);
    $(".summary").replaceChildren(before, element("b", "", weight), after);
    drawRows($(".looks"), data, look);
    put($("[role=status]"), `${headName(...chosen)}: ${$(".summary").textContent}`);
  }

  function legend() {
    const stops = Array.from({ length: LEGEND }, (_, i) => i / (LEGEND - 1));
    const colours = stops.map((along) => `rgb(${look.ramp[Math.round(255 * along)].join()})`);
    $(".scale i").style.background = `linear-gradient(to right, ${colours.join()})`;
    $(".scale span").replaceChildren(...look.ticks.map(({ at, text }) => {
      const tick = element("small", "", text);
      tick.style.left = `${100 * look.place(at)}%`;
      return tick;
    }));
  }

  one.take = (given) => {
    const stale = data && given.answered < sent; // an older run's: the head that was chosen since will be answered too
    const before = look?.name;
    data = given;
    chosen = stale || waits ? chosen : data.chosen;
    look = lookOf(host, tokens, "");
    if (look.name !== before) legend();
    const heads = data.counts.reduce((sum, count) => sum + count, 0);
    const { links, drawn } = data.summary;
    put($(".count"), `${heads} in ${data.counts.length} layers${links < drawn ? `, by ${links} of the ${drawn} links` : ""}`);
    draw();
  };
  const leave = () => waits && tell(""); // another page opens
  addEventListener("attnviz-leave", leave);
  one.stop = () => {
    removeEventListener("attnviz-leave", leave);
    clearTimeout(resting);
    sized.disconnect();
  };
  return one;
}

function put(host, text) {
  if (host.textContent !== text) host.textContent = text;
}
