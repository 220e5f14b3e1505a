"""Small traces of every kind that can travel, and what it means that two of them are the same."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from attnviz.engine.block import Block
from attnviz.engine.layers import Dense, Layer, Projections
from attnviz.engine.trace import Trace
from attnviz.types import AttentionRequest, Token

REQUEST = AttentionRequest("minilm", "你好, <b>&amp;</b> \x01 👩‍👩‍👧", "second")


def tokens(count: int, segment: int = 0) -> tuple[Token, ...]:
    """Tokens with texts of many kinds; the first is special."""
    names = ("[CLS]", "Ġ你", "<0xF0>", "<b>", 'a"b', "\x01", "👧")
    return tuple(Token(f"{names[i % 7]}{i}", names[i % 7], i, i + 1, None if i == 0 else i - 1, segment) for i in range(count))


def projections(
    queries: int, keys: int, *, heads: int = 6, groups: int = 3, dim: int = 4, seed: int = 0, **more: object
) -> Projections:
    """Random queries, keys and values; every axis has another length."""
    random = np.random.default_rng(seed)
    made = {name: random.normal(size=size).astype(np.float32) for name, size in {
        "query": (heads, queries, dim), "key": (groups, keys, dim), "value": (groups, keys, dim + 1),
        "output": (heads, queries, dim + 1),
    }.items()}  # fmt: skip
    return Projections(**({"scale": dim**-0.5, "causal": False} | made | more))


def one(calls: tuple[Layer, ...], queries: int, keys: int | None = None, **more: object) -> Trace:
    """A trace of one block."""
    here = tokens(queries)
    there = here if keys is None else tokens(keys, 1)
    return Trace(REQUEST, (Block("self", here, there, calls, **more),), "c0ffee" * 10)


def rows(heads: int, queries: int, keys: int, seed: int = 0) -> np.ndarray:
    """Weights whose rows are distributions."""
    made = np.random.default_rng(seed).random((heads, queries, keys)).astype(np.float32)
    return made / made.sum(-1, keepdims=True)


def every() -> dict[str, Trace]:
    """A trace of every kind."""
    random = np.random.default_rng(9)
    shared = np.tril(np.ones((5, 5), bool))
    added = np.where(shared, 0.0, -np.inf).astype(np.float32)
    bias = random.normal(size=(6, 5, 5)).astype(np.float32)
    far = {"dim": 1, "seed": 3}
    lower = np.tril(rows(2, 7, 7))
    encoder, decoder, cross = tokens(8), tokens(5, 1), projections(5, 8)
    coarse = projections(40, 40, dim=2)
    truncated = (coarse.query.view(np.uint32) & 0xFFFF0000).view(np.float32)
    return {
        "matrices": one((projections(5, 5), projections(5, 5, seed=1)), 5),
        "vectors": one(tuple(projections(60, 60, **far) for _ in range(2)), 60),
        "causal": one((projections(5, 5, causal=True),), 5),
        "causal vectors": one((projections(90, 90, causal=True, **far),), 90),
        "a shared mask": one(tuple(projections(5, 5, mask=shared, seed=i) for i in range(3)), 5),
        "an additive mask and a bias": one((projections(5, 5, mask=added, bias=bias), projections(5, 5, bias=bias)), 5),
        "a mask for every query": one((projections(50, 50, mask=np.arange(50)[None] < 44, **far),), 50),
        "a cap and a sink": one((projections(5, 5, softcap=3.0, sinks=np.ones(6, np.float32)),), 5),
        "layers of different heads": one((projections(5, 5), projections(5, 5, heads=3)), 5, numbers=(2, 9), note="Only 2."),
        "dense": one((Dense(rows(2, 3, 3)), Dense(rows(4, 3, 3), "bfloat16")), 3),
        "dense and lower": one((Dense(lower / lower.sum(-1, keepdims=True)),), 7),
        "more keys than queries": one((Dense(rows(2, 3, 5)),), 3, 5),
        "one token": one((projections(1, 1, causal=True),), 1),
        "rounded to 16 bits": one((replace(coarse, query=truncated, precision="bfloat16"),), 40),
        "written by an encoder-decoder": Trace(
            REQUEST,
            (
                Block("encoder", encoder, encoder, (projections(8, 8),)),
                Block("decoder", decoder, decoder, (projections(5, 5, causal=True),)),
                Block("cross", decoder, encoder, (cross, replace(cross, scale=1.5))),
            ),
            written="das Tier",
        ),
        "read with others": replace(one((projections(5, 5),), 5), batched=True),
    }  # fmt: skip


def same(one: Trace, other: Trace) -> bool:
    """Whether two traces answer every question alike, bit for bit."""
    names = ("request", "digest", "written", "batched", "blocks", "note")
    return all(getattr(one, name) == getattr(other, name) for name in names) and all(
        _same_block(mine, theirs) for mine, theirs in zip(one.parts, other.parts, strict=True)
    )


def _same_block(mine: Block, theirs: Block) -> bool:
    """The same of one block."""
    names = ("name", "queries", "keys", "numbers", "note", "layers", "heads", "source", "causal", "precision")
    if any(getattr(mine, name) != getattr(theirs, name) for name in names):
        return False
    counts = [call.heads for call in mine.calls]
    if counts != [call.heads for call in theirs.calls]:
        return False
    for layer, heads in enumerate(counts):
        if mine.weights(layer).tobytes() != theirs.weights(layer).tobytes():
            return False
        for head in range(heads):
            found = theirs.difference(layer, head)
            if mine.weights(layer, head).tobytes() != theirs.weights(layer, head).tobytes():
                return False
            if mine.sink(layer, head).tobytes() != theirs.sink(layer, head).tobytes():
                return False
            if found is not None and mine.difference(layer, head) != found:
                return False
    return True


def identical(one: Trace, other: Trace) -> bool:
    """Whether two traces hold the same arrays, not only the same weights."""
    pairs = [(a, b) for p, q in zip(one.parts, other.parts, strict=True) for a, b in zip(p.calls, q.calls, strict=True)]
    return same(one, other) and all(
        type(a) is type(b) and all(_equal(getattr(a, f.name), getattr(b, f.name)) for f in fields(a)) for a, b in pairs
    )


def _equal(one: object, other: object) -> bool:
    """Equality that looks into arrays."""
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    return one == other
