// The tray below the pictures: one chip for each pin, to open, rename, reorder and remove it.

import { draggable } from "../input/gestures.js";
import { element, button } from "../core/element.js";
import { headName } from "../core/encoding.js";
import { MOST, qualifiers, pinAt } from "./tray.js";

const TWICE = 250; // milliseconds in which a second click still makes a double click
const noneYet = () => `No pins yet. ${matchMedia("(hover: none)").matches ? "Tap Pin" : "Press P, or the Pin button,"} to keep a head here; up to ${MOST} stand side by side.`;

export const pinName = ({ head, over }) => (over ? `L${head[0]} ${over}` : headName(...head));

// `act` has the actions: remove, move, name, goTo, open. `open` is null if there is no page to open.
export function makeChips(host, act, signal) {
  const list = element("ol", "chips");
  const hint = element("p", "tray-hint");
  hint.setAttribute("aria-live", "polite");
  const go = act.open && button("Side by side", act.open);
  host.replaceChildren(list, hint, ...(go ? [go] : []));
  if (go) {
    go.className = "go";
    go.setAttribute("aria-keyshortcuts", "T");
    go.append(keyMark("T"));
  }
  let drawn = { pins: null };
  const placeOf = (event) => [...list.children].indexOf(event.target.closest?.(".chip"));
  draggable(list, () => [...list.children], (event) => (event.target.closest?.(".x, input") ? -1 : placeOf(event)), act.move, signal);
  // A second click renames the chip, so another text is opened only if there is no second click.
  let waits = 0;
  list.addEventListener("click", (event) => {
    clearTimeout(waits);
    const at = event.target.closest(".open") ? placeOf(event) : -1;
    if (at < 0) return;
    if (event.detail > 1) rename(at);
    else if (event.detail === 0 || list.children[at].dataset.here) act.goTo(at);
    else waits = setTimeout(() => act.goTo(at), TWICE);
  }, { signal });
  list.addEventListener("keydown", (event) => chipKeys(event, placeOf(event), { ...act, rename, count: list.children.length }), { signal });

  function draw({ state, book, root }) {
    const { pins, refused } = state;
    const { digest } = book.frame;
    if (drawn.head !== state.head) pins.forEach((pin, i) => list.children[i]?.querySelector(".open")?.setAttribute("aria-pressed", String(pinAt([pin], state.head) === 0)));
    drawn.head = state.head;
    if (drawn.pins === pins && drawn.refused === refused && drawn.digest === digest) return;
    drawn = { pins, head: state.head, refused, digest };
    const shown = { model: book.frame.name, text: textOf(book.frame) };
    const before = [...list.children].findIndex((chip) => chip.contains(root.activeElement));
    const others = qualifiers(pins, shown);
    list.replaceChildren(...pins.map((pin, i) => chip(pin, i, others[i], pinAt([pin], state.head) === 0, act.remove)));
    hint.textContent = refused || (pins.length ? "" : noneYet());
    if (before >= 0) focusOn(list, before);
  }

  function rename(at) {
    const place = list.children[at];
    if (!place || place.querySelector("input")) return;
    const opener = place.querySelector(".open");
    opener.replaceWith(nameField(place.dataset.name, (name) => {
      drawn = { pins: null };
      act.name(at, name);
    }));
    place.querySelector("input").select();
  }

  return { draw };
}

export const textOf = ({ texts }) => texts[0] + (texts[1] ? ` / ${texts[1]}` : "");

function focusOn(list, at) {
  const next = list.children[Math.min(at, list.children.length - 1)];
  next?.querySelector(".open")?.focus();
}

function chip(pin, i, other, chosen, remove) {
  const one = element("li", "chip");
  one.dataset.name = pin.name;
  if (pin.here && !pin.over) one.dataset.here = "yes";
  const open = button("", () => {});
  open.className = "open";
  open.setAttribute("aria-pressed", String(chosen));
  open.setAttribute("aria-keyshortcuts", "F2 Delete Alt+ArrowLeft Alt+ArrowRight");
  open.append(element("span", "num", String(i + 1)), element("b", "", pin.name || pinName(pin)), element("small", "", [pin.name && pinName(pin), other].filter(Boolean).join(" \u00b7 ")));
  open.title = pin.text;
  const away = button("\u00d7", () => remove(i));
  away.className = "x";
  away.setAttribute("aria-label", `Remove pin ${i + 1}, ${pin.name || pinName(pin)}`);
  one.append(open, away);
  return one;
}

// F2, Delete and Alt with an arrow, if a chip or a panel has the focus.
export function chipKeys(event, at, { rename, remove, move, count }) {
  if (at < 0 || event.target.tagName === "INPUT") return;
  const step = event.altKey ? { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key] : 0;
  if (event.key === "F2") rename(at);
  else if (event.key === "Delete" || event.key === "Backspace") remove(at);
  else if (step) move(at, Math.min(count - 1, Math.max(0, at + step)));
  else return;
  event.preventDefault();
  event.stopPropagation();
}

// A field for a name: Enter or leaving the field sets the name, Escape keeps the old one.
export function nameField(name, done) {
  const field = element("input", "name-field");
  field.value = name;
  field.maxLength = 40;
  field.setAttribute("aria-label", "Name of this pin");
  let over = false;
  const finish = (label) => {
    if (over) return;
    over = true;
    done(label);
  };
  field.addEventListener("keydown", (event) => {
    event.stopPropagation(); // letters here are part of a name, not shortcuts of the board or the page
    if (event.key === "Enter") finish(field.value);
    if (event.key === "Escape") finish(name);
  });
  field.addEventListener("blur", () => finish(field.value));
  return field;
}

// The button beside the head's name.
export function drawPin(host, { state }) {
  const at = pinAt(state.pins, state.head);
  const label = at < 0 ? "Pin" : `Pinned ${at + 1}`;
  host.setAttribute("aria-pressed", String(at >= 0));
  if (host.firstChild?.data !== label) host.replaceChildren(label, keyMark("P"));
}

// The keyboard shortcut, visible; aria-keyshortcuts has it for screen readers.
export function keyMark(key) {
  const mark = element("kbd", "", key);
  mark.setAttribute("aria-hidden", "true");
  return mark;
}
