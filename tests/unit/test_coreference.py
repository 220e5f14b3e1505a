"""Questions about a pronoun decided by hand: maxima, not sums; ties; candidates that cannot be seen."""

from __future__ import annotations

import numpy as np
import pytest

from attnviz.linguistics.corpora.types import AnnotatedQuestion
from attnviz.linguistics.probes import coreference
from attnviz.types import Token

# "Ann Lee met Bob . She ate": Ann, Lee, met, Bob, ., She as two pieces, ate. 8 tokens.
TEXT = "Ann Lee met Bob . She ate"
TOKENS = tuple(
    Token(text, text, start, start + len(text), word)
    for word, (text, start) in enumerate(
        [("Ann", 0), ("Lee", 4), ("met", 8), ("Bob", 12), (".", 16), ("Sh", 18), ("e", 20), ("ate", 22)]
    )
)
ANN, BOB, SHE = (0, 7), (12, 15), (18, 21)


def question(pronoun=SHE, candidates=(ANN, BOB), answer: int | None = 0) -> AnnotatedQuestion:
    return AnnotatedQuestion("q", TEXT, pronoun, candidates, answer)


def test_a_question_in_tokens():
    assert coreference.token_question(question(), TOKENS, causal=True) == coreference.TokenQuestion(
        (5, 6), ((0, 1), (3,)), 0, False, 0.5
    )
    assert coreference.token_question(question(answer=1), TOKENS, causal=True) == coreference.TokenQuestion(
        (5, 6), ((0, 1), (3,)), 1, True, 0.5
    )


@pytest.mark.parametrize(
    ("annotated", "causal", "reason"),
    [
        (question(answer=None), False, coreference.NO_ANSWER),
        (question(candidates=(ANN,)), False, coreference.NO_ANSWER),
        (question(pronoun=(19, 20)), False, coreference.NO_TOKEN),
        (question(pronoun=BOB, candidates=(ANN, SHE)), True, coreference.LATER),
    ],
)
def test_a_question_that_cannot_be_scored_says_why(annotated: AnnotatedQuestion, causal: bool, reason: str):
    assert coreference.token_question(annotated, TOKENS, causal=causal) == reason


def test_a_model_that_reads_both_ways_sees_a_later_candidate():
    assert coreference.token_question(
        question(pronoun=BOB, candidates=(ANN, SHE)), TOKENS, causal=False
    ) == coreference.TokenQuestion((3,), ((0, 1), (5, 6)), 0, False, 0.5)


def test_distance_is_counted_between_the_spans_on_either_side():
    assert coreference.distance((0, 7), (12, 15)) == 5
    assert coreference.distance((12, 15), (0, 7)) == 5


def test_the_mean_over_the_pronoun_and_the_maximum_over_a_name_decide_and_a_tie_is_a_miss():
    choices = [
        coreference.TokenQuestion((5, 6), ((0, 1), (3,)), 0, False, 0.5),
        coreference.TokenQuestion((5,), ((0, 1), (3,)), 1, True, 0.5),
    ]
    given = np.zeros((2, 3, 2, 8), np.float32)  # 2 questions, 3 heads, 2 pieces of the pronoun, 8 keys
    given[0, 0, :, :4] = [[0.2, 0.2, 0.0, 0.3], [0.2, 0.2, 0.0, 0.3]]  # a sum would say Ann Lee, the maximum says Bob
    given[0, 1, :, :4] = [[0.6, 0.0, 0.0, 0.4], [0.1, 0.0, 0.0, 0.2]]  # means 0.35 and 0.30
    given[0, 2, :, :4] = [[0.25, 0.5, 0.0, 0.5], [0.25, 0.0, 0.0, 0.0]]  # 0.25 each
    given[1, :, 0, :4] = [[0.2, 0.2, 0.0, 0.3], [0.6, 0.0, 0.0, 0.4], [0.25, 0.5, 0.0, 0.5]]
    assert coreference.hits(given, choices).tolist() == [[False, True, False], [True, False, False]]


MENTIONS = "Cheryl Cassidy met Pauline. Cassidy, a Cassidyan, smiled; Pauline waved. Then she and Cassidy left."


def annotated(answer: int, *names: str) -> AnnotatedQuestion:
    """Who is meant by “she”, of these names where they first stand."""
    places = tuple((at := MENTIONS.index(name), at + len(name)) for name in names)
    return AnnotatedQuestion("m", MENTIONS, (MENTIONS.index("she"), MENTIONS.index("she") + 3), places, answer)


def test_a_name_is_mentioned_as_often_as_its_most_frequent_word():
    assert [coreference.mentions(MENTIONS, name) for name in ("Cheryl Cassidy", "Pauline", "she", "Bob")] == [3, 2, 1, 0]


def test_the_name_mentioned_more_often_is_right_or_wrong_and_equal_names_share_the_answer():
    assert coreference.mentioned(annotated(0, "Cheryl Cassidy", "Pauline"), 0) == 1.0
    assert coreference.mentioned(annotated(1, "Cheryl Cassidy", "Pauline"), 1) == 0.0
    assert coreference.mentioned(annotated(0, "Cheryl", "smiled"), 0) == 0.5
    assert coreference.mentioned(annotated(2, "Cheryl", "Pauline", "smiled"), 2) == 0.0


def test_a_lone_blank_is_no_piece_of_a_name():
    text = "Ann 12 saw Bob 7. He"
    pieces = [("Ann", 0), (" ", 3), ("12", 4), ("saw", 7), ("Bob", 11), (" ", 14), ("7", 15), (".", 16), ("He", 18)]
    tokens = tuple(Token(piece, piece, start, start + len(piece), at) for at, (piece, start) in enumerate(pieces))
    choice = coreference.token_question(AnnotatedQuestion("q", text, (18, 20), ((0, 6), (11, 16)), 0), tokens, causal=True)
    assert isinstance(choice, coreference.TokenQuestion)
    assert choice.candidates == ((0, 2), (4, 6))


def test_the_place_of_the_right_candidate_is_its_place_in_the_text_in_any_order_of_names():
    first = coreference.TokenQuestion((5,), ((3,), (0, 1)), 1, False, 0.5)
    assert (first.place, coreference.TokenQuestion((5,), ((0, 1), (3,)), 0, False, 0.5).place) == (0, 0)
