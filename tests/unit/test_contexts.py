"""What a model can see of a link or a question: equal contexts, ceilings and what can be decided, by hand and by trying."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from attnviz.linguistics.atlas import contexts
from attnviz.linguistics.probes.coreference import TokenQuestion

IDS = (7, 3, 9, 4, 5)
WORDS = ((0, 2), (3, 5), (6, 8), (9, 11), (12, 14))


def test_a_causal_model_sees_a_link_up_to_its_source():
    other = (*IDS[:3], 8, 8)
    assert contexts.link_context(IDS, WORDS, [2], 2, causal=True) == contexts.link_context(other, WORDS, [2], 2, causal=True)
    assert contexts.link_context(IDS, WORDS, [3], 3, causal=True) != contexts.link_context(other, WORDS, [3], 3, causal=True)
    assert contexts.link_context(IDS, WORDS, [2], 2, causal=False) != contexts.link_context(other, WORDS, [2], 2, causal=False)
    assert contexts.link_context(IDS, WORDS, [2], 2, causal=False) != contexts.link_context(IDS, WORDS, [1], 1, causal=False)


def question(ids: tuple[int, ...], pronoun: int, *candidates: int, causal: bool = True) -> int:
    return contexts.question_context(
        ids, TokenQuestion((pronoun,), tuple((one,) for one in candidates), 0, True, 0.5), causal=causal
    )


def test_a_causal_model_sees_a_question_up_to_the_pronoun():
    assert question(IDS, 3, 0, 1) == question((*IDS[:4], 99, 98), 3, 1, 0)
    assert question(IDS, 3, 0, 1) != question(IDS, 3, 0, 2)
    assert question(IDS, 3, 0, 1) != question((7, 3, 9, 6, 5), 3, 0, 1)
    assert question(IDS, 3, 0, 1, causal=False) != question((*IDS[:4], 99), 3, 0, 1, causal=False)


def test_contexts_are_numbered_by_how_far_back_their_first_one_stands():
    found = contexts.distance_to_first(np.array([5, 2, 5, 9, 2, 5], np.uint64))
    assert found.tolist() == [0, 0, 2, 0, 3, 5]
    assert contexts.distance_to_first(np.zeros(0, np.uint64)).tolist() == []


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=7))
def test_the_ceiling_is_what_the_best_of_all_possible_heads_reaches(instances: list[tuple[int, int]]):
    context, answer = (np.array([one[at] for one in instances], int) for at in (0, 1))
    heads = product(range(3), repeat=3)  # what a head answers in each of three contexts
    best = max(sum(head[c] == a for c, a in instances) for head in heads)
    assert contexts.ceiling(context, answer) == best


def test_decidable_are_those_whose_context_has_one_answer():
    context, answer = np.array([0, 0, 2, 2, 4]), np.array([1, 1, 0, 1, 3])
    assert contexts.decidable(context, answer).tolist() == [True, True, False, False, True]
