import assert from "node:assert/strict";
import test from "node:test";
import { ordinal, othersOf, rankOf } from "../../attnviz/board/js/core/specificity.js";
import { readoutOf, sentenceOf } from "../../attnviz/board/js/draw/readout.js";
import { lineOf } from "../../attnviz/board/js/core/pattern.js";

const unit = (text, token, more = {}) => ({ text, label: text, start: 4 * token, end: 4 * token + 3, special: false, segment: 0, tokens: [token], ...more });
const SIDE = [unit("[CLS]", 0, { special: true }), ...["The", "cat", "sat", "and", "it", "ate"].map((word, i) => unit(word, i + 1)), unit("[PAD]", 7, { special: true })];

// 8 queries, all of which give the cat (key 2) what `gives` says; the rest goes to [CLS].
function patternOf(gives, more = {}) {
  const weights = new Float32Array(64);
  gives.forEach((weight, i) => {
    weights[8 * i + 2] = weight;
    weights[8 * i] = 1 - weight;
  });
  return { queries: SIDE, keys: SIDE, weights, causal: false, cross: false, parts: [], options: { words: true, special: "show" }, ...more };
}

const GIVES = [0.9, 0.2, 0.9, 0, 0.4, 0.8, 0.1, 0.9]; // [CLS], cat and [PAD] do not count; the link is from "it", 5

test("the others are the words without source, target and special tokens", () => {
  const found = othersOf(patternOf(GIVES), 5, 2);
  assert.deepEqual([found.n, found.looking, found.everywhere], [4, 1, false]);
  assert.ok(Math.abs(found.mean - (0.2 + 0 + 0.4 + 0.1) / 4) < 1e-6);
});

test("a target is looked at from everywhere if more than half of at least three others give half as much, and 0.1", () => {
  assert.equal(othersOf(patternOf([0, 0.5, 0, 0.4, 0.4, 0.8, 0, 0]), 5, 2).everywhere, true);
  assert.equal(othersOf(patternOf([0, 0.5, 0, 0.4, 0.3, 0.8, 0, 0]), 5, 2).everywhere, false, "two of four");
  assert.equal(othersOf(patternOf([0, 0.09, 0, 0.09, 0.09, 0.1, 0.09, 0]), 5, 2).looking, 0, "too little to look there");
  assert.equal(othersOf(patternOf([0, 0.5, 0, 0.5, 0.5, 0.09, 0.5, 0]), 5, 2).looking, 0, "the source does not look there itself");
});

test("in a causal model only later words count, and across two texts the word in the place of the target too", () => {
  const causal = othersOf(patternOf(GIVES, { causal: true }), 5, 2);
  assert.deepEqual([causal.n, causal.looking], [3, 1]); // sat, and, ate
  assert.equal(othersOf(patternOf(GIVES, { causal: true }), 6, 5).n, 0);
  assert.equal(othersOf(patternOf(GIVES, { cross: true }), 5, 2).n, 5);
});

const CORPUS = { pronouns: [20], ranks: "03140" + "1", of: 3, on: "pronoun \u2192 antecedent, GAP held-out", short: "GAP" };
const BOOK = { frame: { counts: [1, 2], queries: {}, name: "made" } };

test("a rank is read by layer and head, and written as an ordinal", () => {
  assert.deepEqual([[0, 0], [1, 0], [1, 1]].map((head) => rankOf(CORPUS, head, [1, 2])), [3, 40, 1]);
  assert.deepEqual([1, 2, 3, 4, 11, 12, 13, 21, 112].map(ordinal), ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "112th"]);
});

function viewOf(gives, focus, more = {}) {
  const pattern = patternOf(gives);
  return { pattern, unfiltered: pattern, focus, line: lineOf(pattern, focus), head: [1, 1], corpus: CORPUS, book: BOOK, state: { words: true }, ...more };
}

test("the readout says what the others give, warns where they all look there, and ranks the head for a pronoun", () => {
  const focus = { side: "query", query: 5, key: 2, also: [] };
  const { specific, corpus } = readoutOf(viewOf(GIVES, focus));
  assert.deepEqual(specific, { short: "other words\u00a00.175", whole: "the 4 other words give it 0.175 on average", warning: "" });
  assert.deepEqual(corpus, { short: "1st of 3 heads on GAP", whole: "1st of 3 heads on pronoun \u2192 antecedent, GAP held-out" });
  const flat = readoutOf(viewOf([0, 0.8, 0, 0.8, 0.8, 0.8, 0.8, 0], focus)).specific;
  assert.equal(flat.warning, "every word looks here, not only \u201c\u2068it\u2069\u201d");
  assert.equal(readoutOf(viewOf([0, 0.8, 0, 0.8, 0.8, 0.8, 0, 0], focus)).specific.warning, "most words look here, not only \u201c\u2068it\u2069\u201d");
  assert.equal(readoutOf(viewOf(GIVES, { side: "query", query: 4, key: 2, also: [] })).corpus, null, "no pronoun");
  assert.equal(readoutOf(viewOf(GIVES, focus, { corpus: null })).corpus, null);
});

test("looked at from the other side the link is the same, and several words have no others", () => {
  assert.equal(readoutOf(viewOf([0, 0.2, 0.9, 0, 0.4, 0.95, 0.1, 0], { side: "key", query: -1, key: 2, also: [] })).specific.short, "other words\u00a00.175");
  assert.equal(readoutOf(viewOf(GIVES, { side: "query", query: 5, key: -1, also: [4] })).specific, null);
});
