// Pointer and keyboard input on the sentence with links: every gesture becomes one call of `act`.

import { nextUnit } from "../input/input.js";

const ARROWS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

export function onLinks(host, words, act) {
  const stop = new AbortController();
  const on = (target, name, answer) => target.addEventListener(name, answer, { signal: stop.signal });
  const wordAt = (event) => Number(event.target.closest?.(".unit")?.dataset.unit ?? -1);
  const linkAt = (event) => Number(event.target.closest?.("[data-link]")?.dataset.link ?? -1);
  let pressed = -1;
  on(words, "pointermove", (event) => event.pointerType !== "touch" && act.point(wordAt(event)));
  on(words, "pointerleave", () => act.point(-1));
  on(words, "click", (event) => {
    const word = wordAt(event);
    if (word >= 0) act.pick(word);
  });
  // A mouse can also draw a link in one movement: down on one word, up on the other.
  on(words, "pointerdown", (event) => (pressed = event.pointerType === "mouse" && !event.button ? wordAt(event) : -1));
  on(words, "pointerup", (event) => {
    const [from, to] = [pressed, wordAt(event)];
    pressed = -1;
    if (from < 0 || to < 0 || from === to) return;
    if (act.from() >= 0 && act.from() !== from) act.clearSelection();
    if (act.from() < 0) act.pick(from);
    if (act.from() === from) act.pick(to);
  });
  for (const [name, place] of [["pointerover", linkAt], ["focusin", linkAt]]) on(host, name, (event) => act.over(place(event)));
  for (const name of ["pointerout", "focusout"]) on(host, name, () => act.over(-1));
  on(words, "focus", () => act.at() < 0 && words.matches(":focus-visible") && act.point(0));
  on(host, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const known = event.key === "Escape" ? act.clearSelection() : event.target === words ? onWords(event, act) : onMark(event, linkAt(event), act);
    if (known) event.preventDefault();
    // Streamlit has single-letter shortcuts: R runs the page again, C clears its caches.
    if (known || event.key.length === 1) event.stopPropagation();
  });
  return () => stop.abort();
}

function onWords(event, act) {
  const last = act.count() - 1;
  if (ARROWS[event.key]) act.point(nextUnit(act.at(), ARROWS[event.key], act.count(), act.direction()));
  else if (event.key === "Home" || event.key === "End") act.point(event.key === "Home" ? 0 : last);
  else if ((event.key === "Enter" || event.key === " ") && act.at() >= 0) act.pick(act.at());
  else return false;
  return true;
}

function onMark(event, link, act) {
  if (link < 0 || (event.key !== "Delete" && event.key !== "Backspace")) return false;
  act.remove(link);
  return true;
}
