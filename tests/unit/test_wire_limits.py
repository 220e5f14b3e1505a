"""The size of an answer is limited by its request, and checked before the answer is used."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from attnviz.backends import wire
from attnviz.backends.wire.limits import AnswerLimits
from attnviz.engine.block import Block
from attnviz.engine.layers import Dense, Projections
from attnviz.engine.trace import Trace
from attnviz.errors import AnswerError
from attnviz.models import catalog
from attnviz.types import AttentionRequest, Token
from tests.wires import projections

MAX_BYTES = 2**30
SHORT = AttentionRequest("minilm", "It slept.")
OTHER = replace(catalog.card("minilm"), id="local:theirs", max_tokens=10**9, layers=10**9, heads=10**9)


def answered(
    request: AttentionRequest, tokens: tuple[Token, ...], heads: int = 1, layers: int = 1, name: str = "self"
) -> Trace:
    """An answer whose arrays are next to nothing."""
    call = projections(len(tokens), len(tokens), heads=heads, groups=1, dim=1)
    return Trace(request, (Block(name, tokens, tokens, (call,) * layers),))


def words(count: int, end: int = 1, word: int = 0, segment: int = 0) -> tuple[Token, ...]:
    """So many tokens from the first character of a text."""
    return (Token("a", "a", 0, end, word, segment),) * count


def test_an_answer_within_the_limits_is_returned():
    found = answered(SHORT, words(5, 9), heads=12, layers=6)

    assert AnswerLimits.of(SHORT, None, MAX_BYTES).check(found) is found


@pytest.mark.parametrize(
    ("found", "message"),
    [
        # 9 bytes become at most 12 tokens each, and 64 stand around them.
        (answered(SHORT, words(173)), "This text has at most 172 tokens; the answer has 173"),
        (answered(SHORT, words(3, 10)), "stands in its text of 9 characters"),
        (answered(SHORT, words(3, word=10)), "stands in its text of 9 characters"),
        (answered(SHORT, words(3, segment=1)), "stands in its text of 0 characters"),
        (answered(SHORT, (Token("a", "a", 5, 4, 0, 0),)), "stands in its text of 9 characters"),
        (answered(SHORT, words(3), layers=7), "minilm has at most 6 layers of 12 heads; the answer has 7 of 1"),
        (answered(SHORT, words(3), heads=13), "minilm has at most 6 layers of 12 heads; the answer has 1 of 13"),
        (answered(AttentionRequest("minilm", "It slept"), words(3)), "another text than requested"),
    ],
)
def test_an_answer_beyond_the_limits_is_refused(found: Trace, message: str):
    with pytest.raises(AnswerError, match=message):
        AnswerLimits.of(SHORT, None, MAX_BYTES).check(found)


@pytest.mark.slow
def test_one_megabyte_of_tokens_never_becomes_gigabytes_of_weights():
    tokens, query = words(60_000), np.zeros((1, 60_000, 1), np.float32)
    call = Projections(query=query, key=query, value=None, output=None, scale=1.0, causal=False)
    long = AttentionRequest(OTHER.id, "word " * 30_000)
    data = wire.dumps(Trace(long, (Block("self", tokens, tokens, (call,)),)))
    assert len(data) < 1.5e6

    with pytest.raises(AnswerError, match="would hold 14,400,000,000"):
        AnswerLimits.of(long, OTHER, MAX_BYTES).check(wire.loads(data))


def test_a_server_s_card_counts_up_to_a_limit_and_never_for_a_known_model():
    long = "word " * 30_000
    theirs, ours = (AnswerLimits.of(AttentionRequest(name, long), OTHER, MAX_BYTES) for name in (OTHER.id, "minilm"))

    assert (theirs.tokens, theirs.layers, theirs.heads) == (65_536, 512, 512)
    assert (ours.tokens, ours.layers, ours.heads) == (512, 6, 12)


def test_a_short_text_has_a_small_answer():
    # 6 layers of 12 heads over 172 tokens each way, 8 bytes a number; whole, 1,024 numbers a token more.
    assert AnswerLimits.of(SHORT, None, MAX_BYTES).bytes == 8 * 6 * 12 * 172 * 172 + 2**20
    assert AnswerLimits.of(SHORT, None, MAX_BYTES, full=True).bytes == 8 * 6 * 12 * 172 * (172 + 1024) + 2**20
    assert AnswerLimits.of(SHORT, None, 1000).bytes == 1000


def test_a_decoder_may_have_more_layers_than_the_encoder_and_a_text_of_its_own():
    card = next(card for card in catalog.cards() if card.kind == "encoder-decoder")
    request = AttentionRequest(card.id, "It slept.")
    tokens = words(5, 4, segment=1)
    weights = np.full((card.heads, 5, 5), 0.2, np.float32)
    decoder = Block("decoder", tokens, tokens, (Dense(weights),) * (card.layers + 1))

    AnswerLimits.of(request, None, MAX_BYTES).check(Trace(request, (decoder,), written="Es schlief."))
    with pytest.raises(AnswerError, match="its text of 3 characters"):
        AnswerLimits.of(request, None, MAX_BYTES).check(Trace(request, (decoder,), written="Es."))
