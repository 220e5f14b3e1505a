"""Build one Trace per row of a batch from recorded attention calls, or from the library's eager weights."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from attnviz.engine.block import Block
from attnviz.engine.forward import two_sided
from attnviz.engine.layers import Dense, Layer, Projections, locked
from attnviz.engine.trace import Trace
from attnviz.errors import BadInputError, NoAttentionError
from attnviz.types import AttentionRequest, Token, joined

CROSS = re.compile(r"encoder_attn|EncDecAttention|cross_?att|encoder_attention", re.IGNORECASE)
DECODER = re.compile(r"(^|\.)decoder\.")


@dataclass(frozen=True, eq=False)
class AttentionCall:
    """One attention call as the model made it: batched tensors [row, head, token, dim], and the output."""

    module: nn.Module
    query: Tensor
    key: Tensor
    value: Tensor
    mask: Tensor | None
    scale: float
    causal: bool
    bias: Tensor | None
    softcap: float | None
    sinks: Tensor | None
    output: Tensor  # [row, query, head, dim]


def traces_of(model: Any, calls: list[AttentionCall], inputs: dict[str, Any]) -> tuple[Trace, ...]:
    """Return one Trace per row from the recorded calls of the model that ran. The calling modules decide the blocks.

    Raises NoAttentionError if the layers of one block read different numbers of tokens, which no picture can show together.
    """
    ids = inputs.get("input_ids")
    made = len(calls[0].query)
    if isinstance(ids, Tensor) and ids.ndim == 2 and len(ids) != made and "decoder_input_ids" not in inputs:
        raise NoAttentionError(
            f"{type(model).__name__} makes {made} rows of the {len(ids)} that it is given, so which tokens each of them holds "
            "is not known. Give the model in it that reads a text as it is."
        )
    by_block: dict[str, list[AttentionCall]] = {}
    for call, block in zip(calls, blocks_of(model, calls, inputs), strict=True):
        by_block.setdefault(block, []).append(call)
    for block, found in by_block.items():
        sizes = {(call.query.shape[0], call.query.shape[2], call.key.shape[2]) for call in found}
        if len(sizes) > 1:
            shown = "; ".join(f"{rows} rows of {queries} queries and {keys} keys" for rows, queries, keys in sorted(sizes))
            raise NoAttentionError(
                f"The {block} attention of {type(model).__name__} changes its size from layer to layer ({shown}), "
                "so it cannot be shown as one block. Choose another model."
            )
    two = two_sided(model)
    return tuple(_trace(model, by_block, inputs, row, two) for row in range(calls[0].query.shape[0]))


def undivided(model: Any, calls: list[AttentionCall]) -> None:
    """Raise NoAttentionError if a layer attends twice and combines the two: neither is the layer's attention."""
    for one, other in itertools.pairwise(calls):
        same = one.module is other.module and one.query.data_ptr() == other.query.data_ptr()
        if same and one.key.data_ptr() == other.key.data_ptr():  # differential attention: one is subtracted from the other
            raise NoAttentionError(
                f"{type(model).__name__} attends twice in one layer and combines the two: its weights are not one softmax. "
                "Choose another model."
            )


def blocks_of(model: Any, calls: list[AttentionCall], inputs: dict[str, Any]) -> list[str]:
    """Return the block that each call belongs to. Modules are looked up by name only if there can be several blocks."""
    two = two_sided(model)
    if not two and "encoder_hidden_states" not in inputs and all(c.query.shape[2] == c.key.shape[2] for c in calls):
        return ["self"] * len(calls)
    called = names(model, calls)
    if not two and not any(CROSS.search(name) for name in called):  # more keys than queries: a cache was passed in
        return ["self"] * len(calls)
    return ["cross" if CROSS.search(name) else "decoder" if DECODER.search(name) or not two else "encoder" for name in called]


def names(model: Any, calls: list[AttentionCall]) -> list[str]:
    """Return the model's names of the modules that made these calls; a module in several places gets each name in turn."""
    once = {id(module): name for name, module in model.named_modules()}
    marks = [id(call.module) for call in calls]
    places = {mark: [once.get(mark, "")] for mark in marks}
    if len(places) < len(marks):
        for name, module in _everywhere(model, "", ()):
            if id(module) in places and name not in places[id(module)]:
                places[id(module)].append(name)
    found, turns = [], dict.fromkeys(marks, 0)
    for mark in marks:
        found.append(places[mark][min(turns[mark], len(places[mark]) - 1)])
        turns[mark] += 1
    return found


def _everywhere(module: nn.Module, name: str, above: tuple[int, ...]) -> Iterator[tuple[str, nn.Module]]:
    """Yield every path of every module; a module in several places has several."""
    yield name, module
    for step, child in module._modules.items():
        if child is not None and id(child) not in above:
            yield from _everywhere(child, f"{name}.{step}" if name else step, (*above, id(module)))


def _numbers(model: Any, calls: list[AttentionCall]) -> tuple[int, ...]:
    """Return the model's own numbers of the layers that made a block's calls; empty if they are 0, 1, 2, …, or unknown.

    Hybrid models have attention in some layers only. The number is the one in a module's name that grows from call to call;
    names are looked up only if the configuration states another number of layers.
    """
    if _stated(model) == len(calls):
        return ()
    found = zip(*([int(number) for number in re.findall(r"\d+", name)] for name in names(model, calls)), strict=False)
    grown = next((n for n in found if all(one < other for one, other in itertools.pairwise(n))), ())
    return () if grown == tuple(range(len(calls))) else grown


def _stated(model: Any) -> int | None:
    """Return how many layers the configuration states for one stack; None if it states none."""
    count = getattr(model.config, "num_hidden_layers", None)
    return count if isinstance(count, int) else None


def _note(model: Any, block: str, count: int, numbers: tuple[int, ...]) -> str:
    """Return a note on `count` layers that are not all of the model's, or "".

    The two stacks of an encoder-decoder may differ, and a configuration states only one: there, only `numbers` decide.
    """
    stated = _stated(model) if block == "self" else None
    if not numbers and (stated is None or stated <= count):
        return ""
    of = f" of this model's {stated}" if stated else ""
    if len(numbers) == 1:
        return f"Only layer {numbers[0]}{of} attends from token to token; it is layer 0 here."
    here = "it is layer 0" if count == 1 else f"they are layers 0 to {count - 1}"
    if numbers:
        own = joined([str(number) for number in numbers])
        return f"Only layers {own}{of} attend from token to token; here {here}, in this order."
    return f"Only {count}{of} layers {'attends' if count == 1 else 'attend'} from token to token; here {here}."


def to_numpy(tensor: Tensor) -> np.ndarray:
    """Return a tensor's numbers, without a copy if it is float32 or bool on the processor already."""
    tensor = tensor.detach()
    return (tensor if tensor.dtype in (torch.bool, torch.float32) else tensor.float()).cpu().numpy()


def _visible(mask: Any, row: int, length: int) -> np.ndarray:
    """Return the indices of the real tokens of one row: where its [row, token] mask is not 0."""
    if isinstance(mask, Tensor) and mask.ndim == 2 and mask.shape[1] == length:
        return np.flatnonzero(mask[row].cpu().numpy())
    return np.arange(length)


def _trace(model: Any, by_block: dict[str, list[AttentionCall]], inputs: dict[str, Any], row: int, two: bool) -> Trace:
    """Return the trace of one row of a batch."""
    blocks = []
    for name in ("self", "encoder", "decoder", "cross"):
        if calls := by_block.get(name):
            size = calls[0].query.shape[2], calls[0].key.shape[2]
            queries, keys, query_tokens, key_tokens = _places(inputs, name, row, *size, two)
            masks: Masks = {}
            layers: list[Layer] = [_projections(call, row, queries, keys, masks) for call in calls]
            numbers = _numbers(model, calls)
            note = _note(model, name, len(calls), numbers)
            blocks.append(Block(name, query_tokens, key_tokens, tuple(layers), numbers, note))
    return Trace(AttentionRequest(named(model), ""), tuple(blocks))


def _places(
    inputs: dict[str, Any], block: str, row: int, queries: int, keys: int, two: bool
) -> tuple[np.ndarray, np.ndarray, tuple[Token, ...], tuple[Token, ...]]:
    """Return visible positions and unlabelled tokens of a block's queries and keys.

    The inputs of an encoder-decoder's second side are named `decoder_…`; the encoder's states in a decoder, `encoder_…`.
    """
    source, target = ("", "decoder_") if two else ("encoder_", "")
    sides = {"self": ("", ""), "encoder": ("", ""), "decoder": (target, target), "cross": (target, source)}[block]
    found = []
    for side, length in dict.fromkeys(zip(sides, (queries, keys), strict=True)):  # once if both are the same
        places = _visible(inputs.get(f"{side}attention_mask"), row, length)
        if not len(places):
            raise BadInputError(f"Row {row} has no visible token: its attention mask is all 0.")
        found.append((places, unlabelled(inputs.get(f"{side}input_ids"), row, places)))
    return found[0][0], found[-1][0], found[0][1], found[-1][1]


def unlabelled(ids: Any, row: int, places: np.ndarray) -> tuple[Token, ...]:
    """Return tokens named by number only: `#101` if the input was token ids, or else the position."""
    if isinstance(ids, Tensor) and ids.ndim == 2 and ids.shape[1] > int(places[-1]):
        names = [f"#{number}" for number in ids[row].cpu().numpy()[places].tolist()]
    else:
        names = [str(place) for place in places.tolist()]
    return tuple(Token(name, name, 0, 0, i) for i, name in enumerate(names))


def _projections(call: AttentionCall, row: int, queries: np.ndarray, keys: np.ndarray, masks: Masks) -> Projections:
    """Return one call's tensors for one row, at its visible positions."""
    return Projections(
        query=_cut(call.query, row, queries),
        key=_cut(call.key, row, keys),
        value=_cut(call.value, row, keys),
        scale=call.scale,
        causal=call.causal,
        mask=_shared(call.mask, row, queries, keys, masks),
        bias=_shared(call.bias, row, queries, keys, masks),
        softcap=call.softcap,
        sinks=None if call.sinks is None else locked(to_numpy(call.sinks).copy()),
        output=_cut(call.output.transpose(1, 2), row, queries),
        precision=str(call.query.dtype).removeprefix("torch."),
    )


def _cut(tensor: Tensor, row: int, places: np.ndarray) -> np.ndarray:
    """Return one row of [row, head, token, dim] at some tokens.

    A single row is not copied; a row of a batch is, or each trace would keep the other rows in memory.
    """
    array = to_numpy(tensor[min(row, tensor.shape[0] - 1)])  # [head, token, dim]
    if len(places) < array.shape[1]:
        return locked(array[:, places])
    return locked(array if tensor.shape[0] == 1 else array.copy())


Masks = dict[tuple[Any, ...], tuple[Tensor, np.ndarray | None]]  # cut already; a kept tensor keeps its address


def _shared(tensor: Tensor | None, row: int, queries: np.ndarray, keys: np.ndarray, seen: Masks) -> np.ndarray | None:
    """Return row `row` of a [row, head, query, key] mask or bias at visible positions: one array for layers that share it.

    The head axis is left out if all heads agree; a mask that hides nothing is None.
    """
    if tensor is None:
        return None
    mark = (tensor.device, tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
    if mark not in seen:
        one = tensor[min(row, tensor.shape[0] - 1)]  # [head, query, key]
        array = to_numpy(one[0] if one.shape[0] == 1 else one)
        if array.shape[-2:] != (len(queries), len(keys)):
            rows, columns = (p if size > 1 else p * 0 for p, size in zip((queries, keys), array.shape[-2:], strict=True))
            array = array[..., rows[:, None], columns]  # an axis of size 1 is for every query, or every key
        hides = array.dtype != bool or not array.all()
        seen[mark] = (tensor, locked(array.copy()) if hides else None)
    return seen[mark][1]


def dense_traces_of(model: Any, found: tuple[tuple[str, tuple[Any, ...]], ...], inputs: dict[str, Any]) -> tuple[Trace, ...]:
    """Return one Trace per row from eager weights by block, [row, head, query, key] for each layer, without padding.

    Raises NoAttentionError if a block does not have one weight for each pair of tokens.
    """
    for name, layers in found:
        _check_dense(model, name, layers)
    two = two_sided(model)
    traces = []
    for row in range(found[0][1][0].shape[0]):
        blocks = []
        for name, layers in found:
            size = layers[0].shape
            queries, keys, query_tokens, key_tokens = _places(inputs, name, row, size[2], size[3], two)
            precision = str(layers[0].dtype).removeprefix("torch.")
            dense: tuple[Layer, ...] = tuple(
                Dense(locked(np.ascontiguousarray(to_numpy(layer[row])[:, queries[:, None], keys[None, :]])), precision)
                for layer in layers
            )
            note = _note(model, name, len(dense), ())
            blocks.append(Block(name, query_tokens, key_tokens, dense, note=note))
        traces.append(Trace(AttentionRequest(named(model), ""), tuple(blocks)))
    return tuple(traces)


def _check_dense(model: Any, block: str, layers: tuple[Any, ...]) -> None:
    """Raise NoAttentionError unless all layers are [row, head, query, key] of one size, square in self-attention."""
    if not all(isinstance(layer, Tensor) for layer in layers):
        raise NoAttentionError(
            f"The {block} attention that {type(model).__name__} returns is several parts in each layer, "
            "not one weight for each pair of tokens. Choose another model."
        )
    sizes = {tuple(layer.shape) for layer in layers}
    size = min(sizes)
    if len({(s[0], *s[2:]) for s in sizes}) > 1 or len(size) != 4 or (block != "cross" and size[2] != size[3]):
        shown = ", ".join("x".join(map(str, size)) for size in sorted(sizes))
        raise NoAttentionError(
            f"The {block} attention that {type(model).__name__} returns is not one weight for each pair of tokens "
            f"(rows x heads x queries x keys: {shown}). Choose another model."
        )


def named(model: Any) -> str:
    """Return the name of the model in an unlabelled trace."""
    return getattr(model.config, "_name_or_path", "") or type(model).__name__
