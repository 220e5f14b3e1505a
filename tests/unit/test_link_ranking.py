"""How every head follows a link: weights, ranks and margins by hand, and a pronoun divided between its candidates."""

from __future__ import annotations

from time import perf_counter

import numpy as np
import pytest

from attnviz.analysis import link_ranking
from attnviz.engine.block import Block
from attnviz.engine.layers import Dense
from attnviz.engine.trace import Trace
from attnviz.errors import BadInputError
from attnviz.types import AttentionRequest, Link, Pattern, Token
from tests.toy_texts import CATS, CATS_SAW_IT, IT, SAW

# "cats saw it": cats is two pieces, so 2 layers x 3 heads x 4 words x 6 tokens with [CLS] and [SEP].
TOKENS = (
    *CATS_SAW_IT,
    Token("[SEP]", "[SEP]", 11, 11, None),
)


def softmaxed(*shape: int, causal: bool = False) -> np.ndarray:
    """Random rows that sum to 1."""
    raw = np.random.default_rng(11).exponential(size=shape).astype(np.float32)
    raw = np.tril(raw) if causal else raw
    return raw / raw.sum(-1, keepdims=True)


WEIGHTS = softmaxed(2, 3, 6, 6)


def traced(
    weights: np.ndarray, queries: tuple[Token, ...] = TOKENS, keys: tuple[Token, ...] | None = None, name: str = "self"
) -> Trace:
    """A trace of [layer, head, query, key]."""
    block = Block(name, queries, queries if keys is None else keys, tuple(Dense(layer) for layer in weights))
    return Trace(AttentionRequest("made", "cats saw it"), (block,))


def plain(*words: str) -> tuple[Token, ...]:
    """Tokens of a text in a model without special tokens, five characters from word to word."""
    return tuple(Token(word, word, 5 * at, 5 * at + len(word), at) for at, word in enumerate(words))


def test_a_link_to_a_word_of_two_pieces_sums_them():
    found = link_ranking.link_weights(traced(WEIGHTS), Link(IT, CATS))
    np.testing.assert_allclose(found, WEIGHTS[:, :, 4, 1] + WEIGHTS[:, :, 4, 2], atol=1e-6)


def test_a_link_from_a_word_of_two_pieces_averages_them():
    found = link_ranking.link_weights(traced(WEIGHTS), Link(CATS, IT))
    np.testing.assert_allclose(found, (WEIGHTS[:, :, 1, 4] + WEIGHTS[:, :, 2, 4]) / 2, atol=1e-6)


def test_heads_are_ranked_by_their_weight_with_a_margin_over_the_strongest_other_word():
    rows = np.zeros((1, 3, 6, 6), np.float32)
    #                  [CLS]  cat   s     saw   it    [SEP]
    rows[0, 0, 4] = [0.50, 0.10, 0.05, 0.05, 0.20, 0.10]  # 0.15 to cats, saw gets 0.05
    rows[0, 1, 4] = [0.00, 0.30, 0.30, 0.25, 0.15, 0.00]  # 0.60 to cats, saw gets 0.25
    rows[0, 2, 4] = [0.10, 0.10, 0.20, 0.55, 0.05, 0.00]  # 0.30 to cats, saw gets 0.55
    rows[0, :, [0, 1, 2, 3, 5]] = np.eye(6, dtype=np.float32)[[0, 1, 2, 3, 5]][:, None]
    found = link_ranking.rank_heads(traced(rows), [Link(IT, CATS)])
    assert [(r.layer, r.head, r.rank) for r in found] == [(0, 1, 1), (0, 2, 2), (0, 0, 3)]
    assert [r.weight for r in found] == pytest.approx([0.60, 0.30, 0.15])
    assert [r.margin for r in found] == pytest.approx([0.35, -0.25, 0.10])


def test_a_link_that_no_head_can_follow_says_why_and_any_other_nothing():
    weights = softmaxed(1, 1, 3, 3, causal=True)
    trace = traced(weights, plain("Anna", "met", "her"))
    assert link_ranking.why_unfollowable(trace, Link((10, 13), (0, 4))) == ""
    assert "“her” comes after “Anna”" in link_ranking.why_unfollowable(trace, Link((0, 4), (10, 13)))
    assert "No token starts" in link_ranking.why_unfollowable(trace, Link((0, 4), (11, 13)))
    with pytest.raises(BadInputError, match="“her” comes after “Anna”"):
        link_ranking.rank_heads(trace, [Link((0, 4), (10, 13))])


def test_several_links_are_averaged_as_a_loop_over_heads_and_links_does_it():
    pairs = [Link(IT, CATS), Link(SAW, CATS), Link(CATS, SAW)]
    words = {CATS: [1, 2], SAW: [3], IT: [4]}
    found = {(r.layer, r.head): r for r in link_ranking.rank_heads(traced(WEIGHTS), pairs)}
    assert len(found) == 6
    for (layer, head), one in found.items():
        weights, margins = [], []
        for link in pairs:
            row = WEIGHTS[layer, head, words[link.source]].mean(0)
            sums = {span: row[at].sum() for span, at in words.items()}
            weights.append(sums[link.target])
            margins.append(sums[link.target] - max(s for span, s in sums.items() if span not in (link.source, link.target)))
        assert one.weight == pytest.approx(np.mean(weights), abs=1e-6)
        assert one.margin == pytest.approx(np.mean(margins), abs=1e-6)


def test_links_of_a_long_text_go_by_a_few_at_a_time_and_give_the_same(monkeypatch: pytest.MonkeyPatch):
    pairs = [Link(IT, CATS), Link(SAW, CATS), Link(CATS, SAW)]
    at_once = link_ranking.rank_heads(traced(WEIGHTS), pairs)
    monkeypatch.setattr(link_ranking, "WEIGHTS_AT_ONCE", 2 * 2 * 3 * 6)  # two links of 2 layers x 3 heads x 6 tokens
    assert link_ranking.rank_heads(traced(WEIGHTS), pairs) == at_once


def test_a_word_that_overlaps_a_target_of_several_words_is_not_a_rival():
    found = link_ranking.rank_heads(traced(WEIGHTS), [Link(IT, (CATS[0], SAW[1]))])
    for one in found:
        assert one.weight == pytest.approx(float(WEIGHTS[one.layer, one.head, 4, 1:4].sum()), abs=1e-6)
        assert one.margin == one.weight  # only "it" itself is left


def test_equal_heads_keep_the_order_of_layers_and_heads():
    same = np.broadcast_to(WEIGHTS[:1, :1], (2, 3, 6, 6)).copy()
    found = link_ranking.rank_heads(traced(same), [Link(IT, CATS)])
    assert [(r.layer, r.head) for r in found] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]


def test_cross_attention_is_ranked_from_the_target_text_to_the_source_text():
    target = (Token("<pad>", "<pad>", 0, 0, None, 1), Token("ES", "▁ES", 0, 2, 0, 1))
    weights = softmaxed(2, 3, 2, 6)
    found = link_ranking.rank_heads(traced(weights, target, TOKENS, "cross"), [Link((0, 2), IT)], "cross")
    best = max(found, key=lambda r: r.weight)
    assert best == found[0]
    assert best.weight == pytest.approx(float(weights[:, :, 1, 4].max()), abs=1e-6)
    # No key is the source itself here: cats and saw are both rivals.
    row = weights[best.layer, best.head, 1]
    assert best.margin == pytest.approx(float(row[4] - max(row[1] + row[2], row[3])), abs=1e-6)


def test_a_head_that_a_layer_does_not_have_is_not_ranked():
    block = Block("self", TOKENS, TOKENS, (Dense(WEIGHTS[0][:2]), Dense(WEIGHTS[1])))
    trace = Trace(AttentionRequest("made", "x"), (block,))
    assert {(r.layer, r.head) for r in link_ranking.rank_heads(trace, [Link(IT, CATS)])} == {
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
        (1, 2),
    }
    assert (0, 2) not in {
        (d.layer, d.head) for d in link_ranking.rank_candidates(link_ranking.candidate_shares(trace, IT, [CATS, SAW]))
    }


def test_a_ranking_without_links_is_refused():
    with pytest.raises(BadInputError, match="at least one link"):
        link_ranking.rank_heads(traced(WEIGHTS), [])


@pytest.mark.parametrize("span", [(4, 5), (7, 8), (40, 50)], ids=["a blank", "inside a token", "outside the text"])
def test_a_span_in_which_no_token_starts_is_refused(span: tuple[int, int]):
    with pytest.raises(BadInputError, match=f"characters {span[0]} to {span[1]}"):
        link_ranking.link_weights(traced(WEIGHTS), Link(span, CATS))


def test_a_link_forward_in_a_causal_model_is_refused_with_the_words_in_it():
    tokens = plain("it", "saw", "cats")
    with pytest.raises(BadInputError, match="“cats” comes after “it”, so no head can look at it"):
        link_ranking.rank_heads(traced(softmaxed(2, 2, 3, 3, causal=True), tokens), [Link((0, 2), (10, 14))])


def test_ranking_270_heads_on_40_words_takes_milliseconds():
    tokens = plain(*(f"w{at}" for at in range(40)))
    trace = traced(softmaxed(30, 9, 40, 40, causal=True), tokens)
    asked = [Link((5 * at, 5 * at + 2), (5, 7)) for at in (10, 20, 30)]
    seconds = []
    for _ in range(3):
        start = perf_counter()
        link_ranking.rank_heads(trace, asked)
        seconds.append(perf_counter() - start)
    assert min(seconds) < 0.2  # about 20 ms alone; checked signatures and a busy machine take the rest


def test_the_strongest_links_come_largest_first_without_empty_cells():
    weights = np.array([[0.0, 0.7, 0.3], [0.9, 0.1, 0.0]], np.float32)
    pattern = Pattern(("a", "b"), ("c", "d", "e"), weights, np.zeros(2, np.float32))
    found = link_ranking.strongest(pattern)
    assert [(s.query, s.key) for s in found] == [(1, 0), (0, 1), (0, 2), (1, 1)]
    assert [s.weight for s in found] == pytest.approx([0.9, 0.7, 0.3, 0.1])
    assert link_ranking.strongest(pattern, 2) == found[:2]


def test_a_division_holds_what_each_candidate_gets_and_the_share_of_the_first():
    found = link_ranking.candidate_shares(traced(WEIGHTS), IT, [CATS, SAW])
    cats, saw = WEIGHTS[:, :, 4, 1:3].sum(-1), WEIGHTS[:, :, 4, 3]
    np.testing.assert_allclose(found.values, np.stack([cats, saw], -1), atol=1e-6)
    np.testing.assert_allclose(found.share, cats / (cats + saw), atol=1e-6)
    np.testing.assert_allclose(found.mass, cats + saw, atol=1e-6)
    assert (found.late, found.note) == ((), "")


def test_a_head_with_little_weight_on_candidates_ranks_after_every_head_with_enough():
    rows = np.zeros((1, 3, 6, 6), np.float32)
    #                  [CLS]  cat   s     saw   it    [SEP]
    rows[0, 0, 4] = [0.95, 0.04, 0.00, 0.00, 0.00, 0.01]  # all to cats, but only 0.04
    rows[0, 1, 4] = [0.40, 0.10, 0.05, 0.35, 0.10, 0.00]  # 0.15 against 0.35
    rows[0, 2, 4] = [0.10, 0.40, 0.10, 0.10, 0.30, 0.00]  # 0.50 against 0.10
    rows[0, :, [0, 1, 2, 3, 5]] = np.eye(6, dtype=np.float32)[[0, 1, 2, 3, 5]][:, None]
    found = link_ranking.rank_candidates(link_ranking.candidate_shares(traced(rows), IT, [CATS, SAW]))
    assert [(d.head, d.counts, d.rank) for d in found] == [(2, True, 1), (1, True, 2), (0, False, 3)]
    assert [d.share for d in found] == pytest.approx([5 / 6, 0.3, 1.0])
    assert found[1].values == pytest.approx((0.15, 0.35))
    assert found[1].mass == pytest.approx(0.5)


def test_a_head_that_gives_the_candidates_nothing_has_no_share():
    rows = np.broadcast_to(np.eye(6, dtype=np.float32), (1, 2, 6, 6)).copy()
    found = link_ranking.candidate_shares(traced(rows), IT, [CATS, SAW])
    assert np.isnan(found.share).all()
    assert not any(d.counts for d in link_ranking.rank_candidates(found))


def test_a_causal_model_names_the_candidates_it_cannot_see_from_the_pronoun():
    tokens = plain("cats", "saw", "it", "dogs")
    weights = softmaxed(2, 3, 4, 4, causal=True)
    found = link_ranking.candidate_shares(traced(weights, tokens), (10, 12), [(15, 19), (0, 4)])
    assert found.late == (0,)
    assert found.note == "This model reads left to right: “dogs” comes after “it”, so “it” cannot look there."
    assert not found.values[..., 0].any()
    assert np.isnan(found.share).all()  # one visible candidate gets everything, and that is no choice


def test_a_causal_model_divides_between_the_candidates_that_it_sees():
    tokens = plain("cats", "saw", "it", "dogs")
    weights = softmaxed(2, 3, 4, 4, causal=True)
    found = link_ranking.candidate_shares(traced(weights, tokens), (10, 12), [(0, 4), (5, 8), (15, 19)])
    assert found.late == (2,)
    np.testing.assert_allclose(found.share, weights[:, :, 2, 0] / weights[:, :, 2, :2].sum(-1), atol=1e-6)


def test_a_division_needs_two_candidates():
    with pytest.raises(BadInputError, match="at least two candidates; got 1"):
        link_ranking.candidate_shares(traced(WEIGHTS), IT, [CATS])
