"""A Trace as the bytes of an answer, and back: bit for bit the same weights, and everything checked.

Layout: `ATW1`, 16 bytes of digest over all that follows, the header's length as uint32, the header as JSON, then the
arrays (arrays.py) in the order of their headers. All numbers are little-endian; the 1 is the version. Each block is sent in
the smaller of two forms: queries and keys, from which the client computes the weights, or the weights themselves. A `full`
answer has queries, keys, values and kernel outputs, even where weights would be smaller.

In form 2 of an answer unknown tokens are marked: they have a seventh entry, true; and `reading` says how much of the text
is read as typed. Form 1 has neither. A client names the newest form that it reads in the HTTP header FORM_HEADER; our own
older clients send no such header, and get form 1. Both forms are read here.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from attnviz.backends.wire import decode
from attnviz.backends.wire.arrays import ArrayHeader, pack
from attnviz.engine.block import Block
from attnviz.engine.layers import Dense, Projections, RemoteWeights
from attnviz.engine.trace import Trace
from attnviz.errors import AnswerError
from attnviz.legibility import COUNTS, Legibility
from attnviz.settings import Settings
from attnviz.types import Token

MAGIC = b"ATW1"
MAX_HEADER = 2**23  # bytes of JSON; a text of 200 kB with all its tokens needs about half
PREFIX = len(MAGIC) + 16 + 4
FORM, FORM_HEADER = 2, "x-attnviz-answer"
CLIENT = "attnviz"  # the User-Agent of our own client


def dumps(trace: Trace, *, full: bool = False) -> bytes:
    """Return a trace as bytes."""
    out = _Writer()
    blocks = [_block(part, out, full=full) for part in trace.parts]
    request = trace.request
    header = {
        "request": [request.model, request.text, request.text_b, *([True] if request.chat else [])],
        "digest": trace.digest,
        "written": trace.written,
        "batched": trace.batched,
        "sides": [[_token(token) for token in side] for side in out.sides],
        "arrays": [header.to_json() for header in out.headers],
        "blocks": blocks,
    }
    if trace.reading is not None:
        header["reading"] = _reading(trace.reading)
    encoded = json.dumps(header, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    parts = [struct.pack("<I", len(encoded)), encoded, *out.planes]
    return b"".join([MAGIC, digest(*parts), *parts])


def loads(data: bytes | bytearray | memoryview, max_bytes: int = Settings.text_bytes) -> Trace:
    """Return the trace of an answer. For any bytes: a complete and consistent trace, or an AnswerError.

    Arrays of more than `max_bytes` together are refused before memory is allocated for any.
    """
    view = memoryview(data)
    if len(view) < PREFIX or view[:4] != MAGIC:
        raise AnswerError(
            f"An answer begins with {MAGIC.decode()}; this one is of another version, or is none. "
            "Correct ATTNVIZ_BACKEND, or run the same attnviz at both ends."
        )
    if digest(view[20:]) != view[4:20]:
        raise AnswerError("An answer must arrive as it was sent; this one was cut short or changed on its way.")
    (length,) = struct.unpack("<I", view[20:24])
    if length > min(MAX_HEADER, len(view) - PREFIX):
        raise AnswerError(f"The header of an answer must lie inside it and have at most {MAX_HEADER:,} bytes; got {length:,}.")
    return decode.trace(view[PREFIX : PREFIX + length].tobytes(), view[PREFIX + length :], max_bytes)


def first_form(trace: Trace) -> Trace:
    """Return the trace without what form 1 cannot hold."""
    known: dict[int, tuple[Token, ...]] = {}

    def side(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
        if id(tokens) not in known:  # blocks share their lists of tokens, and keep sharing them
            known[id(tokens)] = tuple(replace(token, unknown=False) if token.unknown else token for token in tokens)
        return known[id(tokens)]

    parts = tuple(replace(part, queries=side(part.queries), keys=side(part.keys)) for part in trace.parts)
    return replace(trace, parts=parts, reading=None)


def digest(*parts: bytes | memoryview) -> bytes:
    """Return 16 bytes that change with any bit of the content, however it is cut into parts."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.digest()[:16]


@dataclass
class _Writer:
    """Collects lists of tokens and arrays, each once, however many layers share it."""

    sides: list[tuple[Token, ...]] = field(default_factory=list)
    headers: list[ArrayHeader] = field(default_factory=list)
    planes: list[bytes] = field(default_factory=list)
    _numbers: dict[int, tuple[int, np.ndarray]] = field(default_factory=dict)

    def side(self, tokens: tuple[Token, ...]) -> int:
        """Return the number of a list of tokens; add it if it is new."""
        if tokens not in self.sides:
            self.sides.append(tokens)
        return self.sides.index(tokens)

    def array(self, array: np.ndarray | None, *, lower: bool = False) -> int | None:
        """Return the number of an array, None without one; add it if it is new."""
        if array is None:
            return None
        if id(array) not in self._numbers:
            header, planes = pack(array, lower=lower)
            self._numbers[id(array)] = (len(self.headers), array)  # kept alive, so that no other array gets its id
            self.headers.append(header)
            self.planes += planes
        return self._numbers[id(array)][0]


def _token(token: Token) -> list[Any]:
    """Return a token as JSON: six entries, and `true` as a seventh for the unknown token."""
    entry = [token.text, token.piece, token.start, token.end, token.word, token.segment]
    return [*entry, True] if token.unknown else entry


def _reading(reading: Legibility) -> dict[str, Any]:
    """Return how much of a text is read as typed, as JSON."""
    altered = [[one.typed, one.read, list(one.kinds), one.start, one.segment, one.count] for one in reading.altered]
    return {"counts": [getattr(reading, name) for name in COUNTS], "altered": altered, "stretches": reading.stretches}


def _block(part: Block, out: _Writer, *, full: bool) -> dict[str, Any]:
    """Return one block, in the smaller of its two forms."""
    matrices = not full and _matrices(part) <= _vectors(part)
    return {
        "name": part.name,
        "queries": out.side(part.queries),
        "keys": out.side(part.keys),
        "numbers": list(part.numbers),
        "note": part.note,
        "layers": [_layer(part, number, out, matrices=matrices, full=full) for number in range(part.layers)],
    }


def _matrices(part: Block) -> int:
    """Return the bytes of all weights before they are packed; for a causal block, of one half."""
    cells = sum(call.heads for call in part.calls) * len(part.queries) * len(part.keys)
    return 4 * cells // (2 if part.causal else 1)


def _vectors(part: Block) -> int:
    """Return the bytes of everything that determines the weights, each array once. A boolean is a bit."""
    arrays = {
        id(array): array.nbytes // (8 if array.dtype == bool else 1)
        for call in part.calls if isinstance(call, Projections)
        for array in (call.query, call.key, call.mask, call.bias, call.sinks) if array is not None
    }  # fmt: skip
    return sum(arrays.values())


def _layer(part: Block, number: int, out: _Writer, *, matrices: bool, full: bool) -> dict[str, Any]:
    """Return one layer in the form of its block; weights stay weights."""
    call = part.calls[number]
    if isinstance(call, Dense):
        return {"kind": "dense", "weights": _weights(call.array, out), "precision": call.precision}
    if isinstance(call, Projections) and not matrices:
        return _projections(call, out, full=full)
    sent = call if isinstance(call, RemoteWeights) else _computed(part, number, call)
    return {
        "kind": "sent", "weights": _weights(sent.array, out), "compared": out.array(sent.compared),
        "precision": sent.precision, "causal": sent.causal, "sunk": sent.sunk, "unfused": sent.unfused,
        "groups": sent.groups, "dim": sent.dim,
    }  # fmt: skip


def _computed(part: Block, number: int, call: Projections) -> RemoteWeights:
    """Compute the weights of a layer, and how far they are from the kernel's output."""
    weights = part.weights(number)
    compared = call.differences(slice(None), weights)
    return RemoteWeights(
        weights, call.precision, part.causal, call.sunk, call.unfused, call.groups, call.dim,
        None if compared is None else compared.astype(np.float32),
    )  # fmt: skip


def _weights(array: np.ndarray, out: _Writer) -> int | None:
    """Return weights; only the lower half if the other half is all zeros."""
    square = array.shape[-1] == array.shape[-2] > 1
    return out.array(array, lower=square and not np.triu(array.view(f"u{array.itemsize}"), 1).any())


def _projections(call: Projections, out: _Writer, *, full: bool) -> dict[str, Any]:
    """Return queries and keys, and everything else that determines the weights."""
    return {
        "kind": "projections", "query": out.array(call.query), "key": out.array(call.key),
        "value": out.array(call.value if full else None), "output": out.array(call.output if full else None),
        "mask": out.array(call.mask), "bias": out.array(call.bias), "sinks": out.array(call.sinks), "scale": call.scale,
        "causal": call.causal, "softcap": call.softcap, "precision": call.precision,
    }  # fmt: skip
