"""A trace in, the bytes that the board reads out: a small JSON header and raw little-endian arrays.

Layout: `ATN1`, 16 bytes of digest over all that follows, the header's length as uint32, the header, zeros up to a multiple
of four, then the arrays in the order and of the lengths that the header names. All numbers are little-endian.
A frame is a function of request and block. Where all heads together are too many weights to send, it holds small pictures
of them instead, and each head's exact weights travel as a `sheet` of their own when it is chosen.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8, UInt16

from attnviz.engine.trace import Block, Projections, Trace
from attnviz.figures import encoding
from attnviz.text import units
from attnviz.types import HeadRef, Token, Unit

MAGIC = b"ATN1"
ALL_WEIGHTS = 4_000_000  # up to here every head travels exactly: 8 MB
ONE_WEIGHTS = 1_000_000  # up to here the chosen head does
SIDE = 40  # weights along one edge of a pooled picture: about the device pixels that its cell has


def frame(trace: Trace, block: str = "self", *, name: str, roles: Sequence[Sequence[str]] = ()) -> bytes:
    """Tokens, units and weights of one block, for the board.

    `name` is the model's; `roles[layer][head]`, when given, is the sentence that stands beside a head's name.
    """
    part = trace.block(block)
    request = trace.request
    whole = is_whole(part)
    parts = [_packed(part, _padded(part, i)) if whole else _pooled(_padded(part, i)) for i in range(part.layers)]
    array = np.stack(parts) if parts else np.zeros((0,), np.uint8)
    header = {
        "kind": "frame",
        "block": block,
        "name": name,
        "layers": part.layers,
        "heads": part.heads,
        "counts": [call.heads for call in part.calls],
        "causal": part.causal,
        "cross": part.queries != part.keys,
        "sinks": any(isinstance(call, Projections) and call.sinks is not None for call in part.calls),
        "texts": [request.text, request.text_b or ""],
        "queries": _side(part.queries),
        "keys": _side(part.keys),
        "roles": [list(row) for row in roles],
        "whole": whole,
        "sheets": fits(part),
        "pool": list(array.shape[-2:]) if not whole else None,
        "dtype": "uint16" if whole else "uint8",
    }
    return _joined(header, array)


def sheet(trace: Trace, head: HeadRef) -> bytes | None:
    """The exact weights of one head; None where the frame has them already, or where even one head is too large."""
    part = trace.block(head.block)
    if is_whole(part) or not fits(part):
        return None
    weights = _packed(part, part.weights(head.layer, head.head)[None])
    return _joined({"kind": "sheet", "block": head.block, "head": [head.layer, head.head], "dtype": "uint16"}, weights)


def digest(data: bytes) -> str:
    """The digest that a frame or sheet carries: the name under which the board keeps it."""
    return data[4:20].hex()


def is_whole(part: Block) -> bool:
    """Whether a frame of this block holds the exact weights of every head."""
    return part.layers * part.heads * len(part.queries) * len(part.keys) <= ALL_WEIGHTS


def fits(part: Block) -> bool:
    """Whether one head of this block may be sent exactly."""
    return len(part.queries) * len(part.keys) <= ONE_WEIGHTS


def _padded(part: Block, layer: int) -> Float[np.ndarray, "head query key"]:
    """One layer's weights; heads that it has fewer than other layers are zeros, and the header counts them."""
    found = part.weights(layer)
    short = part.heads - found.shape[0]
    return np.pad(found, ((0, short), (0, 0), (0, 0))) if short else found


def _packed(part: Block, weights: Float[np.ndarray, "head query key"]) -> UInt16[np.ndarray, "head weight"]:
    """Weights as whole 65535ths, off by at most 1/131070; of a causal block only what may be seen, row by row."""
    steps = np.rint(np.clip(weights, 0.0, 1.0) * 65535.0).astype("<u2")
    if part.causal:
        rows, columns = np.tril_indices(weights.shape[-1])
        return steps[:, rows, columns]
    return steps.reshape(len(weights), -1)


def _pooled(weights: Float[np.ndarray, "head query key"]) -> UInt8[np.ndarray, "head row column"]:
    """A small picture of each head, at most SIDE weights a side: each of its cells is the largest weight beneath it."""
    found = weights
    for axis in (-2, -1):
        n = found.shape[axis]
        side = min(n, SIDE)
        found = np.maximum.reduceat(found, np.arange(side) * n // side, axis=axis)
    return np.rint(np.clip(found, 0.0, 1.0) * 255.0).astype(np.uint8)


def _side(tokens: tuple[Token, ...]) -> dict:
    """The tokens of one side, and the words that they make."""
    return {
        "tokens": [[t.text, t.start, t.end, int(t.special), t.segment] for t in tokens],
        "words": [_unit(u) for u in units(tokens, words=True)],
        "pieces": [_unit(u) for u in units(tokens, words=False)],
    }


def _unit(unit: Unit) -> list:
    """One unit as the header spells it."""
    return [unit.text, encoding.label(unit.text), unit.start, unit.end, int(unit.special), unit.segment, list(unit.tokens)]


def _joined(header: dict, array: np.ndarray) -> bytes:
    """Header and array as one run of bytes, with the digest over both in front."""
    # Lone surrogates cannot be encoded; JSON's own escapes carry every text, and JSON.parse reads them.
    head = json.dumps(header, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    body = struct.pack("<I", len(head)) + head
    body += b"\0" * (-(len(MAGIC) + 16 + len(body)) % 4) + np.ascontiguousarray(array).tobytes()
    return MAGIC + hashlib.blake2s(body, digest_size=16).digest() + body
