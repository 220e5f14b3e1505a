"""The bytes of an answer as a Trace. The header is decoded into declared shapes; what they cannot say is checked in code.

Everything here raises AnswerError for bytes that cannot be an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

import msgspec
import numpy as np
from msgspec import Meta, Struct

from attnviz.backends.wire.arrays import ArrayHeader, check_headers, unpack
from attnviz.engine.block import Block
from attnviz.engine.layers import Dense, Layer, Projections, RemoteWeights
from attnviz.engine.trace import Trace
from attnviz.errors import AnswerError
from attnviz.legibility import COUNTS, KINDS, LISTED, AlteredText, Legibility
from attnviz.types import AttentionRequest, Token, quoted

T = TypeVar("T")
Length = Annotated[int, Meta(ge=0, lt=2**31)]
Segment = Annotated[int, Meta(ge=0, le=1)]
Precision = Literal["float16", "bfloat16", "float32", "float64"]
Scale = Annotated[float, Meta(ge=-10_000, le=10_000)]  # of larger ones, scores would overflow
MIN_CAP = 1 / 10_000  # scores are divided by it
COMPUTED = ("float32", "float64")  # array types that are computed with


class _Token(Struct, array_like=True, forbid_unknown_fields=True):
    text: str
    piece: str
    start: Length
    end: Length
    word: Length | None
    segment: Segment
    unknown: bool = False


class _Request(Struct, array_like=True, forbid_unknown_fields=True):
    model: str
    text: str
    text_b: str | None
    chat: bool = False


class _Altered(Struct, array_like=True, forbid_unknown_fields=True):
    typed: str
    read: str
    kinds: Annotated[list[Literal["case", "accents", "form", "dropped", "other"]], Meta(min_length=1)]
    start: Length
    segment: Segment
    count: Length


class _Reading(Struct, forbid_unknown_fields=True):
    counts: Annotated[list[Length], Meta(min_length=len(COUNTS), max_length=len(COUNTS))]
    altered: Annotated[list[_Altered], Meta(max_length=LISTED)]
    stretches: Length


class _Dense(Struct, tag_field="kind", tag="dense", forbid_unknown_fields=True):
    weights: Length
    precision: Precision


class _RemoteWeights(Struct, tag_field="kind", tag="sent", forbid_unknown_fields=True):
    weights: Length
    compared: Length | None
    precision: Precision
    causal: bool
    sunk: bool
    unfused: bool
    groups: Length
    dim: Length


class _Projections(Struct, tag_field="kind", tag="projections", forbid_unknown_fields=True):
    query: Length
    key: Length
    value: Length | None
    output: Length | None
    mask: Length | None
    bias: Length | None
    sinks: Length | None
    scale: Scale
    causal: bool
    softcap: Scale | None
    precision: Precision


class _Block(Struct, forbid_unknown_fields=True):
    name: Literal["self", "encoder", "decoder", "cross"]
    queries: Length
    keys: Length
    numbers: list[Length]
    note: str
    layers: Annotated[list[_Dense | _RemoteWeights | _Projections], Meta(min_length=1, max_length=4096)]


class _Header(Struct, forbid_unknown_fields=True):
    request: _Request
    digest: str
    written: str | None
    batched: bool
    sides: list[list[_Token]]
    arrays: list[ArrayHeader]
    blocks: Annotated[list[_Block], Meta(min_length=1)]
    reading: _Reading | None = None


def trace(header: bytes, data: memoryview, max_bytes: int) -> Trace:
    """Return the trace of a header and its arrays, which together may have `max_bytes` bytes in memory."""
    try:
        found = msgspec.json.decode(header, type=_Header)
    except (msgspec.DecodeError, RecursionError) as error:
        raise AnswerError(
            f"The header of an answer is JSON with its fields in their types; got {quoted(str(error), 120)}. "
            "Run the same attnviz at both ends."
        ) from error
    check_headers(found.arrays, len(data), max_bytes)
    arrays, at = [], 0
    for one in found.arrays:
        arrays.append(unpack(one, data[at : at + one.size]))
        at += one.size
    sides = [tuple(_token(token) for token in side) for side in found.sides]
    blocks = tuple(_block(block, sides, arrays) for block in found.blocks)
    if len({block.name for block in blocks}) < len(blocks):
        raise AnswerError("An answer has at least one block, and each of them once.")
    asked = found.request
    request = AttentionRequest(asked.model, asked.text, asked.text_b, asked.chat)
    return Trace(request, blocks, found.digest, found.written, found.batched, _legibility(found.reading))


def _token(found: _Token) -> Token:
    return Token(found.text, found.piece, found.start, found.end, found.word, found.segment, found.unknown)


def _legibility(found: _Reading | None) -> Legibility | None:
    """Return how much of a text is read as typed; parts are never more than the whole."""
    if found is None:
        return None
    counts, altered = found.counts, tuple(map(_altered, found.altered))
    fits = all(part <= whole for whole, part in zip(counts[::2], counts[1::2], strict=True))
    if not fits or sum(one.count for one in altered) > found.stretches:
        raise AnswerError("Counts of a reading fit together: no part is more than the whole.")
    return Legibility(**dict(zip(COUNTS, counts, strict=True)), altered=altered, stretches=found.stretches)


def _altered(found: _Altered) -> AlteredText:
    """Return a stretch that is not read as typed."""
    kinds = tuple(kind for kind in KINDS if kind in found.kinds)
    if len(kinds) != len(found.kinds):
        raise AnswerError("Each kind of change in a stretch is named once.")
    return AlteredText(found.typed, found.read, kinds, found.start, found.segment, found.count)


def _block(found: _Block, sides: Sequence[tuple[Token, ...]], arrays: Sequence[np.ndarray]) -> Block:
    """Return one block, whose layers fit its tokens."""
    queries, keys = _item(sides, found.queries), _item(sides, found.keys)
    size = len(queries), len(keys)
    layers = tuple(_layer(layer, size, arrays) for layer in found.layers)
    if len(found.numbers) not in (0, len(layers)):
        raise AnswerError("The layers of a block have a number each, or none.")
    if len({isinstance(layer, Dense) for layer in layers}) > 1:
        raise AnswerError("The layers of a block come all from the library, or none of them does.")
    return Block(found.name, queries, keys, layers, tuple(found.numbers), found.note)


def _layer(found: _Dense | _RemoteWeights | _Projections, size: tuple[int, int], arrays: Sequence[np.ndarray]) -> Layer:
    """Return one layer of `size` queries and keys."""
    match found:
        case _Dense():
            return Dense(_array(arrays, found.weights, (None, *size)), found.precision)
        case _RemoteWeights():
            weights = _array(arrays, found.weights, (None, *size))
            return RemoteWeights(
                array=weights, precision=found.precision, causal=found.causal, sunk=found.sunk, unfused=found.unfused,
                groups=found.groups, dim=found.dim, compared=_optional(arrays, found.compared, weights.shape[:1]),
            )  # fmt: skip
        case _Projections():
            return _projections(found, size, arrays)


def _projections(found: _Projections, size: tuple[int, int], arrays: Sequence[np.ndarray]) -> Projections:
    """Return queries and keys whose heads fit together."""
    queries, keys = size
    query = _array(arrays, found.query, (None, queries, None))
    heads, dim = query.shape[0], query.shape[2]
    key = _array(arrays, found.key, (None, keys, dim))
    if heads % key.shape[0] or not query.dtype == key.dtype:
        raise AnswerError("Each head of the keys is read by the same number of query heads.")
    if found.softcap is not None and abs(found.softcap) < MIN_CAP:
        raise AnswerError("A cap of scores is at least 1/10,000.")
    return Projections(
        query=query, key=key, value=_optional(arrays, found.value, (key.shape[0], keys, None)),
        output=_optional(arrays, found.output, (heads, queries, None)),
        mask=_mask(arrays, found.mask, heads, size, bool, query.dtype),
        bias=_mask(arrays, found.bias, heads, size, query.dtype),
        sinks=_optional(arrays, found.sinks, (heads,)), scale=found.scale, causal=found.causal, softcap=found.softcap,
        precision=found.precision,
    )  # fmt: skip


def _mask(
    arrays: Sequence[np.ndarray], number: int | None, heads: int, size: tuple[int, int], *types: type | np.dtype
) -> np.ndarray | None:
    """Return a mask or bias, `[query, key]` or `[head, query, key]`, where an axis of 1 stands for all."""
    if number is None:
        return None
    found = _item(arrays, number)
    fits = all(there in (1, wanted) for there, wanted in zip(found.shape[-2:], size, strict=False))
    if found.ndim not in (2, 3) or (found.ndim == 3 and found.shape[0] != heads) or not fits or found.dtype not in types:
        raise AnswerError(f"A mask or bias over {size[0]} queries and {size[1]} keys does not have the shape {found.shape}.")
    return found


def _array(arrays: Sequence[np.ndarray], number: int, shape: tuple[int | None, ...]) -> np.ndarray:
    """Return one of the arrays, if it has the shape; None stands for any length."""
    found = _item(arrays, number)
    fits = found.ndim == len(shape) and all(want in (None, there) for want, there in zip(shape, found.shape, strict=True))
    if not fits or found.dtype.name not in COMPUTED:
        raise AnswerError(f"An array of this answer must have the shape {shape}; got {found.shape}.")
    return found


def _optional(arrays: Sequence[np.ndarray], number: int | None, shape: tuple[int | None, ...]) -> np.ndarray | None:
    """Return the same, None without a number."""
    return None if number is None else _array(arrays, number, shape)


def _item(values: Sequence[T], number: int) -> T:
    """Return the value with this number."""
    if number >= len(values):
        raise AnswerError(f"A number of an answer is whole and from 0 to below {len(values)}.")
    return values[number]
