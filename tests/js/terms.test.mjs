// Key words in place: which term a link names, where its card goes, and that more of it is in the glossary.

import assert from "node:assert/strict";
import test from "node:test";
import { withTerms } from "../../attnviz/board/js/core/element.js";
import { addressOf, idOf, placeOf } from "../../attnviz/web/terms/terms.js";

const ROOM = { width: 390, height: 844, header: 68 };
const CARD = { width: 340, height: 120 };

test("a link names its term, and the glossary opens there with what the page shows", () => {
  assert.equal(idOf("glossary?term=self-attention"), "self-attention");
  assert.equal(addressOf("sink", "?text=a+%26+b&term=old"), "glossary?text=a+%26+b&term=sink");
  assert.equal(addressOf("sink", ""), "glossary?term=sink");
});

test("a card stands below its term, above it where there is no room, and never leaves the window", () => {
  assert.deepEqual(placeOf({ left: 40, top: 100, bottom: 120 }, CARD, ROOM), { left: 38, top: 128 });
  assert.deepEqual(placeOf({ left: 20, top: 800, bottom: 820 }, CARD, ROOM), { left: 20, top: 672 });
  assert.deepEqual(placeOf({ left: -5, top: 100, bottom: 120 }, CARD, ROOM), { left: 12, top: 128 });
  assert.deepEqual(placeOf({ left: 20, top: 90, bottom: 110 }, CARD, { ...ROOM, height: 240 }), { left: 20, top: 108 });
});

test("names of terms in a text of ours are parted from the rest of it, and stay text where there is no glossary", () => {
  assert.deepEqual(withTerms("", "other words\u00a00.099; 1st on GAP", { "other words": "specific", GAP: "gap" }), ["", "other words", "\u00a00.099; 1st on ", "GAP", ""]);
});
