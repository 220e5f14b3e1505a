"""A plain recurrent network, which reads one token after the other.

    state = tanh(A x + B state before + b)                                                    Elman 1990, equation 1

Its memory of the text so far is one vector of fixed width. So every token costs the same, and each token waits for the one
before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class RecurrentNetwork:
    """Learned parameters: weights for the input, weights for the state, and a bias."""

    input_weights: Float[Tensor, "width width"]
    recurrent_weights: Float[Tensor, "width width"]
    bias: Float[Tensor, " width"]


def random(width: int, seed: int = 0) -> RecurrentNetwork:
    """Return an untrained network: random weights with standard deviation 1/sqrt(width)."""
    chance = torch.Generator().manual_seed(seed)
    inward, onward = (torch.randn(width, width, generator=chance) * width**-0.5 for _ in range(2))
    return RecurrentNetwork(inward, onward, torch.zeros(width))


def iter_states(network: RecurrentNetwork, x: Float[Tensor, "token width"]) -> Iterator[Float[Tensor, " width"]]:
    """Yield the state after each token."""
    state = torch.zeros_like(network.bias)
    for token in x:
        state = torch.tanh(network.input_weights @ token + network.recurrent_weights @ state + network.bias)
        yield state


def states(network: RecurrentNetwork, x: Float[Tensor, "token width"]) -> Float[Tensor, "token width"]:
    """Return all states, in order."""
    found = torch.empty_like(x)
    for number, state in enumerate(iter_states(network, x)):
        found[number] = state
    return found
