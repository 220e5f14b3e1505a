"""Estimate the bytes that a model's trace would keep for a number of tokens, before anything runs."""

from __future__ import annotations

import math
from typing import Any

from attnviz.errors import TooLongError

FLOAT = 4


def bytes_needed(config: Any, layers: int, heads: int, tokens: int, target: int = 0, *, dense: bool = False) -> int:
    """Return the bytes that a trace of `tokens` tokens keeps, with `target` tokens on an encoder-decoder's second side.

    Queries and outputs have a row for each query token, keys and values one for each key token; a model whose eager
    weights are kept whole (`dense`) has a number for each pair of tokens. `layers` and `heads` are those of one side.
    """
    sides = [(tokens, tokens), (target, target), (target, tokens)] if target else [(tokens, tokens)]
    if dense:
        return FLOAT * layers * heads * sum(queries * keys for queries, keys in sides)
    width = getattr(config, "head_dim", None) or getattr(config, "hidden_size", 64 * heads) // heads
    groups = getattr(config, "num_key_value_heads", None) or heads
    return FLOAT * layers * width * sum(2 * heads * queries + 2 * groups * keys for queries, keys in sides)


def check(name: str, bytes_needed: int, tokens: int, most: int, *, dense: bool = False) -> None:
    """Raise TooLongError, with the numbers, if a trace would keep more than `most` bytes."""
    if bytes_needed <= most:
        return
    share = most / bytes_needed
    fits = int(tokens * (math.sqrt(share) if dense else share))
    raise TooLongError(
        f"{name} would keep about {bytes_needed / 1e6:,.0f} MB of these {tokens:,} tokens, "
        f"and {most / 1e6:,.0f} MB are allowed. "
        f"Shorten the text to about {fits:,} tokens, or allow more by ATTNVIZ_TEXT_MB."
    )
