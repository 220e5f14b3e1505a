"""A vector a token in, a state a token out: a plain recurrent network, which reads one token after the other.

    state = tanh(A x + B state before + b)                                                    Elman 1990, equation 1

What it knows of all that came before is one vector of fixed width. So a token costs the same wherever it stands, and no
token can be read before the one before it has been.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Recurrent:
    """What such a network has learned: how it takes in a token, how it carries its state on, and an offset."""

    inward: Float[Tensor, "width width"]
    onward: Float[Tensor, "width width"]
    offset: Float[Tensor, " width"]


def random(width: int, seed: int = 0) -> Recurrent:
    """A network that has learned nothing: numbers of a spread of 1/sqrt(width), which keep its states between -1 and 1."""
    chance = torch.Generator().manual_seed(seed)
    inward, onward = (torch.randn(width, width, generator=chance) * width**-0.5 for _ in range(2))
    return Recurrent(inward, onward, torch.zeros(width))


def walk(network: Recurrent, x: Float[Tensor, "token width"]) -> Iterator[Float[Tensor, " width"]]:
    """The state after each token, as it goes."""
    state = torch.zeros_like(network.offset)
    for token in x:
        state = torch.tanh(network.inward @ token + network.onward @ state + network.offset)
        yield state


def states(network: Recurrent, x: Float[Tensor, "token width"]) -> Float[Tensor, "token width"]:
    """All states, in order."""
    found = torch.empty_like(x)
    for number, state in enumerate(walk(network, x)):
        found[number] = state
    return found
