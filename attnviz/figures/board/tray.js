// A tray and what the reader does with it in, the next tray out. A tray is { pins, panels }; a pin is { key, head, over, name,
// here, model, text }, where `here` says that it is of the text shown. Panels are { kind, of } and count the pins from 0.

export const MOST = 8;
export const FULL = `${MOST} heads are pinned, and ${MOST} is the most: remove one first.`;
const LONGEST = 40; // characters of a name
const TELLING = 24; // characters of a text that a chip has room for

export function pinAt(pins, head) {
  return pins.findIndex((pin) => pin.here && !pin.over && pin.head.join() === head.join());
}

// Pin a head of the text shown, or, where it is pinned, take it away. `full` says that there was no room.
export function toggled(tray, head, { model, text }) {
  const at = pinAt(tray.pins, head);
  if (at >= 0) return { tray: removed(tray, at), full: false };
  if (tray.pins.length >= MOST) return { tray, full: true };
  return { tray: { ...tray, pins: [...tray.pins, { key: null, head, over: "", name: "", here: true, model, text }] }, full: false };
}

// Panels made of a pin that goes, go with it; the others count anew.
export function removed({ pins, panels }, at) {
  const left = panels.filter(({ of }) => !of.includes(at));
  return {
    pins: pins.filter((_, i) => i !== at),
    panels: left.map(({ kind, of }) => ({ kind, of: of.map((pin) => (pin > at ? pin - 1 : pin)) })),
  };
}

export function moved({ pins, panels }, from, to) {
  if (to < 0 || to >= pins.length || from === to) return { pins, panels };
  const order = shifted(pins.map((_, i) => i), from, to);
  return {
    pins: order.map((i) => pins[i]),
    panels: panels.map(({ kind, of }) => ({ kind, of: of.map((pin) => order.indexOf(pin)) })),
  };
}

export function shifted(list, from, to) {
  const rest = list.filter((_, i) => i !== from);
  return [...rest.slice(0, to), list[from], ...rest.slice(to)];
}

export function named({ pins, panels }, at, name) {
  return { pins: pins.map((pin, i) => (i === at ? { ...pin, name: Array.from(name.trim()).slice(0, LONGEST).join("") } : pin)), panels };
}

// What Python is told of a pin: it knows old ones by their key, new ones by their head.
export function pinsTold(pins) {
  return pins.map(({ key, head, here, over, name }) => ({ key, head: here ? head : null, here, over, name }));
}

// The same pins spelled the same, whether Python has named them yet or not.
export function spelled(pins) {
  return pins.map(({ key, head, here, over, name }) => `${here ? `${head[0]}.${over || head[1]}` : key}=${name}`);
}

// What tells each of several texts from the others: the words between those that all begin and end with.
export function telling(texts) {
  const words = [...new Set(texts)].map((text) => text.split(" "));
  if (words.length < 2) return new Map(texts.map((text) => [text, ""]));
  const shortest = Math.min(...words.map((one) => one.length));
  const same = (at) => words.every((one) => one.at(at) === words[0].at(at));
  let [start, end] = [0, 0];
  while (start < shortest && same(start)) start += 1;
  while (end < shortest - start && same(-1 - end)) end += 1;
  return new Map(words.map((one) => [one.join(" "), short(one.slice(start, one.length - end).join(" ") || `${one[start - 1] ?? ""} ${one[start] ?? ""}`)]));
}

function short(text) {
  const signs = Array.from(text.trim());
  return signs.length > TELLING ? `${signs.slice(0, TELLING - 1).join("").trimEnd()}\u2026` : signs.join("");
}

// Beside a head's name: its model and the words of its text, each only where the pins differ in it.
export function besides(pins, shown = null) {
  const all = shown ? [shown, ...pins] : pins;
  const models = new Set(all.map((pin) => pin.model));
  const words = telling(all.map((pin) => pin.text));
  return pins.map((pin) => [words.get(pin.text), models.size > 1 ? pin.model.replace(/^all-/, "") : ""].filter(Boolean).join(" \u00b7 "));
}
