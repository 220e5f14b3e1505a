"""A trace as a table: a pandas DataFrame in long form, or an xarray DataArray, with tokens or words as labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from attnviz.analysis import view
from attnviz.engine.block import Block
from attnviz.engine.trace import Trace
from attnviz.errors import BlocksError, TooLongError, UnavailableError, UnknownHeadError
from attnviz.types import HeadRef, Token, Unit
from attnviz.view_state import ViewOptions

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from pandas.io.formats.style import Styler

MAX_WEIGHTS = 5_000_000  # weights of one table: about 150 MB of a DataFrame
NO_WORD = -1  # the word of a special token, if a coordinate must be a whole number


@dataclass(frozen=True)
class _Chosen:
    """Weights of some heads: `weights[i]` are those of `heads[i]`; the units are rows and columns of each."""

    block: str
    heads: tuple[HeadRef, ...]
    queries: tuple[Unit, ...]
    keys: tuple[Unit, ...]
    tokens: tuple[tuple[Token, ...], tuple[Token, ...]]
    weights: Float[np.ndarray, "one query key"]


def frame(
    trace: Trace, layer: int | None, head: int | None, *, block: str | None = None, words: bool = False, special: str = "show"
) -> pd.DataFrame:
    """Return the weights in long form; see Trace.to_frame."""
    try:
        import pandas as pd
    except ImportError as error:
        raise UnavailableError(
            "A DataFrame is one of the library pandas, which is not installed here. Install it with: pip install pandas"
        ) from error
    found = _chosen(trace, layer, head, block, words=words, special=special)
    heads, queries, keys = found.weights.shape
    columns: dict[str, object] = {
        "block": pd.Categorical.from_codes(np.zeros(found.weights.size, np.int8), categories=[found.block]),
        "layer": np.repeat(np.array([one.layer for one in found.heads], np.int32), queries * keys),
        "head": np.repeat(np.array([one.head for one in found.heads], np.int32), queries * keys),
    }
    for name, units, tokens, places in (
        ("query", found.queries, found.tokens[0], np.tile(np.repeat(np.arange(queries), keys), heads)),
        ("key", found.keys, found.tokens[1], np.tile(np.arange(keys), heads * queries)),
    ):
        labels = {text: code for code, text in enumerate(dict.fromkeys(unit.text for unit in units))}
        codes = np.array([labels[unit.text] for unit in units], np.int32)
        columns[name] = _numbers(units, words=words)[places]
        columns[f"{name}_text"] = pd.Categorical.from_codes(codes[places], categories=list(labels))
        if not words:
            numbers = _words(units, tokens)
            columns[f"{name}_word"] = pd.arrays.IntegerArray(numbers[places], numbers[places] == NO_WORD)
    return pd.DataFrame(columns | {"weight": found.weights.reshape(-1)})


def array(
    trace: Trace, layer: int | None, head: int | None, *, block: str | None = None, words: bool = False, special: str = "show"
) -> xr.DataArray:
    """Return the weights with named axes; see Trace.to_xarray."""
    try:
        import xarray as xr
    except ImportError as error:
        raise UnavailableError(
            "A DataArray is one of the library xarray, which is not installed here. Install it with: pip install xarray"
        ) from error
    found = _chosen(trace, layer, head, block, words=words, special=special)
    layers, heads = (sorted({getattr(one, axis) for one in found.heads}) for axis in ("layer", "head"))
    values = np.full((len(layers), len(heads), len(found.queries), len(found.keys)), np.nan, np.float32)
    for one, weights in zip(found.heads, found.weights, strict=True):  # if layers have fewer heads, the rest is NaN
        values[layers.index(one.layer), heads.index(one.head)] = weights
    coordinates: dict[str, object] = {"layer": layers, "head": heads}
    for name, units, tokens in (("query", found.queries, found.tokens[0]), ("key", found.keys, found.tokens[1])):
        coordinates[name] = _numbers(units, words=words)
        coordinates[f"{name}_text"] = (name, [unit.text for unit in units])
        if not words:
            coordinates[f"{name}_word"] = (name, _words(units, tokens))
    facts = {
        "model": trace.request.model, "text": trace.request.text, "text_b": trace.request.text_b or "", "block": found.block,
        "weights_sha256": trace.digest, "words": int(words), "special": special,
    }  # fmt: skip
    return xr.DataArray(values, coordinates, ("layer", "head", "query", "key"), name="attention", attrs=facts)


def formatted(rows: Sequence[Mapping[str, Any]], formats: Mapping[str, Callable[[float], str]]) -> pd.DataFrame | Styler:
    """Return rows as a table in which some columns are written in a form of their own, and still sorted as numbers."""
    import pandas as pd

    table = pd.DataFrame(list(rows))
    if not formats:
        return table
    styled = table.style
    styled.format({**formats}, na_rep="")
    return styled


def _chosen(trace: Trace, layer: int | None, head: int | None, block: str | None, *, words: bool, special: str) -> _Chosen:
    """Return the weights asked for, of all heads or of one layer, head or both; counted before any is computed."""
    part = _block(trace, block)
    options = ViewOptions(words, special)
    layers = range(part.layers) if layer is None else (_there(layer, part.layers, "layer"),)
    counts = {number: part.calls[number].heads for number in layers}
    if head is not None and not any(0 <= head < count for count in counts.values()):
        raise UnknownHeadError(f"These layers have heads 0 to {max(counts.values()) - 1}; there is no head {head}.")
    heads = tuple(
        HeadRef(number, one, part.name)
        for number, count in counts.items()
        for one in (range(count) if head is None else (head,) if head < count else ())
    )
    queries, keys = (view.visible_units(side, options) for side in view.sides(part, options))
    size = len(heads) * len(queries) * len(keys)
    if size > MAX_WEIGHTS:
        raise TooLongError(
            f"A table holds at most {MAX_WEIGHTS:,} weights; {len(heads)} heads on {len(queries)} × {len(keys)} "
            f"{'words' if words else 'tokens'} make {size:,}. Give a layer, or a layer and a head, or take "
            "trace.weights(layer)."
        )
    weights = np.empty((len(heads), len(queries), len(keys)), np.float32)
    if not words and special == "show":
        for place, one in enumerate(heads):
            weights[place] = part.weights(one.layer, one.head)
    elif layer is not None:
        for place, one in enumerate(heads):
            weights[place] = view.pattern(trace, one, options).weights
    else:  # the shown units are computed once for all heads
        for number, found in enumerate(view.patterns(trace, options, part.name)):
            for place, one in enumerate(heads):
                if one.layer == number:
                    weights[place] = found[one.head].weights
    return _Chosen(part.name, heads, queries, keys, (part.queries, part.keys), weights)


def _block(trace: Trace, name: str | None) -> Block:
    """Return the block asked for, or the only one."""
    if name is not None:
        return trace.block(name)
    only, *others = trace.parts
    if others:
        raise BlocksError(
            f"This trace has several blocks: {', '.join(trace.blocks)}. Name one, e.g. block={trace.blocks[-1]!r}."
        )
    return only


def _there(number: int, count: int, what: str) -> int:
    """Return a number that counts from 0, if there is such a one."""
    if not 0 <= number < count:
        raise UnknownHeadError(f"This model has {what}s 0 to {count - 1}; there is no {what} {number}.")
    return number


def _numbers(units: Sequence[Unit], *, words: bool) -> np.ndarray:
    """Return which token of the block each row is; by words, which of the words and special tokens that are shown."""
    return np.array([place if words else unit.tokens[0] for place, unit in enumerate(units)], np.int32)


def _words(units: Sequence[Unit], tokens: Sequence[Token]) -> np.ndarray:
    """Return the number of the word that each token belongs to, NO_WORD for special tokens."""
    found = (tokens[unit.tokens[0]].word for unit in units)
    return np.array([NO_WORD if word is None else word for word in found], np.int32)
