"""Token ids in, the one-row input tensors of a model out; and what an encoder-decoder writes by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def row(ids: Sequence[int], type_ids: Sequence[int] | None = None) -> dict[str, Tensor]:
    """One text, every token visible."""
    found = {"input_ids": torch.tensor([list(ids)]), "attention_mask": torch.ones(1, len(ids), dtype=torch.long)}
    return found if type_ids is None else {**found, "token_type_ids": torch.tensor([list(type_ids)])}


def with_target(source: dict[str, Tensor], ids: Sequence[int]) -> dict[str, Tensor]:
    """The source's row with the tokens that the decoder reads."""
    return {**source, "decoder_input_ids": torch.tensor([list(ids)])}


def written(model: Any, source: dict[str, Tensor], most: int) -> list[int]:
    """At most `most` tokens that an encoder-decoder writes for this source, greedily."""
    with torch.inference_mode():
        return model.generate(**source, max_new_tokens=most, num_beams=1, do_sample=False)[0].tolist()
