"""Weak weights left out, and one text of a pair against one: by hand, every axis of another size."""

from __future__ import annotations

import numpy as np
import pytest

from attnviz.analysis import filters, view
from attnviz.engine.block import Block
from attnviz.engine.layers import Dense
from attnviz.engine.trace import Trace
from attnviz.types import AttentionRequest, HeadRef, Keep, Token
from attnviz.view_state import ViewOptions

# Two heads, two rows, five columns; equal weights in the second row of the first head.
WEIGHTS = np.array(
    [
        [[0.05, 0.4, 0.3, 0.15, 0.1], [0.2, 0.2, 0.2, 0.2, 0.2]],
        [[0.7, 0.0, 0.1, 0.2, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0]],
    ],
    np.float32,
)
# [CLS] a b [SEP] c [SEP]: the pieces of two texts, as an encoder reads a pair.
PAIR = (
    Token("[CLS]", "[CLS]", 0, 0, None),
    Token("a", "a", 0, 1, 0),
    Token("b", "b", 2, 3, 1),
    Token("[SEP]", "[SEP]", 3, 3, None),
    Token("c", "c", 0, 1, 0, 1),
    Token("[SEP]", "[SEP]", 1, 1, None, 1),
)
ROWS = np.array(
    [
        [0.5, 0.1, 0.1, 0.1, 0.1, 0.1],
        [0.1, 0.2, 0.1, 0.1, 0.3, 0.2],
        [0.0, 0.2, 0.0, 0.2, 0.5, 0.1],
        [0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
        [0.1, 0.5, 0.2, 0.1, 0.1, 0.0],
        [0.2, 0.2, 0.2, 0.2, 0.1, 0.1],
    ],
    np.float32,
)


def shown(options: ViewOptions, tokens: tuple[Token, ...] = PAIR, keys: tuple[Token, ...] | None = None, rows=ROWS):
    """The pattern of a trace with one head."""
    block = Block("self", tokens, tokens if keys is None else keys, (Dense(rows[None]),))
    return view.pattern(Trace(AttentionRequest("made", "a b", "c"), (block,)), HeadRef(0, 0), options)


def test_least_keeps_every_weight_that_is_not_smaller():
    found = filters.strongest(WEIGHTS, Keep("least", 0.2))
    want = [[[0, 0.4, 0.3, 0, 0], [0.2] * 5], [[0.7, 0, 0, 0.2, 0], [0, 0, 0, 0, 1]]]
    np.testing.assert_array_equal(found, np.array(want, np.float32))


def test_top_keeps_the_largest_of_each_row_and_of_equals_the_first():
    found = filters.strongest(WEIGHTS, Keep("top", 2.0))
    want = [[[0, 0.4, 0.3, 0, 0], [0.2, 0.2, 0, 0, 0]], [[0.7, 0, 0, 0.2, 0], [0, 0, 0, 0, 1]]]
    np.testing.assert_array_equal(found, np.array(want, np.float32))


def test_top_of_more_than_there_are_keeps_all():
    np.testing.assert_array_equal(filters.strongest(WEIGHTS, Keep("top", 9.0)), WEIGHTS)


def test_mass_keeps_the_fewest_that_reach_the_share():
    # 0.4 + 0.3 = 0.7 falls short of 0.8, with 0.15 it is reached; four fifths of five equals are four, the first ones.
    found = filters.strongest(WEIGHTS, Keep("mass", 0.8))
    want = [[[0, 0.4, 0.3, 0.15, 0], [0.2, 0.2, 0.2, 0.2, 0]], [[0.7, 0, 0, 0.2, 0], [0, 0, 0, 0, 1]]]
    np.testing.assert_array_equal(found, np.array(want, np.float32))


def test_mass_is_a_share_of_what_the_row_shows():
    # The row shows 0.6 of its attention; half of that is 0.3.
    found = filters.strongest(np.array([[0.1, 0.3, 0.2]], np.float32), Keep("mass", 0.5))
    np.testing.assert_array_equal(found, np.array([[0, 0.3, 0]], np.float32))


def test_all_of_a_row_leaves_nothing_out():
    np.testing.assert_array_equal(filters.strongest(WEIGHTS, Keep("mass", 1.0)), WEIGHTS)


def test_filtering_leaves_the_weights_it_was_given_alone():
    before = WEIGHTS.copy()
    for keep in (Keep("least", 0.3), Keep("top", 1.0), Keep("mass", 0.5)):
        filters.strongest(WEIGHTS, keep)
    np.testing.assert_array_equal(WEIGHTS, before)


@pytest.mark.parametrize(
    ("keep", "hidden", "message"),
    [
        # Of the six rows 0.5 + 0.3 + 0.1 + 0 + 0.3 + 0.2 = 1.4 is left out: 23 % of one.
        (Keep("least", 0.2), [0.5, 0.3, 0.1, 0, 0.3, 0.2], "weights of at least 0.2 are shown: on average 23\u202f%"),
        (Keep("top", 1.0), [0.5, 0.7, 0.5, 0, 0.5, 0.8], "the largest weight of a row is shown: on average 50\u202f%"),
        (Keep("top", 2.0), [0.4, 0.5, 0.3, 0, 0.3, 0.6], "the 2 largest weights of a row are shown: on average 35\u202f%"),
        (
            Keep("mass", 0.5),
            [0.5, 0.5, 0.5, 0, 0.5, 0.4],
            "which together reach 50\u202f% of it, are shown: on average 40\u202f%",
        ),
    ],
)
def test_what_is_left_out_is_hidden_and_the_note_says_how_much(keep: Keep, hidden: list[float], message: str):
    pattern = shown(ViewOptions(words=False, keep=keep))
    np.testing.assert_allclose(pattern.hidden, hidden, atol=1e-6)
    np.testing.assert_allclose(pattern.weights.sum(-1), 1 - pattern.hidden, atol=1e-6)
    assert message in pattern.note
    assert pattern.note.endswith("of a row is left out.")
    assert pattern.keep == keep


def test_what_is_hidden_and_what_is_weak_add_up():
    pattern = shown(ViewOptions(words=False, special="hide", keep=Keep("least", 0.2)))
    np.testing.assert_allclose(pattern.weights, [[0.2, 0, 0.3], [0.2, 0, 0.5], [0.5, 0.2, 0]], atol=1e-7)
    np.testing.assert_allclose(pattern.hidden, [0.5, 0.3, 0.3], atol=1e-6)
    # [CLS] and [SEP] took 0.4, 0.3 and 0.2; weights below 0.2 another 0.1, 0 and 0.1.
    assert pattern.note == (
        "Special tokens are hidden: on average 30\u202f% of a row goes to [CLS] and [SEP] and is left out. "
        "Only weights of at least 0.2 are shown: on average 7\u202f% of a row is left out."
    )


def test_weights_are_left_out_after_rescaling():
    # Row a shows 0.2, 0.1 and 0.3 of 0.6: a third, a sixth, a half.
    pattern = shown(ViewOptions(words=False, special="renormalise", keep=Keep("least", 0.3)))
    np.testing.assert_allclose(pattern.weights[0], [1 / 3, 0, 1 / 2], atol=1e-6)
    np.testing.assert_allclose(pattern.hidden[0], 1 / 6, atol=1e-6)


@pytest.mark.parametrize(
    ("between", "queries", "keys"),
    [
        ("a-a", ("[CLS]", "a", "b", "[SEP]"), ("[CLS]", "a", "b", "[SEP]")),
        ("a-b", ("[CLS]", "a", "b", "[SEP]"), ("c", "[SEP]")),
        ("b-a", ("c", "[SEP]"), ("[CLS]", "a", "b", "[SEP]")),
        ("b-b", ("c", "[SEP]"), ("c", "[SEP]")),
    ],
)
def test_of_a_pair_the_rows_of_one_text_and_the_columns_of_one_are_left(between: str, queries: tuple, keys: tuple):
    pattern = shown(ViewOptions(words=False, between=between))
    assert (pattern.queries, pattern.keys) == (queries, keys)
    rows, columns = ([0, 1, 2, 3] if name == "a" else [4, 5] for name in between.split("-"))
    np.testing.assert_array_equal(pattern.weights, ROWS[np.ix_(rows, columns)])
    np.testing.assert_allclose(pattern.weights.sum(-1), 1 - pattern.hidden, atol=1e-6)


def test_the_note_says_how_much_goes_to_the_other_text():
    pattern = shown(ViewOptions(words=False, special="hide", between="a-b"))
    np.testing.assert_allclose(pattern.weights, [[0.3], [0.5]], atol=1e-7)
    np.testing.assert_allclose(pattern.hidden, [0.7, 0.5], atol=1e-6)
    # Rows a and b: [CLS] and [SEP] take 0.4 and 0.3, the first text itself 0.3 and 0.2.
    assert pattern.note == (
        "Special tokens are hidden: on average 35\u202f% of a row goes to [CLS] and [SEP] and is left out. "
        "Only how the first text looks at the second is shown: on average 25\u202f% of a row goes to the text that is not "
        "shown and is left out."
    )


def test_a_text_may_look_at_itself():
    assert "Only how the second text looks at itself is shown" in shown(ViewOptions(words=False, between="b-b")).note


def test_with_one_text_there_is_nothing_to_choose():
    alone = PAIR[:4]
    pattern = shown(ViewOptions(words=False, between="b-a"), alone, rows=np.eye(4, dtype=np.float32))
    assert pattern.queries == pattern.keys == ("[CLS]", "a", "b", "[SEP]")
    assert "Only" not in pattern.note


def test_across_two_texts_there_is_nothing_to_choose_either():
    pattern = shown(ViewOptions(words=False, between="a-a"), PAIR[4:], PAIR[:4], np.eye(2, 4, dtype=np.float32))
    assert pattern.weights.shape == (2, 4)


FILTERED = [
    ViewOptions(True, "show", Keep("least", 0.15)),
    ViewOptions(False, "hide", Keep("top", 2.0), "a-b"),
    ViewOptions(True, "renormalise", Keep("mass", 0.6), "b-a"),
    ViewOptions(False, "show", None, "a-a"),
]


@pytest.mark.parametrize("options", FILTERED, ids=str)
def test_the_overview_and_the_patterns_of_all_heads_have_the_same_filter(options: ViewOptions):
    raw = np.random.default_rng(11).exponential(size=(2, 3, 6, 6)).astype(np.float32)
    block = Block("self", PAIR, PAIR, tuple(Dense(layer) for layer in raw / raw.sum(-1, keepdims=True)))
    made = Trace(AttentionRequest("made", "a b", "c"), (block,))
    found = view.overview(made, options)
    for layer, heads in enumerate(view.patterns(made, options)):
        for head, one in enumerate(heads):
            alone = view.pattern(made, HeadRef(layer, head), options)
            np.testing.assert_allclose(found[layer, head], alone.weights, atol=1e-6)
            np.testing.assert_allclose(one.weights, alone.weights, atol=1e-7)
            assert one.note == alone.note


def test_options_without_their_filters_say_the_same_of_words_and_special_tokens():
    assert FILTERED[1].unfiltered == ViewOptions(False, "hide")
