"""Queries, keys and values in; attention weights and mixed values out. Attention itself, from scratch, in torch.

    weights = softmax(cap(scale * Q K^T) + bias + mask),   output = weights V          Vaswani et al. 2017, eq. 1

All functions take one text: axes are `head query dim` for queries and `group key dim` for keys and values, where a
group of query heads shares one key/value head (grouped queries, Ainslie et al. 2023). Softmax runs in float32.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

NEVER = float("-inf")


def expanded(grouped: Float[Tensor, "group key dim"], heads: int) -> Float[Tensor, "head key dim"]:
    """Keys or values, one copy for each query head: heads 0..r-1 read group 0, the next r group 1, and so on."""
    return grouped if grouped.shape[0] == heads else grouped.repeat_interleave(heads // grouped.shape[0], dim=0)


def scores(
    query: Float[Tensor, "head query dim"], key: Float[Tensor, "group key dim"], scale: float
) -> Float[Tensor, "head query key"]:
    """How well each query fits each key: the dot product, times `scale` (1/sqrt(dim), unless the model says otherwise)."""
    return torch.einsum("hqd,hkd->hqk", query, expanded(key, query.shape[0])) * scale


def capped(raw: Float[Tensor, "head query key"], cap: float) -> Float[Tensor, "head query key"]:
    """Scores squeezed smoothly into -cap..cap: cap * tanh(raw / cap). Gemma 2, arXiv:2408.00118, section 2."""
    return cap * torch.tanh(raw / cap)


def causal_mask(queries: int, keys: int) -> Bool[Tensor, "query key"]:
    """True where a query may look: at itself and at what stands before it. The last query stands at the last key."""
    return torch.ones(queries, keys, dtype=torch.bool).tril(keys - queries)


def window_mask(queries: int, keys: int, window: int) -> Bool[Tensor, "query key"]:
    """True within the last `window` keys up to and including the query itself (Mistral, arXiv:2310.06825)."""
    return causal_mask(queries, keys) & ~torch.ones(queries, keys, dtype=torch.bool).tril(keys - queries - window)


def padding_mask(visible: Bool[Tensor, "key"], queries: int) -> Bool[Tensor, "query key"]:
    """True where the key is a real token and not padding, the same for every query."""
    return visible[None, :].expand(queries, -1)


def masked(
    raw: Float[Tensor, "head query key"], mask: Tensor | None, causal: bool
) -> Float[Tensor, "head query key"]:
    """Scores with minus infinity where a query may not look.

    `mask` is boolean (True: may look) or additive (0: may look), [query, key] or [head, query, key].
    """
    if causal:
        raw = raw.masked_fill(~causal_mask(*raw.shape[-2:]), NEVER)
    if mask is None:
        return raw
    return raw.masked_fill(~mask, NEVER) if mask.dtype == torch.bool else raw + mask.float()


def softmax(
    raw: Float[Tensor, "head query key"], sinks: Float[Tensor, "head"] | None = None
) -> Float[Tensor, "head query key"]:
    """exp(raw), each row divided by its sum, in float32. Every row sums to 1, or to less where `sinks` take a share.

    A learned sink is one more score a head, which every query may choose and which mixes nothing (gpt-oss,
    arXiv:2508.10925). A row that may look nowhere is all zeros.
    """
    raw = raw.float()
    top = raw.amax(dim=-1, keepdim=True)
    if sinks is not None:
        top = torch.maximum(top, sinks.float()[:, None, None])
    top = top.masked_fill(top == NEVER, 0.0)  # a row without any visible key must not become NaN
    grown = torch.exp(raw - top)
    total = grown.sum(dim=-1, keepdim=True)
    if sinks is not None:
        total = total + torch.exp(sinks.float()[:, None, None] - top)
    return grown / total.clamp_min(torch.finfo(torch.float32).tiny)


def weights(
    query: Float[Tensor, "head query dim"],
    key: Float[Tensor, "group key dim"],
    *,
    scale: float,
    mask: Tensor | None = None,
    causal: bool = False,
    bias: Tensor | None = None,
    softcap: float | None = None,
    sinks: Float[Tensor, "head"] | None = None,
) -> Float[Tensor, "head query key"]:
    """The share of its attention that each query gives to each key: all the steps above, in order."""
    raw = scores(query.float(), key.float(), scale)  # [head, query, key]
    if softcap is not None:
        raw = capped(raw, softcap)
    if bias is not None:
        raw = raw + bias.float()
    return softmax(masked(raw, mask, causal), sinks)


def mix(
    shares: Float[Tensor, "head query key"], value: Float[Tensor, "group key dim"]
) -> Float[Tensor, "head query dim"]:
    """Each query's new content: the values of the keys, weighted by its attention to them."""
    return torch.einsum("hqk,hkd->hqd", shares, expanded(value.float(), shares.shape[0]))
