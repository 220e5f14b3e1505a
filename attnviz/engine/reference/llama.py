"""Llama decoder, every step by name. Touvron et al. 2023, arXiv:2302.13971; one text at a time.

    a layer:   a = x + attention(norm(x)),   output = a + feed_forward(norm(a))

A token looks at itself and back, never ahead. Positions rotate queries and keys, again in every layer. Several query heads
share one key/value head. Weights have the names of the published Llama. Usually width = head * dim.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from attnviz.engine.reference.intervention import Intervention
from attnviz.engine.reference.steps import attended, joined, split, zeroed
from attnviz.engine.reference.weights import ModelWeights


def embedded(w: ModelWeights, ids: list[int], types: list[int], change: Intervention) -> dict[str, Tensor]:
    """Return a vector for each token: that of the word only. Llama has no segments, and positions come later."""
    words = w["embed_tokens.weight"][ids]  # [token, width]
    return {"words": words, "output": words}


def layer(
    w: ModelWeights, number: int, x: Float[Tensor, "query width"], seen: Float[Tensor, "key width"], change: Intervention
) -> dict[str, Tensor]:
    """Compute one layer: tokens exchange information, then each token is processed by itself.

    Queries come from `x`, keys and values from `seen`: the same text, or another text in cross-attention.
    """
    name = f"layers.{number}"
    exchanged = attention_block(w, name, x, seen, change)
    worked = feed_forward(w, name, exchanged["added"])
    return {"input": x, **exchanged, **worked}


def attention_block(
    w: ModelWeights, name: str, x: Float[Tensor, "query width"], seen: Float[Tensor, "key width"], change: Intervention
) -> dict[str, Tensor]:
    """Compute attention: query, key and value of each normalised token, rotated by position; mixed, projected, added."""
    input_norm = normed(w, f"{name}.input_layernorm", x)
    seen_norm = normed(w, f"{name}.input_layernorm", seen)
    q = split(linear(w, f"{name}.self_attn.q_proj", input_norm), w.heads)  # [query, width] -> [head, query, dim]
    k = split(linear(w, f"{name}.self_attn.k_proj", seen_norm), w.groups)  # [key, width] -> [group, key, dim]
    v = split(linear(w, f"{name}.self_attn.v_proj", seen_norm), w.groups)  # [key, width] -> [group, key, dim]
    v = zeroed(v, 1, change.zeroed)
    q_rotated, k_rotated = (apply_rotary(q, w.base), apply_rotary(k, w.base)) if change.positions else (q, k)
    found = attended(q_rotated, k_rotated, v, change, causal=not change.others)
    together = joined(found["mix"])  # [head, query, dim] -> [query, head * dim]
    projected = linear(w, f"{name}.self_attn.o_proj", together)  # [query, head * dim] -> [query, width]
    return {
        "input_norm": input_norm, "q": q, "k": k, "v": v, "q_rotated": q_rotated, "k_rotated": k_rotated, **found,
        "joined": together, "projected": projected, "added": x + projected,
    }  # fmt: skip


def feed_forward(w: ModelWeights, name: str, x: Float[Tensor, "token width"]) -> dict[str, Tensor]:
    """Process each token by itself: normalised, widened twice, one copy gating the other (SwiGLU), narrowed, added.

    narrow = A_down (silu(A_gate x) * A_up x); Shazeer 2020, arXiv:2002.05202.
    """
    added_norm = normed(w, f"{name}.post_attention_layernorm", x)
    gate = silu(linear(w, f"{name}.mlp.gate_proj", added_norm))  # [token, width] -> [token, inner]
    wide = linear(w, f"{name}.mlp.up_proj", added_norm)  # [token, width] -> [token, inner]
    active = gate * wide
    narrow = linear(w, f"{name}.mlp.down_proj", active)  # [token, inner] -> [token, width]
    summed = x + narrow
    return {
        "added_norm": added_norm, "gate": gate, "wide": wide, "active": active,
        "narrow": narrow, "summed": summed, "output": summed,
    }  # fmt: skip


def output(w: ModelWeights, x: Float[Tensor, "token width"]) -> Float[Tensor, "token width"]:
    """Return the final states: the output of the last layer, normalised."""
    return normed(w, "norm", x)


def logits(w: ModelWeights, states: Float[Tensor, "token width"]) -> Float[Tensor, "token vocabulary"]:
    """Return each final state times each word's vector. Small models reuse the vectors of the embedding for it."""
    vectors = w["lm_head.weight"] if "lm_head.weight" in w.tensors else w["embed_tokens.weight"]  # [vocabulary, width]
    return torch.einsum("tw,vw->tv", states, vectors)


def linear(w: ModelWeights, name: str, x: Float[Tensor, "token in"]) -> Float[Tensor, "token out"]:
    """Return x A^T: every output number is a weighted sum of all input numbers. A bias is added if a model has one."""
    product = torch.einsum("ti,oi->to", x, w[f"{name}.weight"])
    return product + w[f"{name}.bias"] if f"{name}.bias" in w.tensors else product


def normed(w: ModelWeights, name: str, x: Float[Tensor, "token width"]) -> Float[Tensor, "token width"]:
    """Apply RMS norm: divide each token's numbers by their root mean square, then scale them as learned, without a shift.

    x / sqrt(mean(x^2) + epsilon) * gain; Zhang & Sennrich 2019, arXiv:1910.07467.
    """
    return x / torch.sqrt(x.square().mean(-1, keepdim=True) + w.epsilon) * w[f"{name}.weight"]


def apply_rotary(x: Float[Tensor, "head token dim"], base: float) -> Float[Tensor, "head token dim"]:
    """Apply rotary positions: numbers i and i + dim/2 are a point in a plane, rotated by position * base^(-2i/dim).

    The product of a query and a key then depends only on the difference of their angles: how far apart they are.
    Su et al. 2021, arXiv:2104.09864, section 3.4.2, who pair neighbours; the published weights pair halves.
    """
    half = x.shape[-1] // 2
    speed = base ** (-torch.arange(half, dtype=x.dtype) / half)  # [dim/2]: fast first, slow last
    angle = torch.arange(x.shape[1], dtype=x.dtype)[:, None] * speed  # [token, dim/2]
    first, second = x[..., :half], x[..., half:]  # [head, token, dim/2] each
    cos, sin = angle.cos(), angle.sin()
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)  # [head, token, dim]


def silu(x: Tensor) -> Tensor:
    """Return x times sigmoid(x), a smooth switch. Hendrycks & Gimpel 2016, arXiv:1606.08415."""
    return x * torch.sigmoid(x)
