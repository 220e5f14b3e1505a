"""Panels in two languages: JavaScript aligns texts and makes differences, sums and means of them exactly as Python does."""

from __future__ import annotations

import json
import random
import re
import subprocess
from pathlib import Path

import numpy as np

from attnviz import board
from attnviz.analysis import compare, view
from attnviz.engine.block import Block
from attnviz.engine.layers import Dense
from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError
from attnviz.pages.compare import analysis
from attnviz.types import AttentionRequest, HeadRef, Token
from attnviz.view_state import Panel, Pin, TokenSelection, ViewOptions
from tests.unit.test_board_frame import HERE, node, softmaxed

WORDS = "the old cat saw a dog and the bird".split()
FIRST, SECOND = "The animal didn't cross it was tired", "The old animal did cross it was wide"


def run(script: str, tmp_path: Path) -> object:
    """What a script prints as JSON."""
    file = tmp_path / "run.mjs"
    file.write_text(script, "utf-8")
    done = subprocess.run([node(), str(file)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_words_are_aligned_as_difflib_aligns_them(tmp_path: Path):
    draw = random.Random(7)
    pairs = [[draw.choices(WORDS, k=draw.randrange(0, 14)) for _ in range(2)] for _ in range(400)]
    # Minimal pairs, as readers make them: one text, with a few words replaced, put in or taken out.
    for _ in range(200):
        first = draw.choices(WORDS, k=12)
        second = list(first)
        for _ in range(draw.randrange(1, 4)):
            at = draw.randrange(len(second))
            second[at : at + draw.randrange(0, 3)] = draw.choices(["x", "y", "cat"], k=draw.randrange(0, 3))
        pairs.append([first, second])
    script = f"""
import {{ aligned }} from "{HERE.as_posix()}/js/compare/align.js";
console.log(JSON.stringify({json.dumps(pairs)}.map(([a, b]) => aligned(a, b))));
"""
    found = run(script, tmp_path)
    assert found == [[list(pair) for pair in compare.aligned(a, b)] for a, b in pairs]


def tokens(text: str, cut: str) -> tuple[Token, ...]:
    """[CLS], every word as one token but `cut`, which is two, [SEP]."""
    found, at = [Token("[CLS]", "[CLS]", 0, 0, None)], 0
    for number, word in enumerate(text.split()):
        start = text.index(word, at)
        at = start + len(word)
        spans = [(start, start + 2), (start + 2, at)] if word == cut else [(start, at)]
        found += [Token(text[a:b], text[a:b], a, b, number) for a, b in spans]
    return (*found, Token("[SEP]", "[SEP]", len(text), len(text), None))


def traced(model: str, text: str, cut: str, seed: int) -> Trace:
    """Two layers of three heads of random weights."""
    row = tokens(text, cut)
    weights = softmaxed(6, len(row), len(row))[:: -1 if seed else 1].copy()
    block = Block("self", row, row, (Dense(weights[:3]), Dense(weights[3:])))
    return Trace(AttentionRequest(model, text), (block,))


READS = """
import { readFileSync } from "node:fs";
import { addSheet, decode, makeBook } from "%(here)s/js/core/frame.js";
import { picturesOf } from "%(here)s/js/compare/gallery.js";
import { linksIn, marked } from "%(here)s/js/compare/linked.js";
import { adopted } from "%(here)s/js/core/state.js";
import { makeCombiner } from "%(here)s/js/compare/combine.js";
import { makeEncoding } from "%(here)s/js/core/encoding.js";
const tokens = JSON.parse(readFileSync("%(tokens)s"));
const files = %(files)s;
const books = new Map();
for (const file of files.frames) {
  const frame = decode(readFileSync(file));
  books.set(frame.digest, makeBook(frame));
}
for (const file of files.sheets) {
  const sheet = decode(readFileSync(file));
  addSheet(books.get(sheet.frame), sheet);
}
const data = %(data)s;
const out = [];
for (const words of [true, false]) for (const special of ["show", "hide", "renormalise"]) {
  const selection = { ...data.selection, words, special };
  const base = books.get(data.base).frame;
  const state = { ...marked(adopted({ side: "query", point: null }, selection, base), base), panels: selection.panels };
  const pictures = picturesOf({ data, books, state, theme: makeEncoding(tokens, "light"), combine: makeCombiner() });
  const links = linksIn(pictures, state);
  out.push(pictures.map(({ pattern, note, problem }, i) => ({
    queries: pattern.queries.map((unit) => unit.text), keys: pattern.keys.map((unit) => unit.text),
    weights: Array.from(pattern.weights), note, problem, link: links[i] && links[i].value,
  })));
}
console.log(JSON.stringify(out));
"""


def test_every_panel_and_the_link_in_it_is_the_same_in_both_languages(tmp_path: Path):
    one, other = traced("minilm", FIRST, "didn't", 0), traced("smollm2", SECOND, "animal", 1)
    pins = (
        Pin(one.request, HeadRef(0, 1)),
        Pin(other.request, HeadRef(1, 2)),
        Pin(one.request, HeadRef(1, 0), over="sum"),
        Pin(one.request, HeadRef(1, 1)),
        Pin(other.request, HeadRef(0, 0), over="mean"),
    )
    made = (Panel("difference", (0, 1)), Panel("difference", (3, 0)), Panel("sum", (0, 3)), Panel("mean", (0, 1, 2)))
    focus = TokenSelection(FIRST.index("it"), also=(TokenSelection(FIRST.index("didn't")),))
    traces: dict[AttentionRequest, Trace | AttnvizError] = {trace.request: trace for trace in (one, other)}
    frames = {trace.request: board.frame(trace, name=trace.request.model) for trace in (one, other)}
    sheets = [
        board.layer_sheet(trace, pin.head.layer, "self", frames[pin.request])
        if pin.over
        else board.sheet(trace, pin.head, frames[pin.request])
        for pin in pins
        if isinstance(trace := traces[pin.request], Trace)
    ]
    names = {"frames": list(frames.values()), "sheets": [sheet for sheet in sheets if sheet]}
    written: dict[str, list[str]] = {}
    for kind, parts in names.items():
        for at, part in enumerate(parts):
            (tmp_path / f"{kind}{at}.bin").write_bytes(part)
        written[kind] = [(tmp_path / f"{kind}{at}.bin").as_posix() for at in range(len(parts))]
    listed = board.listed(pins, one.request, "self", {"minilm": "minilm", "smollm2": "smollm2"})
    sources = [
        {**row, "frame": board.digest(frames[pin.request]), "heads": 3, "problem": "", "set": False}
        for row, pin in zip(listed, pins, strict=True)
    ]
    selected_rows = {"side": "query", "start": focus.start, "segment": 0, "special": False}
    selection = {
        "head": [0, 1],
        "focus": {**selected_rows, "also": [{**selected_rows, "start": focus.also[0].start}]},
        "view": "curves",
        "pins": listed,
        "panels": [{"kind": panel.kind, "of": list(panel.of)} for panel in made],
    }
    data = {
        "sources": sources,
        "base": board.digest(frames[one.request]),
        "own": listed[0],
        "shown": "",
        "selection": selection,
    }
    tokens_file = Path(__file__).parents[1] / "js" / "tokens.json"
    parts = {"here": HERE.as_posix(), "tokens": tokens_file.as_posix(), "files": json.dumps(written), "data": json.dumps(data)}
    found = iter(run(READS % parts, tmp_path))  # type: ignore[call-overload]
    for words in (True, False):
        for special in ("show", "hide", "renormalise"):
            options = ViewOptions(words, special)
            ours = analysis.build_panels(pins, made, traces, options)
            links = analysis.follow_selection(ours, focus, (one.tokens, one.tokens), pins[0])
            for mine, link, theirs in zip(ours, links, next(found), strict=True):
                assert mine.pattern is not None
                assert (tuple(theirs["queries"]), tuple(theirs["keys"])) == (mine.pattern.queries, mine.pattern.keys)
                weights = np.array(theirs["weights"]).reshape(mine.pattern.weights.shape)
                assert np.abs(weights - mine.pattern.weights).max() < 1e-5  # float32 sums of at most three heads
                if mine.kind:
                    for sentence in re.findall("Only the .*? left out here\\.", mine.pattern.note):
                        assert sentence in theirs["note"]
                assert (link is None) == (theirs["link"] is None)
                if link is not None:
                    assert abs(theirs["link"] - link.weight) < 1e-5


def test_a_layers_mean_is_sent_exactly(tmp_path: Path):
    trace = traced("minilm", FIRST, "didn't", 0)
    frame = board.frame(trace, name="made")
    data = board.layer_sheet(trace, 1, "self", frame)
    assert data is not None
    wanted = view.layer_pattern(trace, HeadRef(1, 0), ViewOptions(words=False), "mean")
    numbers = np.frombuffer(data, "<f4", offset=len(data) - 4 * wanted.weights.size)
    np.testing.assert_array_equal(numbers.reshape(wanted.weights.shape), trace.weights(1).mean(0))
