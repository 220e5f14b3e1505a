"""Attention weights as the library's eager attention returns them, and which models have attention at all."""

from __future__ import annotations

import re
from typing import Any

import torch

from attnviz.engine.forward import forward
from attnviz.errors import NoAttentionError

BLOCKS = {"attentions": "self", "encoder_attentions": "encoder", "decoder_attentions": "decoder", "cross_attentions": "cross"}
RECURRENT = frozenset({"rwkv"})  # it calls its recurrence attention
ATTENDING = re.compile(r"[Aa]tt(entio)?n|MHA")


def has_attention(model: Any) -> bool:
    """Return whether a model has modules named attention that are attention: those of RWKV are a recurrence."""
    if model.config.model_type in RECURRENT:
        return False
    return any(ATTENDING.search(type(part).__name__) for part in model.modules())


def no_attention(model: Any) -> NoAttentionError:
    """Return the error for a model without attention."""
    return NoAttentionError(
        f"{type(model).__name__} has no attention: none of its modules lets tokens look at each other by weights, as in "
        "recurrent, convolutional and state-space models. Choose another model, a transformer."
    )


def weights(reader: Any, inputs: dict[str, Any]) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    """Return the weights that a model with eager attention returns, by block."""
    with torch.inference_mode():
        output = forward(reader, {**inputs, "output_attentions": True, "return_dict": True})
    if not callable(getattr(output, "get", None)):
        return ()
    found = {name: tuple(a for a in (output.get(name) or ()) if a is not None) for name in BLOCKS}
    if getattr(reader.config, "model_type", "") == "encoder-decoder" and not found["encoder_attentions"]:
        found["encoder_attentions"] = _encoder_weights(reader, inputs)
    return tuple((BLOCKS[name], layers) for name, layers in found.items() if layers)


def _encoder_weights(reader: Any, inputs: dict[str, Any]) -> tuple[Any, ...]:
    """Return the eager weights of an encoder that was combined with a decoder: the combined model does not return them."""
    given = {name: inputs[name] for name in ("input_ids", "attention_mask", "inputs_embeds") if name in inputs}
    with torch.inference_mode():
        output = forward(reader.get_encoder(), {**given, "output_attentions": True, "return_dict": True})
    return tuple(a for a in (output.get("attentions") or ()) if a is not None)
