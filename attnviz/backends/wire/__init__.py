"""A Trace in, the bytes of an answer out, and back: bit for bit the same weights, and nothing believed unchecked.

Layout: `ATW1`, 16 bytes of digest over all that follows, the header's length as uint32, the header as JSON, then the
arrays (parcels.py) in the order in which the header tells them. All numbers are little-endian; the 1 is the version.
Of each block the smaller of two forms travels: queries and keys, of which weights are computed where they arrive, or the
weights themselves. A `whole` answer has queries, keys, values and what the kernel returned, whatever is smaller.

In form 2 of an answer unknown tokens are marked: they have a seventh entry, true; and `reading` says how much of the text
is read as typed. Form 1 has neither. A program names the newest form that it reads in the header FORM_HEADER of its question;
our own client of the versions before sends no such header, and gets form 1. Both forms are read here.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from attnviz.backends.wire import decode as received
from attnviz.backends.wire.arrays import Parcel, packed
from attnviz.engine.layers import Dense, Projections, RemoteWeights
from attnviz.engine.trace import Block, Trace
from attnviz.errors import AnswerError
from attnviz.legibility import COUNTS, Legibility
from attnviz.settings import Settings
from attnviz.types import Token

MAGIC = b"ATW1"
HEADER = 2**23  # bytes of JSON, of a text of 200 kB and all its tokens about half
BEFORE = len(MAGIC) + 16 + 4
FORM, FORM_HEADER = 2, "x-attnviz-answer"
CLIENT = "attnviz"  # how our own client names itself


def dumps(trace: Trace, *, whole: bool = False) -> bytes:
    """The trace as bytes."""
    out = _Out()
    blocks = [_block(part, out, whole=whole) for part in trace.parts]
    request = trace.request
    header = {
        "request": [request.model, request.text, request.text_b, *([True] if request.chat else [])],
        "digest": trace.digest,
        "written": trace.written,
        "batched": trace.batched,
        "sides": [[_token(token) for token in side] for side in out.sides],
        "arrays": [parcel.told for parcel in out.parcels],
        "blocks": blocks,
    }
    if trace.reading is not None:
        header["reading"] = _reading(trace.reading)
    told = json.dumps(header, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    parts = [struct.pack("<I", len(told)), told, *out.planes]
    return b"".join([MAGIC, digest(*parts), *parts])


def loads(data: bytes | bytearray | memoryview, most: int = Settings.text_bytes) -> Trace:
    """The trace again. Whatever the bytes hold: a trace that is whole and fits together, or an AnswerError.

    Arrays of more than `most` bytes together are refused before room is made for any.
    """
    view = memoryview(data)
    if len(view) < BEFORE or view[:4] != MAGIC:
        raise AnswerError(
            f"An answer begins with {MAGIC.decode()}; this one is of another version, or is none. "
            "Correct ATTNVIZ_BACKEND, or run the same attnviz at both ends."
        )
    if digest(view[20:]) != view[4:20]:
        raise AnswerError("An answer must arrive as it was sent; this one was cut short or changed on its way.")
    (length,) = struct.unpack("<I", view[20:24])
    if length > min(HEADER, len(view) - BEFORE):
        raise AnswerError(f"The header of an answer must lie inside it and have at most {HEADER:,} bytes; got {length:,}.")
    try:
        header = json.loads(view[BEFORE : BEFORE + length].tobytes().decode(), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise AnswerError("The header of an answer must be JSON.") from error
    return received.trace(header, view[BEFORE + length :], most)


def first_form(trace: Trace) -> Trace:
    """The trace without what form 1 cannot say."""
    known: dict[int, tuple[Token, ...]] = {}

    def side(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
        if id(tokens) not in known:  # blocks share their lists of tokens, and go on sharing them
            known[id(tokens)] = tuple(replace(token, unknown=False) if token.unknown else token for token in tokens)
        return known[id(tokens)]

    parts = tuple(replace(part, queries=side(part.queries), keys=side(part.keys)) for part in trace.parts)
    return replace(trace, parts=parts, reading=None)


def digest(*parts: bytes | memoryview) -> bytes:
    """16 bytes that change with any bit of the content, however it is cut into parts."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.digest()[:16]


def _no_number(name: str) -> float:
    """Infinity and NaN are no JSON."""
    raise ValueError(name)


@dataclass
class _Out:
    """What was put on the wire so far: lists of tokens and arrays, each once, however many layers share it."""

    sides: list[tuple[Token, ...]] = field(default_factory=list)
    parcels: list[Parcel] = field(default_factory=list)
    planes: list[bytes] = field(default_factory=list)
    seen: dict[int, tuple[int, np.ndarray]] = field(default_factory=dict)

    def side(self, tokens: tuple[Token, ...]) -> int:
        """The number of a list of tokens."""
        if tokens not in self.sides:
            self.sides.append(tokens)
        return self.sides.index(tokens)

    def array(self, array: np.ndarray | None, *, lower: bool = False) -> int | None:
        """The number of an array, None of none."""
        if array is None:
            return None
        if id(array) not in self.seen:
            parcel, planes = packed(array, lower=lower)
            self.seen[id(array)] = (len(self.parcels), array)  # held, so that nothing else gets its id meanwhile
            self.parcels.append(parcel)
            self.planes += planes
        return self.seen[id(array)][0]


def _token(token: Token) -> list[Any]:
    """A token as JSON has it: six entries, and `true` as a seventh where it is the unknown token."""
    entry = [token.text, token.piece, token.start, token.end, token.word, token.segment]
    return [*entry, True] if token.unknown else entry


def _reading(reading: Legibility) -> dict[str, Any]:
    """How much of a text is read as typed, as JSON has it."""
    altered = [[one.typed, one.read, list(one.kinds), one.start, one.segment, one.count] for one in reading.altered]
    return {"counts": [getattr(reading, name) for name in COUNTS], "altered": altered, "stretches": reading.stretches}


def _block(part: Block, out: _Out, *, whole: bool) -> dict[str, Any]:
    """One block, in the smaller of its two forms."""
    matrices = not whole and _matrices(part) <= _vectors(part)
    return {
        "name": part.name,
        "queries": out.side(part.queries),
        "keys": out.side(part.keys),
        "numbers": list(part.numbers),
        "note": part.note,
        "layers": [_layer(part, number, out, matrices=matrices, whole=whole) for number in range(part.layers)],
    }


def _matrices(part: Block) -> int:
    """Bytes of all weights, before they are packed: of a causal block of one half."""
    cells = sum(call.heads for call in part.calls) * len(part.queries) * len(part.keys)
    return 4 * cells // (2 if part.causal else 1)


def _vectors(part: Block) -> int:
    """Bytes of all that determines the weights, each array once. A boolean is a bit."""
    arrays = {
        id(array): array.nbytes // (8 if array.dtype == bool else 1)
        for call in part.calls if isinstance(call, Projections)
        for array in (call.query, call.key, call.mask, call.bias, call.sinks) if array is not None
    }  # fmt: skip
    return sum(arrays.values())


def _layer(part: Block, number: int, out: _Out, *, matrices: bool, whole: bool) -> dict[str, Any]:
    """One layer as its block goes; what is a matrix already stays one."""
    call = part.calls[number]
    if isinstance(call, Dense):
        return {"kind": "dense", "weights": _weights(call.whole, out), "precision": call.precision}
    if isinstance(call, Projections) and not matrices:
        return _projections(call, out, whole=whole)
    sent = call if isinstance(call, RemoteWeights) else _computed(part, number, call)
    return {
        "kind": "sent", "weights": _weights(sent.whole, out), "compared": out.array(sent.compared),
        "precision": sent.precision, "causal": sent.causal, "sunk": sent.sunk, "unfused": sent.unfused,
        "groups": sent.groups, "dim": sent.dim,
    }  # fmt: skip


def _computed(part: Block, number: int, call: Projections) -> RemoteWeights:
    """The weights of a layer, and how they compare, computed here."""
    weights = part.weights(number)
    compared = call.differences(slice(None), weights)
    return RemoteWeights(
        weights, call.precision, part.causal, call.sunk, call.unfused, call.groups, call.dim,
        None if compared is None else compared.astype(np.float32),
    )  # fmt: skip


def _weights(whole: np.ndarray, out: _Out) -> int | None:
    """Weights, one half of them where the other is nothing but zeros."""
    square = whole.shape[-1] == whole.shape[-2] > 1
    return out.array(whole, lower=square and not np.triu(whole.view(f"u{whole.itemsize}"), 1).any())


def _projections(call: Projections, out: _Out, *, whole: bool) -> dict[str, Any]:
    """Queries and keys, and all else that determines the weights."""
    return {
        "kind": "projections", "query": out.array(call.query), "key": out.array(call.key),
        "value": out.array(call.value if whole else None), "output": out.array(call.output if whole else None),
        "mask": out.array(call.mask), "bias": out.array(call.bias), "sinks": out.array(call.sinks), "scale": call.scale,
        "causal": call.causal, "softcap": call.softcap, "precision": call.precision,
    }  # fmt: skip
