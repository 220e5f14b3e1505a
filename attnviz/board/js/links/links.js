// The component of the sentence on which a reader draws links.

import { withAllReversed, blank, cleared, counted, clearSelection, linkName, nameOf, picked, removed, withReversed } from "./drawnLinks.js";
import { button, element, setText } from "../core/element.js";
import { PARTLY_UNKNOWN } from "../core/encoding.js";
import { mounter } from "../core/mounter.js";
import { themeOf } from "../core/theme.js";
import { whenPrinted } from "../core/paper.js";
import { makeLinkWords } from "./linkWords.js";
import { onLinks } from "./linkInput.js";

const MAX_MESSAGES = 2; // refused links that get a message each; of more, only the first gets one

export const mountLinks = mounter(makeLinks, "drawn");

// `data` is { text, units, links, refused, most, answered }: the number is that of our last message that Python received.
function makeLinks(root, tokens, clock = Date.now) {
  const $ = (name) => root.querySelector(name);
  const host = $(".attnviz");
  const one = { send: null };
  let [data, units, state, at, over, sent] = [null, [], blank, -1, -1, 0];
  let message = "";
  let reasons = new Map(); // why no head can follow a link, from Python's last answer
  const sentence = makeLinkWords($(".drawing"), (place) => set(removed(state, place, units)));
  const clear = button("Clear", () => set(cleared()));
  clear.className = "clear";
  $(".drawing-bar").append(clear);
  const act = {
    pick: (place) => set(picked(state, place, units, data.most)),
    point: (place) => place !== at && show({ at: place }),
    over: (place) => place !== over && show({ over: place }),
    remove: (place) => set(removed(state, place, units)),
    from: () => state.from,
    at: () => at,
    count: () => units.length,
    direction: sentence.direction,
    clearSelection: () => state.from >= 0 && (set(clearSelection(state)), true),
  };
  const stopListening = onLinks(host, sentence.words, act);
  const printed = new AbortController();
  whenPrinted(host, () => {
    themeOf(host, tokens, "");
    if (data) draw();
  }, printed.signal);
  const sized = new ResizeObserver(() => data && draw());
  sized.observe(host);

  function show(more) {
    at = more.at ?? at;
    over = more.over ?? over;
    draw();
  }

  function set(next) {
    const changed = next.links !== state.links;
    state = next;
    over = -1;
    draw();
    setText($("[role=status]"), state.message);
    if (!changed) return;
    sent = Math.max(sent + 1, clock()); // different from any number of an earlier sentence here
    one.send({ links: state.links, number: sent });
  }

  function draw() {
    if (!host.clientWidth) return;
    const refused = state.links.map((link) => reasons.get(link.join()) ?? "");
    sentence.draw({ units, text: data.text, state, at, over, refused, width: host.clientWidth });
    showHint();
    showRefusals(refused);
  }

  // What to do now, in one line.
  function showHint() {
    const { from, links } = state;
    const strong = (text) => element("b", "", text);
    const name = JSON.stringify([from, from >= 0 && units[from].text, links, units.length, data.most]);
    clear.hidden = !links.length;
    if (name === message) return;
    message = name;
    const press = matchMedia("(pointer: coarse)").matches ? "tap" : "click";
    const full = links.length >= data.most;
    const next = full ? `You can draw at most ${data.most} links: remove one to draw another.` : `Draw another: ${press} a word, then the word that it should look at.`;
    const question = links.length === 1 ? `Which heads look from ${linkName(links[0], units).replace(" \u2192 ", " to ")}? ` : `Which heads follow these ${counted(links.length)}? `;
    const lines = from >= 0
      ? [element("span", "pill", nameOf(units[from])), strong(" looks at \u2026 "), "choose another word. Esc, or the same word again, deselects it."]
      : links.length
        ? [strong(question), element("span", "next", next)]
        : [strong("Draw a link: "), `${press} a word, then the word that it should look at.`];
    $(".todo").replaceChildren(...lines);
  }

  // Links that no head can follow: a message at the link, with what can be done.
  function showRefusals(refused) {
    const wrong = refused.map((why, place) => ({ why, place })).filter(({ why }) => why);
    const name = JSON.stringify(wrong.map(({ why, place }) => [why, state.links[place]]));
    const list = $(".complaints");
    if (list.dataset.shown === name) return;
    list.dataset.shown = name;
    list.replaceChildren(...(wrong.length > MAX_MESSAGES ? [summed(wrong)] : wrong.map(refusal)));
    list.hidden = !wrong.length;
  }

  function refusal({ why, place }) {
    const line = element("p");
    line.append(element("b", "", `${linkName(state.links[place], units)}: `), why, " ", button("Reverse", () => set(withReversed(state, place, units))));
    return line;
  }

  function summed(wrong) {
    const line = element("p");
    const places = wrong.map(({ place }) => place);
    line.append(element("b", "", `No head can follow ${wrong.length} of these ${counted(state.links.length)}. `), `The first: ${wrong[0].why} `, button("Turn these round", () => set(withAllReversed(state, places, units))));
    return line;
  }

  one.take = (given) => {
    const other = data && given.text !== data.text;
    data = given;
    reasons = new Map(data.links.map((link, i) => [link.join(), data.refused[i]]));
    units = data.units.map(([text, start, end, joined, mark = ""]) => ({ text, label: text, start, end, joined, unknown: mark !== "", partly: mark === PARTLY_UNKNOWN }));
    if (other) at = -1;
    // Python's links are older than the links drawn here since then; it will answer those too.
    if (data.answered >= sent) state = { ...state, links: data.links };
    if (other) state = { ...state, from: -1 };
    themeOf(host, tokens, "");
    draw();
  };
  one.stop = () => {
    stopListening();
    printed.abort();
    sized.disconnect();
  };
  return one;
}
