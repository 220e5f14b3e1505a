"""Token ids in, the one-row input tensors of a model out; and what an encoder-decoder writes by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from attnviz.engine.forward import device_of
from attnviz.errors import BadInputError


def row(ids: Sequence[int], type_ids: Sequence[int] | None = None) -> dict[str, Tensor]:
    """One text, every token visible."""
    found = {"input_ids": torch.tensor([list(ids)]), "attention_mask": torch.ones(1, len(ids), dtype=torch.long)}
    return found if type_ids is None else {**found, "token_type_ids": torch.tensor([list(type_ids)])}


def with_target(source: dict[str, Tensor], ids: Sequence[int]) -> dict[str, Tensor]:
    """The source's row with the tokens that the decoder reads."""
    return {**source, "decoder_input_ids": torch.tensor([list(ids)])}


def written(model: Any, source: dict[str, Tensor], most: int) -> list[int]:
    """At most `most` tokens that an encoder-decoder writes for this source, greedily, after the one that output starts with.

    Its end token is left out: nothing was read after it. Raises BadInputError where the model writes nothing by itself.
    """
    if not hasattr(model, "generate"):
        raise _silent(model, "it has no head for words, as its class with ForConditionalGeneration or MTModel has")
    source = {name: tensor.to(device_of(model)) for name, tensor in source.items()}
    options = {"max_new_tokens": most, "num_beams": 1, "do_sample": False}
    for cached in (True, False):  # some families fail over their own cache
        try:
            with torch.inference_mode():
                ids = model.generate(**source, **options, use_cache=cached)[0].tolist()
            ends = model.generation_config.eos_token_id
            return ids[:-1] if ids[-1] in (ends if isinstance(ends, list) else [ends]) else ids
        except Exception as error:  # noqa: BLE001  # whatever a model's own generation stumbles over
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    raise _silent(model, reason)


def _silent(model: Any, reason: str) -> BadInputError:
    """The error of a model that writes no target by itself."""
    return BadInputError(
        f"An encoder-decoder reads a target text beside its source, and {type(model).__name__} cannot write one itself "
        f"({reason.rstrip('.'):.200}). Give a target text as text_b."
    )
