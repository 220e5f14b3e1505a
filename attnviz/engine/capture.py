"""A model and its input tensors in, Traces out: one pass at fused speed, keeping what each attention call received.

One function is registered with transformers' attention interface under the name `attnviz`, together with the mask
function of the fused kernel (without that twin the mask is silently dropped). What it does with a call is decided by a
context variable, so that threads share one model without sharing anything of a request.
"""

from __future__ import annotations

import copy
import inspect
import re
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from attnviz.engine import attention
from attnviz.engine.trace import Block, Dense, Layer, Projections, Trace
from attnviz.errors import BadInputError, NoAttentionError
from attnviz.types import AttentionRequest, Token

NAME = "attnviz"
CROSS = re.compile(r"encoder_attn|EncDecAttention|cross_?att|encoder_attention", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Call:
    """One attention call as the model made it: batched tensors [row, head, token, dim], and what came back."""

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


@dataclass
class Run:
    """One forward pass under way in this context: which kernel answers, and the calls kept so far."""

    scratch: bool = False
    calls: list[Call] = field(default_factory=list)


_RUN: ContextVar[Run | None] = ContextVar("attnviz_run", default=None)
_TWINS: weakref.WeakKeyDictionary[PreTrainedModel, tuple[tuple[int, ...], dict[str, PreTrainedModel]]] = weakref.WeakKeyDictionary()
_TWINS_LOCK = threading.Lock()


def answer(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    is_causal: bool | None = None,
    position_bias: Tensor | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **rest: Any,
) -> tuple[Tensor, None]:
    """The attention function that the model calls: answered by the fused kernel, recorded where a Run is under way.

    The fused kernel knows no soft-capping and no learned sinks; such calls, and all calls of a from-scratch run, are
    answered by `engine.attention`.
    """
    run = _RUN.get()
    scale = query.shape[-1] ** -0.5 if scaling is None else float(scaling)
    causal = is_causal if is_causal is not None else bool(getattr(module, "is_causal", True))
    causal = causal and attention_mask is None and query.shape[2] > 1
    if softcap is not None or s_aux is not None or (run is not None and run.scratch):
        output = _from_scratch(query, key, value, attention_mask, scale, causal, position_bias, softcap, s_aux)
    else:
        output, _ = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, is_causal=is_causal, position_bias=position_bias, **rest
        )
    if run is not None:
        run.calls.append(
            Call(module, query, key, value, attention_mask, scale, causal, position_bias, softcap, s_aux, output)
        )
    return output, None


def _from_scratch(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float, causal: bool,
    bias: Tensor | None, softcap: float | None, sinks: Tensor | None,
) -> Tensor:  # fmt: skip
    """The same answer as the fused kernel's, [row, query, head, dim], one row of the batch at a time."""
    rows = []
    for row in range(query.shape[0]):
        shares = attention.weights(
            query[row], key[row], scale=scale, mask=_row(mask, row), causal=causal, bias=_row(bias, row), softcap=softcap, sinks=sinks
        )
        rows.append(attention.mix(shares, value[row]))
    return torch.stack(rows).transpose(1, 2).to(value.dtype).contiguous()


def _row(batched: Tensor | None, row: int) -> Tensor | None:
    """One row of a mask or bias, which may stand once for all rows."""
    return None if batched is None else batched[min(row, batched.shape[0] - 1)]


def register() -> None:
    """Make the name `attnviz` known to transformers. Calling it again changes nothing."""
    AttentionInterface.register(NAME, answer)
    AttentionMaskInterface.register(NAME, sdpa_mask)


@contextmanager
def recording(*, scratch: bool = False) -> Iterator[Run]:
    """Keep every attention call made by this thread until the block ends; no gradients inside."""
    run = Run(scratch)
    mark = _RUN.set(run)
    try:
        with torch.inference_mode():
            yield run
    finally:
        _RUN.reset(mark)


def prepare(model: PreTrainedModel) -> None:
    """Set a model that we own to the recorded attention, once, when it is loaded. Families outside stay as they are."""
    register()
    model.eval()
    if model._can_set_attn_implementation():
        model.set_attn_implementation(NAME)


def twin(model: PreTrainedModel, implementation: str) -> PreTrainedModel:
    """The same model with another attention implementation: shares every weight, but no setting, with the original.

    Somebody else's model is never switched, not even for a moment, so other threads may use it meanwhile.
    """
    parts = tuple(id(part) for part in (*model.modules(), *model.parameters(), *model.buffers()))
    with _TWINS_LOCK:
        mark, twins = _TWINS.get(model, ((), {}))
        if mark != parts:  # layers or weights were exchanged since
            twins = {}
            _TWINS[model] = (parts, twins)
        if implementation not in twins:
            register()
            shared: dict[int, Any] = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
            other = copy.deepcopy(model, shared)
            other.eval()
            if other._can_set_attn_implementation():
                other.set_attn_implementation(implementation)
            twins[implementation] = other
        return twins[implementation]


def readable(model: PreTrainedModel) -> PreTrainedModel:
    """`model` itself where it was prepared, its recorded twin otherwise."""
    prepared = model.config._attn_implementation == NAME and not model.training
    return model if prepared else twin(model, NAME)


def forward(model: PreTrainedModel, inputs: dict[str, Any]) -> Any:
    """One plain call without cache, which would keep every key twice."""
    known = inspect.signature(model.forward).parameters
    if "use_cache" in known and "use_cache" not in inputs:
        inputs = {**inputs, "use_cache": False}
    return model(**inputs)


def capture(model: PreTrainedModel, **inputs: Any) -> Trace:
    """The trace of one row of input tensors; its tokens may be unlabelled.

    Raises BadInputError for more than one row, NoAttentionError for a model that yields no weights.
    """
    traces = capture_batch(model, **inputs)
    if len(traces) != 1:
        raise BadInputError(f"capture takes one row; got {len(traces)}. Use capture_batch.")
    return traces[0]


def capture_batch(model: PreTrainedModel, **inputs: Any) -> tuple[Trace, ...]:
    """One trace for each row of the input tensors, with padding (attention_mask 0) cut away."""
    if not isinstance(model, PreTrainedModel):
        raise BadInputError(f"A transformers model is needed; got {type(model).__name__}.")
    if model._can_set_attn_implementation():
        with recording() as run:
            forward(readable(model), dict(inputs))
        if run.calls:
            return traces_of(model, run.calls, inputs)
    return _dense_traces(model, inputs)


def forward_from_scratch(model: PreTrainedModel, **inputs: Any) -> Any:
    """The model's own output, with the in-repo attention running inside it in place of the fused kernel."""
    with recording(scratch=True) as run:
        output = forward(readable(model), dict(inputs))
    if not run.calls:
        raise NoAttentionError(f"{type(model).__name__} does not pass through the attention interface.")
    return output


def eager_attentions(model: PreTrainedModel, **inputs: Any) -> tuple[tuple[str, tuple[Tensor, ...]], ...]:
    """The library's own eager weights, [row, head, query, key] a layer, by block."""
    with torch.inference_mode():
        output = forward(twin(model, "eager"), {**inputs, "output_attentions": True, "return_dict": True})
    names = {"attentions": "self", "encoder_attentions": "encoder", "decoder_attentions": "decoder", "cross_attentions": "cross"}
    found = []
    for field_name, block in names.items():
        layers = tuple(a for a in (output.get(field_name) or ()) if a is not None)
        if layers:
            found.append((block, layers))
    return tuple(found)


def traces_of(model: PreTrainedModel, calls: list[Call], inputs: dict[str, Any]) -> tuple[Trace, ...]:
    """Recorded calls, told apart by the module that made them, to one Trace a row."""
    cross = {module for name, module in model_modules(calls, model) if CROSS.search(name)}
    two = bool(getattr(model.config, "is_encoder_decoder", False))
    in_decoder = {module for name, module in model_modules(calls, model) if re.search(r"(^|\.)decoder\.", name)}
    by_block: dict[str, list[Call]] = {}
    for call in calls:
        block = "self"
        if two or cross:
            block = "cross" if call.module in cross else "decoder" if call.module in in_decoder or not two else "encoder"
        by_block.setdefault(block, []).append(call)
    rows = calls[0].query.shape[0]
    masks = _Shared()
    return tuple(_trace(model, by_block, inputs, row, masks) for row in range(rows))


def model_modules(calls: list[Call], model: PreTrainedModel) -> list[tuple[str, nn.Module]]:
    """The modules that called, with their names inside the model that ran."""
    wanted = {id(call.module) for call in calls}
    return [(name, module) for name, module in readable(model).named_modules() if id(module) in wanted]


class _Shared:
    """Masks and biases as arrays, one for each distinct tensor and row: layers share them, and so do their traces."""

    def __init__(self) -> None:
        self.seen: dict[tuple[Any, ...], tuple[Tensor, np.ndarray]] = {}

    def array(self, tensor: Tensor | None, row: int, queries: np.ndarray, keys: np.ndarray) -> np.ndarray | None:
        """Row `row` of a [row, head, query, key] tensor at the visible positions, heads left out where all agree."""
        if tensor is None:
            return None
        mark = (tensor.data_ptr(), tuple(tensor.shape), tuple(tensor.stride()), row, queries.tobytes(), keys.tobytes())
        if mark not in self.seen:
            one = tensor[min(row, tensor.shape[0] - 1)]
            array = to_numpy(one[0] if one.shape[0] == 1 else one)
            array = array[..., : keys[-1] + 1]  # a static cache may hold room for more keys
            if array.shape[-2:] != (len(queries), len(keys)) and array.shape[-2] > 1:
                array = array[..., queries[:, None], keys[None, :]]
            elif array.shape[-2] == 1:
                array = np.broadcast_to(array[..., keys], (*array.shape[:-2], len(queries), len(keys)))
            if array.dtype == bool and array.all():
                self.seen[mark] = (tensor, _NO_MASK)
            else:
                self.seen[mark] = (tensor, locked(np.ascontiguousarray(array)))
        found = self.seen[mark][1]
        return None if found is _NO_MASK else found


_NO_MASK = np.zeros(0)


def to_numpy(tensor: Tensor) -> np.ndarray:
    """A tensor's numbers without a copy where it is float32 or bool on the processor already."""
    tensor = tensor.detach()
    return (tensor if tensor.dtype in (torch.bool, torch.float32) else tensor.float()).cpu().numpy()


def locked(array: np.ndarray) -> np.ndarray:
    """The same array, read-only. Captured tensors belong to one forward pass alone, so no copy is needed."""
    array.flags.writeable = False
    return array


def _visible(mask: Any, row: int, length: int) -> np.ndarray:
    """Indices of the real tokens of one row: where its [row, token] mask is not 0."""
    if isinstance(mask, Tensor) and mask.ndim == 2 and mask.shape[1] == length:
        return np.flatnonzero(mask[row].cpu().numpy())
    return np.arange(length)


def _trace(
    model: PreTrainedModel, by_block: dict[str, list[Call]], inputs: dict[str, Any], row: int, masks: _Shared
) -> Trace:
    """The trace of one row of a batch."""
    blocks = []
    for name in ("self", "encoder", "decoder", "cross"):
        calls = by_block.get(name)
        if not calls:
            continue
        first = calls[0]
        queries, keys, query_tokens, key_tokens = _places(inputs, name, row, first.query.shape[2], first.key.shape[2])
        layers: list[Layer] = [_projections(call, row, queries, keys, masks) for call in calls]
        blocks.append(Block(name, query_tokens, key_tokens, tuple(layers)))
    return Trace(AttentionRequest(_name(model), ""), tuple(blocks))


def _places(
    inputs: dict[str, Any], block: str, row: int, queries: int, keys: int
) -> tuple[np.ndarray, np.ndarray, tuple[Token, ...], tuple[Token, ...]]:
    """Visible positions and unlabelled tokens of a block's queries and keys."""
    sides = {"self": ("", ""), "encoder": ("", ""), "decoder": ("decoder_", "decoder_"), "cross": ("decoder_", "")}[block]
    found = []
    for side, length in zip(sides, (queries, keys), strict=True):
        places = _visible(inputs.get(f"{side}attention_mask"), row, length)
        if not len(places):
            raise BadInputError(f"Row {row} has no visible token: its attention mask is all 0.")
        found.append((places, unlabelled(inputs.get(f"{side}input_ids"), row, places)))
    return found[0][0], found[1][0], found[0][1], found[1][1]


def unlabelled(ids: Any, row: int, places: np.ndarray) -> tuple[Token, ...]:
    """Tokens by number only: `#101` where the input was token ids, the position otherwise."""
    if isinstance(ids, Tensor) and ids.ndim == 2 and ids.shape[1] > int(places[-1]):
        names = [f"#{int(ids[row, place])}" for place in places]
    else:
        names = [str(int(place)) for place in places]
    return tuple(Token(name, name, 0, 0, i) for i, name in enumerate(names))


def _projections(call: Call, row: int, queries: np.ndarray, keys: np.ndarray, masks: _Shared) -> Projections:
    """One call's tensors for one row, at its visible positions."""

    def cut(tensor: Tensor, places: np.ndarray) -> np.ndarray:
        array = to_numpy(tensor[row])  # [head, token, dim]
        return locked(array if len(places) == array.shape[1] else np.ascontiguousarray(array[:, places]))

    return Projections(
        query=cut(call.query, queries),
        key=cut(call.key, keys),
        value=cut(call.value, keys),
        scale=call.scale,
        causal=call.causal,
        mask=masks.array(call.mask, row, queries, keys),
        bias=masks.array(call.bias, row, queries, keys),
        softcap=call.softcap,
        sinks=None if call.sinks is None else locked(to_numpy(call.sinks.clone())),
        output=cut(call.output.transpose(1, 2), queries),
        precision=str(call.query.dtype).removeprefix("torch."),
    )


def _dense_traces(model: PreTrainedModel, inputs: dict[str, Any]) -> tuple[Trace, ...]:
    """The road for families outside the interface: the library's eager weights, kept whole."""
    try:
        found = eager_attentions(model, **inputs)
    except (TypeError, AttributeError) as error:
        raise NoAttentionError(f"{type(model).__name__} cannot return attention weights ({error}). Choose another model.") from error
    if not found:
        raise NoAttentionError(f"{type(model).__name__} yields no attention weights by any road. Choose another model.")
    traces = []
    for row in range(found[0][1][0].shape[0]):
        blocks = []
        for name, layers in found:
            size = layers[0].shape  # [row, head, query, key]
            queries, keys, query_tokens, key_tokens = _places(inputs, name, row, size[2], size[3])
            dense: tuple[Layer, ...] = tuple(
                Dense(locked(np.ascontiguousarray(to_numpy(layer[row])[:, queries[:, None], keys[None, :]]))) for layer in layers
            )
            blocks.append(Block(name, query_tokens, key_tokens, dense))
        traces.append(Trace(AttentionRequest(_name(model), ""), tuple(blocks)))
    return tuple(traces)


def _name(model: PreTrainedModel) -> str:
    """What an unlabelled trace calls its model."""
    return getattr(model.config, "_name_or_path", "") or type(model).__name__
