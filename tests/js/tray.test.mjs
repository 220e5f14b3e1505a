import assert from "node:assert/strict";
import test from "node:test";
import { MOST, qualifiers, keyed, moved, named, pinAt, pinsToSend, removed, pinKeys, distinctions, toggled } from "../../attnviz/board/js/draw/tray.js";

const pin = (key, head, more = {}) => ({ key, head, over: "", name: "", here: true, model: "all-MiniLM-L6-v2", text: "a", ...more });
const three = { pins: [pin("a", [0, 0]), pin("b", [1, 1]), pin("c", [2, 2])], panels: [{ kind: "difference", of: [2, 0] }, { kind: "mean", of: [0, 1] }] };
const where = { model: "all-MiniLM-L6-v2", text: "a" };

test("a head is pinned at the end, and pinned again it goes", () => {
  const { tray, full } = toggled(three, [3, 1], where);
  assert.equal(full, false);
  assert.equal(pinAt(tray.pins, [3, 1]), 3);
  assert.deepEqual(toggled(tray, [3, 1], where).tray.pins, three.pins);
});

test("there is room for eight", () => {
  const eight = { pins: Array.from({ length: MOST }, (_, i) => pin(`k${i}`, [0, i])), panels: [] };
  const { tray, full } = toggled(eight, [5, 5], where);
  assert.equal(full, true);
  assert.equal(tray, eight);
});

test("the same head of another text, and the mean of its layer, are other pins", () => {
  const others = [pin("x", [3, 1], { here: false, text: "b" }), pin("y", [3, 0], { over: "mean" })];
  assert.equal(pinAt(others, [3, 1]), -1);
  assert.equal(pinAt(others, [3, 0]), -1);
});

test("a panel goes with a pin that it needs, and the others are renumbered", () => {
  assert.deepEqual(removed(three, 1).panels, [{ kind: "difference", of: [1, 0] }]);
  assert.deepEqual(removed(three, 2).panels, [{ kind: "mean", of: [0, 1] }]);
});

test("panels follow their pins into a new order", () => {
  const after = moved(three, 2, 0);
  assert.deepEqual(after.pins.map((one) => one.key), ["c", "a", "b"]);
  assert.deepEqual(after.panels, [{ kind: "difference", of: [0, 1] }, { kind: "mean", of: [1, 2] }]);
  assert.deepEqual(moved(three, 0, 3).pins, three.pins);
});

test("a name is trimmed and has at most forty characters", () => {
  assert.equal(named(three, 1, "  previous word ").pins[1].name, "previous word");
  assert.equal(Array.from(named(three, 0, "\u{1f9e0}".repeat(50)).pins[0].name).length, 40);
});

test("old pins are sent to Python by key and new ones by head, and both are written alike once it has answered", () => {
  const { tray } = toggled(three, [3, 1], where);
  assert.deepEqual(pinsToSend(tray.pins)[3], { key: null, head: [3, 1], here: true, over: "", name: "" });
  assert.deepEqual(pinsToSend([pin("z", [9, 9], { here: false })])[0], { key: "z", head: null, here: false, over: "", name: "" });
  const answered = [...three.pins, pin("new", [3, 1]), pin("mean", [3, 0], { over: "mean" }), pin("far", [1, 1], { here: false })];
  const sent = [...tray.pins, pin(null, [3, 0], { over: "mean" }), pin("far", [1, 1], { here: false })];
  assert.deepEqual(pinKeys(pinsToSend(sent)), pinKeys(answered));
});

test("a new pin learns its key from Python's answer", () => {
  const fresh = [pin(null, [3, 0], { over: "mean" }), pin(null, [3, 1]), pin(null, [9, 9])];
  const known = [pin("m", [3, 0], { over: "mean" }), pin("h", [3, 1]), pin("far", [9, 9], { here: false })];
  assert.deepEqual(keyed(fresh, known).map(({ key }) => key), ["m", "h", null]);
});

test("similar texts are distinguished by the words in which they differ, others by how they begin", () => {
  const texts = ["because it was too tired", "because it was too wide", "because it was too tired"];
  assert.deepEqual([...distinctions(texts)], [["because it was too tired", "tired"], ["because it was too wide", "wide"]]);
  assert.deepEqual([...distinctions(["it was too tired", "it was too wide", "Anna took it"]).values()], ["tired", "wide", "Anna took it"]);
  assert.deepEqual([...distinctions(["only one"])], [["only one", ""]]);
  assert.deepEqual([...distinctions(["a b d", "a b c d"]).values()], ["b d", "c"]);
  assert.equal(distinctions(["x", "a very long text that no chip has the room for"]).get("a very long text that no chip has the room for"), "a very long text that n\u2026");
});

test("beside a head stands what the pins differ in, and no more", () => {
  assert.deepEqual(qualifiers(three.pins), ["", "", ""]);
  const mixed = [pin("a", [0, 0], { text: "too tired" }), pin("b", [0, 0], { text: "too wide", model: "SmolLM2-135M" })];
  assert.deepEqual(qualifiers(mixed), ["tired \u00b7 MiniLM-L6-v2", "wide \u00b7 SmolLM2-135M"]);
});
