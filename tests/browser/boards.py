"""Texts and weights made by hand for the board's browser tests, so that every number on it is known."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from attnviz.board.choice import Choice
from attnviz.engine.block import Block
from attnviz.engine.layers import Dense
from attnviz.engine.trace import Trace
from attnviz.text import words
from attnviz.types import AttentionRequest, HeadRef, Token
from attnviz.view_state import TokenSelection

TEXT = "The animal didn't cross because it was tired"
IT = TEXT.index("it was")


def tokens_of(text: str) -> tuple[Token, ...]:
    """[CLS], every word as one token ("didn't" as three), [SEP]."""
    found = [Token("[CLS]", "[CLS]", 0, 0, None)]
    for number, (start, end) in enumerate(words(text)):
        cuts = [start, start + 4, start + 5, end] if text[start:end] == "didn't" else [start, end]
        found += [Token(text[a:b], text[a:b], a, b, number) for a, b in pairwise(cuts)]
    return (*found, Token("[SEP]", "[SEP]", len(text), len(text), None))


def made(text: str = TEXT, layers: int = 3, heads: int = 4) -> Trace:
    """Every head looks at [CLS] with 0.2 and shares the rest out evenly; L1·H2 gives "it" -> "animal" 0.640."""
    tokens = tokens_of(text)
    n = len(tokens)
    rows = np.full((heads, n, n), 0.8 / (n - 1), np.float32)
    rows[:, :, 0] = 0.2
    calls = [Dense(rows.copy()) for _ in range(layers)]
    spans = [token.text for token in tokens]
    if "it" in spans:
        row = np.full(n, 0.16 / (n - 2), np.float32)
        row[0], row[spans.index("animal")] = 0.2, 0.64
        calls[1].array[2, spans.index("it")] = row
    return Trace(AttentionRequest("made", text), (Block("self", tokens, tokens, tuple(calls)),))


START = Choice(HeadRef(1, 2), TokenSelection(IT))


def pair() -> Trace:
    """One head over "a bee" and "it sees": every word looks at "it" with 0.5, at [CLS] with 0.2, and evenly at the rest."""
    tokens = (
        Token("[CLS]", "[CLS]", 0, 0, None),
        Token("a", "a", 0, 1, 0),
        Token("bee", "bee", 2, 5, 1),
        Token("[SEP]", "[SEP]", 5, 5, None),
        Token("it", "it", 0, 2, 0, 1),
        Token("sees", "sees", 3, 7, 1, 1),
        Token("[SEP]", "[SEP]", 7, 7, None, 1),
    )
    rows = np.full((1, 7, 7), 0.06, np.float32)
    rows[:, :, 4], rows[:, :, 0] = 0.5, 0.2
    return Trace(AttentionRequest("made", "a bee", "it sees"), (Block("self", tokens, tokens, (Dense(rows),)),))
