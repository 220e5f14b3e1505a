"""The map of layers by heads: every head in its place, scale fixed, the chosen one and the best one ringed."""

from __future__ import annotations

import re

import numpy as np
import pytest

from attnviz.figures import encoding, headmap
from attnviz.types import HeadRef, HeadScores

VALUES = np.linspace(-0.9, 0.8, 6, dtype=np.float32).reshape(2, 3)
SIGNED = HeadScores("share", VALUES, "", -1.0, 1.0)
PLAIN = HeadScores("entropy", abs(VALUES), "bits", 0.0, 4.0)


def cells(picture: str) -> list[tuple[str, str, str]]:
    """Class, words on hover and written text of every cell, layer by layer."""
    return re.findall(r'<i(?: class="([^"]*)")? title="([^"]*)">([^<]*)</i>', picture)


def test_every_head_is_in_its_row_and_column_with_its_own_number():
    picture = headmap.drawn(SIGNED, "A map")
    assert [title for _, title, _ in cells(picture)] == [
        "L0·H0: −0.900", "L0·H1: −0.560", "L0·H2: −0.220", "L1·H0: +0.120", "L1·H1: +0.460", "L1·H2: +0.800"
    ]  # fmt: skip
    assert [text for *_, text in cells(picture)][-1] == "+0.800"
    assert re.findall(r"<span[^>]*>([HL]\d)</span>", picture) == ["H0", "H1", "H2", "L0", "L1"]
    assert 'role="img" aria-label="A map"' in picture


def test_a_scale_below_zero_diverges_and_others_do_not():
    halves = HeadScores("d", np.array([[-1.0, 0.0, 1.0]], np.float32), "", -1.0, 1.0)
    assert [colour for colour, *_ in cells(headmap.drawn(halves, ""))] == ["d0", "d16", "d32"]
    assert ".headmap .d32{background:var(--d6);" in headmap.drawn(halves, "")
    bits = HeadScores("s", np.array([[0.0, 2.0, 4.0]], np.float32), "bits", 0.0, 4.0)
    assert [colour for colour, *_ in cells(headmap.drawn(bits, ""))] == ["s0", "s16", "s32"]
    assert ".headmap .s16{background:var(--w3);" in headmap.drawn(bits, "")
    key = headmap.key(bits, "", HeadRef(0, 0))
    assert ("<bdi>0</bdi>" in key, "<bdi>4 bits</bdi>" in key) == (True, True)


@pytest.mark.parametrize("diverging", [False, True])
def test_a_number_has_the_more_legible_colour_in_both_themes(diverging: bool):
    for step in range(33):
        _, text = encoding.live_step(step / 32, diverging=diverging)
        for colours, words in ((encoding.LIGHT, ("#000000", "#FFFFFF")), (encoding.DARK, ("#FFFFFF", "#000000"))):
            ramp = encoding.steps(colours.diverging if diverging else colours.sequential, 33)
            seen = {"var(--black-white)": words[0], "var(--white-black)": words[1]}.get(text, text)
            assert seen == encoding.text_on(ramp[step])


def test_the_chosen_and_the_best_head_have_rings_and_are_named():
    key = headmap.key(PLAIN, ".map", HeadRef(1, 2), HeadRef(0, 1))
    assert f".map .heads i:nth-of-type(6){{{headmap.CHOSEN}}}" in key
    assert f".map .heads i:nth-of-type(2){{{headmap.BEST}}}" in key
    assert re.findall(r"(L\d·H\d[^<]*)<", key) == ["L1·H2, chosen", "L0·H1, best"]


def test_a_head_that_is_chosen_and_best_has_one_ring():
    key = headmap.key(PLAIN, ".map", HeadRef(1, 2), HeadRef(1, 2))
    assert key.count("nth-of-type") == 1
    assert re.findall(r"(L\d·H\d[^<]*)<", key) == ["L1·H2, chosen and best"]


def test_the_ends_of_the_scale_and_the_words_are_text_and_never_markup():
    key = headmap.key(SIGNED, "", HeadRef(0, 0), ends=("<b>", "cat"))
    assert ("<bdi>&lt;b&gt;</bdi>" in key, "<bdi>cat</bdi>" in key) == (True, True)
    picture = headmap.drawn(SIGNED, '"<b>', marks=[["<", "b", "c"], ["d", "e", "f"]])
    assert 'aria-label="&quot;&lt;b&gt;"' in picture
    assert "<b>" not in picture
    assert cells(picture)[0][2] == "&lt;"


def test_a_head_without_a_number_is_blank_and_not_zero():
    values = np.array([[0.5, np.nan]], np.float32)
    assert cells(headmap.drawn(HeadScores("s", values, "", 0.0, 1.0), ""))[1] == ("", "L0·H1: no number", "")


def test_signs_are_on_their_cells_in_place_of_numbers():
    picture = headmap.drawn(SIGNED, "", marks=[["a", "b", "c"], ["d", "e", "f"]])
    assert [text for *_, text in cells(picture)] == list("abcdef")


def test_a_map_of_270_heads_is_small_and_another_head_sends_only_its_key():
    many = HeadScores("s", np.random.default_rng(1).random((30, 9), np.float32), "", 0.0, 1.0)
    assert len(headmap.drawn(many, "")) < 18_000
    assert len(headmap.key(many, ".map", HeadRef(0, 0), HeadRef(3, 3))) < 1_500
