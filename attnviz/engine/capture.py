"""Capture Traces from a model and its input tensors: one pass at fused speed that keeps what each attention call received.

One function is registered with transformers' attention interface under the name `attnviz`, together with the mask
function of the fused kernel (without that twin the mask is silently dropped). What it does with a call is decided by a
context variable, so that threads share one model without sharing anything of a request.
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
RECURRENT = frozenset({"rwkv"})  # calls its recurrence attention
ATTENDING = re.compile(r"[Aa]tt(entio)?n|MHA")
PROBE = 3  # tokens: the fewest of which a query in the middle has one before and one after itself
APART = {"float16": 0.1, "bfloat16": 0.1}  # rounding adds up from layer to layer; a wrong mask moves whole shares
CLOSE = 1e-3  # the same in float32: far more than rounding, far less than a wrong mask


@dataclass
class Recording:
    """One forward pass under way in this context: which kernel answers, and the calls kept so far."""

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
def recording(*, scratch: bool = False) -> Iterator[Recording]:
    """Keep every attention call made by this thread until the block ends; no gradients inside."""
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
    """Set a model that we own, and of which we know that it is `faithful`, to the recorded attention, once, when it is loaded.

    Families outside the interface stay as they are.
    """
    register()
    model.eval()
    if model._can_set_attn_implementation():
        model.set_attn_implementation(NAME)


def shadow(model: PreTrainedModel, implementation: str) -> PreTrainedModel:
    """The same model with another attention implementation: shares every weight, but no setting, with the original."""
    register()
    return shadow_model.cache_of(model).shadow(model, implementation)


def readable(model: PreTrainedModel) -> PreTrainedModel:
    """Return the prepared `model` itself, or else its recording shadow."""
    return model if prepared(model) else shadow(model, NAME)


def generator(model: PreTrainedModel) -> PreTrainedModel:
    """Return the model to generate text with: itself if prepared, or else its eager shadow, which is right for every family."""
    return model if prepared(model) else shadow(model, "eager")


def prepared(model: PreTrainedModel) -> bool:
    """Whether a model is set to the recorded attention and reads without noise."""
    return model.config._attn_implementation == NAME and not model.training


def faithful(model: PreTrainedModel, inputs: Mapping[str, Any] = NOTHING) -> bool:
    """Whether what passes through the attention interface is what the library's eager attention computes.

    No flag tells. Families that refuse the fused kernel are right (gemma2, gpt_oss) or wrong (splinter, nllb_moe: a mask
    left out means causal to the kernel and nothing to eager); some that take it are wrong (paligemma); some take only a
    part of their attention there (bigbird_pegasus' encoder). So each model is seen once, on three tokens (a picture or
    a sound: on the caller's own), in both ways, and is read densely where they differ. Where eager
    gives no weights to compare, the family's own word decides whether it knows the fused kernel.
    """
    return shadow_model.cache_of(model).is_faithful(lambda: agrees(model, _probe(model, inputs)))


def agrees(model: PreTrainedModel, small: dict[str, Any]) -> bool:
    """Whether recorded and eager attention of one row are the same blocks, layers and weights. Hooks hear nothing of it."""
    found, wanted = _trace_or_none(_recorded, model, small), _trace_or_none(_eager_seen, model, small)
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


def _trace_or_none(
    read: Callable[[PreTrainedModel, dict[str, Any]], Trace], model: PreTrainedModel, small: dict[str, Any]
) -> Trace | None:
    """Return a trace read in one way, or None if that fails: on three tokens models fail in ways of their own."""
    try:
        return read(model, small)
    except Exception:  # noqa: BLE001
        return None


def _recorded(model: PreTrainedModel, small: dict[str, Any]) -> Trace:
    """One row by the recorded attention, by a shadow that is thrown away. No progress is reported."""
    reader = shadow_model.make_shadow(model, NAME, hooked=False)
    with recording() as run:
        run.heard = None
        forward(reader, small)
    return traces_of(reader, run.calls, small)[0]


def _eager_seen(model: PreTrainedModel, small: dict[str, Any]) -> Trace:
    """The same row by the library's eager attention."""
    return dense_traces_of(model, _eager(shadow_model.make_shadow(model, "eager", hooked=False), small), small)[0]


def _sizes(trace: Trace) -> list[tuple[str, list[int], int, int]]:
    """Blocks, heads of each layer, queries and keys."""
    return [(p.name, [call.heads for call in p.calls], len(p.queries), len(p.keys)) for p in trace.parts]


def _whole(model: PreTrainedModel, trace: Trace) -> bool:
    """Whether an encoder-decoder shows its three blocks and looks back only where it writes."""
    if not two_sided(model):
        return True
    return trace.blocks == ("encoder", "decoder", "cross") and trace.block("decoder").causal


def _probe(model: PreTrainedModel, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """One row for a model to be seen on: three tokens, or the first row of what only the caller can give."""
    if model.main_input_name != "input_ids":
        return {name: value[:1] if isinstance(value, Tensor) else value for name, value in inputs.items()}
    ids = torch.arange(1, PROBE + 1, device=device_of(model))[None]
    row = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if two_sided(model):
        row["decoder_input_ids"] = ids
    return {name: value for name, value in row.items() if name in arguments(model).names}


def capture(model: Any, **inputs: Any) -> Trace:
    """The trace of one row of input tensors; its tokens may be unlabelled.

    Raises BadInputError for more than one row, NoAttentionError for a model that yields no weights.
    """
    traces = capture_batch(model, **inputs)
    if len(traces) != 1:
        raise BadInputError(f"capture takes one row; got {len(traces)}. Use capture_batch.")
    return traces[0]


def capture_batch(model: Any, **inputs: Any) -> tuple[Trace, ...]:
    """One trace for each row of the input tensors, with padding (attention_mask 0) cut away."""
    owner = wrappers.unwrap(model, PreTrainedModel)
    input_limits.check(owner.model, inputs)
    traces = _traces(owner.model, inputs)
    return traces if not owner.note else tuple(trace.noted(owner.note) for trace in traces)


def unwrap(given: Any) -> wrappers.UnwrappedModel:
    """The transformers model in what a caller gave; BadInputError where there is none, or which one is not clear."""
    return wrappers.unwrap(given, PreTrainedModel)


def textual(model: PreTrainedModel) -> None:
    """Raises BadInputError for a model that reads no text, with the call that reads what it does, and NoAttentionError
    for one without attention.
    """
    name, main = type(model).__name__, model.main_input_name
    if isinstance(main, str) and main != "input_ids":
        what = MEASURED.get(main, "something else")
        raise BadInputError(f"{name} reads {what}, not text. Give its tensors: attnviz.capture(model, {main}=…).")
    if _attends(model):
        return
    raise NoAttentionError(_without(model))


def _attends(model: PreTrainedModel) -> bool:
    """Whether anything in a model is called attention and is such: of RWKV it is a recurrence."""
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
    """The same of a transformers model: by its own kernel where what is recorded there is what eager attention computes."""
    if prepared(model):
        with recording() as run, input_limits.looked_up(model, inputs):
            forward(model, inputs)
        if not run.calls:
            return _dense_traces(model, inputs)
        build_trace.undivided(model, run.calls)
        return traces_of(model, run.calls, inputs)
    register()
    known = shadow_model.cache_of(model)
    lacking = known.once("missing", lambda: missing(model))
    if lacking:
        raise UnavailableError(lacking)
    if known.once("switchable", lambda: shadow_model.switchable(model)):
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
    """Raises NoAttentionError where the calls of one block are no layers on top of each other: several texts, or towers.

    Only a pass whose modules leave it open is run again, by a shadow, and followed; once for each order of modules.
    """
    if known.plain and known.once(tuple(id(call.module) for call in calls), lambda: not _doubtful(reader, calls, inputs)):
        return
    if not known.plain and not _doubtful(reader, calls, inputs):
        return
    names, together = _by_block(reader, calls, inputs)
    order = (*names, *map(tuple, together.values()))
    error = known.once(order, lambda: _unstacked(model, names, together, inputs))
    if error is not None:
        raise NoAttentionError(str(error))


def _doubtful(reader: PreTrainedModel, calls: list[AttentionCall], inputs: dict[str, Any]) -> bool:
    """Whether the modules that made these calls leave open whether each block is one stack."""
    names, together = _by_block(reader, calls, inputs)
    return any(flows.doubtful([names[at] for at in part]) for part in together.values())


def _by_block(
    reader: PreTrainedModel, calls: list[AttentionCall], inputs: dict[str, Any]
) -> tuple[list[str], dict[str, list[int]]]:
    """The name of each call's module, and which calls belong to each block."""
    blocks = build_trace.blocks_of(reader, calls, inputs)
    return build_trace.names(reader, calls), {block: [at for at, one in enumerate(blocks) if one == block] for block in blocks}


def _unstacked(
    model: PreTrainedModel, names: list[str], together: Mapping[str, list[int]], inputs: dict[str, Any]
) -> NoAttentionError | None:
    """The error that tells which parts read apart; None where each block is one stack."""
    reader, flow = shadow_model.make_shadow(model, NAME, hooked=False), flows.Flow()
    with recording() as run:
        run.heard, run.flow = None, flow
        flows.watched(reader, flow, lambda: guarded(reader, inputs))
    if build_trace.names(reader, run.calls) != names:
        return flows.refused(model, (names[0], names[-1]))
    apart = next((pair for part in together.values() if (pair := flows.broken(flow, part))), None)
    return None if apart is None else flows.refused(model, (names[apart[0]], names[apart[1]]))


def forward_from_scratch(model: PreTrainedModel, **inputs: Any) -> Any:
    """The model's own output, with the in-repo attention running inside it in place of the fused kernel."""
    with recording(scratch=True) as run:
        output = forward(readable(model), inputs)
    if not run.calls or not (prepared(model) or faithful(model, inputs)):
        raise NoAttentionError(
            f"{type(model).__name__} does not pass through the attention interface with all of its attention."
        )
    return output


def eager_attentions(model: PreTrainedModel, **inputs: Any) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    """The library's own eager weights, [row, head, query, key] a layer, by block."""
    return _eager(shadow(model, "eager"), inputs)


def _eager(reader: PreTrainedModel, inputs: dict[str, Any]) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    """The weights that a model returns by its eager attention."""
    with torch.inference_mode():
        output = forward(reader, {**inputs, "output_attentions": True, "return_dict": True})
    if not callable(getattr(output, "get", None)):
        return ()
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
    """Return traces of eager weights, for families outside the interface. Raises for invalid weights at once."""
    traces = eager_traces(model, **inputs)
    for block in (block for trace in traces for block in trace.parts):
        for layer in range(block.layers):
            block.weights(layer)
    return traces


def eager_traces(model: PreTrainedModel, **inputs: Any) -> tuple[Trace, ...]:
    """The library's own eager weights, kept whole: one trace a row, padding cut away."""
    name = type(model).__name__
    try:
        with input_limits.looked_up(model, inputs):
            found = eager_attentions(model, **inputs)
    except AttnvizError:
        raise
    except Exception as error:  # a model's own code, asked for something that it may not know
        if not _attends(model):
            raise NoAttentionError(_without(model)) from error
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise NoAttentionError(f"{name} cannot return attention weights ({reason:.300}). Choose another model.") from error
    if not found or not _attends(model):
        if not _attends(model):
            raise NoAttentionError(_without(model))
        raise NoAttentionError(f"{name} yields no attention weights in any supported way. Choose another model.")
    return dense_traces_of(model, found, inputs)
