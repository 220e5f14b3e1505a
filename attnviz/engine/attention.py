"""Scaled dot-product attention from scratch in torch: weights, and values mixed by them.

    weights = softmax(cap(scale * Q K^T) + bias + mask),   output = weights V          Vaswani et al. 2017, eq. 1

Axes are `head query dim` for queries and `group key dim` for keys and values, where a group of query heads shares one
key/value head (grouped queries, Ainslie et al. 2023); the rows of a batch may stand before them. Softmax runs in float32,
or in float64 where the scores are.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

NEVER = float("-inf")


def upcast(tensor: Tensor) -> Tensor:
    """Return the tensor in float32; float64 stays float64."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def repeat_kv(grouped: Float[Tensor, "*row group key dim"], heads: int) -> Float[Tensor, "*row {heads} key dim"]:
    """Repeat keys or values for each query head: heads 0..r-1 read group 0, the next r heads group 1, and so on."""
    return grouped if grouped.shape[-3] == heads else grouped.repeat_interleave(heads // grouped.shape[-3], dim=-3)


def scores(
    query: Float[Tensor, "*row head query dim"], key: Float[Tensor, "*row group key dim"], scale: float
) -> Float[Tensor, "*row head query key"]:
    """Return how well each query fits each key: the dot product, times `scale` (1/sqrt(dim) in most models).

    The queries are scaled, not the products: the same result with one pass less over the larger array.
    """
    return torch.einsum("...hqd,...hkd->...hqk", query * scale, repeat_kv(key, query.shape[-3]))


def capped(raw: Float[Tensor, "*row head query key"], cap: float) -> Float[Tensor, "*row head query key"]:
    """Return the scores squeezed smoothly into -cap..cap: cap * tanh(raw / cap). Gemma 2, arXiv:2408.00118, section 2."""
    return cap * torch.tanh(raw / cap)


def causal_mask(queries: int, keys: int) -> Bool[Tensor, "{queries} {keys}"]:
    """Return True where a query may attend: at itself and earlier keys. The last query is at the position of the last key."""
    return torch.ones(queries, keys, dtype=torch.bool).tril_(keys - queries)


def window_mask(queries: int, keys: int, window: int) -> Bool[Tensor, "{queries} {keys}"]:
    """Return True within the last `window` keys, up to and including the query itself (Mistral, arXiv:2310.06825)."""
    return causal_mask(queries, keys).triu_(keys - queries - window + 1)


def near_mask(queries: int, keys: int, window: int) -> Bool[Tensor, "{queries} {keys}"]:
    """Return True for keys less than `window` tokens away on either side, and itself (Longformer, arXiv:2004.05150)."""
    return distances(queries, keys).abs() < window


def strided_mask(queries: int, keys: int, stride: int) -> Bool[Tensor, "{queries} {keys}"]:
    """Return True for keys a whole number of strides away, and the query itself (Child et al. 2019, arXiv:1904.10509)."""
    return distances(queries, keys) % stride == 0


def distances(queries: int, keys: int) -> Int[Tensor, "{queries} {keys}"]:
    """Return how many tokens each query is after each key. The last query is at the position of the last key."""
    return torch.arange(keys - queries, keys)[:, None] - torch.arange(keys)[None, :]  # [query, key]


def padding_mask(visible: Bool[Tensor, " key"], queries: int) -> Bool[Tensor, "{queries} key"]:
    """Return True where the key is a real token and not padding, the same for every query."""
    return visible[None, :].expand(queries, -1)


def masked(
    raw: Float[Tensor, "*row head query key"], mask: Tensor | None, causal: bool
) -> Float[Tensor, "*row head query key"]:
    """Return the scores with minus infinity where a query may not attend.

    `mask` is boolean (True: may look) or additive (0: may look), [query, key] or [head, query, key], or one for each row.
    """
    if causal:
        raw = torch.where(causal_mask(*raw.shape[-2:]).to(raw.device), raw, NEVER)
    if mask is None:
        return raw
    return torch.where(mask, raw, NEVER) if mask.dtype == torch.bool else raw + upcast(mask)


def softmax(
    raw: Float[Tensor, "*row head query key"], sinks: Float[Tensor, " head"] | None = None
) -> Float[Tensor, "*row head query key"]:
    """Return exp(raw) with each row divided by its sum, in float32 or float64. Rows sum to 1, or to less with `sinks`.

    A learned sink is one more score per head, which takes a part of every row but adds no value (gpt-oss,
    arXiv:2508.10925). A row that may not attend to any key is all zeros.
    """
    raw = upcast(raw)
    if sinks is not None:
        sink = sinks.to(raw.dtype)[:, None, None].expand(*raw.shape[:-1], 1)  # [head, query, 1]
        return torch.softmax(torch.cat([raw, sink], dim=-1), dim=-1)[..., :-1]
    weights = torch.softmax(raw, dim=-1)
    blind = raw.amax(dim=-1) == NEVER  # [head, query]: here softmax would divide 0 by 0
    return weights.masked_fill(blind[..., None], 0.0) if blind.any() else weights


def weights(
    query: Float[Tensor, "*row head query dim"],
    key: Float[Tensor, "*row group key dim"],
    *,
    scale: float,
    mask: Tensor | None = None,
    causal: bool = False,
    bias: Tensor | None = None,
    softcap: float | None = None,
    sinks: Float[Tensor, " head"] | None = None,
) -> Float[Tensor, "*row head query key"]:
    """Return the attention weights: all the steps above, in order. Each row sums to 1 (less with `sinks`)."""
    return softmax(masked_scores(scores(upcast(query), upcast(key), scale), mask, bias, softcap, causal=causal), sinks)


def masked_scores(
    raw: Float[Tensor, "*row head query key"],
    mask: Tensor | None = None,
    bias: Tensor | None = None,
    softcap: float | None = None,
    *,
    causal: bool = False,
) -> Float[Tensor, "*row head query key"]:
    """Return the scores that go into softmax: capped, with the bias added, minus infinity where a query may not attend."""
    if softcap is not None:
        raw = capped(raw, softcap)
    if bias is not None:
        raw = raw + upcast(bias)
    return masked(raw, mask, causal)


def mix(
    weights: Float[Tensor, "*row head query key"], value: Float[Tensor, "*row group key dim"]
) -> Float[Tensor, "*row head query dim"]:
    """Return the attention output: the values of the keys, weighted by the attention to them."""
    return torch.einsum("...hqk,...hkd->...hqd", weights, repeat_kv(upcast(value), weights.shape[-3]))
