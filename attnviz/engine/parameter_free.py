"""Attention between any vectors without learned weights, so that similar vectors attend to each other."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float

from attnviz.engine import attention


def self_attention(vectors: Float[np.ndarray, "token dim"]) -> Float[np.ndarray, "token token"]:
    """Return attention weights for vectors that are their own queries and keys.

    softmax(X X^T / sqrt(d)), Vaswani et al. 2017, eq. 1, with identity matrices in place of learned ones. Before that, each
    entry is normalised to mean 0 and variance 1 over all vectors, and each vector to length sqrt(d) (RMSNorm, Zhang and
    Sennrich 2019), so that weights depend only on the angle between two vectors.
    """
    spread = vectors.std(0)
    even = (vectors - vectors.mean(0)) / np.where(spread > 0.0, spread, 1.0)
    size = np.sqrt((even**2).mean(-1, keepdims=True))
    rows = torch.from_numpy((even / np.where(size > 0.0, size, 1.0)).astype(np.float32))[None]  # [head, token, dim]
    return attention.weights(rows, rows, scale=vectors.shape[1] ** -0.5)[0].numpy()
