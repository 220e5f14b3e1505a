"""Make one-row input tensors from token ids, and the target text that an encoder-decoder generates by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from attnviz.engine.forward import device_of
from attnviz.errors import BadInputError

LAST_FIRST = frozenset({"mbart", "plbart"})  # decoders that read the last label first: the code of the language


def row(ids: Sequence[int], type_ids: Sequence[int] | None = None) -> dict[str, Tensor]:
    """Return the input tensors of one text, with every token visible."""
    found = {"input_ids": torch.tensor([list(ids)]), "attention_mask": torch.ones(1, len(ids), dtype=torch.long)}
    return found if type_ids is None else {**found, "token_type_ids": torch.tensor([list(type_ids)])}


def with_target(source: dict[str, Tensor], ids: Sequence[int]) -> dict[str, Tensor]:
    """Return the source's row with the tokens that the decoder reads."""
    return {**source, "decoder_input_ids": torch.tensor([list(ids)])}


def start(model: Any, labels: Sequence[int]) -> int:
    """Return the token that the decoder reads first in training on `labels`, by the rule of the model's own family.

    Usually config.decoder_start_token_id; the mBART family takes the last label, the code of the target language. Raises
    BadInputError if the configuration names none.
    """
    rule: Any = getattr(model, "prepare_decoder_input_ids_from_labels", None)
    if rule is not None and labels:
        try:
            return int(rule(labels=torch.tensor([list(labels)]))[0, 0])
        except Exception:  # noqa: BLE001  # families fail in ways of their own where a setting is missing
            pass
    if model.config.model_type in LAST_FIRST and labels:  # a model without a head has the rule only in its forward
        return [number for number in labels if number != model.config.pad_token_id][-1]
    found = _configured(model)
    if found is None:
        raise _startless(model)
    return found


def _configured(model: Any) -> int | None:
    """Return the token that output starts with, from the configuration of the model or of its generation."""
    for settings in (model.config, getattr(model, "generation_config", None)):
        number = getattr(settings, "decoder_start_token_id", None)
        if isinstance(number, int):
            return number
    return None


def _startless(model: Any) -> BadInputError:
    """Return the error for a model whose configuration does not say which token its output starts with."""
    return BadInputError(
        f"The decoder of {type(model).__name__} reads one token before its output, and model.config.decoder_start_token_id is "
        "not set. Set it to the id of that token: tokenizer.cls_token_id where the decoder was a BERT, else mostly "
        "tokenizer.bos_token_id or tokenizer.pad_token_id; for a folder, in its config.json."
    )


def written(model: Any, source: dict[str, Tensor], most: int, language: tuple[int, bool] | None = None) -> list[int]:
    """Return at most `most` tokens that an encoder-decoder writes for this source, greedily, after its start token.

    `language` is the code of the language to write in, if the tokenizer names one, and whether texts begin with it: it is
    then written first, or output starts with it, unless the model's own settings differ. The end token is left out,
    because nothing was read after it. Raises BadInputError if the model writes nothing by itself.
    """
    if not hasattr(model, "generate"):
        raise _silent(model, "it has no head for words, as its class with ForConditionalGeneration or MTModel has")
    source = {name: tensor.to(device_of(model)) for name, tensor in source.items()}
    options: dict[str, Any] = {"max_new_tokens": most, "num_beams": 1, "do_sample": False}
    begins, settings = _configured(model), model.generation_config
    if language is not None:
        code, first = language
        if not first and model.config.model_type in LAST_FIRST:
            begins = options["decoder_start_token_id"] = code if begins is None else begins
        elif getattr(settings, "forced_bos_token_id", None) is None:
            options["forced_bos_token_id"] = code
    if begins is None and getattr(settings, "bos_token_id", None) is None:  # the library's own choice if nothing is set
        raise _startless(model)
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
    """Return the error for a model that writes no target by itself."""
    return BadInputError(
        f"An encoder-decoder reads a target text beside its source, and {type(model).__name__} cannot write one itself "
        f"({reason.rstrip('.'):.200}). Give a target text as text_b."
    )
