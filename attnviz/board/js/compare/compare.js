// The Compare component: panels side by side that follow one selection.

import { adopted, choiceOf } from "../core/state.js";
import { begin } from "../board.js";
import { breadth } from "../draw/layout.js";
import { drawCompareReadout, makeCompareTools } from "./compareTools.js";
import { manyOf } from "./grid.js";
import { onArrival } from "../core/store.js";
import { selectionWords, makeRuler, compareSentence } from "./compareWords.js";
import { linksIn, marked, stateIn } from "./linked.js";
import { listenToPanels } from "./compareInput.js";
import { onPaper, pixelRatio, whenPrinted } from "../core/paper.js";
import { themeOf } from "../core/theme.js";
import { makeCombiner } from "./combine.js";
import { makeCompareActions } from "./compareActions.js";
import { makeDialogue } from "../main.js";
import { makeLibrary } from "./library.js";
import { makeMenu } from "../draw/menu.js";
import { makePanels } from "./panels.js";
import { makeUpdates } from "../core/updates.js";
import { mounter } from "../core/mounter.js";
import { setText } from "../core/element.js";
import { frameScale, makePresenter, scaleOf } from "../draw/presenter.js";
import { makeTexts } from "./textLines.js";
import { unitsOf } from "../core/pattern.js";
import { unknownLines } from "../draw/unknownTokens.js";
import { makeGallery } from "./gallery.js";
import { keyed, pinsToSend, pinKeys } from "../draw/tray.js";

const AROUND = 116; // pixels of a panel above and below its picture
const PAPER = 520; // pixels that a picture may be tall on paper

export const mountCompare = mounter(makeCompare, "choice");

// `data` is { sources, frames, sheets, base, own, shown, selection, answered }: digests of bytes that carriers bring, the frame
// that the selected word's places refer to, the text shown elsewhere, the ready set, and Python's selection.
function makeCompare(root, tokens) {
  const $ = (name) => root.querySelector(name);
  const element = $(".attnviz");
  const one = { send: null };
  const dialogue = makeDialogue((choice) => one.send(choice));
  const reduced = matchMedia("(prefers-reduced-motion: reduce)");
  const library = makeLibrary();
  const { books } = library;
  const widest = makeRuler($("canvas.probe"));
  const gallery = makeGallery();
  const combine = makeCombiner();
  let [data, state, theme, geometry, pictures, lines, lastSent, measured] = [null, null, null, null, [], [], "", ""];
  let [free, arrived] = [0, 0];

  const updates = makeUpdates(draw, settle);
  const leaving = new AbortController();
  const at = {
    state: () => state,
    data: () => data,
    pictures: () => pictures,
    pictureOn: (canvas) => panels.panelWith(canvas),
    lineOn: (node) => {
      const line = texts.lineOfNode(node);
      return { frame: lines[line].frame, direction: texts.direction(line) };
    },
    bringIntoView: (place) => panels.bringIntoView(place),
  };
  const act = makeCompareActions(at, set, (go) => sendChoice({ go }));
  const panels = makePanels($(".panels"), act, leaving.signal);
  const texts = makeTexts($(".lines"));
  const presenter = makePresenter(element, () => resized());
  const menu = makeMenu($(".tools"), $(".tabs"), { switchSide: act.switchSide, show: act.show, present: presenter.toggle });
  const tools = makeCompareTools($(".tools"), $(".tabs"), act);
  Object.assign(act, { present: presenter.toggle, escape: () => menu.shut() || tools.shut() || act.clearSelection() !== false || presenter.leave() });
  const tokensOf = ({ frame, pattern, ...found }) => ({ frame, ...Object.fromEntries(Object.entries(found).map(([side, unit]) => [side, (side === "key" ? pattern.keys : pattern.queries)[unit].tokens[0]])) });
  const stopListening = listenToPanels(element, { lines: $(".lines"), panels: $(".panels") }, { word: wordAt, units: (event) => tokensAt(panels.at(event)), choosing: (event) => chose(event) }, act);
  for (const close of [menu.close, tools.close]) document.addEventListener("pointerdown", close, { signal: leaving.signal });
  const sized = new ResizeObserver(() => resized());
  sized.observe(element);
  addEventListener("resize", resized, { signal: leaving.signal });
  addEventListener("attnviz-leave", settle, { signal: leaving.signal });
  whenPrinted(element, () => {
    if (!state) return;
    theme = themeOf(element, tokens, "");
    measured = "";
    updates.now();
  }, leaving.signal);
  const stopWaiting = onArrival(() => take()); // they may arrive before Python's data, or after

  function resized() {
    measured = "";
    ask();
  }

  const tokensAt = (found) => found && tokensOf(found);

  // While panels are being chosen, a click anywhere on a panel chooses it.
  function chose(event) {
    const picture = state.choosing && panels.panelWith(event.target);
    if (picture) act.choose(picture);
    return Boolean(picture);
  }

  function wordAt(event) {
    const span = event.target.closest?.(".unit");
    if (!span) return null;
    const { frame } = lines[texts.lineOfNode(span)];
    const { side } = span.closest(".words").dataset;
    const unit = unitsOf(side === "key" ? frame.keys : frame.queries, state)[Number(span.dataset.unit)];
    return { frame, [side === "both" ? "word" : side]: unit.tokens[0] };
  }

  function set(next) {
    state = next;
    ask();
    updates.settleLater();
  }

  function ask() {
    if (state) updates.redraw();
  }

  function take(given = data) {
    if (!given) return;
    data = given;
    library.take(data);
    arrived += 1;
    const base = books.get(data.base)?.frame;
    if (!base) return;
    theme = themeOf(element, tokens, "");
    const lost = state?.selected && !books.has(state.selected.frame.digest);
    if (!state || lost || dialogue.isNew(data.selection, data.answered)) {
      if (!state) dialogue.reset(data.selection);
      state = begun(base);
      [, lastSent] = choiceNow();
      set(state);
    }
    state = { ...state, pins: keyed(state.pins, data.selection.pins) };
    resized();
  }

  function begun(base) {
    const blank = { hover: null, point: null, selected: null, side: "query", tab: "curves", choosing: null, message: "", pins: [], panels: [] };
    return { ...marked(adopted(state ?? blank, data.selection, base), base), panels: data.selection.panels, choosing: null, message: "" };
  }

  const baseFrame = () => books.get(data.base).frame;

  function choiceNow() {
    const choice = choiceOf(stateIn(state, baseFrame()), baseFrame());
    const { panels: made } = state;
    return [{ ...choice, head: data.selection.head, pins: pinsToSend(state.pins), panels: made }, JSON.stringify([choice, pinKeys(state.pins), made])];
  }

  function sendChoice(more = {}) {
    const [choice, message] = choiceNow();
    lastSent = message;
    dialogue.send({ ...choice, ...more });
  }

  function settle() {
    if (!data || !books.get(data.base)) return;
    setText($("[role=status]"), compareSentence(pictures, linksIn(pictures, state)));
    if (choiceNow()[1] !== lastSent) sendChoice();
  }

  function draw() {
    if (!books.get(data.base)) return;
    ({ pictures, lines } = gallery({ data, arrived, books, state, theme, combine }));
    const again = measure();
    const view = { root, book: books.get(data.base), state, theme, geometry, pictures, data, many: manyOf(pictures.length, data.shown), still: reduced.matches || onPaper(), links: linksIn(pictures, state) };
    // Canvases before elements: setting a canvas's font makes the browser recompute every style that was just changed.
    const pictured = () => panels.draw({ ...view, free, labels: widest(pictures, state, theme, geometry.scale) });
    if (!again) pictured();
    texts.draw(view, lines);
    drawCompareReadout($(".readout"), { choosing: state.choosing, message: state.message, act, phone: geometry.phone, ...selectionWords(pictures, state) });
    setText($(".unread"), unknownLines(lines.map(({ frame }) => frame), state.words, pictures, view.links));
    menu.draw(view);
    tools.draw(view);
    if (!again) return;
    free = onPaper() ? PAPER : innerHeight - ($(".panels").getBoundingClientRect().top - element.getBoundingClientRect().top) - (geometry.presenting ? 32 : begin(element)) - AROUND * geometry.scale;
    pictured();
  }

  function measure() {
    const name = [pictures.length, data.frames, state.words, state.special, state.tab, innerWidth, innerHeight, pixelRatio(), theme.name].join();
    if (name === measured) return false;
    measured = name;
    const presenting = presenter.is();
    const scale = presenting ? scaleOf(innerWidth, innerHeight) : frameScale(element);
    element.style.setProperty("--k", scale);
    const edges = getComputedStyle(element);
    geometry = breadth(element.clientWidth - parseFloat(edges.paddingLeft) - parseFloat(edges.paddingRight), scale, presenting, onPaper());
    element.classList.toggle("phone", geometry.phone);
    return true;
  }

  one.take = take;
  one.stop = () => {
    updates.stop();
    leaving.abort();
    presenter.stop();
    sized.disconnect();
    stopListening();
    stopWaiting();
  };
  return one;
}
