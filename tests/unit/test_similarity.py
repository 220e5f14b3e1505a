"""Rank correlations of attention with similarity, compared with scipy's: ties and hidden words too. Axes differ in size."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from attnviz.linguistics.probes import similarity
from attnviz.linguistics.probes.word_attention import WordGrid, word_grid
from attnviz.types import Token

WORDS = (8, 6)  # of two texts; a token each, and no special ones
HEADS, NUMBERS = 3, 5


def made(*, causal: bool = False) -> WordGrid:
    tokens = [[Token("x", "x", 2 * at, 2 * at + 1, at) for at in range(many)] for many in WORDS]
    return word_grid(tokens, [tuple((2 * at, 2 * at + 1) for at in range(many)) for many in WORDS], causal=causal)


def pieces() -> list[np.ndarray]:
    """Embeddings of the tokens, the second word of the first text like its fifth."""
    random = np.random.default_rng(2)
    found = [random.normal(size=(many, NUMBERS)).astype(np.float32) for many in WORDS]
    found[0][4] = found[0][1]
    return found


def attention() -> np.ndarray:
    """[row, head, word, other], with a few ties."""
    found = np.random.default_rng(3).uniform(size=(2, HEADS, 8, 8)).astype(np.float32)
    found[0, 1, 7, 2] = found[0, 1, 7, 4] = found[0, 1, 7, 5]
    found[1, :, 6:] = found[1, :, :, 6:] = 0.0
    return found


@pytest.mark.parametrize("causal", [False, True])
def test_the_sum_is_that_of_scipy_over_all_words_that_see_four_others(causal: bool):
    here, given = made(causal=causal), attention()
    like = similarity.word_similarity(pieces(), here, [0, 1])
    wanted, rows = np.zeros(HEADS), 0
    for row, mine in enumerate(pieces()):
        units = mine / np.linalg.norm(mine, axis=-1, keepdims=True)
        cosine = np.round(units @ units.T, 5)
        for word in range(WORDS[row]):
            others = [other for other in range(WORDS[row]) if other != word and (other < word or not causal)]
            if len(others) >= 4:
                rows += 1
                for head in range(HEADS):
                    wanted[head] += spearmanr(given[row, head, word, others], cosine[word, others]).statistic
    assert like.words.tolist() == ([8 - 4, 6 - 4] if causal else [8, 6])
    assert like.words.sum() == rows
    both = similarity.sums(given, here, like).sum(0)  # halves
    np.testing.assert_allclose(both[0, 0], wanted, atol=1e-5)


def test_a_head_that_looks_at_what_is_alike_scores_1_and_the_shuffle_takes_it_away():
    here = made()
    like = similarity.word_similarity(pieces(), here, [0, 1])
    given = np.zeros((2, HEADS, 8, 8), np.float32)
    for row, mine in enumerate(pieces()):
        given[row, :, : WORDS[row], : WORDS[row]] = (similarity.cosine_similarity(mine) + 1.0) / 2.0
    own, shuffled = similarity.sums(given, here, like)[:, 0].sum(0) / like.words.sum()
    np.testing.assert_allclose(own, 1.0, atol=1e-5)
    assert (np.abs(shuffled) < 0.5).all()


def test_texts_are_added_up_in_the_half_of_their_ordinal_with_the_squares_that_an_error_needs():
    here, given = made(), attention()
    both = similarity.word_similarity(pieces(), here, [6, 3])
    assert both.tally.tolist() == [[1, 8, 64], [1, 6, 36]]
    found = similarity.sums(given, here, both)
    assert found.shape == (2, 3, 2, HEADS)
    for half, words in ((0, 8), (1, 6)):
        plain, squared, crossed = found[half]
        assert (plain != 0).all()
        np.testing.assert_allclose(squared, plain**2)
        np.testing.assert_allclose(crossed, plain * words)
    swapped = similarity.sums(given, here, similarity.word_similarity(pieces(), here, [7, 4]))
    np.testing.assert_allclose(swapped[::-1, 0, 0], found[:, 0, 0])  # the shuffles are others


def test_means_are_over_words_and_their_errors_over_texts():
    sums, words = np.array([[3.0, 1.0, 2.0], [1.0, 2.0, 0.0]]), np.array([[6, 2, 2], [4, 4, 0]])  # half text
    moments = np.stack([sums.sum(1), (sums**2).sum(1), (sums * words).sum(1)], axis=1)[:, :, None, None, None]
    tally = np.stack([(words > 0).sum(1), words.sum(1), (words**2).sum(1)], axis=1)
    (even, odd), (error, other) = similarity.means(moments, tally)[..., 0, 0, 0]
    # Even: 6 of 10 words; texts lie 3 - 3.6, 1 - 1.2 and 2 - 1.2 apart: 0.36 + 0.04 + 0.64, times 3 / 2, over 10².
    assert (even, error) == pytest.approx((0.6, np.sqrt(1.5 * 1.04) / 10))
    # Odd: 3 of 8 words; 1 - 1.5 and 2 - 1.5: 0.25 + 0.25, times 2 / 1, over 8²; the third text has no word that counts.
    assert (odd, other) == pytest.approx((0.375, np.sqrt(2 * 0.5) / 8))


def test_of_one_text_there_is_a_mean_and_no_error_and_of_none_neither():
    moments, tally = np.zeros((2, 3, 1, 1, 1)), np.zeros((2, 3), np.int64)
    moments[0, :, 0, 0, 0], tally[0] = (1.0, 1.0, 4.0), (1, 4, 16)
    mean, error = similarity.means(moments, tally)[..., 0, 0, 0]
    np.testing.assert_array_equal(mean, [0.25, np.nan])
    assert np.isnan(error).all()


def test_the_shuffle_depends_on_the_text_alone():
    here = made()
    one, two = (similarity.word_similarity(pieces(), here, seeds) for seeds in ([4, 9], [4, 3]))
    np.testing.assert_array_equal(one.shuffled[0], two.shuffled[0])
    assert (one.shuffled[1] != two.shuffled[1]).any()


def test_words_without_a_choice_count_for_nothing():
    flat = [np.ones((many, NUMBERS), np.float32) for many in WORDS]  # all alike: no rank says anything
    like = similarity.word_similarity(flat, made(), [0, 1])
    assert not like.tally.any()
    assert not similarity.sums(attention(), made(), like).any()


def test_ranks_share_their_mean_where_values_tie():
    values = np.array([[9.0, 1.0, 3.0, 1.0, 5.0]])
    seen = np.array([[False, True, True, True, True]])
    found = similarity.unit_ranks(values, seen)  # ranks 1.5, 3, 1.5, 4 around 2.5
    wanted = np.array([0.0, -1.0, 0.5, -1.0, 1.5])
    np.testing.assert_allclose(found[0], wanted / np.linalg.norm(wanted), atol=1e-6)
