import assert from "node:assert/strict";
import test from "node:test";
import { bytesOf, header, steps, ROWS } from "./made.mjs";
import { addBytes, carry, digestOf, storedBytes, onArrival } from "../../attnviz/board/js/core/store.js";
import { makeDialogue } from "../../attnviz/board/js/main.js";
import { pinsToSend } from "../../attnviz/board/js/draw/tray.js";

const chose = (layer, head) => ({ head: [layer, head], focus: null, words: true, special: "show" });

function talk() {
  const sent = [];
  const dialogue = makeDialogue((choice) => sent.push(choice), () => 0);
  dialogue.reset(chose(3, 1));
  return { dialogue, sent };
}

test("a selection that Python repeats is not new", () => {
  const { dialogue } = talk();
  assert.equal(dialogue.isNew(chose(3, 1), 0), false);
});

test("Python's answer to a choice is not new, even when the reader is further by then", () => {
  const { dialogue, sent } = talk();
  dialogue.send(chose(0, 0));
  dialogue.send(chose(0, 1));
  assert.equal(dialogue.isNew(chose(0, 0), sent[0].number), false);
  assert.equal(dialogue.isNew(chose(0, 1), sent[1].number), false);
  assert.equal(dialogue.isNew(chose(0, 1), sent[1].number), false);
});

test("what Python chooses is new, also where the board had chosen it once", () => {
  const { dialogue, sent } = talk();
  dialogue.send(chose(0, 0));
  dialogue.send(chose(0, 1));
  assert.equal(dialogue.isNew(chose(0, 1), sent[1].number), false);
  assert.equal(dialogue.isNew(chose(5, 5), sent[1].number), true);
  assert.equal(dialogue.isNew(chose(0, 0), sent[1].number), true);
});

test("a choice that Python corrects is followed", () => {
  const { dialogue, sent } = talk();
  dialogue.send(chose(9, 9));
  assert.equal(dialogue.isNew(chose(2, 2), sent[0].number), true);
});

test("a head that was pinned is no news when Python answers it with a key", () => {
  const { dialogue, sent } = talk();
  const pin = { key: null, head: [3, 1], here: true, over: "", name: "" };
  dialogue.send({ ...chose(3, 1), pins: pinsToSend([pin]) });
  dialogue.send({ ...chose(3, 2), pins: pinsToSend([pin, { ...pin, head: [3, 2] }]) });
  assert.equal(dialogue.isNew({ ...chose(3, 1), pins: [{ ...pin, key: "a1" }] }, sent[0].number), false);
});

test("numbers grow though the clock stands", () => {
  const { dialogue, sent } = talk();
  dialogue.send(chose(0, 0));
  dialogue.send(chose(0, 1));
  assert.ok(sent[1].number > sent[0].number);
});

test("a carrier brings bytes, tells who waits, and takes them away when it goes", () => {
  const [root, bytes] = [{}, bytesOf(header(), steps(ROWS))];
  const name = digestOf(bytes);
  let looked = 0;
  const stop = onArrival(() => (looked += 1));
  const leave = carry({ data: bytes, parentElement: root });
  carry({ data: bytes, parentElement: root }); // Streamlit calls again after every run
  assert.equal(looked, 1);
  assert.equal(storedBytes(name), bytes);
  assert.equal(addBytes(bytes), name);
  leave();
  assert.equal(storedBytes(name), null);
  stop();
});

test("a carrier with other bytes lets the old ones go", () => {
  const root = {};
  const [old, young] = [bytesOf(header(), steps(ROWS)), bytesOf(header({ dtype: "uint8" }), [1, 2, 3])];
  carry({ data: old, parentElement: root });
  carry({ data: young, parentElement: root });
  assert.equal(storedBytes(digestOf(old)), null);
  assert.equal(storedBytes(digestOf(young)), young);
});

test("deflated bytes are here once they are inflated, and damaged ones throw", async () => {
  const bytes = bytesOf(header({ dtype: "thousandths" }), [1, 2, 3, 4]);
  const start = bytes.length - 4;
  const deflated = async (numbers) => new Uint8Array(await new Response(new Blob([numbers]).stream().pipeThrough(new CompressionStream("deflate-raw"))).arrayBuffer());
  const sent = new Uint8Array([...bytes.subarray(0, start), ...(await deflated(bytes.subarray(start)))]);
  sent[2] = "Z".charCodeAt();
  const arrived = () => new Promise((done) => { const stop = onArrival(() => done(stop())); });
  const leave = carry({ data: sent, parentElement: {} });
  assert.equal(storedBytes(digestOf(sent)), null);
  await arrived();
  assert.deepEqual(storedBytes(digestOf(sent)), bytes);
  leave();
  const leaveAgain = carry({ data: sent.subarray(0, start + 2), parentElement: {} });
  await arrived();
  assert.throws(() => storedBytes(digestOf(sent)), /arrived damaged/);
  leaveAgain();
});
