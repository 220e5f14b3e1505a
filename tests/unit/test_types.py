"""The values: what they promise holds when they are made, and cannot be broken afterwards."""

from __future__ import annotations

import dataclasses

import jaxtyping
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnviz.errors import AttnvizError, BadInputError, ShapeError
from attnviz.types import BLOCKS, AttentionRequest, HeadRef, HeadScores, ModelCard, Pattern, Token, frozen_copy, joined, quoted
from attnviz.view_state import TokenSelection, ViewOptions


def card(kind: str) -> ModelCard:
    return ModelCard("tiny", "Tiny", kind, layers=2, heads=3, max_tokens=16, licence="MIT", source="made up")


def pattern(weights: np.ndarray, hidden: np.ndarray) -> Pattern:
    return Pattern(("it", "slept"), ("it", "slept", "late"), weights, hidden)


def test_a_frozen_copy_is_contiguous_float32_and_cannot_be_written():
    original = np.arange(6, dtype=np.float64).reshape(2, 3).T
    copy = frozen_copy(original)
    assert copy.dtype == np.float32
    assert copy.flags.c_contiguous
    with pytest.raises(ValueError, match="read-only"):
        copy[0, 0] = 1


def test_a_frozen_copy_does_not_follow_its_original():
    original = np.zeros(2, np.float32)
    copy = frozen_copy(original)
    original[:] = 7
    assert copy.tolist() == [0, 0]


def test_a_token_is_special_when_it_belongs_to_no_word():
    assert Token("[CLS]", "[CLS]", 0, 0, word=None).special
    assert not Token("it", "it", 0, 2, word=0).special


def test_equal_requests_are_one_cache_key_and_another_second_text_is_another():
    keys = {AttentionRequest("minilm", "a"), AttentionRequest("minilm", "a"), AttentionRequest("minilm", "a", "b")}
    assert len(keys) == 2


def test_an_empty_second_text_counts_as_none_and_a_space_as_a_text():
    assert AttentionRequest("minilm", "a", "") == AttentionRequest("minilm", "a")
    assert AttentionRequest("minilm", "a", " ").text_b == " "


def test_a_head_prints_counted_from_zero():
    assert str(HeadRef(3, 1)) == "L3·H1"
    assert str(HeadRef(0, 11, "cross")) == "L0·H11"


@pytest.mark.parametrize("name", ["L3·H1", "L3H1", "l3h1", "L3.H1", "3.1", " 3.1 "])
def test_a_head_is_read_in_every_form_that_is_written(name: str):
    assert HeadRef.parse(name) == HeadRef(3, 1)


@given(st.integers(0, 999), st.integers(0, 999), st.sampled_from(BLOCKS))
def test_what_a_head_prints_reads_back_as_that_head(layer: int, head: int, block: str):
    assert HeadRef.parse(str(HeadRef(layer, head, block)), block) == HeadRef(layer, head, block)


@pytest.mark.parametrize("name", ["", "3", "L3", "H1", "3,1", "-1.0", "L3·H1x", "../../etc/passwd"])
def test_what_is_no_head_is_refused_with_the_form_wanted(name: str):
    with pytest.raises(BadInputError, match=r"L3·H1 or 3\.1"):
        HeadRef.parse(name)


@pytest.mark.parametrize(("layer", "head"), [(-1, 0), (0, -1)])
def test_a_negative_layer_or_head_is_refused_with_its_value(layer: int, head: int):
    with pytest.raises(BadInputError, match=f"layer {layer}, head {head}"):
        HeadRef(layer, head)


def test_an_unknown_block_is_refused_with_the_known_ones():
    with pytest.raises(BadInputError, match="self, encoder, decoder, cross; got 'middle'"):
        HeadRef(0, 0, "middle")


def test_heads_sort_by_layer_and_then_by_head():
    assert sorted([HeadRef(1, 0), HeadRef(0, 2), HeadRef(0, 1)]) == [HeadRef(0, 1), HeadRef(0, 2), HeadRef(1, 0)]


def test_an_unknown_way_to_show_special_tokens_is_refused():
    with pytest.raises(BadInputError, match="show, hide, renormalise; got 'drop'"):
        ViewOptions(special="drop")


def test_a_pattern_keeps_its_own_copy_of_the_weights():
    weights = np.full((2, 3), 0.25, np.float32)
    kept = pattern(weights, np.full(2, 0.25, np.float32))
    weights[:] = 0
    assert kept.weights.tolist() == [[0.25] * 3] * 2
    with pytest.raises(ValueError, match="read-only"):
        kept.hidden[0] = 1


def test_a_pattern_refuses_weights_that_are_turned_the_other_way():
    with pytest.raises(ShapeError, match=r"2 queries and 3 keys need weights \(2, 3\), got \(3, 2\)"):
        pattern(np.zeros((3, 2), np.float32), np.zeros(3, np.float32))


def test_a_pattern_refuses_hidden_shares_for_the_keys(monkeypatch: pytest.MonkeyPatch):
    # As in the app, where nothing checks the signature first.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(ShapeError, match=r"2 queries need 2 hidden shares, got \(3,\)"):
        pattern(np.zeros((2, 3), np.float32), np.zeros(3, np.float32))


def test_scores_of_heads_cannot_be_written():
    scores = HeadScores("entropy", np.zeros((2, 3), np.float32), "bits", 0.0, 2.0)
    with pytest.raises(ValueError, match="read-only"):
        scores.values[0, 0] = 1


@pytest.mark.parametrize(
    ("kind", "causal", "pairs", "blocks"),
    [
        ("encoder", False, True, ("self",)),
        ("decoder", True, False, ("self",)),
        ("encoder-decoder", False, True, ("encoder", "decoder", "cross")),
    ],
)
def test_the_kind_of_a_model_says_what_it_reads_and_which_blocks_it_has(
    kind: str, causal: bool, pairs: bool, blocks: tuple[str, ...]
):
    assert (card(kind).causal, card(kind).pairs, card(kind).blocks) == (causal, pairs, blocks)


def test_a_value_cannot_be_changed_after_it_was_made():
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(HeadRef(0, 0), "layer", 1)  # noqa: B010


@given(
    st.builds(TokenSelection, st.integers(0, 9_999_999), st.integers(0, 1), st.sampled_from(["query", "key"]), st.booleans())
)
def test_a_selected_word_reads_back_from_the_address_as_itself(focus: TokenSelection):
    assert TokenSelection.parse(str(focus)) == focus


@pytest.mark.parametrize("text", ["", "-1", "x4", "bk3", "12345678", "4 3", "٣x"])
def test_what_is_no_selected_word_is_refused_with_an_example(text: str):
    with pytest.raises(BadInputError, match="focus=43"):
        TokenSelection.parse(text)


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")],
)
def test_a_list_is_joined_as_a_sentence_wants_it(parts: list[str], sentence: str):
    assert joined(parts) == sentence


def test_a_list_may_end_in_or():
    assert joined(["a", "b", "c"], "or") == "a, b or c"


def test_a_quoted_value_is_one_short_line():
    assert quoted("a\n b") == "“a b”"
    assert quoted("x" * 41) == "“" + "x" * 40 + "…”"
    assert quoted("x" * 40) == "“" + "x" * 40 + "”"


def test_every_error_on_purpose_is_caught_by_one_name():
    assert issubclass(ShapeError, BadInputError)
    assert issubclass(BadInputError, AttnvizError)
    assert issubclass(BadInputError, ValueError)
