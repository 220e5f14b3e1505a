"""Attention step by step, the names of all steps, and a whole forward pass as a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from attnviz.engine import attention
from attnviz.engine.layers import locked
from attnviz.engine.reference.intervention import Intervention

Steps = Mapping[str, np.ndarray]

# The names of the steps, in the order of a layer, with their axes. BERT does not have the three that are marked as Llama's.
STEPS: Mapping[str, str] = MappingProxyType({
    "input": "what the layer is handed: one vector a token [token, width]",
    "input_norm": "the same, brought to a common length (Llama) [token, width]",
    "q": "queries: what each token looks for [head, token, dim]",
    "k": "keys: what each token can be found by [group, token, dim]",
    "v": "values: what each token passes on [group, token, dim]",
    "q_rotated": "queries, turned by their position (Llama) [head, token, dim]",
    "k_rotated": "keys, turned by their position (Llama) [group, token, dim]",
    "scores": "each query times each key: one dot product a pair [head, query, key]",
    "scaled": "scores divided by sqrt(dim) [head, query, key]",
    "masked": "minus infinity where a query may not look [head, query, key]",
    "weights": "softmax of each row: shares that add up to 1 [head, query, key]",
    "mix": "values, weighted and summed [head, query, dim]",
    "joined": "the heads side by side [token, width]",
    "projected": "their common output projection [token, width]",
    "added": "the input, with that added to it [token, width]",
    "added_norm": "the sum, brought to a common length [token, width]",
    "gate": "feed-forward: how far each inner number is let through (Llama) [token, inner]",
    "wide": "feed-forward: many inner numbers [token, inner]",
    "active": "those that are let through [token, inner]",
    "narrow": "back to the width [token, width]",
    "summed": "what went in, with that added to it [token, width]",
    "output": "what the next layer is handed [token, width]",
})  # fmt: skip


@dataclass(frozen=True, eq=False)
class ForwardPass:
    """A text read from scratch: the steps of the embedding and of every layer, by name, and the final states.

    The embedding's steps are words, segments and positions (BERT), and output. Arrays are read-only.
    """

    embedding: Steps
    layers: tuple[Steps, ...]
    output: Float[np.ndarray, "token width"]


def frozen(steps: Mapping[str, Tensor]) -> Steps:
    """Return the same steps as read-only arrays, without a copy."""
    return MappingProxyType({name: locked(tensor.numpy()) for name, tensor in steps.items()})


def split(x: Float[Tensor, "token width"], heads: int) -> Float[Tensor, "{heads} token dim"]:
    """Return each token's vector cut into equal parts, one for each head."""
    return x.view(len(x), heads, -1).transpose(0, 1)  # [token, head, dim] -> [head, token, dim]


def joined(x: Float[Tensor, "head token dim"]) -> Float[Tensor, "token width"]:
    """Return the parts of all heads side by side again."""
    return x.transpose(0, 1).reshape(x.shape[1], -1)  # [head, token, dim] -> [token, head * dim]


def zeroed(x: Tensor, axis: int, places: Sequence[int]) -> Tensor:
    """Return a copy with zeros at some places of an axis."""
    return x.index_fill(axis, torch.tensor(list(places), dtype=torch.long), 0.0)


def attended(
    q: Float[Tensor, "head query dim"],
    k: Float[Tensor, "group key dim"],
    v: Float[Tensor, "group key dim"],
    change: Intervention,
    causal: bool,
) -> dict[str, Tensor]:
    """Compute each head's output from queries, keys and values, step by step. `causal` is how the model was trained.

    If all heads are joined into one, the head axis of every step here is 1, and dim is the whole width.
    """
    if change.one_head:
        q, k, v = (joined(attention.repeat_kv(part, len(q)))[None] for part in (q, k, v))  # [1, token, head * dim]
    scores = attention.scores(q, k, 1.0)  # [head, query, key]
    scaled = scores * ((q.shape[-1] ** -0.5 if change.scale else 1.0) / change.temperature)
    masked = attention.masked(scaled, change.pattern(*scores.shape[1:]), change.hides_later(causal))
    weights = attention.softmax(masked)
    mix = attention.mix(weights, v)  # [head, query, dim]
    if change.heads is not None:
        mix = zeroed(mix, 0, [head for head in range(len(q)) if head not in change.heads])
    return {"scores": scores, "scaled": scaled, "masked": masked, "weights": weights, "mix": mix}
