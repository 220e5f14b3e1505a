"""What other words give the target of a link: by hand, in both directions, with words of several pieces and padding."""

from __future__ import annotations

import numpy as np
import pytest

from attnviz.analysis import link_ranking, specificity, view
from attnviz.engine.block import Block
from attnviz.engine.layers import Dense
from attnviz.engine.trace import Trace
from attnviz.types import AttentionRequest, HeadRef, Link, Token
from attnviz.view_state import ViewOptions
from tests.toy_texts import CATS, CATS_SAW_IT, IT, SAW

# "cats saw it now and here" with two padding tokens: cats is two pieces; 1 layer x 3 heads x 6 words x 10 tokens.
NOW, AND, HERE = (12, 15), (16, 19), (20, 24)
TOKENS = (
    *CATS_SAW_IT,
    Token("now", "now", 12, 15, 3),
    Token("and", "and", 16, 19, 4),
    Token("here", "here", 20, 24, 5),
    Token("[SEP]", "[SEP]", 24, 24, None),
    Token("[PAD]", "[PAD]", 24, 24, None),
)
PLACES = {"[CLS]": 0, "cat": 1, "s": 2, "saw": 3, "it": 4, "now": 5, "and": 6, "here": 7, "[SEP]": 8, "[PAD]": 9}


def block(*heads: dict[str, tuple[float, float]], causal: bool = False) -> Block:
    """Heads in which each token gives the two pieces of "cats" the weights named; the rest goes to the token itself."""
    weights = np.zeros((len(heads), 10, 10), np.float32)
    for head, rows in enumerate(heads):
        for name, at in PLACES.items():
            weights[head, at, 1:3] = rows.get(name, (0.0, 0.0))
            weights[head, at, at] += 1.0 - weights[head, at].sum()
    if not causal:
        weights[:, 0] = 0.1  # [CLS] sees every later token, so the block is not causal
    return Block("self", TOKENS, TOKENS, (Dense(weights),))


def found(part: Block, source: list[int], target: list[int]) -> tuple[list[float], list[int], int, list[bool]]:
    one = specificity.of_links(part, [source], [target])
    return one.mean[0, :, 0].tolist(), one.looking[0, :, 0].tolist(), int(one.n[0]), one.everywhere[0, :, 0].tolist()


CATS_AT, SAW_AT, IT_AT = [1, 2], [3], [4]


def test_the_others_are_the_words_without_source_target_and_special_tokens_and_their_pieces_are_summed():
    part = block(
        {"it": (0.5, 0.3), "saw": (0.1, 0.1), "now": (0.0, 0.0), "and": (0.0, 0.4), "here": (0.1, 0.0), "[SEP]": (0.9, 0.0)},
        {"it": (0.5, 0.3), "saw": (0.3, 0.1), "now": (0.2, 0.2), "and": (0.0, 0.4), "here": (0.1, 0.0)},
        {"it": (0.05, 0.05), "saw": (0.04, 0.05), "now": (0.09, 0.0), "and": (0.09, 0.0), "here": (0.09, 0.0)},
    )
    mean, looking, n, everywhere = found(part, IT_AT, CATS_AT)
    assert n == 4  # saw, now, and, here
    assert mean == pytest.approx([(0.2 + 0.0 + 0.4 + 0.1) / 4, (0.4 + 0.4 + 0.4 + 0.1) / 4, 0.09])
    assert looking == [1, 3, 0]  # half of 0.8 is 0.4; the third head gives less than 0.1 everywhere
    assert everywhere == [False, True, False]


def test_a_source_that_gives_less_than_a_tenth_does_not_look_there_itself():
    part = block(dict.fromkeys(("saw", "now", "and", "here"), (0.5, 0.0)) | {"it": (0.09, 0.0)})
    assert found(part, IT_AT, CATS_AT)[1:] == ([0], 4, [False])
    assert found(part, SAW_AT, CATS_AT)[1:] == ([3], 4, [True])


def test_a_sentence_says_what_the_others_give():
    words = specificity.beside("“cats”", "0.500", 4, 3, True, "“it”")
    assert words == "Most words look here, not only “it”: the 4 other words give “cats” 0.500 on average."
    assert specificity.beside("“cats”", "0.500", 4, 4, True, "“it”").startswith("Every word looks here, not only “it”: the 4")
    assert specificity.beside("“cats”", "0.050", 1, 0, False, "“it”") == "The one other word gives “cats” 0.050 on average."


def test_a_word_of_two_pieces_gives_the_mean_of_what_they_give():
    part = block({"it": (0.0, 0.0)})
    weights = np.array(part.calls[0].weights(slice(None)))
    weights[0, 1], weights[0, 2], weights[0, 4], weights[0, 3] = np.eye(10)[
        [5, 6, 5, 5]
    ]  # cat at now, s at and; it, saw at now
    other = Block("self", TOKENS, TOKENS, (Dense(weights),))
    mean, looking, n, _ = found(other, IT_AT, [5])
    assert n == 4  # cats, saw, and, here
    assert mean == pytest.approx([(0.5 + 1.0 + 0.0 + 0.0) / 4])
    assert looking == [2]


def test_in_a_causal_model_only_later_words_count():
    part = block({"it": (0.6, 0.0), "now": (0.2, 0.0), "and": (0.4, 0.0)}, causal=True)
    assert part.causal
    assert found(part, IT_AT, SAW_AT)[2] == 3  # now, and, here
    mean, looking, n, everywhere = found(part, IT_AT, CATS_AT)
    assert (n, looking, everywhere) == (4, [1], [False])
    assert mean == pytest.approx([(0.0 + 0.2 + 0.4 + 0.0) / 4])


def test_without_other_words_there_is_no_mean_and_two_are_too_few_to_speak_of_everywhere():
    part = block({"here": (0.5, 0.0), "and": (0.5, 0.0), "now": (0.5, 0.0)}, causal=True)
    mean, looking, n, everywhere = found(part, [7], [6])
    assert (np.isnan(mean[0]), looking, n, everywhere) == (True, [0], 0, [False])
    assert specificity.compared(np.full((1, 2), 0.5), np.array([0.5]), np.ones((1, 2), bool)).everywhere.tolist() == [False]
    assert specificity.compared(np.full((1, 3), 0.5), np.array([0.5]), np.ones((1, 3), bool)).everywhere.tolist() == [True]


def test_the_words_of_another_text_count_though_they_are_in_the_place_of_the_target():
    target = (
        Token("<pad>", "<pad>", 0, 0, None, 1),
        *(Token(name, name, 3 * at, 3 * at + 2, at, 1) for at, name in enumerate("abc")),
    )
    weights = np.full((2, 4, 10), 0.1, np.float32)
    part = Block("cross", target, TOKENS, (Dense(weights),))
    one = specificity.of_links(part, [[1]], [[2]])
    assert one.n.tolist() == [2]  # b and c, though b is query 2
    assert one.mean.shape == (1, 2, 1)
    np.testing.assert_allclose(one.mean, 0.1, atol=1e-7)


def test_several_links_and_layers_give_the_same_as_a_loop_by_hand_also_a_few_rows_at_a_time(monkeypatch: pytest.MonkeyPatch):
    raw = np.random.default_rng(7).exponential(size=(2, 3, 10, 10)).astype(np.float32)
    weights = raw / raw.sum(-1, keepdims=True)
    part = Block("self", TOKENS, TOKENS, (Dense(weights[0]), Dense(weights[1][:2])))  # the second layer has a head less
    links = [([4], [1, 2]), ([1, 2], [7]), ([5], [3]), ([6], [4])]
    words = [[1, 2], [3], [4], [5], [6], [7]]
    monkeypatch.setattr(specificity, "ROWS_AT_ONCE", 1)
    for at_once in (specificity.WEIGHTS_AT_ONCE, 3 * 10 * 4):  # four rows of 3 heads x 10 keys
        monkeypatch.setattr(specificity, "WEIGHTS_AT_ONCE", at_once)
        one = specificity.of_links(part, *zip(*links, strict=True))
        assert np.isnan(one.mean[1, 2]).all()
        for layer, head in ((0, 0), (0, 2), (1, 1)):
            for at, (source, target) in enumerate(links):
                others = [word for word in words if word not in (source, target)]
                gives = [weights[layer, head][np.ix_(word, target)].sum(-1).mean() for word in others]
                own = weights[layer, head][np.ix_(source, target)].sum(-1).mean()
                assert one.mean[layer, head, at] == pytest.approx(np.mean(gives), abs=1e-6)
                assert one.looking[layer, head, at] == sum(own >= 0.1 and gave >= max(own / 2, 0.1) for gave in gives)
                assert one.n[at] == len(others)
    alone = specificity.of_links(part, *zip(*links, strict=True), HeadRef(1, 1))
    np.testing.assert_allclose(alone.mean[0, 0], one.mean[1, 1], atol=1e-6)
    assert alone.looking[0, 0].tolist() == one.looking[1, 1].tolist()


def test_a_ranking_has_what_others_give_and_can_go_by_the_difference():
    part = block(
        {"it": (0.5, 0.3), "saw": (0.8, 0.0), "now": (0.8, 0.0), "and": (0.6, 0.0), "here": (0.6, 0.0)},
        {"it": (0.4, 0.2), "saw": (0.1, 0.1)},
        {"it": (0.0, 0.0)},
    )
    trace = Trace(AttentionRequest("made", "cats saw it now and here"), (part,))
    first, second, third = link_ranking.rank_heads(trace, [Link(IT, CATS)])
    assert [(one.head, one.everywhere) for one in (first, second, third)] == [(0, True), (1, False), (2, False)]
    assert [first.others, second.others, third.others] == pytest.approx([0.7, 0.05, 0.0])
    assert [first.difference, second.difference] == pytest.approx([0.1, 0.55])
    by_difference = link_ranking.rank_heads(trace, [Link(IT, CATS)], order="difference")
    assert [(one.head, one.rank) for one in by_difference] == [(1, 1), (0, 2), (2, 3)]
    assert link_ranking.others_of(trace, [Link(IT, CATS), Link(IT, (SAW[0], HERE[1]))]) == (4, 1)  # only cats is left


def test_without_other_words_a_ranking_has_no_difference():
    tokens = CATS_SAW_IT[1:]
    part = Block("self", tokens, tokens, (Dense(np.tril(np.ones((2, 4, 4), np.float32)) / np.arange(1, 5)[:, None]),))
    trace = Trace(AttentionRequest("made", "cats saw it"), (part,))
    for order in link_ranking.ORDERS:
        found = link_ranking.rank_heads(trace, [Link(IT, SAW)], order=order)
        assert [(one.head, one.others, one.difference, one.everywhere) for one in found] == [
            (0, None, None, False),
            (1, None, None, False),
        ]


def test_the_others_of_one_cell_of_a_pattern_are_those_of_its_link():
    part = block(
        {"it": (0.5, 0.3), "saw": (0.3, 0.1), "now": (0.2, 0.2), "and": (0.0, 0.4), "here": (0.1, 0.0), "[SEP]": (0.9, 0.0)}
    )
    trace = Trace(AttentionRequest("made", "cats saw it now and here"), (part,))
    for special in ("show", "hide"):
        pattern = view.pattern(trace, HeadRef(0, 0), ViewOptions(special=special))
        found = specificity.of_cell(pattern, pattern.queries.index("it"), pattern.keys.index("cats"))
        assert (int(found.looking), int(found.n), bool(found.everywhere)) == (3, 4, True)
        assert float(found.mean) == pytest.approx(0.325)
    causal = view.pattern(
        Trace(AttentionRequest("made", "cats saw it now and here"), (block({"now": (0.4, 0.0)}, causal=True),)),
        HeadRef(0, 0),
        ViewOptions(),
    )
    assert int(specificity.of_cell(causal, causal.queries.index("it"), causal.keys.index("saw")).n) == 3
    assert int(specificity.of_cell(causal, causal.queries.index("here"), causal.keys.index("and")).n) == 0
