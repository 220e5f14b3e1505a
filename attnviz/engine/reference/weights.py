"""Weights of a transformers model by their published names, with the sizes that a forward pass needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from attnviz.engine.input_limits import limits
from attnviz.errors import BadInputError

ACTIVATIONS = {"bert": "gelu", "llama": "silu"}


@dataclass(frozen=True, eq=False)
class ModelWeights:
    """The learned tensors of a model, by name, and its sizes: `heads` query heads, `groups` key/value heads, `dim` for each.

    `epsilon` keeps a norm from dividing by zero; `base` sets how slowly rotary positions rotate (0 in BERT, without them).
    """

    family: str
    tensors: Mapping[str, Tensor]
    layers: int
    heads: int
    groups: int
    dim: int
    vocabulary: int
    longest: int
    epsilon: float
    base: float

    def __getitem__(self, name: str) -> Tensor:
        return self.tensors[name]

    def group(self, head: int) -> int:
        """Return the key/value head that a query head reads: heads 0..r-1 read group 0, the next r group 1, and so on."""
        return head // (self.heads // self.groups)


def read(model: Any, dtype: torch.dtype = torch.float32) -> ModelWeights:
    """Return the weights of a BERT encoder or a Llama decoder; nothing is copied unless the number format changes.

    Raises BadInputError for other families, and for variants of these two that are not implemented here.
    """
    config = model.config
    family = config.model_type
    if family not in ACTIVATIONS:
        raise BadInputError(f"From scratch there are BERT encoders and Llama decoders; this model is of the family {family!r}.")
    _check(config, family)
    heads = config.num_attention_heads
    return ModelWeights(
        family=family,
        tensors=_tensors(model, dtype),
        layers=config.num_hidden_layers,
        heads=heads,
        groups=getattr(config, "num_key_value_heads", None) or heads,
        dim=getattr(config, "head_dim", None) or config.hidden_size // heads,
        vocabulary=limits(model).tokens or config.vocab_size,
        longest=config.max_position_embeddings,
        epsilon=config.layer_norm_eps if family == "bert" else config.rms_norm_eps,
        base=0.0 if family == "bert" else config.rope_parameters["rope_theta"],
    )


def _check(config: Any, family: str) -> None:
    """Raise BadInputError for a variant: another activation, scaled rotary positions, an encoder used as a decoder."""
    if config.hidden_act != ACTIVATIONS[family]:
        wanted = ACTIVATIONS[family]
        raise BadInputError(f"The {family} from scratch has the activation {wanted}; this model has {config.hidden_act!r}.")
    if family == "llama" and config.rope_parameters["rope_type"] != "default":
        rope_type = config.rope_parameters["rope_type"]
        raise BadInputError(f"The Llama from scratch has plain rotary positions; this model scales them ({rope_type!r}).")
    if family == "bert" and config.is_decoder:
        raise BadInputError("The BERT from scratch is an encoder; this model is set up as a decoder.")


def _tensors(model: Any, dtype: torch.dtype) -> dict[str, Tensor]:
    """Return all tensors, by their names in the model without a task head, which puts `bert.` or `model.` before them."""
    prefix = f"{model.base_model_prefix}."
    return {name.removeprefix(prefix): tensor.detach().to("cpu", dtype) for name, tensor in model.state_dict().items()}
