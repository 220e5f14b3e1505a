"""Links scored by hand: words of several pieces, ties, causal models, what cannot be scored. Every axis has another size."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from attnviz.linguistics.corpora.types import ParsedSentence
from attnviz.linguistics.probes import dependencies
from attnviz.linguistics.probes.word_attention import WordGrid, word_grid, words_of_tokens
from attnviz.types import Link, Token


def special(name: str, at: int) -> Token:
    return Token(name, name, at, at, None)


def piece(text: str, start: int, word: int) -> Token:
    return Token(text, text, start, start + len(text), word)


# "The cats saw it ." is [CLS] The cat ##s saw it . [SEP]: 5 words, 8 tokens.
CATS = ParsedSentence(
    "cats", "The cats saw it .", ((0, 3), (4, 8), (9, 12), (13, 15), (16, 17)),
    (
        Link((0, 3), (4, 8), "det"),
        Link((4, 8), (9, 12), "nsubj:pass"),
        Link((13, 15), (9, 12), "obj"),
        Link((16, 17), (9, 12), "punct"),
    ),
)  # fmt: skip
CATS_TOKENS = (
    special("[CLS]", 0), piece("The", 0, 0), piece("cat", 4, 1), piece("s", 7, 1), piece("saw", 9, 2), piece("it", 13, 3),
    piece(".", 16, 4), special("[SEP]", 17),
)  # fmt: skip
# "I do n't go" with "don't" one piece: no token starts in "n't". 4 words, 5 tokens.
DONT = ParsedSentence(
    "dont", "I don't go", ((0, 1), (2, 4), (4, 7), (8, 10)),
    (Link((0, 1), (8, 10), "nsubj"), Link((2, 4), (8, 10), "aux"), Link((4, 7), (8, 10), "advmod")),
)  # fmt: skip
DONT_TOKENS = (special("[CLS]", 0), piece("I", 0, 0), piece("don't", 2, 1), piece("go", 8, 2), special("[SEP]", 10))


def made(*, causal: bool = False) -> WordGrid:
    return word_grid([CATS_TOKENS, DONT_TOKENS], [CATS.words, DONT.words], causal=causal)


def weights(heads: int = 3) -> np.ndarray:
    """[row, head, query, key] whose rows sum to 1 over the tokens of each text, zeros at padding."""
    raw = np.random.default_rng(3).exponential(size=(2, heads, 8, 8)).astype(np.float32)
    raw[1, :, 5:] = raw[1, :, :, 5:] = 0.0
    return raw / np.maximum(raw.sum(-1, keepdims=True), 1e-9)


def test_a_token_belongs_to_the_word_in_which_it_starts():
    assert words_of_tokens(CATS_TOKENS, CATS.words) == [None, 0, 1, 1, 2, 3, 4, None]
    assert words_of_tokens(DONT_TOKENS, DONT.words) == [None, 0, 1, 3, None]


def test_a_token_between_the_words_belongs_to_none():
    assert words_of_tokens([piece("The", 0, 0), piece("-", 3, 1), piece("cat", 4, 2)], ((0, 3), (4, 7))) == [0, None, 1]


def test_attention_to_a_word_is_the_sum_and_from_a_word_the_mean_over_its_pieces():
    given = weights()
    found = made().attention(given)
    assert found.shape == (2, 3, 5, 5)
    np.testing.assert_allclose(found[0, :, 3, 1], given[0, :, 5, 2] + given[0, :, 5, 3], atol=1e-6)  # it -> cat s
    np.testing.assert_allclose(found[0, :, 1, 4], (given[0, :, 2, 6] + given[0, :, 3, 6]) / 2, atol=1e-6)  # cat s -> .
    np.testing.assert_allclose(found[1, :, 3, 0], given[1, :, 3, 1], atol=1e-6)  # go -> I
    assert not found[1, :, 2].any()  # "n't" has no token
    assert not found[1, :, :, 2].any()


def test_links_are_tested_both_ways_without_root_and_punctuation_and_with_their_subtype():
    left_out: Counter[str] = Counter()
    scored = dependencies.scored_links([CATS, DONT], made(), left_out)
    shown = list(
        zip(
            scored.row,
            scored.relation,
            scored.direction,
            scored.source,
            scored.target,
            scored.offset,
            scored.others,
            strict=True,
        )
    )
    assert shown == [
        (0, "det", 0, 0, 1, 1, 4), (0, "det", 1, 1, 0, -1, 4),
        (0, "nsubj:pass", 0, 1, 2, 1, 4), (0, "nsubj:pass", 1, 2, 1, -1, 4),
        (0, "obj", 0, 3, 2, -1, 4), (0, "obj", 1, 2, 3, 1, 4),
        (1, "nsubj", 0, 0, 3, 3, 2), (1, "nsubj", 1, 3, 0, -3, 2),
        (1, "aux", 0, 1, 3, 2, 2), (1, "aux", 1, 3, 1, -2, 2),
    ]  # fmt: skip
    assert left_out == {dependencies.NO_TOKEN: 2}


def test_a_causal_model_is_tested_only_on_earlier_words():
    left_out: Counter[str] = Counter()
    scored = dependencies.scored_links([CATS, DONT], made(causal=True), left_out)
    shown = list(zip(scored.row, scored.relation, scored.direction, scored.offset, scored.others, strict=True))
    assert shown == [
        (0, "det", 1, -1, 1), (0, "nsubj:pass", 1, -1, 2), (0, "obj", 0, -1, 3), (1, "nsubj", 1, -3, 2), (1, "aux", 1, -2, 2),
    ]  # fmt: skip
    assert left_out == {dependencies.NO_TOKEN: 2, dependencies.LATER: 5}


def test_a_head_is_right_where_the_target_gets_most_of_all_other_words():
    given = np.zeros((2, 3, 8, 8), np.float32)
    # the row of "it" (token 5)  [CLS]  The   cat   s     saw   it    .     [SEP]
    given[0, 0, 5] = [0.30, 0.05, 0.05, 0.05, 0.16, 0.30, 0.01, 0.08]  # saw 0.16 beats cats 0.10; itself does not count
    given[0, 1, 5] = [0.30, 0.05, 0.09, 0.09, 0.16, 0.22, 0.01, 0.08]  # cats 0.18: a sum of two pieces beats saw
    given[0, 2, 5] = [0.30, 0.25, 0.00, 0.00, 0.25, 0.10, 0.02, 0.08]  # The and saw tie: a miss
    scored = dependencies.scored_links([CATS, DONT], made(), Counter())
    found = dependencies.hits(made().attention(given), made(), scored)
    assert found.shape == (10, 3)
    assert found[4].tolist() == [True, False, False]  # obj, the dependent "it" looks at its head "saw"
    assert not found[:4].any()  # rows of nothing but zeros: all words tie


def test_hits_are_those_of_a_loop_over_links_heads_and_words():
    given = weights()
    for causal in (False, True):
        if causal:
            given = np.tril(given)
        scored = dependencies.scored_links([CATS, DONT], made(causal=causal), Counter())
        found = dependencies.hits(made(causal=causal).attention(given), made(causal=causal), scored)
        pieces = ({0: [1], 1: [2, 3], 2: [4], 3: [5], 4: [6]}, {0: [1], 1: [2], 3: [3]})
        for at, (row, source, target) in enumerate(zip(scored.row, scored.source, scored.target, strict=True)):
            for head in range(3):
                to = {
                    word: np.mean([sum(given[row, head, q, k] for k in keys) for q in pieces[row][source]])
                    for word, keys in pieces[row].items()
                    if word != source and (word < source or not causal)
                }
                assert found[at, head] == (max(to, key=lambda word: to[word]) == target)


def test_root_and_punctuation_are_left_out_also_with_a_subtype_and_an_empty_subtype_counts_as_none():
    links = tuple(Link((0, 3), (4, 8), kind) for kind in ("punct:quote", "root:x", "det:", "det:predet"))
    scored = dependencies.scored_links([ParsedSentence("odd", CATS.text, CATS.words, links)], made(), Counter())
    assert scored.relation == ("det", "det", "det:predet", "det:predet")


@pytest.mark.parametrize(("words", "fits"), [(3, False), (4, True), (60, True), (61, False)])
def test_sentences_of_4_to_60_words_are_scored(words: int, fits: bool):
    assert dependencies.fits(ParsedSentence("n", "a " * words, tuple((2 * n, 2 * n + 1) for n in range(words)), ())) is fits


def test_a_batch_without_links_has_none():
    bare = ParsedSentence("bare", CATS.text, CATS.words, ())
    one = word_grid([CATS_TOKENS], [CATS.words], causal=False)
    scored = dependencies.scored_links([bare], one, Counter())
    assert dependencies.hits(one.attention(weights()[:1]), one, scored).shape == (0, 3)
