"""Words that a model cannot read, in every picture: by the mark of the encoding, whole however the word is shortened."""

from __future__ import annotations

import json
import re
import struct
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from attnviz import board
from attnviz.analysis import view
from attnviz.analysis.link_rows import link_rows
from attnviz.board import notebook
from attnviz.engine.block import Block
from attnviz.engine.layers import Dense
from attnviz.engine.trace import Trace
from attnviz.figures import bertviz, encoding, heatmap, provenance, vector
from attnviz.figures.vector import lettering
from attnviz.pages.coreference import sentence_figure
from attnviz.pages.syntax import arc_figure
from attnviz.types import PARTLY_UNKNOWN, UNKNOWN, AttentionRequest, HeadRef, Link, Pattern, Token, Unit
from attnviz.view_state import ViewOptions

LONG = "Donaudampfschifffahrtsgesellschaftskapitän"
SVG = "{http://www.w3.org/2000/svg}"
# "I love ☃ x☃" and a long word: the fourth word is one known and one unknown piece.
TEXT = f"I love ☃ x☃ {LONG}"
TOKENS = (
    Token("[CLS]", "[CLS]", 0, 0, None),
    Token("I", "i", 0, 1, 0),
    Token("love", "love", 2, 6, 1),
    Token("☃", "[UNK]", 7, 8, 2, unknown=True),
    Token("x", "x", 9, 10, 3),
    Token("☃", "[UNK]", 10, 11, 3, unknown=True),
    Token(LONG, "[UNK]", 12, 54, 4, unknown=True),
    Token("[SEP]", "[SEP]", 54, 54, None),
)
READ = tuple(replace(token, unknown=False, piece=token.text.lower()) for token in TOKENS)
MARKED = ["[CLS]", "I", "love", f"☃ {UNKNOWN}", f"x☃ {PARTLY_UNKNOWN}", f"{LONG} {UNKNOWN}", "[SEP]"]
NOTE = "[UNK]: a word that the model cannot read. [partly UNK]: a word of which it reads a part."


def traced(tokens: tuple[Token, ...] = TOKENS) -> Trace:
    weights = np.random.default_rng(5).dirichlet(np.ones(len(tokens)), (2, len(tokens))).astype(np.float32)
    return Trace(AttentionRequest("made", TEXT), (Block("self", tokens, tokens, (Dense(weights),)),))


def pattern(tokens: tuple[Token, ...] = TOKENS) -> Pattern:
    return view.pattern(traced(tokens), HeadRef(0, 0), ViewOptions())


def source(tokens: tuple[Token, ...] = TOKENS) -> provenance.Provenance:
    return provenance.Provenance("made", "Made", "ab" * 32, "", (), TEXT, None, HeadRef(0, 0), ViewOptions(), tokens, tokens)


def header(data: bytes) -> dict:
    (length,) = struct.unpack_from("<I", data, 20)
    return json.loads(data[24 : 24 + length])


def test_a_frame_names_the_places_of_unknown_tokens_and_nothing_where_all_are_read():
    assert header(board.frame(traced(), name="made"))["queries"]["unknown"] == [3, 5, 6]
    assert "unknown" not in header(board.frame(traced(READ), name="made"))["queries"]


def test_unknown_tokens_cost_a_few_bytes_each():
    many = tuple(Token("☃", "[UNK]", 2 * i, 2 * i + 1, i, unknown=True) for i in range(200))
    weights = np.full((1, 200, 200), 1 / 200, np.float32)
    frames = [
        board.frame(Trace(AttentionRequest("made", "☃ " * 200), (Block("self", side, side, (Dense(weights),)),)), name="made")
        for side in (many, tuple(replace(token, unknown=False) for token in many))
    ]
    assert 0 < len(frames[0]) - len(frames[1]) < 5 * 200


def test_labels_of_a_heatmap_are_marked_and_a_line_says_what_the_mark_means():
    drawn = heatmap.figure(pattern())
    names = list(drawn.layout.yaxis.labelalias.values())
    assert [re.sub("<[^>]+>", "", name) for name in names] == [
        *MARKED[:5], f"Donaudampfschifffahrtsg… {UNKNOWN}", "[SEP]",
    ]  # fmt: skip
    assert drawn.data[0].customdata[1, 5] == f"\u2068I\u2069 → \u2068{LONG} {UNKNOWN}\u2069"
    assert NOTE in heatmap.reading(pattern())
    selected = heatmap.figure(pattern(), selected_rows=3)
    assert any(one.text == f"<b>☃ {UNKNOWN}</b>" for one in selected.layout.annotations)
    assert NOTE in heatmap.description(pattern())
    assert f"of ☃ {UNKNOWN}" in heatmap.description(replace(pattern(), weights=np.zeros((7, 7), np.float32)))


def test_what_is_read_has_no_mark_and_no_line():
    drawn, made = heatmap.figure(pattern(READ)), vector.svg(pattern(READ), source(READ)).decode()
    # Both marks end so; compressed data can hold the letters by chance, and no bracket.
    assert "UNK]" not in drawn.to_json() + heatmap.description(pattern(READ)) + made
    assert "UNK]" not in bertviz.head_view(traced(READ), HeadRef(0, 0)) + notebook.cell(traced(READ))


@pytest.mark.parametrize("width", ["page", "column"])
def test_words_in_print_are_marked_and_a_footnote_says_what_the_mark_means(width: str):
    tree = ElementTree.fromstring(vector.svg(pattern(), source(), width=width))
    rows = [one for one in tree.iter(f"{SVG}text") if one.get("class") == "query"]
    found = [one.text or "" for one in rows][:7]
    assert found[:5] == MARKED[:5]
    assert re.fullmatch(rf"Donau\w+… {re.escape(UNKNOWN)}", found[5])
    notes = [one.text for one in tree.iter(f"{SVG}text") if one.get("class") == "note"]
    assert NOTE in " ".join(note or "" for note in notes)


def test_a_mark_is_never_shortened():
    wide = lettering.width(f"{LONG} {UNKNOWN}", 7.5)
    assert lettering.label(LONG, UNKNOWN, wide + 1, 7.5) == f"{LONG} {UNKNOWN}"
    short = lettering.label(LONG, UNKNOWN, wide / 2, 7.5)
    assert short.endswith(f"… {UNKNOWN}")
    assert lettering.width(short, 7.5) <= wide / 2


def test_bertvizs_labels_are_marked_in_the_room_that_they_have():
    page = bertviz.head_view(traced(), HeadRef(0, 0))
    found = re.search(r'<script type="application/json" id="params">(.*?)</script>', page, re.S)
    assert found is not None
    labels = json.loads(found[1])["attention"][0]["left_text"]
    assert labels == ["[CLS]", "I", "love", "☃ [UNK]", "x", "☃ [UNK]", "Donauda… [UNK]", "[SEP]"]
    assert max(map(len, labels)) <= 14
    assert "<p>[UNK]: a word that the model cannot read.</p>" in page


def test_a_sentence_in_large_type_keeps_the_word_and_has_the_mark_above_it():
    shown = sentence_figure.tinted_sentence(TEXT, pattern().key_units, "light", sentence_figure.Marks())
    assert re.findall(r">(☃|x☃)<span[^>]*>(\[[^<]*\])</span>", shown) == [("☃", UNKNOWN), ("x☃", PARTLY_UNKNOWN)]
    assert "UNK" not in sentence_figure.tinted_sentence(TEXT, pattern(READ).key_units, "light", sentence_figure.Marks())


def test_arcs_mark_their_unknown_words():
    shown = arc_figure.svg(arc_figure.ArcDiagram(("the", "☃"), (arc_figure.LinkArc(0, 1, "det"),), unknown=(1,)), "dark")
    assert [one.text for one in ElementTree.fromstring(shown).iter(f"{SVG}title")][1:] == ["the", f"☃ {UNKNOWN}"]
    assert f">☃ {UNKNOWN}</text>" in shown


def test_the_rows_behind_a_ranking_name_unknown_words_by_word_and_mark():
    (found,) = link_rows(traced(), HeadRef(0, 0), [Link((2, 6), (7, 8))])
    assert (found.source, found.target) == ("love", f"☃ {UNKNOWN}")
    assert {place.text for place in found.places} <= set(MARKED)


def test_a_notebook_counts_unknown_words_and_marks_them_in_its_links():
    html = notebook.cell(traced()).split("-->")[1]
    assert re.search(r"made cannot read \d words: “☃”(,| and) “x☃”", html)
    assert re.search(r"[☃ä\w]+ \[UNK\]⁩|\[partly UNK\]⁩", html)


def test_labels_without_units_are_as_they_were():
    assert encoding.labels(("a", "b"), ()) == ["a", "b"]
    assert encoding.labels(("a", "b"), (Unit("a", 0, 1, (0,), unknown=True),)) == [f"a {UNKNOWN}", "b"]
    assert encoding.unread_note(()) == ""
    assert encoding.unread_note((Unit("[UNK]", 0, 5, (0,), special=True, unknown=True),)) == ""
