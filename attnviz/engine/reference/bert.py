"""BERT encoder, every step by name. Devlin et al. 2019, arXiv:1810.04805; one text at a time.

    a layer:   a = norm(x + attention(x)),   output = norm(a + feed_forward(a))

Every token looks at every token, before and after it. Positions are learned vectors, added once to the words. Weights have
the names of the published BERT. Axes are written beside the lines that change them; width = head * dim.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from attnviz.engine.reference.intervention import Intervention
from attnviz.engine.reference.steps import attended, joined, split, zeroed
from attnviz.engine.reference.weights import ModelWeights


def embedded(w: ModelWeights, ids: list[int], types: list[int], change: Intervention) -> dict[str, Tensor]:
    """Return a vector for each token: those of the word, of its segment (first or second text) and of its position, summed."""
    words = w["embeddings.word_embeddings.weight"][ids]  # [token, width]
    segments = w["embeddings.token_type_embeddings.weight"][types]  # [token, width]
    positions = w["embeddings.position_embeddings.weight"][: len(ids)]  # [token, width]
    if not change.positions:
        positions = torch.zeros_like(positions)
    summed = words + segments + positions
    output = normed(w, "embeddings.LayerNorm", summed)
    return {"words": words, "segments": segments, "positions": positions, "summed": summed, "output": output}


def layer(
    w: ModelWeights, number: int, x: Float[Tensor, "query width"], seen: Float[Tensor, "key width"], change: Intervention
) -> dict[str, Tensor]:
    """Compute one layer: tokens exchange information, then each token is processed by itself.

    Queries come from `x`, keys and values from `seen`: the same text, or another text in cross-attention.
    """
    name = f"encoder.layer.{number}"
    exchanged = attention_block(w, f"{name}.attention", x, seen, change)
    worked = feed_forward(w, name, exchanged["added_norm"])
    return {"input": x, **exchanged, **worked}


def attention_block(
    w: ModelWeights, name: str, x: Float[Tensor, "query width"], seen: Float[Tensor, "key width"], change: Intervention
) -> dict[str, Tensor]:
    """Compute attention for all heads at once: query, key and value of each token; mixed, projected, added and normalised."""
    q = split(linear(w, f"{name}.self.query", x), w.heads)  # [query, width] -> [head, query, dim]
    k = split(linear(w, f"{name}.self.key", seen), w.heads)  # [key, width] -> [head, key, dim]
    v = split(linear(w, f"{name}.self.value", seen), w.heads)  # [key, width] -> [head, key, dim]
    v = zeroed(v, 1, change.zeroed)
    found = attended(q, k, v, change, causal=False)
    together = joined(found["mix"])  # [head, query, dim] -> [query, width]
    projected = linear(w, f"{name}.output.dense", together)
    added = x + projected
    added_norm = normed(w, f"{name}.output.LayerNorm", added)
    return {
        "q": q, "k": k, "v": v, **found,
        "joined": together, "projected": projected, "added": added, "added_norm": added_norm,
    }  # fmt: skip


def feed_forward(w: ModelWeights, name: str, x: Float[Tensor, "token width"]) -> dict[str, Tensor]:
    """Process each token by itself: widened, passed through GELU, narrowed, added to the input, and normalised."""
    wide = linear(w, f"{name}.intermediate.dense", x)  # [token, width] -> [token, inner]
    active = gelu(wide)
    narrow = linear(w, f"{name}.output.dense", active)  # [token, inner] -> [token, width]
    summed = x + narrow
    output = normed(w, f"{name}.output.LayerNorm", summed)
    return {"wide": wide, "active": active, "narrow": narrow, "summed": summed, "output": output}


def output(w: ModelWeights, x: Float[Tensor, "token width"]) -> Float[Tensor, "token width"]:
    """Return the final states: the output of the last layer, unchanged."""
    return x


def linear(w: ModelWeights, name: str, x: Float[Tensor, "token in"]) -> Float[Tensor, "token out"]:
    """Return x A^T + b: every output number is a weighted sum of all input numbers."""
    return torch.einsum("ti,oi->to", x, w[f"{name}.weight"]) + w[f"{name}.bias"]


def normed(w: ModelWeights, name: str, x: Float[Tensor, "token width"]) -> Float[Tensor, "token width"]:
    """Apply layer norm: normalise each token's numbers to mean 0 and variance 1, then scale and shift them as learned.

    (x - mean) / sqrt(variance + epsilon) * gain + bias; Ba et al. 2016, arXiv:1607.06450.
    """
    mean = x.mean(-1, keepdim=True)  # [token, 1]
    variance = (x - mean).square().mean(-1, keepdim=True)  # [token, 1]
    return (x - mean) / torch.sqrt(variance + w.epsilon) * w[f"{name}.weight"] + w[f"{name}.bias"]


def gelu(x: Tensor) -> Tensor:
    """Return x times the probability that a normal number is below x. Hendrycks & Gimpel 2016, arXiv:1606.08415."""
    return x * 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0)))
