"""Questions of worksheets: their answers, by hand, on a small matrix."""

from __future__ import annotations

import numpy as np

from attnviz.analysis import questions
from attnviz.analysis.link_ranking import LinkScore
from attnviz.types import HeadRef, Pattern, Unit

UNITS = (
    Unit("[CLS]", 0, 0, (0,), special=True), Unit("the", 0, 3, (1,)), Unit("cat", 4, 7, (2,)), Unit("saw", 8, 11, (3,)),
    Unit("the", 12, 15, (4,)),
)  # fmt: skip
WEIGHTS = np.array(
    [
        [0.6, 0.1, 0.1, 0.1, 0.1],
        [0.7, 0.1, 0.1, 0.05, 0.05],
        [0.25, 0.5, 0.125, 0.0625, 0.0625],  # looks most at the word before it
        [0.6, 0.1, 0.1, 0.1, 0.1],
        [0.1, 0.1, 0.1, 0.6, 0.1],  # and so does this one
    ],
    np.float32,
)


def pattern(weights: np.ndarray = WEIGHTS) -> Pattern:
    labels = tuple(unit.text for unit in UNITS)
    return Pattern(labels, labels, weights, np.zeros(5, np.float32), query_units=UNITS, key_units=UNITS)


def test_words_that_come_twice_are_numbered_and_unknown_ones_marked() -> None:
    assert questions.names(UNITS) == ("[CLS]", "the 1", "cat", "saw", "the 2")
    assert questions.names((Unit("☃", 0, 1, (0,), unknown=True),)) == ("☃ [UNK]",)


def test_the_answers_on_one_head_are_its_own_numbers() -> None:
    found = questions.about_head(pattern(), 2, HeadRef(3, 1))
    assert found[0].text == "Find the row of “cat”. At what does it look most in L3·H1, and at what second?"
    assert found[0].answer == "Most at “the” (no. 1) (0.500), then [CLS] (0.250)."
    assert found[1].answer == "0.500, so 0.500 is left for the others."
    # of the four words, "the" and "saw" look most at [CLS]; it gets (0.7 + 0.25 + 0.6 + 0.1) / 4
    assert found[2].answer == "2 of 4 words look most at [CLS]; it gets 41\u202f% on average."
    assert found[3].answer == "“cat” and “the” (no. 2)."
    assert 3 <= len(found) <= 5


def test_a_head_without_such_words_has_none_as_its_answer() -> None:
    even = np.full((5, 5), 0.2, np.float32)
    assert questions.about_head(pattern(even), 2, HeadRef(0, 0))[3].answer == "No word does."


def test_the_answers_on_two_heads_compare_them() -> None:
    other = WEIGHTS.copy()
    other[2] = [0.05, 0.05, 0.05, 0.8, 0.05]
    found = questions.about_two((pattern(), pattern(other)), (2, 2), ("L0·H0", "L0·H1"))
    assert found[0].answer == "Picture 1: “the” (no. 1) (0.500). Picture 2: “saw” (0.800): not the same word."
    assert found[1].answer == "In picture 2, by 0.300."
    assert found[2].answer.startswith("Picture 1 (L0·H0)")  # entropy 1.875 bits in that row, against 1.12
    assert found[3].answer == "The largest difference: “cat” and “saw”, 0.063 in picture 1 and 0.800 in picture 2."


def test_texts_of_other_lengths_have_no_largest_difference() -> None:
    short = Pattern(("a", "b"), ("a", "b"), np.eye(2, dtype=np.float32), np.zeros(2, np.float32))
    assert questions.about_two((pattern(), short), (2, 0), ("1", "2"))[3].answer.startswith("Open")


def test_the_answers_on_all_heads_count_them() -> None:
    ranked = (
        LinkScore(1, 1, 0.9, 0.8, 1),
        LinkScore(1, 0, 0.5, 0.1, 2),
        LinkScore(0, 0, 0.2, -0.3, 3),
        LinkScore(0, 1, 0.1, -0.5, 4),
    )
    found = questions.about_ranking(ranked, "the link", 10)
    assert [one.answer for one in found[:4]] == [
        "L1·H1: 0.900.",
        "1 of 4.",  # 0.5 is not more than half
        "2 of 4.",  # more than 0.3
        "Layer 1 of 0 to 1, 0.700 on average.",
    ]
    assert "2 of 4 heads" in found[4].answer
