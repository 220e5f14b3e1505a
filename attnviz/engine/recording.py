"""Record every attention call of a model while it runs, at the speed of the fused kernel.

One function is registered with transformers' attention interface under the name `attnviz`, together with the mask
function of the fused kernel (without it, the library drops the mask silently). It keeps what each attention call received.
A context variable decides what it does with a call, so that threads share one model but no data of a request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from attnviz.engine import attention
from attnviz.engine.build_trace import AttentionCall
from attnviz.engine.call_order import Flow

NAME = "attnviz"


@dataclass
class Recording:
    """A forward pass in progress in this context: which kernel computes it, and the attention calls kept so far."""

    scratch: bool = False
    on_call: Callable[[int], None] | None = None
    calls: list[AttentionCall] = field(default_factory=list)
    flow: Flow | None = None


_RUN: ContextVar[Recording | None] = ContextVar("attnviz_run", default=None)
_ON_CALL: ContextVar[Callable[[int], None] | None] = ContextVar("attnviz_on_call", default=None)


def attend(
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
        if run.on_call is not None:
            run.on_call(len(run.calls))
    return output, None


def _from_scratch(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float, causal: bool,
    bias: Tensor | None, softcap: float | None, sinks: Tensor | None,
) -> Tensor:  # fmt: skip
    """Return the same output as the fused kernel, [row, query, head, dim], computed one row of the batch at a time."""
    rows = []
    for row in range(query.shape[0]):
        hidden, offset = _row(mask, row), _row(bias, row)
        weights = attention.weights(
            query[row], key[row], scale=scale, mask=hidden, causal=causal, bias=offset, softcap=softcap, sinks=sinks
        )
        rows.append(attention.mix(weights, value[row]))
    return torch.stack(rows).transpose(1, 2).to(value.dtype).contiguous()


def _four_axes(tensor: Tensor | None) -> Tensor | None:
    """Return a mask or bias as [row, head, query, key]; a missing axis becomes one of size 1."""
    return tensor if tensor is None or tensor.ndim >= 4 else tensor[(None,) * (4 - tensor.ndim)]


def _row(batched: Tensor | None, row: int) -> Tensor | None:
    """Return one row of a mask or bias, which may have a single row for the whole batch."""
    return None if batched is None else batched[min(row, batched.shape[0] - 1)]


def register() -> None:
    """Register the name `attnviz` with transformers. Calling it again changes nothing."""
    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)


@contextmanager
def recording(*, scratch: bool = False) -> Iterator[Recording]:
    """Record every attention call of this thread until the block ends, without gradients."""
    run = Recording(scratch, _ON_CALL.get())
    token = _RUN.set(run)
    try:
        with torch.inference_mode():
            yield run
    finally:
        _RUN.reset(token)


@contextmanager
def following(on_call: Callable[[int], None]) -> Iterator[None]:
    """Call `on_call` with the number of finished attention calls during forward passes of this thread."""
    token = _ON_CALL.set(on_call)
    try:
        yield
    finally:
        _ON_CALL.reset(token)
