"""One layer's attention as a value: captured projections, eager weights, or weights computed on another machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from attnviz.engine import attention
from attnviz.errors import ShapeError

EXACT = 4_096  # weights of a head (64 tokens) up to which scores are computed in float64: too slow for longer texts


@dataclass(frozen=True, eq=False)
class Projections:
    """One attention call of one layer: everything that determines its weights, and the output of the model's own kernel.

    `query` [head, query, dim], `key` and `value` [group, key, dim] as the attention function received them (after
    rotary embedding); `mask` boolean (True: may look) or additive, [query, key] or [head, query, key]; `bias` added to
    the scores; `output` [head, query, dim] from the kernel that ran; `precision` the model's own number format.
    `value` and `output` do not affect weights: a long text from another machine comes without them.
    """

    query: np.ndarray
    key: np.ndarray
    value: np.ndarray | None
    scale: float
    causal: bool
    output: np.ndarray | None
    mask: np.ndarray | None = None
    bias: np.ndarray | None = None
    softcap: float | None = None
    sinks: np.ndarray | None = None
    precision: str = "float32"

    @property
    def heads(self) -> int:
        """Number of query heads."""
        return self.query.shape[0]

    @property
    def groups(self) -> int:
        """Number of key heads: fewer than query heads if several share one."""
        return self.key.shape[0]

    @property
    def dim(self) -> int:
        """Length of a query or key vector."""
        return self.query.shape[2]

    @property
    def sunk(self) -> bool:
        """Whether a learned sink takes a part of the rows."""
        return self.sinks is not None

    @property
    def unfused(self) -> bool:
        """Whether no fused kernel supports this attention, so that there is no output to compare with."""
        return self.softcap is not None or self.sinks is not None

    def weights(self, heads: slice) -> Float[np.ndarray, "head query key"]:
        """Return the weights of the heads in `heads`, computed from scratch."""
        with torch.inference_mode():
            return attention.weights(**self._tensors(heads)).to(torch.float32).numpy()

    def scores(self, queries: Sequence[int]) -> Float[torch.Tensor, "head row key"]:
        """Return the scores before softmax for some queries of every head; other rows are not computed."""
        places, groups, size = list(queries), len(self.key), self.query.shape[2]
        every = places == list(range(self.query.shape[1]))
        at = slice(None) if every else places
        exact = self._exact
        scaled = self.query[:, at].astype(exact) * exact(self.scale)
        grouped = scaled.reshape(groups, -1, size)  # group, head of it and row
        raw = (grouped @ self.key.astype(exact, copy=False).transpose(0, 2, 1)).reshape(self.heads, len(places), -1)
        mask, bias = (_rows_of(_of_heads(one, slice(None)), at) for one in (self.mask, self.bias))
        if self.causal and not every:  # the flag is for all queries in order; for some of them a mask is needed
            last = torch.tensor(places)[:, None] + self.key.shape[1] - self.query.shape[1]  # the last query, the last key
            before = torch.arange(self.key.shape[1]) <= last
            if mask is None:
                mask = before
            else:
                mask = mask & before if mask.dtype == torch.bool else torch.where(before, mask, attention.NEVER)
        return attention.masked_scores(torch.from_numpy(raw), mask, bias, self.softcap, causal=self.causal and every)

    def differences(self, heads: slice, shares: np.ndarray | None = None) -> Float[np.ndarray, " head"] | None:
        """Return the largest difference between weights times values, from scratch, and the kernel's output; None without them.

        `shares` are the weights of these heads, if they were computed already.
        """
        if self.value is None or self.output is None:
            return None
        return np.abs(self.mixed(heads, shares) - self.output[heads]).max(axis=(1, 2))

    def mixed(self, heads: slice, shares: np.ndarray | None = None) -> Float[np.ndarray, "head query dim"]:
        """Return weights times values, from scratch: the output for each query. Raises ShapeError if there are no values."""
        if self.value is None:
            raise ShapeError("Weights are mixed with values, and these came without. Ask the backend for the whole trace.")
        with torch.inference_mode():
            found = tensor(self.weights(heads) if shares is None else shares)
            return attention.mix(found, tensor(self._grouped(self.value, heads))).numpy()

    def _tensors(self, heads: slice) -> dict:
        """Return the arguments of `attention.weights` for some heads."""
        return {
            "query": tensor(self.query[heads].astype(self._exact, copy=False)),
            "key": tensor(self._grouped(self.key, heads).astype(self._exact, copy=False)),
            "scale": self.scale,
            "mask": _of_heads(self.mask, heads),
            "causal": self.causal,
            "bias": _of_heads(self.bias, heads),
            "softcap": self.softcap,
            "sinks": None if self.sinks is None else tensor(self.sinks[heads]),
        }

    @property
    def _exact(self) -> type[np.float64] | type[np.float32]:
        """Return the precision of scores: float64 for usual texts, so that a float32 weight is the same however it is computed.

        In float32, the last bits depend on how many rows are multiplied at once, which sometimes changes a third digit.
        """
        return np.float64 if self.query.shape[1] * self.key.shape[1] <= EXACT else np.float32

    def _grouped(self, array: np.ndarray, heads: slice) -> np.ndarray:
        """Return the key or value heads that the query heads in `heads` read, one for each."""
        each = self.query.shape[0] // array.shape[0]
        return array if heads == slice(None) else array[[h // each for h in range(*heads.indices(self.heads))]]


@dataclass(frozen=True, eq=False)
class Dense:
    """One layer's weights as the library returned them, [head, query, key], in the model's own `precision`."""

    array: np.ndarray
    precision: str = "float32"
    sunk = False  # the library returns whole rows

    @property
    def heads(self) -> int:
        """How many heads."""
        return self.array.shape[0]

    def weights(self, heads: slice) -> Float[np.ndarray, "head query key"]:
        """Return weights of the heads in `heads`."""
        return self.array[heads]


@dataclass(frozen=True, eq=False)
class RemoteWeights:
    """One layer's weights, [head, query, key], computed on another machine, which keeps the projections.

    `compared` [head] is the difference between its kernel's output and weights times values, None if not compared;
    `causal` whether its mask hides every later key; `sunk`, `unfused`, `groups` and `dim` are those of the projections.
    """

    array: np.ndarray
    precision: str
    causal: bool
    sunk: bool
    unfused: bool
    groups: int
    dim: int
    compared: np.ndarray | None = None

    @property
    def heads(self) -> int:
        """How many heads."""
        return self.array.shape[0]

    def weights(self, heads: slice) -> Float[np.ndarray, "head query key"]:
        """Return weights of the heads in `heads`."""
        return self.array[heads]

    def differences(self, heads: slice) -> Float[np.ndarray, " head"] | None:
        """Return the differences that the machine with the values found."""
        return None if self.compared is None else self.compared[heads]


Layer = Projections | Dense | RemoteWeights


def tensor(array: np.ndarray) -> torch.Tensor:
    """Return a tensor that shares the array's memory, also if it is read-only; nothing here writes to it."""
    return torch.from_dlpack(array)


def _of_heads(array: np.ndarray | None, heads: slice) -> torch.Tensor | None:
    """Return the part of a mask or bias that belongs to some heads."""
    if array is None:
        return None
    return tensor(array[heads] if array.ndim == 3 else array)


def _rows_of(tensor: torch.Tensor | None, places: list[int] | slice) -> torch.Tensor | None:
    """Return the rows of some queries in a mask or bias; a single row is for every query."""
    return tensor if tensor is None or tensor.shape[-2] == 1 else tensor[..., places, :]


def looks_back_only(call: Layer) -> bool:
    """Return whether one layer hides every later key. A single token has no later key: then the captured flag decides."""
    if isinstance(call, RemoteWeights):
        return call.causal
    if isinstance(call, Dense):
        return call.array.shape[-1] > 1 and not np.triu(call.array, 1).any()
    if call.mask is None or call.mask.shape[-1] == 1:
        return call.causal
    ahead = call.mask[..., np.triu(np.ones(call.mask.shape[-2:], bool), 1)]
    return not ahead.any() if call.mask.dtype == bool else bool((ahead <= -1e4).all())  # older models add -10,000


def locked(array: np.ndarray) -> np.ndarray:
    """Return the same array, read-only. Nothing else writes to the results of a forward pass, so no copy is needed."""
    array.flags.writeable = False
    return array
