"""The attention of one block of a model: all layers and heads over one list of queries and one of keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, overload

import numpy as np
import torch
from jaxtyping import Float

from attnviz.engine import attention
from attnviz.engine.layers import EXACT, Dense, Layer, Projections, locked, looks_back_only, tensor
from attnviz.errors import NoAttentionError, ShapeError, UnknownHeadError
from attnviz.types import HeadRef, Token

ROWS = 1e-4  # how far a row's sum may be from 1
COARSE = {"bfloat16": 2e-2, "float16": 2e-3}  # the same for weights that the library rounded, to 8 and 11 bits


def _rows(calls: Sequence[Projections], queries: Sequence[int]) -> list[Float[np.ndarray, "head row key"]]:
    """Return the weights of some queries in every head of some layers.

    The products use numpy, and one softmax covers all layers: each is so small that torch would take longer to wake its
    threads than to compute, much longer on a busy machine.
    """
    raw = [call.scores(queries) for call in calls]
    with torch.inference_mode():
        sinks = None
        if any(call.sinks is not None for call in calls):
            none = [torch.full((call.heads,), attention.NEVER) for call in calls]
            sinks = torch.cat([none[at] if call.sinks is None else tensor(call.sinks) for at, call in enumerate(calls)])
        found = attention.softmax(torch.cat(raw), sinks).to(torch.float32).numpy()
    return np.split(found, np.cumsum([call.heads for call in calls])[:-1])


@dataclass(frozen=True, eq=False)
class Block:
    """The attention of one block of a model: all layers and heads over one list of queries and one of keys.

    A model with one kind of attention has the block `self`; an encoder-decoder has `encoder`, `decoder` and `cross`.
    If only some of a model's layers have attention, `numbers` are the model's numbers of those, and `note` explains it.
    """

    name: str
    queries: tuple[Token, ...]
    keys: tuple[Token, ...]
    calls: tuple[Layer, ...]
    numbers: tuple[int, ...] = ()
    note: str = ""

    @property
    def layers(self) -> int:
        """Number of layers."""
        return len(self.calls)

    @property
    def heads(self) -> int:
        """Number of heads in a layer (the largest, if layers differ)."""
        return max(call.heads for call in self.calls)

    @property
    def source(self) -> Literal["projections", "dense"]:
        """Where weights come from: captured projections, or the library's eager weights."""
        return "dense" if isinstance(self.calls[0], Dense) else "projections"

    @cached_property
    def causal(self) -> bool:
        """Whether no query in any layer may attend to a later key."""
        if self.queries != self.keys:
            return False
        masks = (call.mask if isinstance(call, Projections) else None for call in self.calls)
        distinct = {id(call if mask is None else mask): call for mask, call in zip(masks, self.calls, strict=True)}
        return all(looks_back_only(call) for call in distinct.values())  # layers share masks: each is checked once

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays, each counted once."""
        arrays = {id(a): a for call in self.calls for a in vars(call).values() if isinstance(a, np.ndarray)}
        return sum(a.nbytes for a in arrays.values())

    @overload
    def weights(self) -> Float[np.ndarray, "layer head query key"]: ...
    @overload
    def weights(self, layer: int) -> Float[np.ndarray, "head query key"]: ...
    @overload
    def weights(self, layer: int, head: int) -> Float[np.ndarray, "query key"]: ...
    def weights(self, layer: int | None = None, head: int | None = None) -> np.ndarray:
        """Return the attention weights of all layers, of one layer, or of one head; float32, read-only.

        Raises UnknownHeadError for a layer or head that does not exist.
        """
        if layer is None:
            if len({call.heads for call in self.calls}) > 1:
                raise ShapeError("The layers of this model differ in their number of heads: ask for one layer, weights(layer).")
            all_weights = np.empty((self.layers, self.heads, len(self.queries), len(self.keys)), np.float32)
            for i in range(self.layers):  # filled in place: a list of layers beside their stack would double the peak
                all_weights[i] = self.weights(i)
            return locked(all_weights)
        call = self._call(layer, head)
        found = call.weights(slice(None) if head is None else slice(head, head + 1))
        return locked(self._checked(found if head is None else found[0], call, layer, head))

    def rows(self, queries: Sequence[int]) -> tuple[Float[np.ndarray, "head row key"], ...]:
        """Return the weights of some queries in every head, an array for each layer: the same rows as in `weights(layer)`."""
        captured = [call for call in self.calls if isinstance(call, Projections)]
        made = iter(_rows(captured, queries) if captured else ())
        found = [next(made) if isinstance(call, Projections) else call.array[:, list(queries)] for call in self.calls]
        return tuple(
            locked(self._checked(rows, call, layer, None))
            for layer, (rows, call) in enumerate(zip(found, self.calls, strict=True))
        )

    def by_layer(self) -> Iterator[Float[np.ndarray, "head query key"]]:
        """Yield the weights of each layer in turn, the same as in `weights(layer)`.

        Those of a short text are computed together, in half the time; of a long text, one layer at a time is in memory.
        """
        short = len(self.queries) * len(self.keys) <= EXACT
        yield from self.rows(range(len(self.queries))) if short else (self.weights(i) for i in range(self.layers))

    def sink(self, layer: int, head: int) -> Float[np.ndarray, " query"]:
        """Return the part of each row that a learned sink takes; zeros if the model has none."""
        call = self._call(layer, head)
        if not call.sunk:
            return locked(np.zeros(len(self.queries), np.float32))
        return locked(np.clip(1.0 - self.weights(layer, head).sum(-1), 0.0, 1.0).astype(np.float32))

    def difference(self, layer: int, head: int) -> float | None:
        """Return the largest difference between weights times values, computed here, and the output of the model's kernel.

        None for dense weights, which come without values to compare, and if the values stayed on another machine.
        """
        call = self._call(layer, head)
        found = None if isinstance(call, Dense) else call.differences(slice(head, head + 1))
        return None if found is None else float(found[0])

    @property
    def precision(self) -> str:
        """The number format that the model computed in, e.g. float32."""
        return self.calls[0].precision

    def _call(self, layer: int, head: int | None) -> Layer:
        """Return one layer. Raises an error that says which layers and heads exist."""
        if not 0 <= layer < self.layers:
            note = f" {self.note}" if self.note else ""
            raise UnknownHeadError(f"This model has layers 0 to {self.layers - 1}; there is no layer {layer}.{note}")
        call = self.calls[layer]
        if head is not None and not 0 <= head < call.heads:
            raise UnknownHeadError(f"Layer {layer} has heads 0 to {call.heads - 1}; there is no head {head}.")
        return call

    def _checked(self, found: np.ndarray, call: Layer, layer: int, head: int | None) -> np.ndarray:
        """Return the weights. Raises NoAttentionError if a row is not a distribution."""
        sums = found.sum(-1)
        slack = COARSE.get(call.precision, ROWS) if isinstance(call, Dense) else ROWS
        least = -slack if call.sunk else 1.0 - slack
        if not (np.isfinite(sums).all() and found.min() >= 0.0 and least <= sums.min() and sums.max() <= 1.0 + slack):
            where = f"layer {layer}" if head is None else str(HeadRef(layer, head))
            if not np.isfinite(sums).all():
                raise NoAttentionError(
                    f"Attention weights must be numbers; those of {where} on this text are not (NaN or infinite). The "
                    "model's weights may be damaged: put its files in place again, or choose another model."
                )
            raise NoAttentionError(
                f"The rows of {where} should sum to 1 and lie between {sums.min():.4f} and {sums.max():.4f}: "
                "this model's attention is not a plain softmax, so it is not shown."
            )
        return found
