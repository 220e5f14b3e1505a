"""Capture a Trace from a model and its input tensors, in one pass at the speed of the fused kernel.

One function is registered with transformers' attention interface under the name `attnviz`, together with the mask
function of the fused kernel (without it, the library drops the mask silently). It keeps what each attention call received.
A context variable decides what it does with a call, so that threads share one model but no data of a request.
"""

from __future__ import annotations

import re
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

from attnviz.engine import attention, build_trace, input_limits, shadow_model, wrappers
from attnviz.engine import call_order as flows
from attnviz.engine.build_trace import AttentionCall, dense_traces_of, traces_of
from attnviz.engine.forward import MEASURED, arguments, device_of, forward, guarded, missing, two_sided
from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError, BadInputError, NoAttentionError, UnavailableError

NAME = "attnviz"
EAGER = {"attentions": "self", "encoder_attentions": "encoder", "decoder_attentions": "decoder", "cross_attentions": "cross"}
NOTHING: Mapping[str, Any] = MappingProxyType({})
RECURRENT = frozenset({"rwkv"})  # it calls its recurrence attention
ATTENDING = re.compile(r"[Aa]tt(entio)?n|MHA")
PROBE = 3  # tokens: the fewest for which one query has a token before and a token after itself
APART = {"float16": 0.1, "bfloat16": 0.1}  # rounding adds up from layer to layer; a wrong mask changes weights much more
CLOSE = 1e-3  # the same in float32: far more than rounding, far less than a wrong mask


@dataclass
class Recording:
    """A forward pass in progress in this context: which kernel computes it, and the attention calls kept so far."""

    scratch: bool = False
    heard: Callable[[int], None] | None = None
    calls: list[AttentionCall] = field(default_factory=list)
    flow: flows.Flow | None = None


_RUN: ContextVar[Recording | None] = ContextVar("attnviz_run", default=None)
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
    """Compute one attention call of the model with the fused kernel, and keep it if a recording is in progress.

    The fused kernel has no soft-capping and no learned sinks; `engine.attention` computes such calls, and all calls of a
    pass from scratch.
    """
    run = _RUN.get()
    attention_mask, position_bias = _four_axes(attention_mask), _four_axes(position_bias)
    scale = query.shape[-1] ** -0.5 if scaling is None else float(scaling)
    causal = is_causal if is_causal is not None else bool(getattr(module, "is_causal", True))
    causal = causal and attention_mask is None  # also for one query, where it hides nothing: the trace still says causal
    if softcap is not None or s_aux is not None or (run is not None and run.scratch):
        output = _from_scratch(query, key, value, attention_mask, scale, causal, position_bias, softcap, s_aux)
    else:
        output, _ = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, is_causal=is_causal, position_bias=position_bias, **rest
        )
    if run is not None:
        run.calls.append(
            AttentionCall(module, query, key, value, attention_mask, scale, causal, position_bias, softcap, s_aux, output)
        )
        if run.flow is not None:
            run.flow.call(query, output)
        if run.heard is not None:
            run.heard(len(run.calls))
    return output, None


def _from_scratch(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float, causal: bool,
    bias: Tensor | None, softcap: float | None, sinks: Tensor | None,
) -> Tensor:  # fmt: skip
    """Return the same output as the fused kernel, [row, query, head, dim], computed one row of the batch at a time."""
    rows = []
    for row in range(query.shape[0]):
        hidden, offset = _row(mask, row), _row(bias, row)
        shares = attention.weights(
            query[row], key[row], scale=scale, mask=hidden, causal=causal, bias=offset, softcap=softcap, sinks=sinks
        )
        rows.append(attention.mix(shares, value[row]))
    return torch.stack(rows).transpose(1, 2).to(value.dtype).contiguous()


def _four_axes(tensor: Tensor | None) -> Tensor | None:
    """Return a mask or bias as [row, head, query, key]; a missing axis becomes one of size 1."""
    return tensor if tensor is None or tensor.ndim >= 4 else tensor[(None,) * (4 - tensor.ndim)]


def _row(batched: Tensor | None, row: int) -> Tensor | None:
    """Return one row of a mask or bias, which may have a single row for the whole batch."""
    return None if batched is None else batched[min(row, batched.shape[0] - 1)]


def register() -> None:
    """Register the name `attnviz` with transformers. Calling it again changes nothing."""
    AttentionInterface.register(NAME, answer)
    AttentionMaskInterface.register(NAME, sdpa_mask)


@contextmanager
def recording(*, scratch: bool = False) -> Iterator[Recording]:
    """Record every attention call of this thread until the block ends, without gradients."""
    run = Recording(scratch, _HEARD.get())
    mark = _RUN.set(run)
    try:
        with torch.inference_mode():
            yield run
    finally:
        _RUN.reset(mark)


@contextmanager
def followed(heard: Callable[[int], None]) -> Iterator[None]:
    """Call `heard` with the number of finished attention calls during forward passes of this thread."""
    mark = _HEARD.set(heard)
    try:
        yield
    finally:
        _HEARD.reset(mark)


def prepare(model: PreTrainedModel) -> None:
    """Set a `faithful` model that we own to the recorded attention, once, when it is loaded.

    Families outside the interface stay as they are.
    """
    register()
    model.eval()
    if model._can_set_attn_implementation():
        model.set_attn_implementation(NAME)


def shadow(model: PreTrainedModel, implementation: str) -> PreTrainedModel:
    """Return the model with another attention implementation: it shares all weights, but no setting, with the original."""
    register()
    return shadow_model.cache_of(model).shadow(model, implementation)


def readable(model: PreTrainedModel) -> PreTrainedModel:
    """Return the prepared `model` itself, or else its recording shadow."""
    return model if prepared(model) else shadow(model, NAME)


def generator(model: PreTrainedModel) -> PreTrainedModel:
    """Return the model to generate text with: itself if prepared, or else its eager shadow, which is right for every family."""
    return model if prepared(model) else shadow(model, "eager")


def prepared(model: PreTrainedModel) -> bool:
    """Return whether a model is set to the recorded attention and is not in training mode."""
    return model.config._attn_implementation == NAME and not model.training


def faithful(model: PreTrainedModel, inputs: Mapping[str, Any] = NOTHING) -> bool:
    """Return whether recorded attention equals the library's eager attention, for all of this model's layers.

    No flag of the library says so. Families that refuse the fused kernel are right (gemma2, gpt_oss) or wrong (splinter,
    nllb_moe: a missing mask means causal to the kernel and nothing to eager); some that accept it are wrong (paligemma);
    some use the interface for only a part of their attention (the encoder of bigbird_pegasus). So each model runs once in
    both ways, on three tokens (or on the caller's picture or sound), and its eager weights are used if they differ. If
    eager attention gives no weights to compare, the family's own flag decides whether it supports the fused kernel.
    """
    return shadow_model.cache_of(model).is_faithful(lambda: agrees(model, _probe(model, inputs)))


def agrees(model: PreTrainedModel, small: dict[str, Any]) -> bool:
    """Return whether recorded and eager attention of one row have the same blocks, layers and weights, without hooks."""
    found, wanted = _trace_or_none(_recorded, model, small), _trace_or_none(_eager_seen, model, small)
    if wanted is None:
        return bool(model._supports_sdpa) and (found is None or _whole(model, found))
    if found is None or _sizes(found) != _sizes(wanted):
        return False
    for one, other in zip(found.parts, wanted.parts, strict=True):
        for mine, theirs in zip(one.calls, other.calls, strict=True):
            apart = np.abs(mine.weights(slice(None)) - theirs.weights(slice(None))).max()
            if not apart <= APART.get(mine.precision, CLOSE):  # also if it is not a number
                return False
    return True


def _trace_or_none(
    read: Callable[[PreTrainedModel, dict[str, Any]], Trace], model: PreTrainedModel, small: dict[str, Any]
) -> Trace | None:
    """Return a trace read in one way, or None if that fails: models fail on three tokens for many reasons."""
    try:
        return read(model, small)
    except Exception:  # noqa: BLE001
        return None


def _recorded(model: PreTrainedModel, small: dict[str, Any]) -> Trace:
    """Return the trace of one row by recorded attention, from a shadow used only here. No progress is reported."""
    reader = shadow_model.make_shadow(model, NAME, hooked=False)
    with recording() as run:
        run.heard = None
        forward(reader, small)
    return traces_of(reader, run.calls, small)[0]


def _eager_seen(model: PreTrainedModel, small: dict[str, Any]) -> Trace:
    """Return the trace of the same row by the library's eager attention."""
    return dense_traces_of(model, _eager(shadow_model.make_shadow(model, "eager", hooked=False), small), small)[0]


def _sizes(trace: Trace) -> list[tuple[str, list[int], int, int]]:
    """Return for each block its name, the heads of each layer, and the number of queries and keys."""
    return [(p.name, [call.heads for call in p.calls], len(p.queries), len(p.keys)) for p in trace.parts]


def _whole(model: PreTrainedModel, trace: Trace) -> bool:
    """Return whether a trace has all blocks: of an encoder-decoder three, with a causal decoder."""
    if not two_sided(model):
        return True
    return trace.blocks == ("encoder", "decoder", "cross") and trace.block("decoder").causal


def _probe(model: PreTrainedModel, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return one row to try a model on: three tokens, or the first row of the caller's picture or sound."""
    if model.main_input_name != "input_ids":
        return {name: value[:1] if isinstance(value, Tensor) else value for name, value in inputs.items()}
    ids = torch.arange(1, PROBE + 1, device=device_of(model))[None]
    row = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if two_sided(model):
        row["decoder_input_ids"] = ids
    return {name: value for name, value in row.items() if name in arguments(model).names}


def capture(model: Any, **inputs: Any) -> Trace:
    """Return the trace of one row of input tensors; its tokens may be unlabelled.

    Raises BadInputError for more than one row, NoAttentionError for a model that yields no weights.
    """
    traces = capture_batch(model, **inputs)
    if len(traces) != 1:
        raise BadInputError(f"capture takes one row; got {len(traces)}. Use capture_batch.")
    return traces[0]


def capture_batch(model: Any, **inputs: Any) -> tuple[Trace, ...]:
    """Return one trace for each row of the input tensors, without padding (attention_mask 0)."""
    owner = wrappers.unwrap(model, PreTrainedModel)
    input_limits.check(owner.model, inputs)
    traces = _traces(owner.model, inputs)
    return traces if not owner.note else tuple(trace.noted(owner.note) for trace in traces)


def unwrap(given: Any) -> wrappers.UnwrappedModel:
    """Return the transformers model in a caller's object. Raises BadInputError if it holds none, or several."""
    return wrappers.unwrap(given, PreTrainedModel)


def textual(model: PreTrainedModel) -> None:
    """Raise BadInputError for a model that reads no text, with the call to use instead, or NoAttentionError for a model
    without attention.
    """
    name, main = type(model).__name__, model.main_input_name
    if isinstance(main, str) and main != "input_ids":
        what = MEASURED.get(main, "something else")
        raise BadInputError(f"{name} reads {what}, not text. Give its tensors: attnviz.capture(model, {main}=…).")
    if _attends(model):
        return
    raise NoAttentionError(_without(model))


def _attends(model: PreTrainedModel) -> bool:
    """Return whether a model has modules named attention that are attention: those of RWKV are a recurrence."""
    if model.config.model_type in RECURRENT:
        return False
    return any(ATTENDING.search(type(part).__name__) for part in model.modules())


def _without(model: PreTrainedModel) -> str:
    """Return the error message for a model without attention."""
    return (
        f"{type(model).__name__} has no attention: none of its modules lets tokens look at each other by weights, as in "
        "recurrent, convolutional and state-space models. Choose another model, a transformer."
    )


def _traces(model: PreTrainedModel, inputs: dict[str, Any]) -> tuple[Trace, ...]:
    """Return the traces of all rows: from the fused kernel if its recording equals eager attention, else from eager."""
    if prepared(model):
        with recording() as run, input_limits.looked_up(model, inputs):
            forward(model, inputs)
        if not run.calls:
            return _dense_traces(model, inputs)
        build_trace.undivided(model, run.calls)
        return traces_of(model, run.calls, inputs)
    register()
    known = shadow_model.cache_of(model)
    lacking = known.cached("missing", lambda: missing(model))
    if lacking:
        raise UnavailableError(lacking)
    if known.cached("switchable", lambda: shadow_model.switchable(model)):
        reader = known.shadow(model, NAME)
        with recording() as run:
            guarded(reader, inputs)
        if run.calls:
            build_trace.undivided(reader, run.calls)
            _one_stack(model, known, reader, run.calls, inputs)
            traces = traces_of(reader, run.calls, inputs)
            if known.is_faithful(lambda: agrees(model, _probe(model, inputs))):
                return traces
    return _dense_traces(model, inputs)


def _one_stack(
    model: PreTrainedModel,
    known: shadow_model.ShadowCache,
    reader: PreTrainedModel,
    calls: list[AttentionCall],
    inputs: dict[str, Any],
) -> None:
    """Raise NoAttentionError if the calls of one block are not layers of one stack, but several texts or towers.

    If the names of the modules do not settle it, a shadow runs the pass again and its data flow is followed, once for
    each order of modules.
    """
    if known.plain and known.cached(tuple(id(call.module) for call in calls), lambda: not _doubtful(reader, calls, inputs)):
        return
    if not known.plain and not _doubtful(reader, calls, inputs):
        return
    names, together = _by_block(reader, calls, inputs)
    order = (*names, *map(tuple, together.values()))
    error = known.cached(order, lambda: _unstacked(model, names, together, inputs))
    if error is not None:
        raise NoAttentionError(str(error))


def _doubtful(reader: PreTrainedModel, calls: list[AttentionCall], inputs: dict[str, Any]) -> bool:
    """Return whether the modules of these calls leave open if each block is one stack."""
    names, together = _by_block(reader, calls, inputs)
    return any(flows.doubtful([names[at] for at in part]) for part in together.values())


def _by_block(
    reader: PreTrainedModel, calls: list[AttentionCall], inputs: dict[str, Any]
) -> tuple[list[str], dict[str, list[int]]]:
    """Return the name of each call's module, and the calls of each block."""
    blocks = build_trace.blocks_of(reader, calls, inputs)
    return build_trace.names(reader, calls), {block: [at for at, one in enumerate(blocks) if one == block] for block in blocks}


def _unstacked(
    model: PreTrainedModel, names: list[str], together: Mapping[str, list[int]], inputs: dict[str, Any]
) -> NoAttentionError | None:
    """Return an error that names the parts that read separately, or None if each block is one stack."""
    reader, flow = shadow_model.make_shadow(model, NAME, hooked=False), flows.Flow()
    with recording() as run:
        run.heard, run.flow = None, flow
        flows.watched(reader, flow, lambda: guarded(reader, inputs))
    if build_trace.names(reader, run.calls) != names:
        return flows.refused(model, (names[0], names[-1]))
    apart = next((pair for part in together.values() if (pair := flows.broken(flow, part))), None)
    return None if apart is None else flows.refused(model, (names[apart[0]], names[apart[1]]))


def forward_from_scratch(model: PreTrainedModel, **inputs: Any) -> Any:
    """Return the model's own output, computed with `engine.attention` in place of the fused kernel."""
    with recording(scratch=True) as run:
        output = forward(readable(model), inputs)
    if not run.calls or not (prepared(model) or faithful(model, inputs)):
        raise NoAttentionError(
            f"{type(model).__name__} does not pass through the attention interface with all of its attention."
        )
    return output


def eager_attentions(model: PreTrainedModel, **inputs: Any) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    """Return the library's eager weights by block, each layer as [row, head, query, key]."""
    return _eager(shadow(model, "eager"), inputs)


def _eager(reader: PreTrainedModel, inputs: dict[str, Any]) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    """Return the weights that a model with eager attention returns, by block."""
    with torch.inference_mode():
        output = forward(reader, {**inputs, "output_attentions": True, "return_dict": True})
    if not callable(getattr(output, "get", None)):
        return ()
    found = {name: tuple(a for a in (output.get(name) or ()) if a is not None) for name in EAGER}
    if getattr(reader.config, "model_type", "") == "encoder-decoder" and not found["encoder_attentions"]:
        found["encoder_attentions"] = _encoder_seen(reader, inputs)
    return tuple((EAGER[name], layers) for name, layers in found.items() if layers)


def _encoder_seen(reader: PreTrainedModel, inputs: dict[str, Any]) -> tuple[Any, ...]:
    """Return the eager weights of an encoder that was combined with a decoder: the combined model does not return them."""
    given = {name: inputs[name] for name in ("input_ids", "attention_mask", "inputs_embeds") if name in inputs}
    with torch.inference_mode():
        output = forward(reader.get_encoder(), {**given, "output_attentions": True, "return_dict": True})
    return tuple(a for a in (output.get("attentions") or ()) if a is not None)


def _dense_traces(model: PreTrainedModel, inputs: dict[str, Any]) -> tuple[Trace, ...]:
    """Return traces of eager weights, for families outside the interface. Raises for invalid weights at once."""
    traces = eager_traces(model, **inputs)
    for block in (block for trace in traces for block in trace.parts):
        for layer in range(block.layers):
            block.weights(layer)
    return traces


def eager_traces(model: PreTrainedModel, **inputs: Any) -> tuple[Trace, ...]:
    """Return one trace for each row, with the library's eager weights kept whole, without padding."""
    name = type(model).__name__
    try:
        with input_limits.looked_up(model, inputs):
            found = eager_attentions(model, **inputs)
    except AttnvizError:
        raise
    except Exception as error:  # the model's own code, which may not support this
        if not _attends(model):
            raise NoAttentionError(_without(model)) from error
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise NoAttentionError(f"{name} cannot return attention weights ({reason:.300}). Choose another model.") from error
    if not found or not _attends(model):
        if not _attends(model):
            raise NoAttentionError(_without(model))
        raise NoAttentionError(f"{name} yields no attention weights in any supported way. Choose another model.")
    return dense_traces_of(model, found, inputs)
