"""Reference implementation of a transformer, every step by name: a BERT encoder and a Llama decoder, written to be read.

`bert` and `llama` are the two transformers, one page each. This file runs their layers, one after the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from attnviz.engine.reference import bert, llama
from attnviz.engine.reference.intervention import AS_TRAINED, Intervention
from attnviz.engine.reference.steps import STEPS, ForwardPass, Steps, frozen
from attnviz.engine.reference.weights import ModelWeights, read
from attnviz.errors import BadInputError, TokenError, TooLongError

__all__ = ["AS_TRAINED", "STEPS", "ForwardPass", "Intervention", "ModelWeights", "Steps", "forward", "logits", "read", "run"]

FAMILIES = {"bert": bert, "llama": llama}


def run(
    weights: ModelWeights,
    ids: Sequence[int],
    type_ids: Sequence[int] | None = None,
    change: Intervention = AS_TRAINED,
    keep: Collection[int] | None = None,
) -> ForwardPass:
    """Read one text from scratch. `keep` names the layers whose steps are kept (None: all); others keep only their output.

    With `change.others`, the keys and values of each layer come from a second text, which the unchanged model reads at the
    same time. Raises BadInputError for ids that the model does not have and changes that it cannot make.
    """
    layers: list[Steps] = []
    with torch.inference_mode():
        parts = forward(weights, ids, type_ids, change)
        embedding = x = next(parts)
        for number, x in enumerate(parts):
            layers.append(frozen(x if keep is None or number in keep else {"output": x["output"]}))
        final = FAMILIES[weights.family].output(weights, x["output"])
        return ForwardPass(frozen(embedding), tuple(layers), frozen({"output": final})["output"])


def forward(
    weights: ModelWeights, ids: Sequence[int], type_ids: Sequence[int] | None = None, change: Intervention = AS_TRAINED
) -> Iterator[dict[str, Tensor]]:
    """Yield the steps of the embedding, then those of each layer; later layers run only if the caller goes on."""
    change.check(weights, len(ids))
    _check(weights, ids)
    family = FAMILIES[weights.family]
    types = list(type_ids or [0] * len(ids))
    _check_types(weights, types)
    embedding = family.embedded(weights, list(ids), types, change)
    yield embedding
    x, other = embedding["output"], None  # [token, width]
    if change.others:
        _check(weights, change.others)
        other = family.embedded(weights, list(change.others), [0] * len(change.others), AS_TRAINED)["output"]
    for number in range(weights.layers):
        here = change.at(number)
        steps = family.layer(weights, number, x, other if here.others and other is not None else x, here)
        if other is not None:
            other = family.layer(weights, number, other, other, AS_TRAINED)["output"]
        x = steps["output"]
        yield steps


def logits(weights: ModelWeights, states: Float[np.ndarray, "token width"]) -> Float[np.ndarray, "token vocabulary"]:
    """Return the next-token logits after each token, from the final states of a Llama (`ForwardPass.output`)."""
    if weights.family != "llama":
        raise BadInputError("Next words are what a decoder says; this model is an encoder. Choose a decoder.")
    with torch.inference_mode():
        return llama.logits(weights, torch.tensor(states)).numpy()


def _check(weights: ModelWeights, ids: Sequence[int]) -> None:
    """Raise BadInputError unless there are ids, all in the vocabulary, and no more than the model has positions."""
    if not ids:
        raise BadInputError("A text needs at least one token; this one has none.")
    odd = next((number for number in ids if not 0 <= number < weights.vocabulary), None)
    if odd is not None:
        raise TokenError(
            f"This model has {weights.vocabulary:,} embeddings, of the ids 0 to {weights.vocabulary - 1:,}; got {odd}. "
            "Give ids of its own tokenizer."
        )
    if len(ids) > weights.longest:
        raise TooLongError(f"This model reads at most {weights.longest} tokens; this text has {len(ids)}. Shorten it.")


def _check_types(weights: ModelWeights, types: Sequence[int]) -> None:
    """Raise TokenError unless a BERT has all of these segments."""
    table = weights.tensors.get("embeddings.token_type_embeddings.weight")
    if table is not None and not all(0 <= number < len(table) for number in types):
        raise TokenError(
            f"This model tells {len(table)} segment{'' if len(table) == 1 else 's'} apart, counted from 0; got {max(types)}. "
            "Read one text, or take the tokenizer that belongs to it."
        )
