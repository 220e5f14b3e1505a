"""The header and the arrays of an answer in, a Trace out: every entry is checked, none is believed. AnswerError otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from attnviz.backends.wire.arrays import parcels, unpacked
from attnviz.engine.layers import Dense, Layer, Projections, RemoteWeights
from attnviz.engine.trace import Block, Trace
from attnviz.errors import AnswerError
from attnviz.legibility import COUNTS, KINDS, LISTED, AlteredText, Legibility
from attnviz.types import BLOCKS, AttentionRequest, Token

T = TypeVar("T")
FORMATS = ("float16", "bfloat16", "float32", "float64")
SCALE = 10_000
WEIGHED = ("float32", "float64")  # numbers that are computed with
LAYERS, LENGTH = 4096, 2**31


def trace(header: Any, data: memoryview, most: int) -> Trace:
    """The trace that a header tells, its arrays together at most `most` bytes."""
    names = ("request", "digest", "written", "batched", "sides", "arrays", "blocks")
    told = _entries({"reading": None} | header if isinstance(header, dict) else header, *names, "reading")
    found = parcels(told["arrays"], len(data), most)
    arrays, at = [], 0
    for parcel in found:
        arrays.append(unpacked(parcel, data[at : at + parcel.size]))
        at += parcel.size
    match told["request"]:
        case [model, text, text_b, *chat] if chat in ([], [True]):
            request = AttentionRequest(_text(model), _text(text), _maybe(_text, text_b), bool(chat))
        case _:
            raise AnswerError("A request is a model and two texts.")
    sides = [tuple(_token(entry) for entry in _list(side)) for side in _list(told["sides"])]
    blocks = tuple(_block(entry, sides, arrays) for entry in _list(told["blocks"]))
    names = [part.name for part in blocks]
    if not names or len(set(names)) < len(names):
        raise AnswerError("An answer has at least one block, and each of them once.")
    written, reading = _maybe(_text, told["written"]), _maybe(_reading, told["reading"])
    return Trace(request, blocks, _text(told["digest"]), written, _flag(told["batched"]), reading)


def _reading(entry: Any) -> Legibility:
    """How much of a text is read as typed; parts are never more than the whole."""
    told = _entries(entry, "counts", "altered", "stretches")
    counts = [_whole(count, LENGTH) for count in _list(told["counts"])]
    altered, stretches = tuple(map(_altered, _list(told["altered"]))), _whole(told["stretches"], LENGTH)
    fits = len(counts) == len(COUNTS) and all(part <= whole for whole, part in zip(counts[::2], counts[1::2], strict=True))
    if not fits or len(altered) > LISTED or sum(one.count for one in altered) > stretches:
        raise AnswerError(
            f"A reading has {len(COUNTS)} counts and at most {LISTED:,} stretches; no part is more than the whole."
        )
    return Legibility(**dict(zip(COUNTS, counts, strict=True)), altered=altered, stretches=stretches)


def _altered(entry: Any) -> AlteredText:
    """A stretch that is not read as typed."""
    match entry:
        case [typed, read, kinds, start, segment, count]:
            named = tuple(kind for kind in KINDS if kind in _list(kinds))
            if not named or len(named) != len(kinds):
                raise AnswerError(f"What is lost of a text is one of {', '.join(KINDS)}.")
            place = _whole(start, LENGTH), _whole(segment, 2), _whole(count, LENGTH)
            return AlteredText(_text(typed), _text(read), named, *place)
        case _:
            raise AnswerError("An altered stretch is what is typed, what is read, what is lost, its place and its count.")


def _block(entry: Any, sides: Sequence[tuple[Token, ...]], arrays: Sequence[np.ndarray]) -> Block:
    """One block whose layers fit its tokens."""
    told = _entries(entry, "name", "queries", "keys", "numbers", "note", "layers")
    queries, keys = (_one_of(sides, told[side]) for side in ("queries", "keys"))
    size = len(queries), len(keys)
    numbers = tuple(_whole(number, LENGTH) for number in _list(told["numbers"]))
    layers = tuple(_layer(layer, size, arrays) for layer in _list(told["layers"]))
    if not 1 <= len(layers) <= LAYERS or len(numbers) not in (0, len(layers)) or told["name"] not in BLOCKS:
        raise AnswerError(f"A block is one of {', '.join(BLOCKS)} and has 1 to {LAYERS} layers, with a number each or none.")
    if len({isinstance(layer, Dense) for layer in layers}) > 1:
        raise AnswerError("The layers of a block come all from the library, or none of them does.")
    return Block(told["name"], queries, keys, layers, numbers, _text(told["note"]))


def _layer(entry: Any, size: tuple[int, int], arrays: Sequence[np.ndarray]) -> Layer:
    """One layer of `size` queries and keys."""
    kind = entry.get("kind") if isinstance(entry, dict) else None
    if kind == "dense":
        told = _entries(entry, "kind", "weights", "precision")
        return Dense(_array(arrays, told["weights"], (None, *size)), _format(told["precision"]))
    if kind == "sent":
        return _sent(entry, size, arrays)
    if kind == "projections":
        return _projections(entry, size, arrays)
    raise AnswerError("A layer is dense, sent or projections.")


def _sent(entry: Any, size: tuple[int, int], arrays: Sequence[np.ndarray]) -> RemoteWeights:
    """Weights that were computed elsewhere."""
    names = ("kind", "weights", "precision", "causal", "sunk", "unfused", "groups", "dim", "compared")
    told = _entries(entry, *names)
    weights = _array(arrays, told["weights"], (None, *size))
    return RemoteWeights(
        whole=weights, precision=_format(told["precision"]), causal=_flag(told["causal"]), sunk=_flag(told["sunk"]),
        unfused=_flag(told["unfused"]), groups=_whole(told["groups"], LENGTH), dim=_whole(told["dim"], LENGTH),
        compared=_maybe(lambda number: _array(arrays, number, weights.shape[:1]), told["compared"]),
    )  # fmt: skip


def _projections(entry: Any, size: tuple[int, int], arrays: Sequence[np.ndarray]) -> Projections:
    """Queries and keys whose heads go together."""
    names = ("query", "key", "value", "output", "mask", "bias", "sinks", "scale", "causal", "softcap", "precision")
    told = _entries(entry, "kind", *names)
    queries, keys = size
    query = _array(arrays, told["query"], (None, queries, None))
    heads, dim = query.shape[0], query.shape[2]
    key = _array(arrays, told["key"], (None, keys, dim))
    if heads % key.shape[0] or not query.dtype == key.dtype:
        raise AnswerError("Each head of the keys is read by the same number of query heads.")

    def maybe(name: str, *shape: int | None) -> np.ndarray | None:
        return _maybe(lambda number: _array(arrays, number, shape), told[name])

    return Projections(
        query=query, key=key, value=maybe("value", key.shape[0], keys, None), output=maybe("output", heads, queries, None),
        mask=_over(arrays, told["mask"], heads, size, bool, query.dtype),
        bias=_over(arrays, told["bias"], heads, size, query.dtype),
        sinks=maybe("sinks", heads), scale=_number(told["scale"]), causal=_flag(told["causal"]),
        softcap=_maybe(_cap, told["softcap"]), precision=_format(told["precision"]),
    )  # fmt: skip


def _over(arrays: Sequence[np.ndarray], number: Any, heads: int, size: tuple[int, int], *types: Any) -> np.ndarray | None:
    """A mask or bias, [query, key] or [head, query, key], where an axis of 1 stands for all."""
    if number is None:
        return None
    found = _one_of(arrays, number)
    wide = all(there in (1, wanted) for there, wanted in zip(found.shape[-2:], size, strict=False))
    if found.ndim not in (2, 3) or (found.ndim == 3 and found.shape[0] != heads) or not wide or found.dtype not in types:
        raise AnswerError(f"A mask or bias over {size[0]} queries and {size[1]} keys does not have the shape {found.shape}.")
    return found


def _array(arrays: Sequence[np.ndarray], number: Any, shape: tuple[int | None, ...]) -> np.ndarray:
    """One of the arrays, if it has the shape; None stands for any length."""
    found = _one_of(arrays, number)
    fits = found.ndim == len(shape) and all(want in (None, there) for want, there in zip(shape, found.shape, strict=True))
    if not fits or found.dtype.name not in WEIGHED:
        raise AnswerError(f"An array of this answer must have the shape {shape}; got {found.shape}.")
    return found


def _token(entry: Any) -> Token:
    """One token."""
    match entry:
        case [text, piece, start, end, word, segment, *unknown] if len(unknown) < 2:
            at, to = _whole(start, LENGTH), _whole(end, LENGTH)
            place = _maybe(lambda number: _whole(number, LENGTH), word)
            return Token(_text(text), _text(piece), at, to, place, _whole(segment, 2), *map(_flag, unknown))
        case _:
            raise AnswerError("A token is a text, a piece, its place, its word, its segment and whether it is unknown.")


def _entries(value: Any, *names: str) -> dict[str, Any]:
    """An object with exactly these entries."""
    if not isinstance(value, dict) or value.keys() != set(names):
        raise AnswerError(f"A part of an answer has the entries {', '.join(names)}.")
    return value


def _list(value: Any) -> list[Any]:
    """A list."""
    if not isinstance(value, list):
        raise AnswerError(f"A part of an answer is a list; got {type(value).__name__}.")
    return value


def _one_of(values: Sequence[T], number: Any) -> T:
    """The value with this number."""
    return values[_whole(number, len(values))]


def _whole(value: Any, end: int) -> int:
    """A whole number from 0 to below `end`."""
    if type(value) is not int or not 0 <= value < end:
        raise AnswerError(f"A number of an answer is whole and from 0 to below {end}.")
    return value


def _number(value: Any) -> float:
    """A number that a sum of products can be scaled by; of a larger one the scores would be no numbers."""
    if type(value) not in (int, float) or not -SCALE <= value <= SCALE:
        raise AnswerError(f"A scale is a number from -{SCALE:,} to {SCALE:,}.")
    return float(value)


def _cap(value: Any) -> float:
    """A number that scores are divided by."""
    if abs(cap := _number(value)) < 1 / SCALE:
        raise AnswerError(f"A cap of scores is at least 1/{SCALE:,}.")
    return cap


def _text(value: Any) -> str:
    """A text of whole characters."""
    if not isinstance(value, str) or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise AnswerError("A text of an answer holds whole characters.")
    return value


def _flag(value: Any) -> bool:
    """Yes or no."""
    if not isinstance(value, bool):
        raise AnswerError("What is yes or no is told as true or false.")
    return value


def _format(value: Any) -> str:
    """A number format that models compute in."""
    if value not in FORMATS:
        raise AnswerError(f"Models compute in {', '.join(FORMATS)}.")
    return value


def _maybe(read: Callable[[Any], T], value: Any) -> T | None:
    """What `read` makes of a value, None of none."""
    return None if value is None else read(value)
