// Pointer and keyboard input on panels and texts: every gesture becomes one call of `act`.

import { ARROWS, listenToKeys } from "../input/keys.js";
import { isAdditive, onLongPress } from "../input/gestures.js";

// `at` finds what is under an event: `word` of the texts, `units` of a panel.
export function listenToPanels(root, { lines, panels }, at, act) {
  const stop = new AbortController();
  const on = (target, name, answer, more = {}) => target.addEventListener(name, answer, { signal: stop.signal, ...more });
  for (const [target, find] of [[lines, at.word], [panels, at.units]]) {
    on(target, "pointermove", (event) => event.pointerType !== "touch" && act.point(find(event)));
    on(target, "pointerleave", () => act.point(null));
    onLongPress(on, target, (event) => {
      const found = find(event);
      if (found) act.add(found);
    });
    on(target, "click", (event) => {
      const found = find(event);
      if (!found || at.choosing(event)) return;
      if (isAdditive(event)) act.add(found);
      else act.selected(found, event.pointerType === "touch");
    });
  }
  const arrow = (event, active) => {
    const step = ARROWS[event.key];
    if (!step) return false;
    if (active?.tagName === "CANVAS") act.cell(active, step);
    else if (active?.classList?.contains("words")) act.stepWord(active, step);
    else return false;
    return true;
  };
  // With Shift, the arrow keys move on and keep a word selected.
  const enter = (event, active) => {
    if (event.key !== "Enter") return false;
    if (active?.tagName === "CANVAS") return act.selectPointed(active) !== false;
    return event.shiftKey && Boolean(active?.classList?.contains("words")) && act.keepWord(active) !== false;
  };
  const letter = (event) => {
    if (event.shiftKey && event.key !== "Escape") return false;
    if (/^[1-8]$/.test(event.key)) return act.goTo(Number(event.key) - 1) !== false;
    const meant = { x: act.switchSide, w: act.words, s: act.special, d: act.difference, t: act.open, f: act.present, escape: act.escape }[event.key.toLowerCase()];
    return meant ? meant() !== false : false;
  };
  listenToKeys(on, root, (event, active) => arrow(event, active) || enter(event, active) || letter(event), () => act.escape());
  return () => stop.abort();
}
