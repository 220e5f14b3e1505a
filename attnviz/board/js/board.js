// The board. Each frame of animation draws only what changed.

import { adopted, changedSince, choiceOf, firstState, focusOf, optionsOf, shownHead } from "./core/state.js";
import { addLayer, addSheet, isLoaded, makeBook } from "./core/frame.js";
import { arranged, breadth } from "./draw/layout.js";
import { betweenOf } from "./core/filters.js";
import { drawLegend, makeOverview } from "./draw/overview.js";
import { drawHeadLabel } from "./draw/headLabel.js";
import { drawProfile, profileOf } from "./draw/headProfile.js";
import { drawReadout, sentenceOf, readoutOf } from "./draw/readout.js";
import { headName, isolated, thousands, withMark } from "./core/encoding.js";
import { columnsOf, lineOf, patternOf, rowsOf, unfilteredOf } from "./core/pattern.js";
import { listen } from "./input/input.js";
import { onPaper, pixelRatio, whenPrinted } from "./core/paper.js";
import { themeOf } from "./core/theme.js";
import { makeActions } from "./input/actions.js";
import { drawPin, makeChips, textOf } from "./draw/chips.js";
import { makeHead } from "./draw/head.js";
import { makeMenu } from "./draw/menu.js";
import { makePinActions } from "./input/pinActions.js";
import { frameScale, makePresenter, scaleOf } from "./draw/presenter.js";
import { makeSentence } from "./draw/sentence.js";
import { makeTables } from "./draw/tables.js";
import { setFont } from "./draw/canvas.js";
import { setText } from "./core/element.js";
import { makeUpdates } from "./core/updates.js";
import { pinsToSend, pinKeys } from "./draw/tray.js";
import { unknownLine } from "./draw/unknownTokens.js";

const NARROW = 1120; // pixels; in a narrower board, the role of a head may take four lines beside its name

// `send` gets the values for Python; `alone` says that there is no Python; `glossary` is an address that ends with a term; `tall` is a height to use instead of the window's, if that follows the board's own. Returns the board: `show` a frame, `adopt` a selection, `know` ranks on annotated texts, `refresh` after a change of theme, `stop`.
export function makeBoard(root, tokens, { send, mode, alone = false, glossary = "", tall = 0 }) {
  const $ = (name) => root.querySelector(name);
  const element = root.querySelector(".attnviz");
  const stage = { stage: $(".stage"), roll: $(".roll"), canvas: $("canvas.head"), note: $(".sink"), below: $(".below") };
  const sentence = makeSentence($(".lines"));
  const overview = makeOverview($(".overview"), () => ask());
  const head = makeHead(stage, () => ask());
  const reduced = matchMedia("(prefers-reduced-motion: reduce)");
  let [book, state, theme, geometry, lastSent, measured, corpus] = [null, null, null, null, "", "", null];
  const updates = makeUpdates(draw, settle);

  const act = makeActions({
    frame: () => book.frame,
    book: () => book,
    state: () => state,
    still: () => head.still(),
    follow: () => head.lens.follow(),
    direction: () => sentence.direction(),
    headAt: (x, y) => overview.headAt(x, y, book.frame, geometry.overview),
    unitsAt: (x, y) => head.unitsAt(x, y, viewOf()),
    scrolled: () => ask(),
  }, set);
  const shown = () => ({ model: book.frame.name, text: textOf(book.frame) });
  const tray = makePinActions({ state: () => state, shown }, set, alone ? null : (go) => sendChoice({ go }));
  Object.assign(act, { lens: head.lens, pin: tray.pin, goTo: tray.goTo, open: tray.open, difference: tray.difference });
  const leaving = new AbortController();
  const chips = makeChips($(".tray"), tray, leaving.signal);
  $(".pin").addEventListener("click", () => act.pin(), { signal: leaving.signal });
  const presenter = makePresenter(element, () => resized());
  const tables = makeTables($(".tables"), $(".as-table"));
  const table = () => {
    if (!tables.toggle()) return;
    tables.draw(viewOf());
    $(".as-table").focus({ preventScroll: true });
    $(".tables").scrollIntoView({ block: "nearest" });
  };
  $(".as-table").addEventListener("click", table, { signal: leaving.signal });
  const menu = makeMenu($(".tools"), $(".tabs"), { switchSide: act.switchSide, show: act.show, table, present: presenter.toggle });
  Object.assign(act, { present: presenter.toggle, escape: () => menu.shut() || act.clearSelection() !== false || presenter.leave() });
  const stopListening = listen(element, { lines: $(".lines"), overview: $(".overview"), head: stage.canvas, stage: stage.stage }, act);
  document.addEventListener("pointerdown", menu.close);
  whenPrinted(element, () => {
    if (!book) return;
    refresh();
    measured = "";
    updates.now();
  }, leaving.signal);
  const resized = () => {
    measured = "";
    ask();
  };
  const sized = new ResizeObserver(resized);
  sized.observe(element);
  addEventListener("resize", resized);
  addEventListener("attnviz-leave", settle, { signal: leaving.signal }); // before another page opens, send the last choice

  function set(next) {
    state = next;
    ask();
    updates.settleLater();
  }

  function ask() {
    if (book) updates.redraw();
  }

  function settle() {
    if (!book) return;
    const view = viewOf();
    setText($("[role=status]"), sentenceOf(view));
    tables.draw(view);
    const [choice, key] = choiceNow();
    if (key !== lastSent) sendChoice();
  }

  function choiceNow() {
    const choice = choiceOf(state, book.frame);
    return [{ ...choice, pins: pinsToSend(state.pins) }, JSON.stringify([choice, pinKeys(state.pins)])];
  }

  // The last choice that is not sent yet: it is sent with the next frame on screen.
  function unsentChoice() {
    const [choice, pins] = JSON.parse(lastSent);
    return { ...changedSince(state, choice), ...(JSON.stringify(pinKeys(state.pins)) === JSON.stringify(pins) ? {} : { pins: state.pins }) };
  }

  function sendChoice(more = {}) {
    const [choice, key] = choiceNow();
    lastSent = key;
    send({ ...choice, ...more });
  }

  function viewOf() {
    const [layer, number] = shownHead(state);
    const options = optionsOf(state);
    const pattern = patternOf(book, layer, number, options);
    const unfiltered = unfilteredOf(book, layer, number, options); // for statements about the head itself
    const focus = focusOf(state, book.frame);
    return {
      root, book, state, theme, geometry, pattern, unfiltered, focus, glossary, corpus,
      head: [layer, number],
      line: pattern ? lineOf(pattern, focus) : null,
      profile: unfiltered ? profileOf(unfiltered) : null,
      missing: pattern ? "" : missing(layer, number),
      still: reduced.matches || onPaper(),
    };
  }

  function missing(layer, number) {
    const { frame, layers } = book;
    const weights = frame.queries.tokens.length * frame.keys.tokens.length;
    if (!layers.has(layer)) return `${headName(layer, number)} appears with layer ${layer}.`;
    if (alone && frame.sheets) return `${headName(layer, number)} is not in this file: for so long a text, it has one head in full and small pictures of the others.`;
    if (frame.sheets) return `The weights of ${headName(layer, number)} are on their way.`;
    return `One head of this text has ${thousands(weights)} weights, more than the board draws: each cell of this small picture shows the largest of several weights.`;
  }

  function draw() {
    const moved = measure();
    if (moved) {
      words(viewOf());
      arrange();
    }
    // Canvases before elements: setting a canvas's font makes the browser recompute every style that was just changed.
    const view = viewOf();
    const link = overview.draw(view);
    head.draw(view);
    if (!moved) words(view);
    overviewNotes(view, link);
    drawHeadLabel($(".name"), $(".role"), view);
    drawProfile($(".facts"), view);
    drawPin($(".pin"), view);
    chips.draw(view);
  }

  function words(view) {
    sentence.draw(view);
    const [lost, beside] = [$(".lost"), drawReadout($(".readout"), view)];
    if (lost.textContent !== beside.map((one) => one.textContent ?? one).join("")) lost.replaceChildren(...beside);
    setText($(".unread"), unknownLine(view.book.frame, view.state.words, view.pattern ? readoutOf(view)?.units : []));
    menu.draw(view);
  }

  // The sentence gets its height first; the rest of the window is for the pictures. Reading a size makes the browser lay
  // out the page at once, so sizes are read only when something may have changed them.
  function measure() {
    const { frame } = book;
    const name = [frame.digest, frame.sinks, state.words, state.special, Boolean(state.keep), state.between, state.tab, innerHeight, pixelRatio(), theme.name].join();
    if (name === measured) return false;
    measured = name;
    const presenting = presenter.is();
    const scale = presenting ? scaleOf(innerWidth, innerHeight) : frameScale(element);
    element.style.setProperty("--k", scale);
    const edges = getComputedStyle(element);
    const next = breadth(element.clientWidth - parseFloat(edges.paddingLeft) - parseFloat(edges.paddingRight), scale, presenting, onPaper());
    element.classList.toggle("phone", next.phone);
    element.classList.toggle("stacked", next.stacked);
    element.classList.toggle("narrow", next.width < NARROW * scale);
    const projected = !presenting && !onPaper() && scale > 1;
    element.classList.toggle("projected", projected);
    geometry = { ...geometry, ...next, projected };
    return true;
  }

  function arrange() {
    const options = optionsOf(state);
    const [queries, keys] = [rowsOf(book.frame, options), columnsOf(book.frame, options)];
    const top = stage.stage.getBoundingClientRect().top - element.getBoundingClientRect().top + (geometry.presenting ? 0 : begin(element));
    const c = stage.canvas.getContext("2d");
    setFont(c, theme, geometry.size, 600);
    const labels = Math.max(0, ...[...queries, ...keys].map((unit) => c.measureText(withMark(unit.label, unit)).width));
    const lost = options.special !== "show" || options.keep || betweenOf(book.frame, options) || book.frame.sinks ? 40 * geometry.scale : 0;
    geometry = arranged(geometry, {
      frame: book.frame, queries: queries.length, keys: keys.length, free: ((!geometry.presenting && tall) || innerHeight) - top, labels, lost, ratio: pixelRatio(), tab: state.tab,
    });
    element.style.setProperty("--left", `${geometry.left}px`);
    element.classList.toggle("beside", geometry.overview.beside);
    drawLegend($(".legend"), theme, geometry.scale);
  }

  function overviewNotes({ pattern }, link) {
    const { frame, layers } = book;
    const pixels = Math.round(geometry.overview.box * pixelRatio());
    const options = optionsOf(state);
    const units = Math.max(rowsOf(frame, options).length, columnsOf(frame, options).length);
    const pooled = !frame.whole ? ", pooled by maximum over tokens" : units > pixels ? ", pooled by maximum" : "";
    const all = !frame.whole && (options.keep || betweenOf(frame, options)) ? ", nothing left out" : "";
    const filling = layers.size < frame.layers ? `, filling: ${layers.size} of ${frame.layers}` : "";
    const size = geometry.phone ? `${frame.layers} \u00d7 ${frame.heads}` : `${frame.layers} layers \u00d7 ${frame.heads} heads`;
    setText($(".count"), size + (filling || (geometry.phone ? pooled.replace(" over tokens", "") : pooled) + all));
    const note = $(".bars-note");
    note.hidden = geometry.overview.pitch < 24 || !frame.whole;
    const named = (units, selected) => selected.map((at) => withMark(`\u201c${isolated(units[at].label)}\u201d`, units[at])).join(" + ");
    setText(note, link ? `how much ${named(pattern.queries, link.queries)} ${link.queries.length > 1 ? "look" : "looks"} at ${named(pattern.keys, link.keys)} in each head` : "");
  }

  function show(frame, selection, sheets = []) {
    const another = book?.frame.digest !== frame.digest;
    if (another) {
      const unsent = book ? unsentChoice() : {};
      book = makeBook(frame);
      state = state ? adopted(state, selection, frame) : firstState(selection, frame);
      [, lastSent] = choiceNow();
      state = adopted(state, { ...selection, ...unsent }, frame);
    }
    for (const sheet of sheets) addSheet(book, sheet);
    if (!theme) refresh();
    resized();
    updates.settleLater();
  }

  // Layers of small pictures, one by one as Python makes them.
  function fill(layers) {
    if (layers.filter((layer) => addLayer(book, layer)).length) ask();
  }

  // Python selected something else: the board follows and sends nothing.
  function adopt(selection) {
    state = adopted(state, selection, book.frame);
    [, lastSent] = choiceNow();
    set(state);
  }

  // The ranks of heads on annotated texts, where they are known.
  function know(ranks) {
    corpus = ranks;
    ask();
  }

  function refresh() {
    const next = themeOf(element, tokens, mode);
    if (theme && next.name === theme.name) return;
    theme = next;
    ask();
  }

  function stop() {
    updates.stop();
    leaving.abort();
    stopListening();
    presenter.stop();
    sized.disconnect();
    removeEventListener("resize", resized);
    document.removeEventListener("pointerdown", menu.close);
  }

  return { show, fill, adopt, know, refresh, stop, waitsFor: () => book && !isLoaded(book, ...state.head) };
}

// The top of the board in its page, independent of scrolling.
export function begin(element) {
  let at = element.getBoundingClientRect().top;
  for (let node = element; node; node = node.parentNode ?? node.host) {
    if (node.scrollTop && node !== element) at += node.scrollTop;
  }
  return at;
}
