"""Check a trace: are these the weights that the model really used? The badge beside every picture shows the result.

A fused kernel does not return its weights, but it returns its output: weights times values, from scratch, must equal it. The
expensive proof compares every weight with those that the library's eager attention returns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch import Tensor

from attnviz.engine import capture
from attnviz.engine.layers import Dense
from attnviz.engine.trace import Trace
from attnviz.errors import BadInputError, ShapeError, TooLongError
from attnviz.types import HeadRef, joined

EAGER_TOKENS = 512  # beyond this, two sets of layers x heads x tokens x tokens weights need too much memory
BOUND = 1e-5
COARSE = {"float16": 2e-3, "bfloat16": 2e-2}  # 2 steps of 11 bits, 2.5 of 8 bits: the kernel rounds weights and output


@dataclass(frozen=True)
class Check:
    """The difference between two computations of the same attention: the largest `difference` over `heads` heads.

    `ok` is True if it is within `bound`, or if the weights are the library's own. `note` describes the result in one or two
    sentences. If there was nothing independent to compare with, `heads` is 0.
    """

    against: Literal["fused kernel", "eager model"]
    difference: float
    bound: float
    ok: bool
    heads: int
    note: str


def against_kernel(trace: Trace, heads: Sequence[HeadRef]) -> Check:
    """Compare weights times values, from scratch, with the kernel's output, for the heads on screen; takes milliseconds."""
    differences, precisions, own, alone, kept = [], set(), 0, 0, 0
    for head in heads:
        block = trace.block(head.block)
        found = block.difference(head.layer, head.head)
        call = block.calls[head.layer]
        if isinstance(call, Dense):
            own += 1
        elif call.unfused:
            alone += 1
        elif found is None:
            kept += 1
        else:
            differences.append(found)
            precisions.add(call.precision)
    if own and not (differences or alone or kept):
        note = "These weights are the model library's own, so there is nothing to compare."
        return Check("fused kernel", 0.0, BOUND, True, 0, note)
    if alone:
        note = (
            "Not checked: fast attention has no soft-capping and no learned sinks, so the model used attnviz's attention here. "
            "Check all heads to compare it with the model library."
        )
        return Check("fused kernel", max(differences, default=0.0), BOUND, False, 0, note)
    if kept:
        note = (
            "Not checked: for a long text, the other machine sends queries and keys, from which the weights are computed here, "
            "and not the model's output."
        )
        return Check("fused kernel", max(differences, default=0.0), BOUND, False, 0, note)
    shown = f"Our weights of {_counted(len(differences), 'the')}", "reproduce the model's own output"
    return _check("fused kernel", shown, differences, precisions, len(differences))


def against_eager(model: capture.PreTrainedModel, trace: Trace, inputs: Mapping[str, Tensor]) -> Check:
    """Compare every head of every layer with the library's eager model on the same input tensors, one row.

    Needs an eager pass with all its weights in memory. Raises TooLongError beyond 512 tokens, ShapeError if the inputs are
    not those of the trace.
    """
    longest = max(max(len(part.queries), len(part.keys)) for part in trace.parts)
    if longest > EAGER_TOKENS:
        raise TooLongError(
            f"The comparison with the eager model reads at most {EAGER_TOKENS} tokens; this text has {longest}. "
            "Shorten it, or rely on the comparison with the fused kernel, which has no limit."
        )
    rows = capture.eager_traces(model, **inputs)
    if len(rows) != 1:
        raise BadInputError(f"A trace is compared with one row of inputs; got {len(rows)}. Give the row that it was made of.")
    differences, precisions, heads = [], set(), 0
    for part in rows[0].parts:
        block = trace.block(part.name)
        for layer, call in enumerate(part.calls):
            found, wanted = block.weights(layer), call.weights(slice(None))
            if found.shape != wanted.shape:
                raise ShapeError(
                    f"The trace holds weights {found.shape} (head, query, key), the inputs give {wanted.shape}: "
                    "compare a trace with the inputs that it was made of."
                )
            differences.append(float(np.abs(found - wanted).max()))
            precisions.add(block.calls[layer].precision)
            heads += len(found)
    shown = f"Our weights of {_counted(heads, 'all')}", "equal those of the model library"
    return _check("eager model", shown, differences, precisions, heads)


def _counted(heads: int, which: str) -> str:
    """Return the number of heads in words."""
    return "one head" if heads == 1 else f"{which} {heads} heads"


def _check(
    against: Literal["fused kernel", "eager model"],
    sentence: tuple[str, str],
    differences: list[float],
    precisions: set[str],
    heads: int,
) -> Check:
    """Compare the largest difference with the bound of the coarsest number format."""
    coarse = sorted(precisions & COARSE.keys())
    bound = max((COARSE[name] for name in coarse), default=BOUND)
    largest = float(np.max(differences, initial=0.0))  # NaN if any is NaN, which is within no bound
    ok = largest <= bound
    subject, result = sentence
    note = f"{subject} {'' if ok else 'do not '}{result}: largest difference {largest:.1e}, allowed {bound:.0e}."
    if coarse:
        note += f" The model computes in {joined(coarse)}, so this is its own precision."
    if not ok:
        note += " Do not rely on this picture."
    return Check(against, largest, bound, ok, heads, note)
