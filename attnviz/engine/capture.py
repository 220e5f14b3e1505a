"""A model and its input tensors in, Traces out: one pass at fused speed, keeping what each attention call received.

One function is registered with transformers' attention interface under the name `attnviz`, together with the mask
function of the fused kernel (without that twin the mask is silently dropped). What it does with a call is decided by a
context variable, so that threads share one model without sharing anything of a request.
"""

from __future__ import annotations

import copy
import functools
import inspect
import itertools
import re
import threading
import weakref
from collections.abc import Callable, Iterator
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
from attnviz.engine.trace import Block, Dense, Layer, Projections, Trace, locked
from attnviz.errors import BadInputError, NoAttentionError
from attnviz.types import AttentionRequest, Token

NAME = "attnviz"
CROSS = re.compile(r"encoder_attn|EncDecAttention|cross_?att|encoder_attention", re.IGNORECASE)
EAGER = {"attentions": "self", "encoder_attentions": "encoder", "decoder_attentions": "decoder", "cross_attentions": "cross"}
DECODER = re.compile(r"(^|\.)decoder\.")


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
    heard: Callable[[int], None] | None = None
    calls: list[Call] = field(default_factory=list)


_RUN: ContextVar[Run | None] = ContextVar("attnviz_run", default=None)
_HEARD: ContextVar[Callable[[int], None] | None] = ContextVar("attnviz_heard", default=None)
Twins = tuple[tuple[int, ...], dict[str, PreTrainedModel]]  # what the original was made of, and its twins by implementation
_TWINS: weakref.WeakKeyDictionary[PreTrainedModel, Twins] = weakref.WeakKeyDictionary()
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
    attention_mask, position_bias = _four_axes(attention_mask), _four_axes(position_bias)
    scale = query.shape[-1] ** -0.5 if scaling is None else float(scaling)
    causal = is_causal if is_causal is not None else bool(getattr(module, "is_causal", True))
    causal = causal and attention_mask is None  # of one query too, where it hides nothing: the trace still says causal
    if softcap is not None or s_aux is not None or (run is not None and run.scratch):
        output = _from_scratch(query, key, value, attention_mask, scale, causal, position_bias, softcap, s_aux)
    else:
        output, _ = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, is_causal=is_causal, position_bias=position_bias, **rest
        )
    if run is not None:
        run.calls.append(Call(module, query, key, value, attention_mask, scale, causal, position_bias, softcap, s_aux, output))
        if run.heard is not None:
            run.heard(len(run.calls))
    return output, None


def _from_scratch(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float, causal: bool,
    bias: Tensor | None, softcap: float | None, sinks: Tensor | None,
) -> Tensor:  # fmt: skip
    """The same answer as the fused kernel's, [row, query, head, dim], one row of the batch at a time."""
    rows = []
    for row in range(query.shape[0]):
        hidden, offset = _row(mask, row), _row(bias, row)
        shares = attention.weights(
            query[row], key[row], scale=scale, mask=hidden, causal=causal, bias=offset, softcap=softcap, sinks=sinks
        )
        rows.append(attention.mix(shares, value[row]))
    return torch.stack(rows).transpose(1, 2).to(value.dtype).contiguous()


def _four_axes(tensor: Tensor | None) -> Tensor | None:
    """A mask or bias as [row, head, query, key]; missing axes in front stand for all."""
    return tensor if tensor is None or tensor.ndim >= 4 else tensor[(None,) * (4 - tensor.ndim)]


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
    run = Run(scratch, _HEARD.get())
    mark = _RUN.set(run)
    try:
        with torch.inference_mode():
            yield run
    finally:
        _RUN.reset(mark)


@contextmanager
def followed(heard: Callable[[int], None]) -> Iterator[None]:
    """Inside, `heard` is told by this thread's forward passes how many attention calls are done."""
    mark = _HEARD.set(heard)
    try:
        yield
    finally:
        _HEARD.reset(mark)


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
    modules = tuple(model.modules())
    hooks = [hook for module in modules for hook in (*module._forward_hooks.values(), *module._forward_pre_hooks.values())]
    kept = (*model.parameters(), *model.buffers(), *hooks)
    parts = tuple(id(part) for part in (*modules, *kept))
    with _TWINS_LOCK:
        mark, twins = _TWINS.get(model, ((), {}))
        if mark != parts:  # layers, weights or hooks were exchanged since
            twins = {}
            _TWINS[model] = (parts, twins)
        if implementation not in twins:
            register()
            other = copy.deepcopy(model, {id(part): part for part in kept})
            other.eval()
            if other._can_set_attn_implementation():
                other.set_attn_implementation(implementation)
            else:  # outside the interface only eager returns weights, and e.g. falcon would take the fused mask for them
                other.config._attn_implementation = "eager"
            twins[implementation] = other
        return twins[implementation]


def readable(model: PreTrainedModel) -> PreTrainedModel:
    """`model` itself where it was prepared, its recorded twin otherwise."""
    prepared = model.config._attn_implementation == NAME and not model.training
    return model if prepared else twin(model, NAME)


def forward(model: PreTrainedModel, inputs: dict[str, Any]) -> Any:
    """One plain call without cache, which would keep every key twice."""
    if "use_cache" in _arguments(type(model)):
        inputs = {"use_cache": False, **inputs}
    return model(**inputs)


@functools.lru_cache(maxsize=256)
def _arguments(family: type[PreTrainedModel]) -> frozenset[str]:
    """Names of what a model class takes; kept, since looking costs as much as a layer of a small model."""
    return frozenset(inspect.signature(family.forward).parameters)


def capture(model: nn.Module, **inputs: Any) -> Trace:
    """The trace of one row of input tensors; its tokens may be unlabelled.

    Raises BadInputError for more than one row, NoAttentionError for a model that yields no weights.
    """
    traces = capture_batch(model, **inputs)
    if len(traces) != 1:
        raise BadInputError(f"capture takes one row; got {len(traces)}. Use capture_batch.")
    return traces[0]


def capture_batch(model: nn.Module, **inputs: Any) -> tuple[Trace, ...]:
    """One trace for each row of the input tensors, with padding (attention_mask 0) cut away."""
    if not isinstance(model, PreTrainedModel):
        raise BadInputError(f"A transformers model is needed; got {type(model).__name__}.")
    if model._can_set_attn_implementation():
        reader = readable(model)
        with recording() as run:
            forward(reader, dict(inputs))
        if run.calls:
            return traces_of(reader, run.calls, inputs)
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
    found = {name: tuple(a for a in (output.get(name) or ()) if a is not None) for name in EAGER}
    return tuple((EAGER[name], layers) for name, layers in found.items() if layers)


def traces_of(model: PreTrainedModel, calls: list[Call], inputs: dict[str, Any]) -> tuple[Trace, ...]:
    """Recorded calls of the model that ran, told apart by the module that made them, to one Trace a row.

    Raises NoAttentionError where one block's layers read different numbers of tokens: then no picture holds them all.
    """
    for one, other in itertools.pairwise(calls):
        same = one.module is other.module and one.query.data_ptr() == other.query.data_ptr()
        if same and one.key.data_ptr() == other.key.data_ptr():  # differential attention: one is subtracted from the other
            raise NoAttentionError(
                f"{type(model).__name__} attends twice in one layer and combines the two: its weights are not one softmax. "
                "Choose another model."
            )
    by_block: dict[str, list[Call]] = {}
    for call, block in zip(calls, _blocks(model, calls, inputs), strict=True):
        by_block.setdefault(block, []).append(call)
    for block, found in by_block.items():
        sizes = {(call.query.shape[0], call.query.shape[2], call.key.shape[2]) for call in found}
        if len(sizes) > 1:
            shown = "; ".join(f"{rows} rows of {queries} queries and {keys} keys" for rows, queries, keys in sorted(sizes))
            raise NoAttentionError(
                f"The {block} attention of {type(model).__name__} changes its size from layer to layer ({shown}), "
                "so it cannot be shown as one block. Choose another model."
            )
    two = bool(getattr(model.config, "is_encoder_decoder", False))
    return tuple(_trace(model, by_block, inputs, row, two) for row in range(calls[0].query.shape[0]))


def _blocks(model: PreTrainedModel, calls: list[Call], inputs: dict[str, Any]) -> list[str]:
    """The block that each call belongs to. Modules are looked up by name only where there can be several blocks."""
    two = bool(getattr(model.config, "is_encoder_decoder", False))
    if not two and "encoder_hidden_states" not in inputs and all(c.query.shape[2] == c.key.shape[2] for c in calls):
        return ["self"] * len(calls)
    names = {id(module): name for name, module in model.named_modules()}
    called = [names[id(call.module)] for call in calls]
    if not two and not any(CROSS.search(name) for name in called):  # more keys than queries: a cache was handed in
        return ["self"] * len(calls)
    return ["cross" if CROSS.search(name) else "decoder" if DECODER.search(name) or not two else "encoder" for name in called]


def to_numpy(tensor: Tensor) -> np.ndarray:
    """A tensor's numbers without a copy where it is float32 or bool on the processor already."""
    tensor = tensor.detach()
    return (tensor if tensor.dtype in (torch.bool, torch.float32) else tensor.float()).cpu().numpy()


def _visible(mask: Any, row: int, length: int) -> np.ndarray:
    """Indices of the real tokens of one row: where its [row, token] mask is not 0."""
    if isinstance(mask, Tensor) and mask.ndim == 2 and mask.shape[1] == length:
        return np.flatnonzero(mask[row].cpu().numpy())
    return np.arange(length)


def _trace(model: PreTrainedModel, by_block: dict[str, list[Call]], inputs: dict[str, Any], row: int, two: bool) -> Trace:
    """The trace of one row of a batch."""
    blocks = []
    for name in ("self", "encoder", "decoder", "cross"):
        if calls := by_block.get(name):
            size = calls[0].query.shape[2], calls[0].key.shape[2]
            queries, keys, query_tokens, key_tokens = _places(inputs, name, row, *size, two)
            masks: Masks = {}
            layers: list[Layer] = [_projections(call, row, queries, keys, masks) for call in calls]
            blocks.append(Block(name, query_tokens, key_tokens, tuple(layers)))
    return Trace(AttentionRequest(_name(model), ""), tuple(blocks))


def _places(
    inputs: dict[str, Any], block: str, row: int, queries: int, keys: int, two: bool
) -> tuple[np.ndarray, np.ndarray, tuple[Token, ...], tuple[Token, ...]]:
    """Visible positions and unlabelled tokens of a block's queries and keys.

    An encoder-decoder calls its second side `decoder_…`; a decoder that is handed an encoder's states calls those `encoder_…`.
    """
    source, target = ("", "decoder_") if two else ("encoder_", "")
    sides = {"self": ("", ""), "encoder": ("", ""), "decoder": (target, target), "cross": (target, source)}[block]
    found = []
    for side, length in dict.fromkeys(zip(sides, (queries, keys), strict=True)):  # once where both are the same
        places = _visible(inputs.get(f"{side}attention_mask"), row, length)
        if not len(places):
            raise BadInputError(f"Row {row} has no visible token: its attention mask is all 0.")
        found.append((places, unlabelled(inputs.get(f"{side}input_ids"), row, places)))
    return found[0][0], found[-1][0], found[0][1], found[-1][1]


def unlabelled(ids: Any, row: int, places: np.ndarray) -> tuple[Token, ...]:
    """Tokens by number only: `#101` where the input was token ids, the position otherwise."""
    if isinstance(ids, Tensor) and ids.ndim == 2 and ids.shape[1] > int(places[-1]):
        names = [f"#{number}" for number in ids[row].cpu().numpy()[places].tolist()]
    else:
        names = [str(place) for place in places.tolist()]
    return tuple(Token(name, name, 0, 0, i) for i, name in enumerate(names))


def _projections(call: Call, row: int, queries: np.ndarray, keys: np.ndarray, masks: Masks) -> Projections:
    """One call's tensors for one row, at its visible positions."""
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
    """One row of [row, head, token, dim] at some tokens.

    Uncopied where the row is all there is; a copy from a batch, or each trace would keep its neighbours alive.
    """
    array = to_numpy(tensor[min(row, tensor.shape[0] - 1)])  # [head, token, dim]
    if len(places) < array.shape[1]:
        return locked(array[:, places])
    return locked(array if tensor.shape[0] == 1 else array.copy())


Masks = dict[tuple[Any, ...], tuple[Tensor, np.ndarray | None]]  # cut already; the tensor is held, so its address stays taken


def _shared(tensor: Tensor | None, row: int, queries: np.ndarray, keys: np.ndarray, seen: Masks) -> np.ndarray | None:
    """Row `row` of a [row, head, query, key] mask or bias at the visible positions: one array for all layers that share it.

    The head axis is left out where all heads agree; a mask that hides nothing is None.
    """
    if tensor is None:
        return None
    mark = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
    if mark not in seen:
        one = tensor[min(row, tensor.shape[0] - 1)]  # [head, query, key]
        array = to_numpy(one[0] if one.shape[0] == 1 else one)
        if array.shape[-2:] != (len(queries), len(keys)):
            rows, columns = (p if size > 1 else p * 0 for p, size in zip((queries, keys), array.shape[-2:], strict=True))
            array = array[..., rows[:, None], columns]  # an axis of 1 stands for every query, or every key
        hides = array.dtype != bool or not array.all()
        seen[mark] = (tensor, locked(array.copy()) if hides else None)
    return seen[mark][1]


def _dense_traces(model: PreTrainedModel, inputs: dict[str, Any]) -> tuple[Trace, ...]:
    """The road for families outside the interface: eager weights, refused now if they are none, not when somebody looks."""
    traces = eager_traces(model, **inputs)
    for block in (block for trace in traces for block in trace.parts):
        for layer in range(block.layers):
            block.weights(layer)
    return traces


def eager_traces(model: PreTrainedModel, **inputs: Any) -> tuple[Trace, ...]:
    """The library's own eager weights, kept whole: one trace a row, padding cut away."""
    try:
        found = eager_attentions(model, **inputs)
    except (TypeError, AttributeError) as error:
        name = type(model).__name__
        raise NoAttentionError(f"{name} cannot return attention weights ({error}). Choose another model.") from error
    if not found:
        raise NoAttentionError(f"{type(model).__name__} yields no attention weights by any road. Choose another model.")
    for name, layers in found:
        _check_dense(model, name, layers)
    two = bool(getattr(model.config, "is_encoder_decoder", False))
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
            blocks.append(Block(name, query_tokens, key_tokens, dense))
        traces.append(Trace(AttentionRequest(_name(model), ""), tuple(blocks)))
    return tuple(traces)


def _check_dense(model: PreTrainedModel, block: str, layers: tuple[Tensor, ...]) -> None:
    """NoAttentionError unless all layers are [row, head, query, key] of one size, square where a text looks at itself."""
    sizes = {tuple(layer.shape) for layer in layers}
    size = min(sizes)
    if len({(s[0], *s[2:]) for s in sizes}) > 1 or len(size) != 4 or (block != "cross" and size[2] != size[3]):
        shown = ", ".join("x".join(map(str, size)) for size in sorted(sizes))
        raise NoAttentionError(
            f"The {block} attention that {type(model).__name__} returns is not one weight for each pair of tokens "
            f"(rows x heads x queries x keys: {shown}). Choose another model."
        )


def _name(model: PreTrainedModel) -> str:
    """What an unlabelled trace calls its model."""
    return getattr(model.config, "_name_or_path", "") or type(model).__name__
