"""One head by words or tokens: pieces merged, special tokens hidden or rescaled, and a note on each."""

from __future__ import annotations

import numpy as np
import pytest

from attnviz.analysis import view
from attnviz.engine.block import Block
from attnviz.engine.layers import Dense, Projections
from attnviz.engine.trace import Trace
from attnviz.errors import ShapeError, UnknownHeadError
from attnviz.types import AttentionRequest, HeadRef, Token, Unit
from attnviz.view_state import ViewOptions
from tests.toy_texts import IT_DIDNT as TOKENS

# Rows of 6 keys: [CLS] It didn ' t [SEP]
ROWS = np.array(
    [
        [1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [0.2, 0.1, 0.3, 0.05, 0.25, 0.1],
        [0.4, 0.1, 0.1, 0.1, 0.1, 0.2],
        [0.0, 0.5, 0.2, 0.2, 0.1, 0.0],
        [0.2, 0.0, 0.3, 0.3, 0.1, 0.1],
        [0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
    ],
    np.float32,
)
WORDS, TOKENWISE = ViewOptions(words=True), ViewOptions(words=False)


def trace(
    *layers: np.ndarray, queries: tuple[Token, ...] = TOKENS, keys: tuple[Token, ...] | None = None, name: str = "self"
) -> Trace:
    """A trace whose weights are these arrays, [head, query, key] a layer."""
    block = Block(name, queries, queries if keys is None else keys, tuple(Dense(layer) for layer in layers))
    return Trace(AttentionRequest("made", "by hand"), (block,))


def of(rows: np.ndarray, options: ViewOptions, **more: tuple[Token, ...]):
    """The pattern of a trace with one head."""
    return view.pattern(trace(rows[None], **more), HeadRef(0, 0), options)


def softmaxed(*shape: int) -> np.ndarray:
    """Random rows that sum to 1."""
    raw = np.random.default_rng(7).exponential(size=shape).astype(np.float32)
    return raw / raw.sum(-1, keepdims=True)


def word(text: str, *tokens: int) -> Unit:
    """A unit over these tokens."""
    return Unit(text, 0, 0, tokens)


def test_attention_to_a_word_is_the_sum_and_from_a_word_the_mean_over_its_pieces():
    pattern = of(ROWS, WORDS)
    assert pattern.queries == pattern.keys == ("[CLS]", "It", "didn't", "[SEP]")
    # It: 0.3 + 0.05 + 0.25 to the pieces of didn't.
    np.testing.assert_allclose(pattern.weights[1], [0.2, 0.1, 0.6, 0.1], atol=1e-6)
    # didn't: to itself (0.1+0.1+0.1, 0.2+0.2+0.1, 0.3+0.3+0.1) / 3 = (0.3 + 0.5 + 0.7) / 3.
    np.testing.assert_allclose(pattern.weights[2], [0.2, 0.2, 0.5, 0.1], atol=1e-6)
    assert "sum over its pieces" in pattern.note
    assert not pattern.hidden.any()


def test_tokens_stay_as_they_are_and_the_note_is_silent():
    pattern = of(ROWS, TOKENWISE)
    np.testing.assert_array_equal(pattern.weights, ROWS)
    assert pattern.keys == ("[CLS]", "It", "didn", "'", "t", "[SEP]")
    assert pattern.note == ""


def test_merging_every_head_at_once_equals_merging_by_a_matrix_of_memberships():
    weights = softmaxed(2, 3, 7, 5)
    queries = (word("a", 0), word("b", 1, 2, 3), word("c", 4), word("d", 5, 6))
    keys = (word("e", 0, 1), word("f", 4))  # the pieces 2 and 3 belong to no word here
    from_words = np.zeros((4, 7))
    to_words = np.zeros((5, 2))
    for row, unit in enumerate(queries):
        from_words[row, list(unit.tokens)] = 1 / len(unit.tokens)
    for column, unit in enumerate(keys):
        to_words[list(unit.tokens), column] = 1
    np.testing.assert_allclose(view.merged(weights, queries, keys), from_words @ weights @ to_words, atol=1e-6)


def test_merging_leaves_the_weights_it_was_given_alone():
    weights = softmaxed(2, 4, 4)
    before = weights.copy()
    view.merged(weights, (word("a", 0, 1), word("b", 2, 3)), (word("a", 0, 1), word("b", 2, 3)))
    np.testing.assert_array_equal(weights, before)


def test_rows_keep_their_sums_when_words_are_merged():
    pattern = of(softmaxed(6, 6), WORDS)
    np.testing.assert_allclose(pattern.weights.sum(-1), 1.0, atol=1e-6)


def test_a_unit_without_tokens_is_refused_by_name():
    with pytest.raises(ShapeError, match="'ghost'"):
        view.merged(softmaxed(3, 3), (word("a", 0),), (word("ghost"),))


def test_the_patterns_of_all_heads_are_those_of_each_head_alone():
    made = trace(softmaxed(2, 6, 6), softmaxed(3, 6, 6))
    for options in (WORDS, ViewOptions(special="hide"), ViewOptions(words=False, special="renormalise")):
        for layer, heads in enumerate(view.patterns(made, options)):
            assert len(heads) == (2, 3)[layer]
            for head, all_at_once in enumerate(heads):
                alone = view.pattern(made, HeadRef(layer, head), options)
                np.testing.assert_allclose(all_at_once.weights, alone.weights, atol=1e-7)
                np.testing.assert_allclose(all_at_once.hidden, alone.hidden, atol=1e-7)
                assert (all_at_once.queries, all_at_once.keys, all_at_once.note) == (alone.queries, alone.keys, alone.note)


def test_a_hidden_token_leaves_its_share_in_the_row():
    pattern = of(ROWS, ViewOptions(words=False, special="hide"))
    assert pattern.queries == pattern.keys == ("It", "didn", "'", "t")
    np.testing.assert_allclose(pattern.hidden, [0.3, 0.6, 0.0, 0.3], atol=1e-6)
    np.testing.assert_allclose(pattern.weights, ROWS[1:5, 1:5])
    np.testing.assert_allclose(pattern.weights.sum(-1), 1 - pattern.hidden, atol=1e-6)
    # (0.3 + 0.6 + 0 + 0.3) / 4
    assert pattern.note == "Special tokens are hidden: on average 30\u202f% of a row goes to [CLS] and [SEP] and is left out."


def test_a_hidden_share_of_a_word_is_the_mean_over_its_pieces():
    pattern = of(ROWS, ViewOptions(words=True, special="hide"))
    np.testing.assert_allclose(pattern.hidden, [0.3, 0.3], atol=1e-6)


def test_rescaled_rows_sum_to_one_and_the_note_says_what_they_had_lost():
    pattern = of(ROWS, ViewOptions(words=False, special="renormalise"))
    np.testing.assert_allclose(pattern.weights[1], np.array([0.1, 0.1, 0.1, 0.1]) / 0.4, atol=1e-6)
    np.testing.assert_allclose(pattern.weights.sum(-1), 1.0, atol=1e-6)
    assert not pattern.hidden.any()
    assert "rescaled to sum to 1: before, 30\u202f% of it on average went to [CLS] and [SEP]" in pattern.note


def test_a_row_with_nothing_left_stays_zero_and_the_note_says_so():
    rows = ROWS.copy()
    rows[1] = [0.5, 0.0, 0.0, 0.0, 0.0, 0.5]
    pattern = of(rows, ViewOptions(words=False, special="renormalise"))
    np.testing.assert_array_equal(pattern.weights[0], np.zeros(4))
    np.testing.assert_array_equal(pattern.hidden, [1, 0, 0, 0])
    assert pattern.note.endswith("One row has nothing left to rescale and stays 0.")


def test_without_special_tokens_hiding_them_changes_nothing_and_says_nothing():
    rows, tokens = softmaxed(3, 3), tuple(Token(c, c, at, at + 1, at) for at, c in enumerate("abc"))
    for special in ("hide", "renormalise"):
        pattern = of(rows, ViewOptions(words=False, special=special), queries=tokens)
        np.testing.assert_array_equal(pattern.weights, rows)
        assert pattern.note == ""


def test_a_text_of_special_tokens_alone_hides_to_nothing_and_says_so():
    pattern = of(np.full((2, 2), 0.5, np.float32), ViewOptions(special="hide"), queries=(TOKENS[0], TOKENS[-1]))
    assert pattern.weights.shape == (0, 0)
    assert pattern.note == "Special tokens are hidden, and there is nothing beside [CLS] and [SEP]."


def test_cross_attention_hides_the_special_tokens_of_each_side_for_itself():
    target = (Token("<pad>", "<pad>", 0, 0, None, 1), Token("Es", "▁Es", 0, 2, 0, 1), Token("ist", "▁ist", 3, 6, 1, 1))
    head = softmaxed(1, 3, 6)
    made = trace(head, queries=target, keys=TOKENS, name="cross")
    pattern = view.pattern(made, HeadRef(0, 0, "cross"), ViewOptions(words=True, special="hide"))
    assert (pattern.queries, pattern.keys) == (("Es", "ist"), ("It", "didn't"))
    np.testing.assert_allclose(pattern.weights[:, 1], head[0, 1:, 2:5].sum(-1), atol=1e-6)
    np.testing.assert_allclose(pattern.hidden, head[0, 1:, 0] + head[0, 1:, 5], atol=1e-6)
    assert not pattern.causal


def test_words_of_a_pair_keep_apart_though_they_count_alike():
    pair = (TOKENS[0], Token("a", "a", 0, 1, 0), TOKENS[5], Token("b", "b", 0, 1, 0, 1), Token("c", "c", 1, 2, 0, 1))
    pattern = of(softmaxed(5, 5), WORDS, queries=pair)
    assert pattern.keys == ("[CLS]", "a", "[SEP]", "bc")
    assert [unit.segment for unit in pattern.key_units] == [0, 0, 0, 1]


def sinking() -> Trace:
    """Two heads over three words, whose learned sinks are as strong as one key with a score of 0."""
    query = np.zeros((2, 3, 4), np.float32)
    call = Projections(
        query=query,
        key=query,
        value=query,
        scale=0.5,
        causal=False,
        output=query,
        sinks=np.array([0.0, np.log(3.0)], np.float32),
    )
    tokens = tuple(Token(c, c, at, at + 1, at) for at, c in enumerate("abc"))
    return Trace(AttentionRequest("made", "abc"), (Block("self", tokens, tokens, (call,)),))


def test_a_learned_sink_counts_as_hidden_and_is_named():
    # Scores are all 0: three keys and a sink of weight 1 share a row in quarters.
    pattern = view.pattern(sinking(), HeadRef(0, 0), WORDS)
    np.testing.assert_allclose(pattern.weights, np.full((3, 3), 0.25), atol=1e-6)
    np.testing.assert_allclose(pattern.hidden, [0.25] * 3, atol=1e-6)
    assert pattern.note == "On average 25\u202f% of a row goes to a learned sink, which is no token, and is left out."


def test_rescaling_takes_a_learned_sink_out_too_and_the_overview_agrees():
    options = ViewOptions(special="renormalise")
    pattern = view.pattern(sinking(), HeadRef(0, 1), options)  # the sink of head 1 weighs as much as the three keys
    np.testing.assert_allclose(pattern.weights, np.full((3, 3), 1 / 3), atol=1e-6)
    assert pattern.note == "Each row is rescaled to sum to 1: before, 50\u202f% of it on average went to a learned sink."
    np.testing.assert_allclose(view.overview(sinking(), options)[0, 1], pattern.weights, atol=1e-6)


@pytest.mark.parametrize("special", ["show", "hide", "renormalise"])
@pytest.mark.parametrize("words", [True, False])
def test_the_overview_holds_every_head_as_its_pattern_shows_it(words: bool, special: str):
    made, options = trace(*softmaxed(2, 3, 6, 6)), ViewOptions(words, special)
    found = view.overview(made, options)
    assert found.dtype == np.float32
    for layer in range(2):
        for head in range(3):
            want = view.pattern(made, HeadRef(layer, head), options).weights
            np.testing.assert_allclose(found[layer, head], want, atol=1e-6)


def test_an_overview_of_a_causal_model_is_zero_above_the_diagonal_and_its_pattern_is_causal():
    rows = np.tril(softmaxed(6, 6))
    rows /= rows.sum(-1, keepdims=True)
    pattern = of(rows, WORDS)
    assert pattern.causal
    assert not np.triu(pattern.weights, 1).any()


def test_a_layer_with_fewer_heads_leaves_zeros():
    found = view.overview(trace(softmaxed(2, 6, 6), softmaxed(3, 6, 6)), TOKENWISE)
    assert found.shape == (2, 3, 6, 6)
    assert not found[0, 2].any()
    assert found[1, 2].any()


def test_pooling_keeps_the_largest_weight_of_each_square():
    weights = np.arange(2 * 5 * 7, dtype=np.float32).reshape(2, 5, 7)
    small, factor = view.pooled(weights, 3)
    assert factor == 3  # 7 keys in at most 3 cells
    assert small.shape == (2, 2, 3)
    for row in range(2):
        for column in range(3):
            part = weights[:, 3 * row : 3 * row + 3, 3 * column : 3 * column + 3]
            np.testing.assert_array_equal(small[:, row, column], part.max((1, 2)))


def test_what_fits_is_not_pooled():
    weights = softmaxed(5, 6)
    small, factor = view.pooled(weights, 6)
    assert factor == 1
    np.testing.assert_array_equal(small, weights)


def test_an_overview_can_be_pooled_while_it_streams():
    made = trace(*softmaxed(2, 3, 6, 6))
    want, _ = view.pooled(view.overview(made, TOKENWISE), 4)
    np.testing.assert_array_equal(view.overview(made, TOKENWISE, size=4), want)


def test_a_head_that_is_not_there_is_refused():
    with pytest.raises(UnknownHeadError, match="heads 0 to 0"):
        view.pattern(trace(ROWS[None]), HeadRef(0, 1), WORDS)
    with pytest.raises(UnknownHeadError, match="cross"):
        view.pattern(trace(ROWS[None]), HeadRef(0, 0, "cross"), WORDS)


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0\u202f%"), (0.004, "under 1\u202f%"), (0.006, "1\u202f%"), (0.64, "64\u202f%"), (1.0, "100\u202f%")],
)
def test_a_share_is_written_in_per_cent_and_never_as_a_false_zero(share: float, text: str):
    assert view.percent(share) == text
