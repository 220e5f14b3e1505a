// Actions on the pins, as pure functions of a tray. A tray is { pins, panels }; a pin is { key, head, over, name,
// here, model, text }, where `here` says that it belongs to the shown text. Panels are { kind, of } and number the pins from 0.

export const MOST = 8;
export const FULL = `At most ${MOST} heads can be pinned: remove one first.`;
export const NO_PAIR = "A difference needs two pins: pin another head first.";
const LONGEST = 40; // characters of a name
const LABEL_LENGTH = 24; // characters of a text that fit on a chip

export function pinAt(pins, head) {
  return pins.findIndex((pin) => pin.here && !pin.over && pin.head.join() === head.join());
}

// Pins a head of the shown text, or unpins it. `full` means that there was no room.
export function toggled(tray, head, { model, text }) {
  const at = pinAt(tray.pins, head);
  if (at >= 0) return { tray: removed(tray, at), full: false };
  if (tray.pins.length >= MOST) return { tray, full: true };
  return { tray: { ...tray, pins: [...tray.pins, { key: null, head, over: "", name: "", here: true, model, text }] }, full: false };
}

// Panels made of a removed pin are removed too; the others get new numbers.
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

// Pins for Python, which identifies old ones by their key, new ones by their head.
export function pinsToSend(pins) {
  return pins.map(({ key, head, here, over, name }) => ({ key, head: here ? head : null, here, over, name }));
}

// Equal pins give the same text, whether Python has given them a key yet or not.
export function pinKeys(pins) {
  return pins.map(({ key, head, here, over, name }) => `${here ? `${head[0]}.${over || head[1]}` : key}=${name}`);
}

// New pins with the keys that Python has given them.
export function keyed(pins, known) {
  const place = ({ here, head, over }) => here && `${head[0]}.${over || head[1]}`;
  return pins.map((pin) => (pin.key ? pin : { ...pin, key: known.find((one) => place(one) && place(one) === place(pin))?.key ?? null }));
}

// What distinguishes each of several texts: the different words if it is similar to another text, or else its beginning.
export function distinctions(texts) {
  const all = [...new Set(texts)].map((text) => ({ text, words: text.split(" ") }));
  const distinction = ({ text, words }) => {
    const others = all.filter((other) => other.text !== text).map((other) => shared(words, other.words));
    if (!others.length) return "";
    const [start, end] = others.reduce((best, one) => (one[0] + one[1] > best[0] + best[1] ? one : best));
    if (2 * (start + end) < words.length) return short(text);
    return short(words.slice(start, words.length - end).join(" ") || `${words[start - 1] ?? ""} ${words[start] ?? ""}`);
  };
  return new Map(all.map((one) => [one.text, distinction(one)]));
}

// How many words two texts share at their beginning and at their end.
function shared(first, second) {
  const shortest = Math.min(first.length, second.length);
  let [start, end] = [0, 0];
  while (start < shortest && first[start] === second[start]) start += 1;
  while (end < shortest - start && first.at(-1 - end) === second.at(-1 - end)) end += 1;
  return [start, end];
}

function short(text) {
  const signs = Array.from(text.trim());
  return signs.length > LABEL_LENGTH ? `${signs.slice(0, LABEL_LENGTH - 1).join("").trimEnd()}\u2026` : signs.join("");
}

// The text beside a head's name: its model and the words of its text, each only if the pins differ in it.
export function qualifiers(pins, shown = null) {
  const all = shown ? [shown, ...pins] : pins;
  const models = new Set(all.map((pin) => pin.model));
  const words = distinctions(all.map((pin) => pin.text));
  return pins.map((pin) => [words.get(pin.text), models.size > 1 ? pin.model.replace(/^all-/, "") : ""].filter(Boolean).join(" \u00b7 "));
}
