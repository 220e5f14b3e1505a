import assert from "node:assert/strict";
import test from "node:test";
import { ROWS, SIDE, TOKENS, madeBook } from "./made.mjs";
import { PARTLY_UNKNOWN, UNKNOWN, markOf, withMark } from "../../attnviz/board/js/core/encoding.js";
import { markMeaning, unknownLine, unknownLines, unknownNote } from "../../attnviz/board/js/draw/unknownTokens.js";
import { combined, overlaid } from "../../attnviz/board/js/compare/combine.js";
import { linkName } from "../../attnviz/board/js/links/drawnLinks.js";
import { named, patternOf } from "../../attnviz/board/js/core/pattern.js";
import { sentenceOf, readoutOf } from "../../attnviz/board/js/draw/readout.js";

const WORDS = { words: true, special: "show", keep: null, between: "" };
const unread = (unknown, side = SIDE) => ({ queries: { ...side, unknown }, keys: null });
const bare = (text) => text.replace(/[\u2068\u2069]/g, "");

test("the marks are those of the encoding", () => {
  assert.deepEqual([UNKNOWN, PARTLY_UNKNOWN], [TOKENS.unknown, TOKENS.partlyUnknown]);
});

test("a word of unknown tokens is unknown, one of which some are known is partly so, in words and in tokens", () => {
  const { frame } = madeBook(ROWS, unread([1, 3]));
  assert.deepEqual(frame.queries.words.map(markOf), ["", "[UNK]", "[partly UNK]", ""]);
  assert.deepEqual(frame.keys.pieces.map(markOf), ["", "[UNK]", "", "[UNK]", "", ""]);
});

test("a frame of an earlier version has no unknown words, and places that are none are left aside", () => {
  for (const more of [{}, unread([-1, 6, 1.5, "1", null])]) assert.ok(madeBook(ROWS, more).frame.queries.words.every((unit) => !unit.unknown && !unit.partly));
});

test("a special token says by its name that it is unknown", () => {
  assert.equal(markOf({ unknown: true, partly: false, special: true }), "");
  assert.equal(withMark("[UNK]", { unknown: true, special: true }), "[UNK]");
});

test("words are named with their mark behind their number", () => {
  const one = { text: "x", label: "x", special: false, unknown: true, partly: false };
  assert.equal(named([one, { ...one, unknown: false }], 0), "x (no. 1) [UNK]");
  assert.equal(named([one, { ...one, unknown: false }], 1), "x (no. 2)");
  assert.equal(bare(linkName([[0, 1], [2, 3]], [{ ...one, start: 0, end: 1 }, { text: "y", start: 2, end: 3 }])), "x [UNK] \u2192 y");
});

test("the mark of unknown words is explained, in words and in tokens, and only where there are such", () => {
  const { frame } = madeBook(ROWS, unread([1, 3]));
  assert.equal(markMeaning(frame, true), "[UNK] marks what made cannot read.");
  assert.equal(markMeaning(frame, false), "[UNK] marks what made cannot read.");
  assert.equal(markMeaning(madeBook(ROWS, unread([3])).frame, true), "[partly UNK] marks a word of which made cannot read a part.");
  assert.equal(markMeaning(madeBook().frame, true), "");
  assert.equal(unknownLine(madeBook().frame, true, madeBook().frame.queries.words), "");
});

test("the description of a link adds that two unknown words are the same to the model", () => {
  const { words } = madeBook(ROWS, unread([1, 2, 3, 4])).frame.queries;
  assert.match(unknownNote([words[1], words[2]]), /these words, only its unknown token: they differ only in their places/);
  assert.match(bare(unknownNote([words[0], words[1]])), /“It”, only its unknown token, the same for every word/);
  assert.equal(unknownNote([words[0], words[3]]), "");
  const part = madeBook(ROWS, unread([3])).frame.queries.words;
  assert.match(bare(unknownNote([part[2]])), /does not read all of “didn't”/);
});

test("the readout and the line for screen readers mark the selected word and the one it looks at", () => {
  const book = madeBook(ROWS, unread([1, 2, 3, 4]));
  const pattern = patternOf(book, 0, 0, WORDS);
  const view = { book, pattern, head: [0, 0], state: { words: true }, focus: { side: "query", query: 1, key: -1, also: [] }, line: pattern.weights.subarray(4, 8) };
  const message = readoutOf(view);
  assert.equal(message.who, "It [UNK]");
  assert.equal(message.whom, "didn't [UNK]"); // 0.3 + 0.05 + 0.25, more than [CLS] gets
  assert.match(sentenceOf(view), /It \[UNK\] looks at didn't \[UNK\] 0\.600\. \[UNK\] marks what made cannot read\. It does not read these words/);
  const read = madeBook();
  assert.doesNotMatch(sentenceOf({ ...view, book: read, pattern: patternOf(read, 0, 0, WORDS) }), /UNK/);
});

test("laid over each other, words of which one model reads one are partly unknown", () => {
  const [known, unknown] = [false, true].map((is) => ({ text: "x", label: "x", unknown: is, partly: false }));
  assert.equal(markOf(overlaid([known, unknown])), PARTLY_UNKNOWN);
  assert.equal(markOf(overlaid([unknown, unknown])), UNKNOWN);
  assert.equal(markOf(overlaid([known, known])), "");
  const patterns = [unread([1]), {}].map((more) => patternOf(madeBook(ROWS, more), 0, 0, WORDS));
  assert.deepEqual(combined("difference", patterns).queries.map(markOf), ["", PARTLY_UNKNOWN, "", ""]);
});

test("side by side each text's count stands once, then what the link of the panels means", () => {
  const books = [madeBook(ROWS, unread([1])), madeBook()];
  const pictures = books.map((book) => ({ frame: book.frame, pattern: patternOf(book, 0, 0, WORDS) }));
  const links = pictures.map(() => ({ queries: [1], keys: [2], value: 0.6 }));
  const line = bare(unknownLines(books.map(({ frame }) => frame), true, [...pictures, pictures[0]], [...links, links[0]]));
  assert.equal(line, "[UNK] marks what made cannot read. It does not read “It”, only its unknown token, the same for every word that it does not know.");
  const other = { ...books[0].frame, name: "other" };
  const two = bare(unknownLines([books[0].frame, other], true, pictures, links));
  assert.match(two, /made cannot read\. \[UNK\] marks what other cannot read\. made does not read/);
  assert.equal(unknownLines([books[1].frame], true, [pictures[1]], [links[1]]), "");
});
