import assert from "node:assert/strict";
import test from "node:test";
import { ROWS, TOKENS, madeBook, near } from "./made.mjs";
import { about, directionOf, headName, luminance, makeEncoding, percent, table, threeDigits } from "../../attnviz/board/js/core/encoding.js";
import { arranged, breadth, matrixPlace, placesIn, wholeRoom } from "../../attnviz/board/js/draw/layout.js";
import { profileOf, unseen } from "../../attnviz/board/js/draw/headProfile.js";
import { makeEasing, sinkSentence, sinkOf } from "../../attnviz/board/js/draw/head.js";
import { lineOf, patternOf } from "../../attnviz/board/js/core/pattern.js";
import { addSheet, largestError } from "../../attnviz/board/js/core/frame.js";
import { sampling } from "../../attnviz/board/js/draw/pictures.js";
import { readoutOf } from "../../attnviz/board/js/draw/readout.js";
import { largest } from "../../attnviz/board/js/draw/tables.js";
import { scaleOf } from "../../attnviz/board/js/draw/presenter.js";
import { nextUnit } from "../../attnviz/board/js/input/input.js";

const show = { words: true, special: "show" };

test("colours run from the first stop to the last, and text on them is read", () => {
  for (const mode of ["light", "dark"]) {
    const theme = makeEncoding(TOKENS, mode);
    const stops = TOKENS[mode].sequential;
    assert.deepEqual(theme.ramp[0], table([stops[0], stops[1]])[0]);
    assert.deepEqual(theme.ramp[255], table([stops[5], stops[6]])[255]);
    assert.equal(theme.step(0.5), Math.round(255 * 0.5 ** 0.7));
    for (const rgb of theme.ramp) {
      const ground = luminance(rgb);
      const ink = ground > TOKENS.luminance ? 0 : 1;
      const contrast = (Math.max(ground, ink) + 0.05) / (Math.min(ground, ink) + 0.05);
      assert.ok(contrast >= 4.5, `${mode} ${rgb} ${contrast}`);
    }
  }
});

test("numbers are written as Python writes them", () => {
  assert.equal(threeDigits(0.64), "0.640");
  assert.equal(percent(0.521), "52\u202f%");
  assert.equal(headName(3, 1), "L3\u00b7H1");
});

test("a text runs as its first letter does", () => {
  assert.equal(directionOf("… \u05d7\u05d9\u05d4 cat"), "rtl");
  assert.equal(directionOf("12 cat \u05d7"), "ltr");
  assert.equal(directionOf("!?"), "ltr");
});

test("facts add up to the whole row, and the entropy is that of the words", () => {
  const found = profileOf(patternOf(madeBook(), 0, 0, show));
  const wanted = { "[CLS]": 0.2, "the word before": 0.1, itself: 0.3, "the word after": 0.3, "other words": 0, "[SEP]": 0.1 };
  assert.deepEqual(found.shares.map(([label]) => label), Object.keys(wanted));
  assert.ok(near(found.shares.map(([, share]) => share), Object.values(wanted)));
  const bits = (row) => -row.filter((w) => w > 0).reduce((sum, w) => sum + w * Math.log2(w), 0);
  assert.ok(near([found.entropy, found.most], [(bits([0.2, 0.1, 0.6, 0.1]) + bits([0.2, 0.2, 0.5, 0.1])) / 2, 2]));
});

test("what is hidden is one more place to look at", () => {
  const { shares } = profileOf(patternOf(madeBook(), 0, 0, { words: true, special: "hide" }));
  assert.deepEqual(shares.map(([label]) => label), ["the word before", "itself", "the word after", "other words", "hidden tokens"]);
  assert.ok(near([shares.at(-1)[1]], [0.3]));
});

test("a causal model names what comes too late, and has no word after", () => {
  const pattern = { ...patternOf(madeBook(), 0, 0, show), causal: true };
  assert.match(unseen(pattern, { side: "query", query: 1, key: -1 }), /didn't.* comes after .*It.* and cannot change this row/);
  assert.equal(unseen(pattern, { side: "query", query: 2, key: -1 }), "This model reads left to right: no word looks ahead.");
  assert.ok(!profileOf(pattern).shares.some(([label]) => label === "the word after"));
});

// Words a to e between [CLS] and [SEP], which all give 0.7 to one key; `from` is the first token that they count.
function resting(key, { causal = false, bare = false, words = 7 } = {}) {
  const unit = (text, at) => ({ text, label: text, start: 4 * at, end: 4 * at + (text.startsWith("[") ? 0 : 3), special: text.startsWith("["), segment: 0, tokens: [at] });
  const units = bare ? [..."abcdefg"].slice(0, words).map(unit) : ["[CLS]", ..."abcdefgh".slice(0, words - 2), "[SEP]"].map(unit);
  const weights = Float32Array.from({ length: words * words }, (_, at) => (at % words === key ? 0.7 : 0.3 / (words - 1)));
  return { queries: units, keys: units, weights, hidden: new Float32Array(words), lost: new Float32Array(words), parts: [], causal, cross: false, sinks: false, options: show };
}

test("a first or special token that most words choose and that takes much is a sink", () => {
  for (const key of [0, 6]) {
    const pattern = resting(key);
    assert.deepEqual([sinkOf(pattern).key, sinkOf(pattern).resting], [key, true]);
    assert.match(sinkSentence(pattern, sinkOf(pattern)), /^\[(CLS|SEP)\] takes 70\u202f%: heads park unused attention there \(a “$/);
  }
  assert.equal(sinkSentence(resting(0, { bare: true }), sinkOf(resting(0, { bare: true }))), "\u201ca\u201d takes 70\u202f%: heads park unused attention there (a “");
});

test("any other word is described by what is seen", () => {
  const pattern = resting(3);
  assert.equal(sinkOf(pattern).resting, false);
  assert.equal(sinkSentence(pattern, sinkOf(pattern)), "Most words look first at \u201cc\u201d: it takes 70\u202f% of this head.");
  assert.equal(sinkSentence(pattern, sinkOf(pattern), true), "Most words look first at \u201cc\u201d.");
});

test("few words, or hardly more than uniform attention gives, make no sink", () => {
  assert.equal(sinkOf(resting(0, { words: 6 })), null);
  assert.equal(sinkOf(patternOf(madeBook(), 0, 0, { words: false, special: "show" })), null);
});

test("of a causal model the first word is a line of its own, and its own row does not count", () => {
  const rows = Array.from({ length: 8 }, (_, i) => Array.from({ length: 8 }, (_, j) => (j > i ? 0 : i === 0 ? 1 : j === 0 ? 0.9 : 0.1 / i)));
  const pattern = { ...resting(0, { bare: true, words: 7, causal: true }), weights: Float32Array.from(rows.slice(0, 7).flatMap((row) => row.slice(0, 7))) };
  const found = profileOf(pattern);
  assert.equal(found.rows, 6);
  assert.deepEqual(found.shares.map(([label]) => label), ["the first word", "the word before", "itself", "other words"]);
  const itself = (0.1 / 1 + 0.1 / 2 + 0.1 / 3 + 0.1 / 4 + 0.1 / 5 + 0.1 / 6) / 6;
  const before = (0.1 / 2 + 0.1 / 3 + 0.1 / 4 + 0.1 / 5 + 0.1 / 6) / 6;
  assert.ok(near(found.shares.map(([, share]) => share), [0.9, before, itself, 0.1 - before - itself]));
  assert.equal(found.percents.reduce((sum, one) => sum + one, 0), 100);
});

test("the readout says which word looks at which, then the next, and what went to hidden ones", () => {
  const pattern = patternOf(madeBook(), 0, 0, { words: true, special: "hide" });
  const focus = { side: "query", query: 0, key: -1 };
  const message = readoutOf({ pattern, focus, line: pattern.weights.subarray(0, 2) });
  assert.deepEqual([message.who, message.does, message.whom], ["It", "looks at", "didn't"]);
  assert.equal(message.value, "0.600");
  assert.deepEqual(message.rest.map(([name]) => name), ["itself"]);
  assert.deepEqual(message.lost, [["[CLS] and [SEP]", "0.300"]]);
  assert.deepEqual(message.before, []);
});

test("a word that sees only itself looks at itself, and what it cannot see is not listed", () => {
  const rows = ROWS.map((row, i) => row.map((_, j) => (j > i ? 0 : 1 / (i + 1))));
  const pattern = { ...patternOf(madeBook(rows), 0, 0, { words: false, special: "show" }), causal: true };
  const message = (query) => {
    const focus = { side: "query", query, key: -1 };
    return readoutOf({ pattern, focus, line: lineOf(pattern, focus) });
  };
  assert.deepEqual([message(0).whom, message(0).value, message(0).rest], ["itself", "1.000", []]);
  assert.deepEqual([message(1).whom, message(1).rest], ["[CLS]", [["itself", "0.500"]]]);
});

test("the largest weight comes first, also at a special token or at the word itself, then the largest of the other words", () => {
  const [focus, options] = [{ side: "query", query: 1, key: -1 }, { words: true, special: "show" }];
  const message = (row, more = {}) => {
    const pattern = patternOf(madeBook(ROWS.map((one, i) => (i === 1 ? row : one))), 0, 0, options);
    return readoutOf({ pattern, focus: { ...focus, ...more }, line: lineOf(pattern, { ...focus, ...more }) });
  };
  const resting = message([0.8, 0.05, 0.03, 0.03, 0.03, 0.06]);
  assert.deepEqual([resting.does, resting.whom, resting.value, resting.of, resting.word], ["looks mostly at", "[CLS]", "0.800", "of the words, most at", ["didn't", "0.090"]]);
  assert.deepEqual(resting.rest.map(([name]) => name), ["[SEP]", "itself"]);
  const own = message([0.1, 0.4, 0.3, 0, 0, 0.2]);
  assert.deepEqual([own.does, own.whom, own.of, own.word], ["looks most at", "itself", "of the other words, most at", ["didn't", "0.300"]]);
  const other = message([0.2, 0.1, 0.3, 0.2, 0.1, 0.1]);
  assert.deepEqual([other.does, other.whom, other.word, other.larger], ["looks at", "didn't", null, null]);
  const selected = message([0.8, 0.05, 0.03, 0.03, 0.03, 0.06], { key: 2 });
  assert.deepEqual([selected.does, selected.whom, selected.value, selected.word, selected.larger], ["looks at", "didn't", "0.090", null, ["[CLS]", "0.800"]]);
  const even = message([0.2, 0.2, 0.2, 0, 0, 0.2]);
  assert.deepEqual([even.whom, even.word], ["didn't", null], "nothing is larger than an equal");
});

test("several words look together, their weights are summed, and so is what is hidden of them", () => {
  const pattern = patternOf(madeBook(), 0, 0, { words: true, special: "hide", keep: { rule: "least", value: 0.15 } });
  const focus = { side: "query", query: 0, key: -1, also: [1] };
  const message = readoutOf({ pattern, focus, line: lineOf(pattern, focus) });
  assert.deepEqual([message.who, message.does, message.whom, message.value], ["It + didn't", "look at", "didn't", "1.100"]);
  // It shows 0.6 to didn't and leaves out 0.1 to itself; didn't shows 0.2 and 0.5.
  assert.deepEqual(message.rest, [["It", "0.200"]]);
  assert.deepEqual(message.lost, [["[CLS] and [SEP]", "0.600"], ["below 0.15", "0.100"]]);
  assert.equal(message.summed, true);
});

test("what rows had before rescaling is distinguished from what is left out of them now", () => {
  const pattern = patternOf(madeBook(), 0, 0, { words: true, special: "renormalise", keep: { rule: "top", value: 1 } });
  const focus = { side: "query", query: 1, key: -1 };
  const message = readoutOf({ pattern, focus, line: lineOf(pattern, focus) });
  assert.deepEqual(message.before, [["[CLS] and [SEP]", "0.300"]]);
  assert.deepEqual(message.lost, [["beyond the largest", "0.286"]]);
});

test("of a row of which little is left, rescaled numbers have the digits that hold", () => {
  // It gives 0.04 of its row to "It", 0.02 to "didn't", and all else to [CLS]; sixteen bits are off by 1/131070 a weight.
  const rows = ROWS.map((row, i) => (i === 1 ? [0.94, 0.04, 0.02, 0, 0, 0] : row));
  const [focus, options] = [{ side: "query", query: 0, key: -1 }, { words: true, special: "renormalise" }];
  const message = (book) => {
    const pattern = patternOf(book, 0, 0, options);
    return readoutOf({ pattern, focus, line: lineOf(pattern, focus) });
  };
  // "didn't" has three pieces: 0.3333 may be off by 3 / 131070 / 0.06 = 0.0004, and so be 0.334.
  assert.deepEqual([message(madeBook(rows)).word, message(madeBook(rows)).rounded], [["didn't", "\u2248 0.33"], true]);
  const book = madeBook(rows);
  assert.ok(near(patternOf(book, 0, 0, options).uncertainty.subarray(0, 1), [1 / 131070 / 0.06], 1e-6));
  // The same in thousandths: each may be off by half of one, and 0.0005 / 0.06 is 0.008, here divided by three pieces.
  assert.equal(largestError({ frame: { dtype: "thousandths" }, sheets: new Map() }, 0, 0), 0.0005);
  const rough = { ...patternOf(book, 0, 0, options), uncertainty: Float32Array.of(0.0005 / 0.06 / 3, 0) };
  const first = readoutOf({ pattern: rough, focus, line: lineOf(rough, focus) });
  assert.deepEqual([first.whom, first.value, first.word, first.rounded], ["itself", "\u2248 0.67", ["didn't", "\u2248 0.33"], true]);
  assert.deepEqual([about(0.6402, 0.0002), about(0.6402, 0.0004), about(0.64, 0.02), about(0.64, 0.1)], ["0.640", "\u2248 0.64", "\u2248 0.6", "not known here"]);
  addSheet(book, { head: [0, 0], frame: book.frame.digest, numbers: Float32Array.from(rows.flat()) });
  assert.deepEqual(Array.from(patternOf(book, 0, 0, options).uncertainty), [0, 0]);
});

test("the strongest links are the largest weights, equals in the order of the text", () => {
  assert.deepEqual(largest([0.2, 0.5, 0, 0.2, 0.9, 0.2], 4), [4, 1, 0, 3]);
  assert.deepEqual(largest([0, 0], 4), []);
});

test("alone on the screen type grows with the window, up to two and a half times", () => {
  assert.deepEqual([[1120, 640], [800, 600], [1920, 1080], [3840, 2160]].map((size) => scaleOf(...size)), [1, 1, 1.6875, 2.4]);
  const smallest = 11 * scaleOf(1920, 1080);
  assert.ok(smallest >= 17, String(smallest));
});

test("every weight lies under some pixel, and every pixel over some weight", () => {
  for (const [count, pixels] of [[13, 26], [13, 29], [40, 26], [1, 5], [7, 7]]) {
    const parts = sampling(count, pixels);
    assert.equal(parts.length, pixels);
    assert.deepEqual([...new Set(parts.flatMap(([a, b]) => Array.from({ length: b - a }, (_, i) => a + i)))].sort((a, b) => a - b), Array.from({ length: count }, (_, i) => i));
  }
});

test("a laptop shows 13 words without scrolling, and 26 pixels a head", () => {
  const geometry = arranged(breadth(1216), { frame: { layers: 6, heads: 12 }, queries: 13, keys: 13, free: 520, labels: 70, lost: 0, ratio: 1, tab: "curves" });
  assert.deepEqual([geometry.overview.pitch, geometry.overview.box], [33, 26]);
  assert.equal(geometry.head.rows, 13);
  const place = placesIn(geometry, { tab: "curves", keys: 13, scrolled: 0 });
  assert.equal(place.cell, geometry.head.row);
  assert.ok(place.queryX < place.x && place.x + 13 * place.cell < place.left && place.left < place.right && place.right < geometry.head.width);
});

test("where a page is presented, a matrix of 18 words ends above the end of the screen, in rows that hold its type", () => {
  for (const [width, scale, free] of [[1290, 1.2, 480], [1820, 1.688, 700]]) {
    const base = { ...breadth(width, scale), projected: true };
    for (const count of [13, 18]) {
      const { head, size } = arranged(base, { frame: { layers: 6, heads: 12 }, queries: count, keys: count, free, labels: 70 * scale, lost: 0, ratio: 1, tab: "curves" });
      assert.equal(head.rows, count);
      assert.ok(head.top + count * head.row <= free - 16, `${count} rows of ${head.row}`);
      assert.ok(head.row > size);
    }
  }
});

test("thirty layers get twelve pixels a head, with the facts beside them", () => {
  const { overview } = arranged(breadth(1216), { frame: { layers: 30, heads: 9 }, queries: 11, keys: 11, free: 520, labels: 70, lost: 0, ratio: 1, tab: "curves" });
  assert.equal(overview.beside, true);
  assert.ok(overview.pitch >= 10 && overview.pitch <= 16, String(overview.pitch));
});

test("more than forty rows scroll, and the matrix follows them", () => {
  const geometry = arranged(breadth(1216), { frame: { layers: 6, heads: 12 }, queries: 300, keys: 300, free: 520, labels: 70, lost: 0, ratio: 1, tab: "curves" });
  assert.ok(geometry.head.rows < 41);
  const end = (300 - geometry.head.rows) * geometry.head.row;
  const place = placesIn(geometry, { tab: "curves", keys: 300, scrolled: end });
  assert.equal(place.column + place.columns, 300);
  assert.equal(place.last, 300);
});

test("a matrix that is shown whole begins after the words of the rows, on a laptop and on a phone", () => {
  for (const [width, tab] of [[1216, "curves"], [358, "matrix"]]) {
    const geometry = arranged(breadth(width), { frame: { layers: 6, heads: 12 }, queries: 300, keys: 300, free: 520, labels: 70, lost: 0, ratio: 1, tab });
    const place = placesIn(geometry, { tab, keys: 300, scrolled: 0 });
    const room = wholeRoom(place, geometry.head);
    assert.ok(room.x > place.queryX && room.x + room.width <= (place.left ?? width), JSON.stringify(room));
    assert.deepEqual([room.x, room.y, room.height], [place.x, geometry.head.top, geometry.head.rows * geometry.head.row]);
  }
});

test("the place of the matrix is that of its first row and its first shown column; without a matrix there is none", () => {
  const geometry = arranged(breadth(358), { frame: { layers: 6, heads: 12 }, queries: 13, keys: 13, free: 400, labels: 70, lost: 0, ratio: 2, tab: "matrix" });
  const place = placesIn(geometry, { tab: "matrix", keys: 13, scrolled: 0 });
  assert.deepEqual(matrixPlace(place), { x: 91, y: 60, cell: place.cell, row: 24, column: 0, columns: 13, first: 0, last: 13 });
  assert.equal(matrixPlace(placesIn(geometry, { tab: "curves", keys: 13, scrolled: 0 })), null);
});

test("a phone shows one picture at a time", () => {
  const geometry = arranged(breadth(358), { frame: { layers: 6, heads: 12 }, queries: 13, keys: 13, free: 400, labels: 70, lost: 0, ratio: 2, tab: "curves" });
  assert.equal(geometry.phone, true);
  assert.ok(!("x" in placesIn(geometry, { tab: "curves", keys: 13, scrolled: 0 })));
  assert.ok(!("left" in placesIn(geometry, { tab: "matrix", keys: 13, scrolled: 0 })));
});

test("weights ease from head to head and arrive exactly", () => {
  let now = 0;
  let asked = 0;
  const eased = makeEasing(() => (asked += 1), () => now);
  const [a, b] = [{ weights: Float32Array.of(0, 1) }, { weights: Float32Array.of(1, 0) }];
  assert.equal(eased.towards(a), a.weights);
  now = 10;
  eased.towards(b);
  now = 80;
  const half = eased.towards(b);
  assert.ok(half[0] > 0.5 && half[0] < 1 && asked === 2);
  now = 200;
  assert.equal(eased.towards(b), b.weights);
  assert.equal(eased.towards(b), b.weights);
  assert.equal(asked, 2);
});

test("Left is the next word where the text runs from right to left", () => {
  assert.equal(nextUnit(2, [0, -1], 5, "ltr"), 1);
  assert.equal(nextUnit(2, [0, -1], 5, "rtl"), 3);
  assert.equal(nextUnit(4, [0, 1], 5, "ltr"), 4);
  assert.equal(nextUnit(-1, [0, 1], 5, "ltr"), 0);
});
