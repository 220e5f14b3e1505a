"""A model and its input tensors in, Traces out: one pass at fused speed, keeping what each attention call received.

One function is registered with transformers' attention interface under the name `attnviz`, together with the mask
function of the fused kernel (without that twin the mask is silently dropped). What it does with a call is decided by a
context variable, so that threads share one model without sharing anything of a request.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from attnviz.engine import attention, limits, twins
from attnviz.engine.rows import Call, dense_traces_of, traces_of
from attnviz.engine.trace import Trace
from attnviz.errors import BadInputError, NoAttentionError

NAME = "attnviz"
EAGER = {"attentions": "self", "encoder_attentions": "encoder", "decoder_attentions": "decoder", "cross_attentions": "cross"}
NOTHING: Mapping[str, Any] = MappingProxyType({})
PROBE = 3  # tokens: the fewest of which a query in the middle has one before and one after itself
APART = {"float16": 0.1, "bfloat16": 0.1}  # rounding adds up from layer to layer; a wrong mask moves whole shares
CLOSE = 1e-3  # the same in float32: far more than rounding, far less than a wrong mask


@dataclass
class Run:
    """One forward pass under way in this context: which kernel answers, and the calls kept so far."""

    scratch: bool = False
    heard: Callable[[int], None] | None = None
    calls: list[Call] = field(default_factory=list)


_RUN: ContextVar[Run | None] = ContextVar("attnviz_run", default=None)
_HEARD: ContextVar[Callable[[int], None] | None] = ContextVar("attnviz_heard", default=None)


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
    """Set a model that we own, and of which we know that it is `faithful`, to the recorded attention, once, when it is loaded.

    Families outside the interface stay as they are.
    """
    register()
    model.eval()
    if model._can_set_attn_implementation():
        model.set_attn_implementation(NAME)


def twin(model: PreTrainedModel, implementation: str) -> PreTrainedModel:
    """The same model with another attention implementation: shares every weight, but no setting, with the original."""
    register()
    return twins.twin(model, implementation)


def readable(model: PreTrainedModel) -> PreTrainedModel:
    """`model` itself where it was prepared, its recorded twin otherwise."""
    return model if prepared(model) else twin(model, NAME)


def writer(model: PreTrainedModel) -> PreTrainedModel:
    """The model to let write: itself where it was prepared, its eager twin otherwise, which is right for every family."""
    return model if prepared(model) else twin(model, "eager")


def prepared(model: PreTrainedModel) -> bool:
    """Whether a model is set to the recorded attention and reads without noise."""
    return model.config._attn_implementation == NAME and not model.training


def faithful(model: PreTrainedModel, inputs: Mapping[str, Any] = NOTHING) -> bool:
    """Whether what passes through the attention interface is what the library's eager attention computes.

    No flag tells. Families that refuse the fused kernel are right (gemma2, gpt_oss) or wrong (splinter, nllb_moe: a mask
    left out means causal to the kernel and nothing to eager); some that take it are wrong (paligemma); some take only a
    part of their attention there (bigbird_pegasus' encoder). So each model is seen once, on three tokens (a picture or
    a sound: on the caller's own), by both roads, and goes the dense one where they differ. Where eager
    gives no weights to compare, the family's own word decides whether it knows the fused kernel.
    """
    return twins.faithful(model, lambda: _agrees(model, _probe(model, inputs)))


def _agrees(model: PreTrainedModel, small: dict[str, Any]) -> bool:
    """Whether recorded and eager attention of one row are the same blocks, layers and weights. Hooks hear nothing of it."""
    found, wanted = _tried(_recorded, model, small), _tried(_eager_seen, model, small)
    if wanted is None:
        return bool(model._supports_sdpa) and (found is None or _whole(model, found))
    if found is None or _sizes(found) != _sizes(wanted):
        return False
    for one, other in zip(found.parts, wanted.parts, strict=True):
        for mine, theirs in zip(one.calls, other.calls, strict=True):
            apart = np.abs(mine.weights(slice(None)) - theirs.weights(slice(None))).max()
            if not apart <= APART.get(mine.precision, CLOSE):  # also where it is no number
                return False
    return True


def _tried(
    road: Callable[[PreTrainedModel, dict[str, Any]], Trace], model: PreTrainedModel, small: dict[str, Any]
) -> Trace | None:
    """A trace by one road, None where there is none: models fail in ways of their own where they are given three tokens."""
    try:
        return road(model, small)
    except Exception:  # noqa: BLE001
        return None


def _recorded(model: PreTrainedModel, small: dict[str, Any]) -> Trace:
    """One row by the recorded attention, by a twin that is thrown away; nobody is told how far it is."""
    reader = twins.made(model, NAME, hooked=False)
    with recording() as run:
        run.heard = None
        forward(reader, dict(small))
    return traces_of(reader, run.calls, small)[0]


def _eager_seen(model: PreTrainedModel, small: dict[str, Any]) -> Trace:
    """The same row by the library's eager attention."""
    return dense_traces_of(model, _eager(twins.made(model, "eager", hooked=False), small), small)[0]


def _sizes(trace: Trace) -> list[tuple[str, list[int], int, int]]:
    """Blocks, heads of each layer, queries and keys."""
    return [(p.name, [call.heads for call in p.calls], len(p.queries), len(p.keys)) for p in trace.parts]


def _whole(model: PreTrainedModel, trace: Trace) -> bool:
    """Whether an encoder-decoder shows its three blocks and looks back only where it writes."""
    if not getattr(model.config, "is_encoder_decoder", False):
        return True
    return trace.blocks == ("encoder", "decoder", "cross") and trace.block("decoder").causal


def _probe(model: PreTrainedModel, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """One row for a model to be seen on: three tokens, or the first row of what only the caller can give."""
    if model.main_input_name != "input_ids":
        return {name: value[:1] if isinstance(value, Tensor) else value for name, value in inputs.items()}
    ids = torch.arange(1, PROBE + 1, device=model.device)[None]
    row = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if getattr(model.config, "is_encoder_decoder", False):
        row["decoder_input_ids"] = ids
    return {name: value for name, value in row.items() if name in _arguments(type(model))}


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
    limits.check(model, inputs)
    with limits.looked_up(model, inputs):
        return _captured(model, inputs)


def _captured(model: PreTrainedModel, inputs: dict[str, Any]) -> tuple[Trace, ...]:
    """The traces of inputs that the model can look up."""
    if model._can_set_attn_implementation():
        reader = readable(model)
        with recording() as run:
            forward(reader, dict(inputs))
        if run.calls:
            traces = traces_of(reader, run.calls, inputs)
            if reader is model or faithful(model, inputs):
                return traces
    return _dense_traces(model, inputs)


def forward_from_scratch(model: PreTrainedModel, **inputs: Any) -> Any:
    """The model's own output, with the in-repo attention running inside it in place of the fused kernel."""
    with recording(scratch=True) as run:
        output = forward(readable(model), dict(inputs))
    if not run.calls or not (prepared(model) or faithful(model, inputs)):
        raise NoAttentionError(
            f"{type(model).__name__} does not pass through the attention interface with all of its attention."
        )
    return output


def eager_attentions(model: PreTrainedModel, **inputs: Any) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    """The library's own eager weights, [row, head, query, key] a layer, by block."""
    return _eager(twin(model, "eager"), inputs)


def _eager(reader: PreTrainedModel, inputs: dict[str, Any]) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    """The weights that a model returns by its eager attention."""
    with torch.inference_mode():
        output = forward(reader, {**inputs, "output_attentions": True, "return_dict": True})
    found = {name: tuple(a for a in (output.get(name) or ()) if a is not None) for name in EAGER}
    if getattr(reader.config, "model_type", "") == "encoder-decoder" and not found["encoder_attentions"]:
        found["encoder_attentions"] = _encoder_seen(reader, inputs)
    return tuple((EAGER[name], layers) for name, layers in found.items() if layers)


def _encoder_seen(reader: PreTrainedModel, inputs: dict[str, Any]) -> tuple[Any, ...]:
    """The eager weights of an encoder that was put together with a decoder: the whole asks it for none."""
    given = {name: inputs[name] for name in ("input_ids", "attention_mask", "inputs_embeds") if name in inputs}
    with torch.inference_mode():
        output = forward(reader.get_encoder(), {**given, "output_attentions": True, "return_dict": True})
    return tuple(a for a in (output.get("attentions") or ()) if a is not None)


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
    return dense_traces_of(model, found, inputs)
