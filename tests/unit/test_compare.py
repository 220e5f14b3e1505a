"""Two patterns laid over each other: a minimal pair word by word, other lengths with a note, values from -1 to 1."""

from __future__ import annotations

import numpy as np
import pytest

from attnviz.analysis import compare
from attnviz.types import Pattern, Unit


def softmaxed(n: int, seed: int) -> np.ndarray:
    """Random rows that sum to 1."""
    raw = np.random.default_rng(seed).exponential(size=(n, n)).astype(np.float32)
    return raw / raw.sum(-1, keepdims=True)


def made(words: str, seed: int = 1, note: str = "", causal: bool = False) -> Pattern:
    """A random pattern of a text over itself."""
    labels = tuple(words.split())
    units = tuple(Unit(label, 6 * at, 6 * at + len(label), (at,)) for at, label in enumerate(labels))
    return Pattern(labels, labels, softmaxed(len(labels), seed), np.zeros(len(labels), np.float32), note, units, units, causal)


def test_a_minimal_pair_is_subtracted_word_by_word_and_names_both_words_where_they_differ():
    first, second = made("it was too tired", 1), made("it was too wide", 2)
    found = compare.difference(first, second)
    assert found.queries == found.keys == ("it", "was", "too", "tired/wide")
    np.testing.assert_allclose(found.weights, first.weights - second.weights)
    assert found.changed_queries == found.changed_keys == (3,)
    assert found.note == ""
    assert found.key_units == first.key_units


def test_a_pattern_minus_itself_is_zero_and_the_difference_changes_sign_with_its_order():
    first, second = made("a b c", 1), made("a b c", 2)
    assert not compare.difference(first, first).weights.any()
    np.testing.assert_array_equal(compare.difference(first, second).weights, -compare.difference(second, first).weights)
    assert abs(compare.difference(first, second).weights).max() <= 1


def test_a_word_in_one_text_only_is_left_out_and_named():
    first, second = made("the cat ran", 1), made("the old cat ran", 2)
    found = compare.difference(first, second)
    assert found.keys == ("the", "cat", "ran")
    kept = [0, 2, 3]
    np.testing.assert_allclose(found.weights, first.weights - second.weights[np.ix_(kept, kept)])
    assert found.key_pairs == ((0, 0), (1, 2), (2, 3))
    assert found.note == "Only the second has “old”, left out here."


def test_runs_of_equal_length_pair_up_and_others_do_not():
    assert compare.aligned(("a", "x", "y", "b"), ("a", "u", "v", "b")) == ((0, 0), (1, 1), (2, 2), (3, 3))
    assert compare.aligned(("a", "x", "b"), ("a", "u", "v", "b")) == ((0, 0), (2, 3))
    assert compare.aligned((), ("a",)) == ()


def test_common_words_in_a_long_text_are_still_aligned():
    # difflib's own shortcut drops what is frequent in texts of over 200 words.
    text = tuple(["the", "cat", "saw", "the", "dog", "and", "the", "bird"] * 30)
    assert compare.aligned(text, text) == tuple((at, at) for at in range(len(text)))


def test_a_slash_in_a_word_is_no_difference():
    found = compare.difference(made("and/or it"), made("and/or it"))
    assert found.changed_keys == ()


def test_queries_and_keys_of_cross_attention_are_aligned_each_for_themselves():
    rng = np.random.default_rng(5).random((2, 3)).astype(np.float32) / 3
    first = Pattern(("er", "sie"), ("he", "saw", "her"), rng, 1 - rng.sum(-1))
    second = Pattern(("er", "ihn"), ("he", "her"), rng[:, :2], 1 - rng[:, :2].sum(-1))
    found = compare.difference(first, second)
    assert (found.queries, found.keys) == (("er", "sie/ihn"), ("he", "her"))
    np.testing.assert_allclose(found.weights, np.stack([rng[:, 0] - rng[:, 0], rng[:, 2] - rng[:, 1]], -1))
    np.testing.assert_allclose(found.hidden, first.hidden - second.hidden)
    assert found.note == "Only the first has “saw”, left out here."


def test_texts_of_equal_length_with_nothing_in_common_pair_up_and_others_do_not():
    assert compare.difference(made("a b"), made("c d")).keys == ("a/c", "b/d")
    found = compare.difference(made("a b"), made("c d e"))
    assert found.weights.shape == (0, 0)
    assert found.note == "Only the first has “a” and “b”, left out here. Only the second has “c”, “d” and “e”, left out here."


def test_many_words_left_out_are_counted():
    found = compare.difference(made("z"), made("z a b c d e f g"))
    assert found.note == "Only the second has “a”, “b”, “c”, “d”, “e” and 2 more, left out here."


@pytest.mark.parametrize(
    ("first", "second", "note"),
    [("Hidden.", "Hidden.", "Hidden."), ("Hidden.", "", "First: Hidden."), ("A.", "B.", "First: A. Second: B.")],
)
def test_notes_of_both_patterns_are_kept(first: str, second: str, note: str):
    assert compare.difference(made("a b", note=first), made("a b", note=second)).note == note


def test_a_difference_is_causal_only_where_both_are():
    assert compare.difference(made("a b", causal=True), made("a b", causal=True)).causal
    assert not compare.difference(made("a b", causal=True), made("a b")).causal
