"""Questions of lessons: which tables are questions, what the model's numbers are for each answer, and how answers are graded.

The numbers are of a made trace, by hand: 2 layers x 3 heads x 6 tokens of "cats saw it", in which "cats" is two pieces.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from attnviz.engine.block import Block
from attnviz.engine.layers import Dense
from attnviz.engine.trace import Trace
from attnviz.errors import BadInputError
from attnviz.models import catalog
from attnviz.teaching import grading, measures, questions
from attnviz.teaching.measures import OpenAnswer
from attnviz.teaching.questions import LessonQuestion
from attnviz.types import AttentionRequest, Token
from tests.toy_texts import CATS_SAW_IT

TEXT = "cats saw it"
TOKENS = (*CATS_SAW_IT, Token("[SEP]", "[SEP]", 11, 11, None))
CARDS = {card.id: card for card in catalog.cards()}
BASE = {"form": "token", "ask": "?", "measure": "weight", "head": "1.2", "query": "it", "right": "largest"}


def made(causal: bool = False) -> Trace:
    """A trace in which L1·H2 gives from "it": [CLS] 0.1, cats 0.2 + 0.1, saw 0.25, it 0.3, [SEP] 0.05; else all alike."""
    weights = np.full((2, 3, 6, 6), 1 / 6, np.float32)
    weights[1, 2, 4] = (0.1, 0.2, 0.1, 0.25, 0.3, 0.05)
    weights[1, 2, 3] = (0.5, 0.1, 0.1, 0.1, 0.1, 0.1)
    weights[1, 2, 1] = (0.0, 0.2, 0.2, 0.6, 0.0, 0.0)
    weights[1, 2, 2] = (0.0, 0.4, 0.4, 0.2, 0.0, 0.0)
    if causal:
        weights = np.tril(weights)
        weights /= weights.sum(-1, keepdims=True)
    return Trace(AttentionRequest("minilm", TEXT), (Block("self", TOKENS, TOKENS, tuple(map(Dense, weights))),))


def asked(**more: Any) -> LessonQuestion:
    table = {name: one for name, one in {**BASE, **more}.items() if one is not None}
    return questions.question(table, TEXT, CARDS["minilm"], CARDS)


def values(question: LessonQuestion, causal: bool = False) -> dict[str, float]:
    return {one.id: round(one.value, 4) for one in measures.choices(question, lambda model, text: made(causal))}


def test_an_open_key_is_every_word_a_word_of_two_pieces_summed_and_special_tokens_on_request():
    assert values(asked()) == {"0-4": 0.3, "5-8": 0.25, "9-11": 0.3}
    assert values(asked(special=True)) == {"s0": 0.1, "0-4": 0.3, "5-8": 0.25, "9-11": 0.3, "s4": 0.05}


def test_an_open_query_is_every_word_the_mean_over_its_pieces():
    assert values(asked(query=None, key="saw")) == {"0-4": 0.4, "5-8": 0.1, "9-11": 0.25}


def test_an_open_head_is_every_head_of_every_layer():
    found = values(asked(form="head", head=None, key="cats"))
    assert len(found) == 6
    assert (found["1.2"], found["0.0"]) == (0.3, 0.3333)


def test_an_open_link_is_every_pair_of_different_words():
    found = values(asked(form="link", query=None))
    assert found == {
        "0-4>5-8": 0.4, "0-4>9-11": 0.0, "5-8>0-4": 0.2, "5-8>9-11": 0.1, "9-11>0-4": 0.3, "9-11>5-8": 0.25,
    }  # fmt: skip


def test_in_a_causal_model_only_what_is_in_sight_can_be_chosen():
    assert set(values(asked(query="saw"), causal=True)) == {"0-4", "5-8"}
    assert set(values(asked(query=None, key="saw"), causal=True)) == {"5-8", "9-11"}


@pytest.mark.parametrize(
    ("more", "value"),
    [
        ({"key": "[CLS]"}, 0.1),
        # cats gets 0.3 from it, and from the one other word, saw, 0.2.
        ({"measure": "difference", "key": "cats"}, 0.1),
        # saw gets 0.4 from cats and 0.25 from it.
        ({"measure": "received", "query": None, "key": "saw"}, 0.325),
        # of 0.1, 0.3, 0.25, 0.3, 0.05 by words
        ({"measure": "entropy"}, 0.1 * 3.3219 + 0.6 * 1.737 + 0.25 * 2 + 0.05 * 4.3219),
        # two words away 0.3, one 0.25, none 0.3, over 0.85
        ({"measure": "distance"}, (2 * 0.3 + 0.25) / 0.85),
        ({"measure": "tokens", "head": None, "query": None}, 6.0),
        ({"measure": "arithmetic", "head": None, "query": None, "expression": "2 * 1 + 0 * 3 + 1 * (-1)"}, 1.0),
    ],
)
def test_each_measure_of_one_number_is_what_it_says(more: Mapping[str, Any], value: float):
    question = asked(**{"form": "number", "right": None, "within": 0.1, **more})
    assert values(question)[""] == pytest.approx(value, abs=2e-4)


def test_options_are_heads_words_or_texts():
    heads = asked(form="one", head=None, key="cats", options=["L1·H2", "0.1"])
    assert values(heads) == {"o0": 0.3, "o1": 0.3333}
    assert values(asked(form="order", options=["saw", "cats"])) == {"o0": 0.25, "o1": 0.3}
    assert values(asked(form="one", measure="tokens", head=None, query=None, options=["cats saw it", "a"])) == {
        "o0": 6,
        "o1": 6,
    }


def test_a_hit_rate_is_counted_on_the_held_out_half():
    rates = values(asked(form="head", measure="hit rate", head=None, query=None, relation="gap"))
    assert len(rates) == 72
    assert 0.5 < max(rates.values()) < 1.0


WRONG = [
    ({"form": "guess"}, "form is one of"),
    ({"colour": "red"}, "has no “colour”"),
    ({"ask": None}, "needs “ask”"),
    ({"ask": 7}, "is a text"),
    ({"ask": "x" * 601}, "at most 600"),
    ({"measure": "love"}, "A measure is one of"),
    ({"head": "9.1"}, "there is no L9·H1"),
    ({"head": "x"}, "L3·H1 or 3.1"),
    ({"query": "dog"}, "“query” cannot be used"),
    ({"relation": "det"}, "has no relation"),
    ({"key": "cats"}, "nothing is left open"),
    ({"query": None, "head": None}, "is left open"),
    ({"form": "head"}, "is left open"),
    ({"form": "one"}, "2 to 8 different options"),
    ({"form": "one", "options": ["saw", "saw"]}, "2 to 8 different options"),
    ({"form": "one", "options": ["saw", "dog"]}, "“dog” stands 0 times"),
    ({"form": "one", "options": "saw"}, "a list of texts"),
    ({"options": ["saw", "it"]}, "lists no options"),
    ({"right": None}, "by one of right, above and below"),
    ({"right": "biggest"}, "largest or smallest"),
    ({"above": 0.5}, "by one of right, above and below"),
    ({"right": None, "above": True}, "is a number"),
    ({"top": 0}, "from 1 to 20"),
    ({"within": 0.1}, "is for the form number"),
    ({"form": "several", "options": ["saw", "it"]}, "needs a bound"),
    ({"form": "order", "options": ["saw", "it"], "right": None, "above": 0.1}, "which comes first"),
    ({"form": "number", "key": "cats"}, "“right” is not used"),
    ({"form": "number", "key": "cats", "right": None, "within": 0}, "above 0"),
    ({"form": "free"}, "does not use “head”"),
    ({"model": "none"}, "There is no model"),
    ({"special": "yes"}, "true or false"),
]


@pytest.mark.parametrize(("more", "reason"), WRONG)
def test_a_table_that_is_no_question_is_refused_in_words(more: Mapping[str, Any], reason: str):
    with pytest.raises(BadInputError, match=reason):
        asked(**more)


def graded(question: LessonQuestion, raw: object, *numbers: float) -> tuple[float | None, tuple[str, ...]]:
    """The credit of an answer where the choices o0, o1, … have these values."""
    open_choices = tuple(OpenAnswer(f"o{at}", "abcdefgh"[at], value) for at, value in enumerate(numbers))
    found = grading.grade(question, grading.answer(question, raw), open_choices)
    assert found.reason
    return found.credit, found.right


def test_one_choice_is_right_a_tie_is_right_half_of_the_best_earns_half():
    question = asked()
    assert graded(question, "o0", 0.64, 0.3, 0.1) == (1.0, ("o0",))
    assert graded(question, "o1", 0.64, 0.636, 0.1) == (1.0, ("o0", "o1"))
    assert graded(question, "o1", 0.64, 0.32, 0.1) == (0.5, ("o0",))
    assert graded(question, "o1", 0.64, 0.31, 0.1) == (0.0, ("o0",))
    assert graded(asked(top=2), "o1", 0.64, 0.31, 0.1) == (1.0, ("o0", "o1"))
    assert graded(asked(right="smallest"), "o1", 0.64, 0.2, 0.1) == (0.0, ("o2",))
    assert graded(asked(right=None, above=0.2), "o1", 0.64, 0.31, 0.1) == (1.0, ("o0", "o1"))


def test_several_earn_the_right_ones_less_the_wrong_ones():
    question = asked(form="several", options=["saw", "it"], right=None, above=0.2)
    assert graded(question, ["o0", "o1"], 0.3, 0.4, 0.1, 0.0) == (1.0, ("o0", "o1"))
    assert graded(question, ["o0"], 0.3, 0.4, 0.1) == (0.5, ("o0", "o1"))
    assert graded(question, ["o0", "o2"], 0.3, 0.4, 0.1) == (0.0, ("o0", "o1"))
    assert graded(question, ["o0", "o1", "o2"], 0.3, 0.4, 0.1) == (0.5, ("o0", "o1"))
    assert graded(question, ["o2"], 0.3, 0.4, 0.1) == (0.0, ("o0", "o1"))
    assert graded(question, [], 0.1, 0.1) == (1.0, ())
    assert graded(question, ["o0"], 0.1, 0.1) == (0.0, ())


def test_an_order_earns_its_pairs_and_tied_pairs_are_right_either_way():
    question = asked(form="order", options=["saw", "it"])
    assert graded(question, ["o0", "o1", "o2"], 0.5, 0.3, 0.1)[0] == 1.0
    assert graded(question, ["o1", "o0", "o2"], 0.5, 0.3, 0.1)[0] == pytest.approx(2 / 3)
    assert graded(question, ["o1", "o0", "o2"], 0.5, 0.498, 0.1)[0] == 1.0
    with pytest.raises(BadInputError, match="each of the 3 options once"):
        graded(question, ["o1", "o0"], 0.5, 0.3, 0.1)


@pytest.mark.parametrize(("raw", "credit"), [("0.5", 1.0), ("0,6", 1.0), ("0.7", 0.5), ("0.8", 0.0), ("−9", 0.0)])
def test_an_estimate_falls_from_one_to_nothing_between_once_and_three_times_the_distance(raw: str, credit: float):
    question = asked(form="number", key="cats", right=None, within=0.1)
    assert graded(question, raw, 0.5)[0] == pytest.approx(credit)


def test_yes_or_no_goes_by_the_bound_and_at_the_bound_both_are_right():
    question = asked(form="yesno", key="cats", right=None, above=0.5)
    assert graded(question, "yes", 0.6) == (1.0, ("yes",))
    assert graded(question, "no", 0.6) == (0.0, ("yes",))
    assert graded(question, "no", 0.502) == (1.0, ("yes", "no"))


def test_a_claim_is_graded_by_the_claim_tester_and_own_words_are_not():
    claim = questions.question({"form": "claim", "ask": "?"}, TEXT, CARDS["minilm"], CARDS)
    good = grading.grade(claim, grading.answer(claim, ["3.1", "gap", "dh"]), ())
    bad = grading.grade(claim, grading.answer(claim, ["0.0", "gap", "dh"]), ())
    assert (good.credit, bad.credit) == (1.0, 0.0)
    assert "points" in good.reason
    free = questions.question({"form": "free", "ask": "?"}, TEXT, CARDS["minilm"], CARDS)
    assert grading.grade(free, grading.answer(free, "Because."), ()).credit is None


BAD = [
    ("token", None), ("token", ""), ("token", "x" * 61), ("token", ["a"]), ("number", "much"), ("number", "nan"),
    ("number", "inf"), ("yesno", "perhaps"), ("several", "o1"), ("several", ["o1", "o1"]), ("several", [1]),
    ("several", ["o1"] * 9), ("claim", ["3.1", "gap"]), ("claim", ["3.1", "gap", "up"]), ("claim", ["x", "gap", "dh"]),
    ("free", "x" * 2001), ("free", {}),
]  # fmt: skip


@pytest.mark.parametrize(("form", "raw"), BAD)
def test_what_is_no_answer_is_refused(form: str, raw: object):
    with pytest.raises(BadInputError):
        grading.answer(LessonQuestion(form, "?", "minilm", TEXT), raw)


def test_an_answer_that_was_not_offered_is_refused():
    with pytest.raises(BadInputError, match="is not one of the 2 answers"):
        graded(asked(), "o7", 0.5, 0.3)
