"""Run one forward pass of a model: with the arguments that it accepts, on its own device; a failure gets a reason."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from attnviz.engine import input_limits
from attnviz.errors import AttnvizError, BadInputError, ForwardError, NoAttentionError

OPTIONAL = ("token_type_ids", "attention_mask")  # for one unpadded text, a model without them reads the same
UNEXPECTED = re.compile(r"unexpected keyword argument '(\w+)'")
MEASURED = {  # numeric inputs, converted to the model's own number format, and what they contain
    "pixel_values": "pictures", "pixel_values_videos": "films", "flattened_patches": "pictures", "input_features": "sound",
    "input_values": "sound", "audio_mel": "sound", "spectrogram": "sound", "past_values": "series of numbers",
    "inputs_embeds": "vectors",
}  # fmt: skip
SIDES = ("Encoder", "Decoder", "Stack")  # how the library names the two sides of an encoder-decoder
META = torch.device("meta")


@dataclass(frozen=True)
class Arguments:
    """The argument names that a forward accepts; `any` if it accepts every name."""

    names: frozenset[str]
    any: bool

    def take(self, name: str) -> bool:
        """Return whether there is an argument with this name."""
        return self.any or name in self.names


def forward(model: nn.Module, inputs: Mapping[str, Any]) -> Any:
    """Call the model without its cache, which would keep every key twice. Tensors are moved to the model's device."""
    given = dict(inputs)
    if "use_cache" in arguments(model).names:
        given.setdefault("use_cache", False)
    device = device_of(model)
    for name, value in given.items():
        if isinstance(value, Tensor):
            given[name] = _formatted(model, value.to(device)) if name in MEASURED else value.to(device)
    return model(**given)


def guarded(model: nn.Module, inputs: Mapping[str, Any]) -> Any:
    """Call a model that is not ours: an error of its code becomes a ForwardError with its message."""
    try:
        with input_limits.looked_up(model, inputs):
            return forward(model, inputs)
    except AttnvizError:
        raise
    except Exception as error:  # any model's own code may raise anything
        raise _failed(model, inputs, error) from error


def fitted(model: nn.Module, inputs: Mapping[str, Any], run: Callable[[dict[str, Any]], Any]) -> Any:
    """Return what `run` makes of the inputs of one unpadded text, without those that the model does not accept.

    A forward that passes all names on shows only when it runs which of them it does not accept. Raises BadInputError if it
    accepts no token ids.
    """
    takes = arguments(model)
    if not takes.take("input_ids"):
        shown = ", ".join(sorted(takes.names)) or "nothing"
        raise BadInputError(
            f"A text is read as input_ids, and the forward of {type(model).__name__} takes {shown}. "
            "Give its own tensors by name: attnviz.capture(model, name=tensor, …)."
        )
    given = {name: value for name, value in inputs.items() if name not in OPTIONAL or takes.take(name)}
    while True:
        try:
            return run(given)
        except (ForwardError, NoAttentionError) as error:
            if error.__cause__ is None:
                raise
            name = UNEXPECTED.search(str(error.__cause__))
            if name is None or name[1] not in OPTIONAL or name[1] not in given:
                beside = [one for one in MEASURED if one in takes.names and one != "inputs_embeds"]
                if not beside:
                    raise
                raise BadInputError(
                    f"{type(model).__name__} reads {MEASURED[beside[0]]} beside a text, and does not read a text alone. Give "
                    f"both: attnviz.capture(model, input_ids=…, {beside[0]}=…), or give the part that reads text."
                ) from error
            del given[name[1]]


def two_sided(model: Any) -> bool:
    """Return whether a model reads a source and a target: its encoder or decoder alone has the same configuration."""
    alone = type(model).__name__.endswith(SIDES) and "decoder_input_ids" not in arguments(model).names
    return bool(getattr(model.config, "is_encoder_decoder", False)) and not alone


def arguments(model: nn.Module) -> Arguments:
    """Return the arguments of a model's forward, also if it was replaced on this module."""
    replaced = vars(model).get("forward")
    return _arguments(type(model)) if replaced is None else _signature(replaced, bound=True)


@functools.lru_cache(maxsize=256)
def _arguments(family: type[nn.Module]) -> Arguments:
    """Return the arguments for a class; cached, because this takes as long as a layer of a small model."""
    return _signature(family.forward, bound=False)


def _signature(function: Any, *, bound: bool) -> Arguments:
    """Return the argument names of a function below its decorators; any if they are not listed. The first one is the model
    itself unless the function is `bound`.
    """
    try:
        found = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return Arguments(frozenset(), True)
    kinds = inspect.Parameter
    open_ended = any(one.kind is kinds.VAR_KEYWORD for one in found)
    if not bound and found and found[0].kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD):
        found = found[1:]
    named = (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)
    return Arguments(frozenset(one.name for one in found if one.kind in named), open_ended)


def device_of(model: nn.Module) -> torch.device:
    """Return the device for inputs: that of the model's first weights, or where they will be while it runs."""
    for kind in ("_parameters", "_buffers"):
        for module in model.modules():
            own = next((one for one in vars(module)[kind].values() if one is not None), None)
            if own is None:
                continue
            where = getattr(vars(module).get("_hf_hook"), "execution_device", None)
            if where is not None:
                return torch.device(where)
            if own.device != META:
                return own.device
    return torch.device("cpu")


def missing(model: nn.Module) -> str:
    """Return the error message for weights that are on `meta` or divided among processes; "" if all are here."""
    fetched = tuple(
        f"{name}." if name else "" for name, module in model.named_modules() if _fetches(vars(module).get("_hf_hook"))
    )
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if tensor.device == META and not name.startswith(fetched):
            return (
                f"Attention is computed from weights, and those of {type(model).__name__} are on `meta`, e.g. {name}: "
                "their shapes are known, their numbers were never loaded. Load the model with from_pretrained, "
                "or fill it with load_state_dict(state, assign=True)."
            )
        if hasattr(tensor, "device_mesh") or hasattr(tensor, "ds_id"):
            return (
                f"Every weight must be whole in this process, and {name} of {type(model).__name__} is divided among several. "
                "Gather the weights, save the model and load it in one process."
            )
    return ""


def _fetches(hook: Any) -> bool:
    """Return whether a hook of accelerate loads the weights of its module while it runs."""
    return bool(getattr(hook, "offload", False)) or any(map(_fetches, getattr(hook, "hooks", ())))


def _formatted(model: nn.Module, value: Tensor) -> Tensor:
    """Return numbers in the model's own format: half-precision weights cannot read a float32 picture."""
    kind = next((one.dtype for one in model.parameters() if one.is_floating_point()), value.dtype)
    return value.to(kind) if value.is_floating_point() else value


def _failed(model: nn.Module, inputs: Mapping[str, Any], error: Exception) -> ForwardError:
    """Return the error for a failed pass, with the inputs and what to try."""
    reason = (str(error).strip().splitlines() or [""])[0]
    return ForwardError(
        f"The forward of {type(model).__name__} failed on {', '.join(inputs)}: "
        f"{type(error).__name__}: {reason.rstrip('.'):.300}. "
        "Make model(**inputs) run by itself with these inputs, then ask again."
    )
