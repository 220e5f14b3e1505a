"""Compare the tensors of a weights file with the model that its config.json describes: names, shapes, and the remaining.

A checkpoint that does not fit is never filled with random numbers. Two kinds are adjusted, because nothing must be guessed
for them: names with the prefix of a wrapper, and layers whose heads were pruned as the configuration says.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from attnviz.errors import DamagedWeightsError
from attnviz.models.weights import remedied
from attnviz.types import joined

# Names that only wrappers use, never a model's own modules: torch.compile, FSDP, activation checkpointing.
WRAPPERS = frozenset({"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"})
ADAPTERS = re.compile(r"\.(lora_\w+|adapters?|base_layer|prompt_tuning|ia3_\w+)\.")
BUFFERS = re.compile(r"(masked_bias|attn\.bias|attention\.bias|inv_freq|position_ids|num_batches_tracked)$")
OUTSIDE = 2  # leading parts of a name that may belong to a wrapper around the model: Lightning's `model.`, `module.`, …


def read(files: Iterable[Path]) -> dict[str, Tensor]:
    """Return all tensors of some safetensors files, by name."""
    return {name: tensor for file in files for name, tensor in load_file(file).items()}


def unwrapped(names: Collection[str], wanted: Collection[str]) -> tuple[dict[str, str], str]:
    """Return each tensor's name inside the model, and the prefix that was removed; ({}, "") if none can be.

    Parts that only wrappers add are removed everywhere; a prefix of all names is removed if the names in `wanted` follow it.
    Two tensors never become one.
    """
    inner = {name: ".".join(part for part in name.split(".") if part not in WRAPPERS) for name in names}
    found = sorted({part for name in names for part in name.split(".") if part in WRAPPERS})
    outer: list[str] = []
    while len(outer) < OUTSIDE and not set(wanted) & set(inner.values()):
        first = {name.partition(".")[0] for name in inner.values()}
        if len(first) != 1 or not all("." in name for name in inner.values()):
            break
        outer += first
        inner = {name: rest.partition(".")[2] for name, rest in inner.items()}
    taken = [*([".".join(outer)] if outer else []), *found]
    if not taken or len(set(inner.values())) < len(inner):
        return {}, ""
    return inner, joined([f"{part}." for part in taken])


def checked(report: Mapping[str, Any], model: nn.Module, name: str, remedy: str) -> None:
    """Raise DamagedWeightsError if not every tensor of a model comes from its file."""
    missing = lacking(report)
    unknown = sorted(report["unexpected_keys"])
    adapters = [key for key in unknown if ADAPTERS.search(f".{key}.")]
    if adapters:
        raise DamagedWeightsError(
            f"The weights of {name} hold an adapter that was not merged into them, e.g. {adapters[0]}; read without it, it "
            "would be another model. Merge it (merge_and_unload of peft) and save the model again."
        )
    if missing:
        packed = [key for key in unknown if key.endswith((".qweight", ".qzeros", ".SCB", ".weight_packed", ".quant_map"))]
        if packed:
            raise DamagedWeightsError(
                f"Quantised weights are read from GGUF only; those of {name} are quantised, e.g. {packed[0]}. "
                "Save the model in float32 or bfloat16."
            )
        lacks = f"The weights of {name} lack {len(missing)} of its tensors, e.g. {missing[0]}; none are made up here."
        raise DamagedWeightsError(remedied(lacks, remedy))
    sizes = sorted(report["mismatched_keys"], key=lambda one: str(one[0]))
    if sizes:
        key, has, wants = sizes[0]
        raise DamagedWeightsError(
            remedied(
                f"The weights of {name} must have the sizes of its config.json; {key} is {_size(has)} and should be "
                f"{_size(wants)}: one of the two files is another model's.",
                remedy,
            )
        )
    more = _more_layers(unknown, model)
    if more:
        raise DamagedWeightsError(
            remedied(
                f"The weights of {name} must be those that its config.json describes; they hold layers beyond those, e.g. "
                f"{more}, and a part of a model is not shown as the whole.",
                remedy,
            )
        )


def left_over(report: Mapping[str, Any], model: nn.Module) -> str:
    """Return a sentence on tensors inside the model's layers that its family does not use; "" if there are none.

    Task heads outside the layers are not mentioned: attention does not need a language model's output.
    """
    layers = {_layer(key) for key in model.state_dict()} - {""}
    left = sorted(key for key in report["unexpected_keys"] if _layer(key) in layers and not BUFFERS.search(key))
    if not left:
        return ""
    count = "A tensor" if len(left) == 1 else f"{len(left)} tensors"
    verb = "is" if len(left) == 1 else "are"
    return f"{count} inside the layers of the weights file {verb} not used by this family, e.g. {left[0]}."


def lacking(report: Mapping[str, Any]) -> list[str]:
    """Return the names of tensors missing in the file, without the pooler: it comes after all attention, and many lack it."""
    return sorted(key for key in report["missing_keys"] if "pooler" not in key.split("."))


def prune(
    model: PreTrainedModel, tensors: Mapping[str, Tensor], report: Mapping[str, Any], pruned: Mapping[int, Sequence[int]]
) -> str:
    """Shrink the attention of pruned layers, in place, to the sizes in the file; return a note, or "" if it does not fit.

    `pruned` is the configuration's own list: layer -> removed heads. Queries, keys and values keep the rows, and the output
    keeps the columns, of the remaining heads (as in Michel et al. 2019, arXiv:1905.10650).
    """
    heads: int = model.config.num_attention_heads
    for key, has, wants in report["mismatched_keys"]:
        layer = next((int(part) for part in key.split(".") if part.isdigit()), -1)
        kept = heads - len(set(pruned.get(layer, ())))
        smaller = [(one, other) for one, other in zip(has, wants, strict=False) if one != other]
        if len(has) != len(wants) or len(smaller) != 1 or smaller[0][0] * heads != smaller[0][1] * kept or kept < 1:
            return ""
    for key in sorted({str(one[0]).rpartition(".")[0] for one in report["mismatched_keys"]}):
        if not _shrink(model, key, tensors, heads):
            return ""
    lines = []
    for layer, gone in sorted(pruned.items()):
        left = [head for head in range(heads) if head not in gone]
        if gone and left != list(range(len(left))):
            lines.append(
                f"in layer {layer}, heads {_numbers(gone)} were taken out, and 0 to {len(left) - 1} here were {_numbers(left)}"
            )
        elif gone:
            lines.append(f"in layer {layer}, heads {_numbers(gone)} were taken out")
    return f"Some heads of this model were pruned: {'; '.join(lines)}." if lines else ""


def _shrink(model: nn.Module, path: str, tensors: Mapping[str, Tensor], heads: int) -> bool:
    """Give a linear map the tensors of the file, of any size; return False if there is no such map."""
    found = {part: tensor for part in ("weight", "bias") if (tensor := _named(tensors, f"{path}.{part}")) is not None}
    old = model.get_submodule(path)
    if not isinstance(old, (nn.Linear, Conv1D)) or "weight" not in found:
        return False
    for part, tensor in found.items():
        setattr(old, part, nn.Parameter(tensor.float(), requires_grad=False))
    inputs, outputs = found["weight"].shape if isinstance(old, Conv1D) else found["weight"].shape[::-1]
    if isinstance(old, Conv1D):
        old.nf, old.nx = outputs, inputs
        parent: Any = model.get_submodule(path.rpartition(".")[0])
        if path.endswith(".c_attn") and hasattr(parent, "split_size"):  # GPT-2 has queries, keys and values in one map
            parent.split_size = outputs // 3
            parent.num_heads = parent.split_size // parent.head_dim
    else:
        old.in_features, old.out_features = inputs, outputs
    return True


def _named(tensors: Mapping[str, Tensor], name: str) -> Tensor | None:
    """Return a tensor by its name inside the model; a file of a language model puts the model's own name before it."""
    return next((tensor for key, tensor in tensors.items() if key == name or key.partition(".")[2] == name), None)


def _more_layers(unknown: Sequence[str], model: nn.Module) -> str:
    """Return the name of a tensor that the model has in other layers, but not in this one; "" if there is none."""
    known = {_pattern(key) for key in model.state_dict()}
    return next(
        (key for key in unknown if "#" in _pattern(key) and {_pattern(key), _pattern(key.partition(".")[2])} & known), ""
    )


def _pattern(key: str) -> str:
    """Return a tensor's name with every number as #."""
    return ".".join("#" if part.isdigit() else part for part in key.split("."))


def _layer(key: str) -> str:
    """Return the layer that a tensor belongs to, e.g. `encoder.layer.3`; "" outside of layers."""
    match = re.match(r"(.*?\.?\w+\.\d+)\.", key)
    return match[1] if match else ""


def _size(shape: Iterable[int]) -> str:
    """Return a shape in words."""
    return " × ".join(map(str, shape))


def _numbers(found: Iterable[int]) -> str:
    """Return numbers as a list in a sentence."""
    return joined([str(number) for number in sorted(set(found))])
