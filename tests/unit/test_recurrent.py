"""The recurrent network: by hand, and against torch's own."""

from __future__ import annotations

import math

import torch

from attnviz.pages.cost.bench import recurrent
from attnviz.pages.cost.bench.recurrent import RecurrentNetwork

CLOSE = 1e-6


def test_a_state_is_the_tanh_of_the_token_and_of_the_state_before():
    network = RecurrentNetwork(
        torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[0.0, 1.0], [0.0, 0.0]]), torch.tensor([0.0, 0.5])
    )

    one, two = recurrent.iter_states(network, torch.tensor([[1.0, 0.0], [0.0, 1.0]]))

    # (1, 0): tanh(1 + 0), tanh(0 + 0.5).  (0, 1): tanh(0 + second state before), tanh(2 + 0.5).
    torch.testing.assert_close(one, torch.tensor([math.tanh(1), math.tanh(0.5)]), atol=CLOSE, rtol=0)
    torch.testing.assert_close(two, torch.tensor([math.tanh(math.tanh(0.5)), math.tanh(2.5)]), atol=CLOSE, rtol=0)


def test_it_is_the_network_that_torch_has():
    network, x = recurrent.random(6, seed=2), torch.randn(9, 6, generator=torch.Generator().manual_seed(1))
    theirs = torch.nn.RNN(6, 6)
    theirs.load_state_dict({
        "weight_ih_l0": network.input_weights, "weight_hh_l0": network.recurrent_weights,
        "bias_ih_l0": network.bias, "bias_hh_l0": torch.zeros(6),
    })  # fmt: skip

    with torch.inference_mode():
        torch.testing.assert_close(recurrent.states(network, x), theirs(x)[0], atol=CLOSE, rtol=0)


def test_no_state_depends_on_later_tokens():
    network, x = recurrent.random(6), torch.randn(9, 6, generator=torch.Generator().manual_seed(1))
    other = x.clone()
    other[5] += 1

    apart = (recurrent.states(network, x) - recurrent.states(network, other)).abs().amax(-1)

    assert (apart[:5] == 0).all()
    assert (apart[5:] > 0).all()
