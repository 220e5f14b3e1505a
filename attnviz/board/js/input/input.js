// Pointer and keyboard input: every gesture becomes one call of `act`.

import { isAdditive, onLongPress } from "./gestures.js";
import { ARROWS, listenToKeys } from "./keys.js";
import { lensKey, onLens } from "./lensInput.js";
import { within } from "../core/element.js";

// `act` is made by actions.js; `parts` are the elements of the board.
export function listen(root, parts, act) {
  const stop = new AbortController();
  const on = (target, name, answer, more = {}) => target.addEventListener(name, answer, { signal: stop.signal, ...more });
  sentence(on, parts.lines, act);
  overview(on, parts.overview, act);
  head(on, parts.head, act);
  on(parts.stage, "scroll", act.scrolled, { passive: true });
  keys(on, root, parts, act);
  return () => stop.abort();
}

function sentence(on, lines, act) {
  const wordAt = (event) => {
    const span = event.target.closest?.(".unit");
    return span ? { unit: Number(span.dataset.unit), side: span.closest(".words").dataset.side } : null;
  };
  onLongPress(on, lines, (event) => {
    const word = wordAt(event);
    if (word) act.addWord(word);
  });
  on(lines, "pointermove", (event) => event.pointerType !== "touch" && act.pointWord(wordAt(event)));
  on(lines, "pointerleave", () => act.point(null));
  on(lines, "click", (event) => {
    const word = wordAt(event);
    if (word) (isAdditive(event) ? act.addWord : act.selectWord)(word);
  });
}

function overview(on, canvas, act) {
  on(canvas, "pointermove", (event) => {
    const found = act.headAt(event.offsetX, event.offsetY);
    canvas.style.cursor = found ? "pointer" : "";
    act.hover(found);
  });
  // A finger that slides along a layer previews its heads, and chooses one when it is lifted.
  on(canvas, "pointerup", (event) => {
    const found = event.pointerType === "touch" && act.headAt(event.offsetX, event.offsetY);
    if (found) act.choose(found);
  });
  on(canvas, "pointerleave", () => act.hover(null));
  on(canvas, "dblclick", (event) => {
    const found = act.headAt(event.offsetX, event.offsetY);
    if (found) act.pin(found);
  });
  on(canvas, "click", (event) => {
    const found = act.headAt(event.offsetX, event.offsetY);
    if (found) act.choose(found);
  });
}

function head(on, canvas, act) {
  onLens(on, canvas, act);
  onLongPress(on, canvas, (event) => {
    const found = act.unitsAt(event.offsetX, event.offsetY);
    if (found) act.addLink(found);
  });
  on(canvas, "pointermove", (event) => {
    if (event.pointerType === "touch") return;
    const found = act.unitsAt(event.offsetX, event.offsetY);
    const text = found ? act.fullText(found) : "";
    if (canvas.title !== text) canvas.title = text;
    act.point(found);
  });
  on(canvas, "pointerleave", () => act.point(null));
  on(canvas, "click", (event) => {
    const found = act.unitsAt(event.offsetX, event.offsetY);
    if (found && isAdditive(event)) act.addLink(found);
    else if (found) act.selectLink(found, event.pointerType === "touch");
  });
}

function keys(on, root, parts, act) {
  const answer = (event, active) => arrow(event, active, parts, act) || enter(event, active, parts, act) || lensKey(event, act) || letter(event, act);
  listenToKeys(on, root, answer, () => act.escape());
}

function arrow(event, active, parts, act) {
  const step = ARROWS[event.key];
  if (!step) return false;
  if (event.shiftKey || active === parts.overview) act.move(step, event.repeat);
  else if (active === parts.head) act.cell(step);
  else if (active?.classList?.contains("words")) act.stepWord(step, active.dataset.side);
  else return false;
  return true;
}

// Shift adds a word to the selected ones.
function enter(event, active, parts, act) {
  if (event.key !== "Enter") return false;
  if (active === parts.head) return event.shiftKey ? act.addPointed() : act.selectPointed();
  return event.shiftKey && Boolean(active?.classList?.contains("words")) && act.keepSelected();
}

function letter(event, act) {
  if (event.shiftKey && event.key !== "Escape") return false;
  if (/^[1-8]$/.test(event.key)) return act.goTo(Number(event.key) - 1) !== false;
  const meant = { x: () => act.switchSide(), w: () => act.show("words"), s: () => act.show("special"), p: () => act.pin(), d: act.difference, t: act.open, f: act.present, escape: act.escape }[event.key.toLowerCase()];
  if (!meant) return false;
  return meant() !== false;
}

// The next unit from `from`, `step` rows down and columns on; the text may run from right to left.
export function nextUnit(from, [down, right], count, direction) {
  return within(Math.max(from, 0) + (from < 0 ? 0 : down + (direction === "rtl" ? -right : right)), 0, count - 1);
}
