"""Steps of one attention layer and of each of its heads on one text."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from attnviz.engine.layers import locked
from attnviz.engine.reference import forward
from attnviz.engine.reference.steps import Steps, frozen
from attnviz.engine.reference.weights import ModelWeights
from attnviz.errors import BadInputError, TooLongError
from attnviz.types import HeadRef, Token

MAX_TOKENS = 96  # more are too many to step through, and their steps would fill a server's memory

FEED_FORWARD = ("gate", "wide", "active", "narrow", "summed", "output")  # steps without heads

NAMES = {  # learned tensors: the matrix of the queries, and the norm before attention
    "bert": ("encoder.layer.{}.attention.self.query", "embeddings.LayerNorm"),
    "llama": ("layers.{}.self_attn.q_proj", "layers.{}.input_layernorm"),
}


@dataclass(frozen=True, eq=False)
class HeadSteps:
    """One head of one layer on one text, from the words to its output. Arrays are read-only parts of the layer's arrays.

    Names are those of `STEPS`. `segments`, `positions`, `summed` and `added_norm` exist only in BERT and are zero elsewhere;
    `unnormed` and `normed` are input and output of the norm before attention: of the embedding in BERT, of the layer's
    input in Llama. The learned parts of a head's queries are `query_map` and `query_bias`, those of that norm `gain` and
    `shift`.
    """

    family: str
    head: HeadRef
    group: int
    heads: int
    groups: int
    base: float
    epsilon: float
    tokens: tuple[Token, ...]
    words: Float[np.ndarray, "token width"]
    segments: Float[np.ndarray, "token width"]
    positions: Float[np.ndarray, "token width"]
    unnormed: Float[np.ndarray, "token width"]
    normed: Float[np.ndarray, "token width"]
    embedded: Float[np.ndarray, "token width"]
    input: Float[np.ndarray, "token width"]
    projects: Float[np.ndarray, "token width"]
    q: Float[np.ndarray, "token dim"]
    k: Float[np.ndarray, "token dim"]
    v: Float[np.ndarray, "token dim"]
    q_rotated: Float[np.ndarray, "token dim"]
    k_rotated: Float[np.ndarray, "token dim"]
    scores: Float[np.ndarray, "token token"]
    scaled: Float[np.ndarray, "token token"]
    masked: Float[np.ndarray, "token token"]
    weights: Float[np.ndarray, "token token"]
    mix: Float[np.ndarray, "token dim"]
    joined: Float[np.ndarray, "token joint"]
    projected: Float[np.ndarray, "token width"]
    added: Float[np.ndarray, "token width"]
    added_norm: Float[np.ndarray, "token width"]
    query_map: Float[np.ndarray, "dim width"]
    query_bias: Float[np.ndarray, " dim"]
    gain: Float[np.ndarray, " width"]
    shift: Float[np.ndarray, " width"]

    @property
    def causal(self) -> bool:
        """Whether the mask hides later tokens."""
        return self.family == "llama"


@dataclass(frozen=True, eq=False)
class LayerSteps:
    """All heads of one layer on one text: the steps of the embedding and of attention, and the learned query tensors."""

    family: str
    layer: int
    heads: int
    groups: int
    base: float
    epsilon: float
    tokens: tuple[Token, ...]
    start: Steps
    steps: Steps
    query_map: Float[np.ndarray, "joint width"]
    query_bias: Float[np.ndarray, " joint"]
    gain: Float[np.ndarray, " width"]
    shift: Float[np.ndarray, " width"]

    def head(self, head: HeadRef) -> HeadSteps:
        """Return one head's part, without a computation or a copy. Raises BadInputError for a head that does not exist."""
        if head.block != "self" or head.layer != self.layer or head.head >= self.heads:
            raise BadInputError(
                f"Layer {self.layer} has no head {head}: it has heads 0 to {self.heads - 1}. Choose one of these."
            )
        start, steps, group = self.start, self.steps, head.head // (self.heads // self.groups)
        bert, nothing = self.family == "bert", locked(np.zeros_like(self.start["words"]))
        dim = steps["q"].shape[2]
        rows = slice(head.head * dim, (head.head + 1) * dim)
        taken = {name: steps[name][head.head] for name in ("q", "scores", "scaled", "masked", "weights", "mix")}
        taken |= {name: steps[name][group] for name in ("k", "v")}
        taken |= {
            "q_rotated": steps.get("q_rotated", steps["q"])[head.head],
            "k_rotated": steps.get("k_rotated", steps["k"])[group],
        }
        taken |= {name: steps[name] for name in ("input", "joined", "projected", "added")}
        taken |= {"words": start["words"], "embedded": start["output"], "added_norm": steps["added_norm"] if bert else nothing}
        taken |= {name: start.get(name, nothing) for name in ("segments", "positions")}
        taken |= {
            "unnormed": start["summed"] if bert else steps["input"],
            "normed": start["output"] if bert else steps["input_norm"],
            "projects": steps["input"] if bert else steps["input_norm"],
        }
        return HeadSteps(
            self.family, head, group, self.heads, self.groups, self.base, self.epsilon, self.tokens, **taken,
            query_map=self.query_map[rows], query_bias=self.query_bias[rows], gain=self.gain, shift=self.shift,
        )  # fmt: skip


def layer_steps(
    w: ModelWeights, ids: Sequence[int], type_ids: Sequence[int] | None, tokens: tuple[Token, ...], layer: int
) -> LayerSteps:
    """Read the text up to one layer and keep its steps of attention. Raises TooLongError beyond `MAX_TOKENS`."""
    if len(ids) > MAX_TOKENS:
        raise TooLongError(
            f"A head is shown step by step on at most {MAX_TOKENS} tokens; this text has {len(ids)}. Shorten the text."
        )
    with torch.inference_mode():
        parts = forward(w, ids, type_ids)
        start = next(parts)
        steps = next(itertools.islice(parts, layer, None))
    kept = {name: steps[name] for name in steps if name not in FEED_FORWARD}
    return LayerSteps(
        w.family, layer, w.heads, w.groups, w.base, w.epsilon, tokens, frozen(start), frozen(kept), **_learned(w, layer)
    )


def _learned(w: ModelWeights, layer: int) -> dict[str, np.ndarray]:
    """Return copies of the query matrix and the norm's two vectors; zeros for those that a family does not have."""
    query, norm = (name.format(layer) for name in NAMES[w.family])
    matrix, gain = w[f"{query}.weight"], w[f"{norm}.weight"]
    bias, shift = (w.tensors.get(f"{name}.bias") for name in (query, norm))
    found = {
        "query_map": matrix, "query_bias": torch.zeros(len(matrix)) if bias is None else bias,
        "gain": gain, "shift": torch.zeros_like(gain) if shift is None else shift,
    }  # fmt: skip
    return {name: locked(np.array(tensor.numpy())) for name, tensor in found.items()}
