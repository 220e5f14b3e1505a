"""Capture a Trace from a model and its input tensors, in one pass at the speed of the fused kernel.

Weights are recorded (recording.py) if they equal those of the library's eager attention, else eager (eager.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from attnviz.engine import build_trace, call_order, eager, input_limits, shadow_model, wrappers
from attnviz.engine.build_trace import AttentionCall, dense_traces_of, traces_of
from attnviz.engine.forward import MEASURED, arguments, device_of, forward, guarded, missing, two_sided
from attnviz.engine.recording import NAME, recording, register
from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError, BadInputError, NoAttentionError, UnavailableError

NOTHING: Mapping[str, Any] = MappingProxyType({})
PROBE = 3  # tokens: the fewest for which one query has a token before and a token after itself
TOLERANCE = {"float16": 0.1, "bfloat16": 0.1}  # rounding adds up from layer to layer; a wrong mask changes weights much more
TOLERANCE_FLOAT32 = 1e-3  # the same in float32: far more than rounding, far less than a wrong mask


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


def agrees(model: PreTrainedModel, row: dict[str, Any]) -> bool:
    """Return whether recorded and eager attention of one row have the same blocks, layers and weights, without hooks."""
    found, wanted = _trace_or_none(_recorded_trace, model, row), _trace_or_none(_eager_trace, model, row)
    if wanted is None:
        return bool(model._supports_sdpa) and (found is None or _has_all_blocks(model, found))
    if found is None or _sizes(found) != _sizes(wanted):
        return False
    for one, other in zip(found.parts, wanted.parts, strict=True):
        for first, second in zip(one.calls, other.calls, strict=True):
            difference = np.abs(first.weights(slice(None)) - second.weights(slice(None))).max()
            if not difference <= TOLERANCE.get(first.precision, TOLERANCE_FLOAT32):  # also if it is not a number
                return False
    return True


def _trace_or_none(
    read: Callable[[PreTrainedModel, dict[str, Any]], Trace], model: PreTrainedModel, row: dict[str, Any]
) -> Trace | None:
    """Return a trace read in one way, or None if that fails: models fail on three tokens for many reasons."""
    try:
        return read(model, row)
    except Exception:  # noqa: BLE001
        return None


def _recorded_trace(model: PreTrainedModel, row: dict[str, Any]) -> Trace:
    """Return the trace of one row by recorded attention, from a shadow used only here. No progress is reported."""
    reader = shadow_model.make_shadow(model, NAME, hooked=False)
    with recording() as run:
        run.on_call = None
        forward(reader, row)
    return traces_of(reader, run.calls, row)[0]


def _eager_trace(model: PreTrainedModel, row: dict[str, Any]) -> Trace:
    """Return the trace of the same row by the library's eager attention."""
    return dense_traces_of(model, eager.weights(shadow_model.make_shadow(model, "eager", hooked=False), row), row)[0]


def _sizes(trace: Trace) -> list[tuple[str, list[int], int, int]]:
    """Return for each block its name, the heads of each layer, and the number of queries and keys."""
    return [(p.name, [call.heads for call in p.calls], len(p.queries), len(p.keys)) for p in trace.parts]


def _has_all_blocks(model: PreTrainedModel, trace: Trace) -> bool:
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
    if eager.has_attention(model):
        return
    raise eager.no_attention(model)


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
    return any(call_order.doubtful([names[at] for at in part]) for part in together.values())


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
    reader, flow = shadow_model.make_shadow(model, NAME, hooked=False), call_order.Flow()
    with recording() as run:
        run.on_call, run.flow = None, flow
        call_order.watched(reader, flow, lambda: guarded(reader, inputs))
    if build_trace.names(reader, run.calls) != names:
        return call_order.refused(model, (names[0], names[-1]))
    apart = next((pair for part in together.values() if (pair := call_order.broken(flow, part))), None)
    return None if apart is None else call_order.refused(model, (names[apart[0]], names[apart[1]]))


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
    return eager.weights(shadow(model, "eager"), inputs)


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
        if not eager.has_attention(model):
            raise eager.no_attention(model) from error
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise NoAttentionError(f"{name} cannot return attention weights ({reason:.300}). Choose another model.") from error
    if not found or not eager.has_attention(model):
        if not eager.has_attention(model):
            raise eager.no_attention(model)
        raise NoAttentionError(f"{name} yields no attention weights in any supported way. Choose another model.")
    return dense_traces_of(model, found, inputs)
