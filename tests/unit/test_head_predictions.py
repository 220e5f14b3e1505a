"""The word that one head chooses for each word, by hand and by the rule that measures heads: the same answers."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pytest

from attnviz.engine.block import Block
from attnviz.engine.layers import Dense
from attnviz.engine.trace import Trace
from attnviz.errors import BadInputError
from attnviz.linguistics import head_predictions
from attnviz.linguistics.corpora.types import ParsedSentence
from attnviz.linguistics.head_predictions import Outcome, Prediction, RelationCount
from attnviz.linguistics.probes import dependencies
from attnviz.linguistics.probes.word_attention import word_grid
from attnviz.types import AttentionRequest, HeadRef, Link, Token
from tests.toy_texts import CATS, CATS_SAW_IT, IT, SAW

TEXT = "cats saw it."
TOKENS = (
    *CATS_SAW_IT,
    Token(".", ".", 11, 12, 3),
    Token("[SEP]", "[SEP]", 12, 12, None),
)
DOT = (11, 12)
PARSED = ParsedSentence(
    "made", TEXT, (CATS, SAW, IT, DOT), (Link(CATS, SAW, "nsubj"), Link(IT, SAW, "obj"), Link(DOT, SAW, "punct"))
)
ROWS = np.array(
    [
        # [CLS] cat   s     saw   it    .     [SEP]
        [1.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00],
        [0.50, 0.00, 0.00, 0.25, 0.25, 0.00, 0.00],
        [0.00, 0.25, 0.00, 0.50, 0.00, 0.25, 0.00],  # cats, the mean of both: saw .375, it .125, . .125
        [0.00, 0.25, 0.25, 0.00, 0.50, 0.00, 0.00],  # saw: cats .5, it .5, no first
        [0.00, 0.25, 0.25, 0.375, 0.00, 0.00, 0.125],  # it: cats .5, though no piece has more than saw
        [0.00, 0.00, 0.00, 0.00, 0.00, 1.00, 0.00],
        [0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 1.00],
    ],
    np.float32,
)
HEAD = HeadRef(0, 0)


def traced(weights: np.ndarray, tokens: tuple[Token, ...] = TOKENS) -> Trace:
    """A trace of [layer, head, query, key]."""
    return Trace(AttentionRequest("made", TEXT), (Block("self", tokens, tokens, tuple(Dense(layer) for layer in weights)),))


def plain(count: int) -> tuple[Token, ...]:
    """One token a word, two characters from word to word."""
    return tuple(Token("w", "w", 2 * at, 2 * at + 1, at) for at in range(count))


MADE = traced(ROWS[None, None])


def test_each_word_chooses_the_other_word_that_gets_most_special_tokens_and_itself_left_out():
    assert head_predictions.predictions(MADE, PARSED, HEAD) == (
        Prediction(1, 0.375),
        Prediction(None, 0.0),
        Prediction(0, 0.5),
        Prediction(None, 0.0),
    )


def test_hits_and_misses_of_dependents_that_look_at_their_heads():
    found = head_predictions.outcomes(MADE, PARSED, HEAD, "dh")
    assert [(one.source, one.target, one.state) for one in found] == [(0, 1, "hit"), (2, 1, "miss")]
    assert head_predictions.counts(found) == (RelationCount("nsubj", 1, 1, 0), RelationCount("obj", 0, 1, 0))


def test_a_tie_is_a_miss_for_a_head_that_looks_at_its_dependents():
    found = head_predictions.outcomes(MADE, PARSED, HEAD, "hd")
    assert [(one.source, one.target, one.state, one.choice.word) for one in found] == [
        (1, 0, "miss", None),
        (1, 2, "miss", None),
    ]


def test_in_a_causal_model_links_to_later_words_are_not_visible_and_not_missed():
    weights = np.array([[1, 0, 0], [0.5, 0.5, 0], [0.25, 0.5, 0.25]], np.float32)
    parsed = ParsedSentence(
        "made", "w w w", ((0, 1), (2, 3), (4, 5)), (Link((0, 1), (2, 3), "nsubj"), Link((4, 5), (2, 3), "obj"))
    )
    found = head_predictions.outcomes(traced(weights[None, None], plain(3)), parsed, HEAD, "dh")
    assert [one.state for one in found] == ["unseen", "hit"]
    assert head_predictions.counts(found) == (RelationCount("nsubj", 0, 0, 1), RelationCount("obj", 1, 1, 0))
    assert found[0].choice == Prediction(None, 0.0)


def test_the_distance_that_suits_a_sentence_best_is_that_of_most_links_that_count():
    def at(source: int, target: int, state: str = "miss") -> Outcome:
        return Outcome(Link((0, 1), (2, 3), "dep"), source, target, Prediction(None, 0.0), state)

    assert head_predictions.best_distance([at(0, 1), at(3, 5), at(4, 6), at(2, 3, "unseen"), at(5, 6, "unread")]) == (2, 2)
    assert head_predictions.best_distance([at(0, 2), at(1, 2), at(3, 2)]) == (-1, 1), "of equals the nearer, then the one back"
    assert head_predictions.best_distance([at(0, 1, "unseen")]) == (0, 0)


def test_a_word_in_which_no_token_starts_is_not_counted():
    parsed = ParsedSentence("made", TEXT, ((0, 2), (3, 3), SAW), (Link((3, 3), SAW, "dep"), Link(SAW, (0, 2), "dep")))
    found = head_predictions.outcomes(MADE, parsed, HEAD, "dh")
    assert [one.state for one in found] == ["unread", "hit"]
    assert head_predictions.counts(found) == (RelationCount("dep", 1, 1, 0),)


def test_another_direction_is_refused():
    with pytest.raises(BadInputError, match="dh or hd; got 'up'"):
        head_predictions.outcomes(MADE, PARSED, HEAD, "up")


@pytest.mark.parametrize("causal", [False, True], ids=["both-ways", "causal"])
def test_every_decision_is_the_one_that_heads_are_measured_by(causal: bool):
    noise = np.random.default_rng(5)
    size = 9
    raw = noise.exponential(size=(2, 3, size, size)).astype(np.float32)
    raw[0, 0] = noise.integers(0, 3, (size, size)) + np.eye(size)  # a head with many ties
    raw = np.tril(raw) if causal else raw
    weights = raw / raw.sum(-1, keepdims=True)
    places = [(2 * at, 2 * at + 1) for at in range(size)]
    links = tuple(
        Link(places[a], places[b], kind)
        for (a, b), kind in zip(product(range(size), repeat=2), ["det", "nsubj:pass", "punct"] * size * size, strict=False)
        if a != b
    )
    parsed = ParsedSentence("made", "w " * size, tuple(places), links)
    trace = traced(weights, plain(size))

    made = word_grid([plain(size)], [places], causal=causal)
    scored = dependencies.scored_links([parsed], made, Counter())
    for layer in range(2):
        hits = dependencies.hits(made.attention(weights[None, layer]), made, scored)
        for head, (number, way) in product(range(3), enumerate(dependencies.DIRECTIONS)):
            mine = [one for one in head_predictions.outcomes(trace, parsed, HeadRef(layer, head), way) if one.counts]
            theirs = hits[scored.direction == number, head]
            assert [one.state == "hit" for one in mine] == theirs.tolist()
