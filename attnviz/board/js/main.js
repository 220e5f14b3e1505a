// The two entry points of the board: `mount` for Streamlit, `show` for a page of its own.

import { decode } from "./core/frame.js";
import { storedBytes, inflated, parts, onArrival } from "./core/store.js";
import { makeBoard } from "./board.js";
import { mounter } from "./core/mounter.js";
import { watchPrinting } from "./core/paper.js";
import { pinKeys } from "./draw/tray.js";

// `data` is { frame, sheets, selection, corpus, answered }: the digests of bytes that carriers bring, Python's selection, the
// ranks of heads on annotated texts or null, and the number of our last choice that it received.
export const mount = mounter(create, "choice");

function create(root, tokens) {
  const one = { send: null };
  const dialogue = makeDialogue((choice) => one.send(choice));
  const board = makeBoard(root, tokens, { send: dialogue.send, mode: "", glossary: "glossary?term=" });
  let [wanted, frame] = [null, null];
  let seen = new Set(); // digests of the sheets and layers that the board has
  const fresh = (name) => !seen.has(name) && storedBytes(name) && seen.add(name);
  const update = (fromPython) => {
    if (!wanted) return;
    const bytes = frame?.digest === wanted.frame ? null : storedBytes(wanted.frame);
    if (bytes) {
      frame = decode(bytes);
      seen = new Set([wanted.frame]);
      dialogue.reset(wanted.selection);
    } else if (frame?.digest !== wanted.frame) return;
    // Bytes name the frame that they belong to; they may arrive before Python's data, and layers while Python computes.
    const found = parts().filter(fresh).map(storedBytes).map(decode);
    const [sheets, layers] = ["sheet", "layer"].map((kind) => found.filter((part) => part.kind === kind && part.frame === frame.digest));
    if (fromPython || bytes || sheets.length) board.show(frame, wanted.selection, sheets);
    board.fill(layers);
    if (fromPython && !bytes && dialogue.isNew(wanted.selection, wanted.answered)) board.adopt(wanted.selection);
  };
  const stopListening = onArrival(() => update(false));
  one.take = (data) => {
    wanted = data;
    for (const name of seen) if (name !== data.frame && !storedBytes(name)) seen.delete(name); // it may arrive again
    board.know(data.corpus ?? null);
    board.refresh();
    update(true);
  };
  one.stop = () => {
    stopListening();
    board.stop();
  };
  return one;
}

// Keeps Python and the board in step. Python repeats its selection at every run, and answers our choice, by its number, with the same choice.
// Only a selection that is not a repetition and not an answer is new: so the board follows Python, and neither undoes a change of the other.
export function makeDialogue(send, clock = Date.now) {
  let last = "";
  let number = 0;
  const sent = new Map();
  return {
    reset(selection) {
      last = canonical(selection);
      sent.clear();
    },
    send(choice) {
      number = Math.max(number + 1, clock()); // different from any number of an earlier board here
      sent.set(number, canonical(choice));
      send({ ...choice, number });
    },
    isNew(selection, answered) {
      const current = canonical(selection);
      const answers = sent.get(answered) === current;
      for (const before of sent.keys()) if (before < answered) sent.delete(before);
      const known = current === last || answers;
      last = current;
      if (!known) sent.clear();
      return !known;
    },
  };
}

function canonical({ head, focus, words, special, keep = null, between = "", view = "curves", pins = [], panels = [] }) {
  const place = ({ start, segment, special }) => [start, segment, special];
  const where = focus && [focus.side, place(focus), ...(focus.also ?? []).map(place)];
  return JSON.stringify([head, where, words, special, keep && [keep.rule, keep.value], between, view, pinKeys(pins), panels.map(({ kind, of }) => [kind, ...of])]);
}

// A saved page: everything that it needs is in the document.
export async function show(page, tokens) {
  const { selection, theme: mode, tall } = JSON.parse(page.getElementById("attnviz-start").textContent);
  const given = [...page.querySelectorAll(".attnviz-data")].map((data) => inflated(Uint8Array.from(atob(data.textContent), (sign) => sign.charCodeAt(0))));
  const [frame, ...sheets] = (await Promise.all(given)).map(decode);
  watchPrinting();
  const board = makeBoard(page.body, tokens, { send: () => {}, mode, alone: true, tall });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", board.refresh);
  board.show(frame, selection, sheets);
}
