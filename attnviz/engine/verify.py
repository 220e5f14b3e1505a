"""Check of a trace: are these the weights that the model really used? The badge beside every picture.

Weights cannot be read out of a fused kernel, but what it mixed with them can: weights times values, from scratch, must be
what the kernel returned. The dear proof compares every weight with those that the library's eager attention returns.
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

EAGER_TOKENS = 512  # beyond, layers x heads x tokens x tokens weights are too much to hold beside one another
BOUND = 1e-5
COARSE = {"float16": 2e-3, "bfloat16": 2e-2}  # 2 steps of 11 and 2.5 of 8 bits: the kernel rounds its shares and its answer


@dataclass(frozen=True)
class Check:
    """How far two computations of the same attention lie apart: the largest `difference` over `heads` heads.

    `ok` where it stays within `bound`, or where the weights are the library's own. `note` says all of it in one or two
    sentences. Where nothing independent could be compared, `heads` is 0.
    """

    against: Literal["fused kernel", "eager model"]
    difference: float
    bound: float
    ok: bool
    heads: int
    note: str


def against_kernel(trace: Trace, heads: Sequence[HeadRef]) -> Check:
    """Weights times values, from scratch, against what the model's kernel returned, for the heads on screen: milliseconds."""
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
        note = "These weights are the library's own: this family does not pass through its attention interface."
        return Check("fused kernel", 0.0, BOUND, True, 0, note)
    if alone:
        note = (
            "Not compared: no fused kernel knows soft-capping or learned sinks, so attnviz itself answered the model here. "
            "The eager model can tell."
        )
        return Check("fused kernel", max(differences, default=0.0), BOUND, False, 0, note)
    if kept:
        note = (
            "Not compared: of a long text the backend sends queries and keys, from which weights are computed here, and keeps "
            "what its kernel returned."
        )
        return Check("fused kernel", max(differences, default=0.0), BOUND, False, 0, note)
    shown = f"The weights of {_counted(len(differences), 'the')} times the values"
    return _check("fused kernel", shown, "the model's own output", differences, precisions, len(differences))


def against_eager(model: capture.PreTrainedModel, trace: Trace, inputs: Mapping[str, Tensor]) -> Check:
    """Return every head of every layer against the library's eager model on the same input tensors, one row.

    Costs an eager pass and all its weights at once. Raises TooLongError beyond 512 tokens, ShapeError where the inputs
    are not those that the trace was made of.
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
    shown = f"The weights of {_counted(heads, 'all')}"
    return _check("eager model", shown, "those of the library's eager model", differences, precisions, heads)


def _counted(heads: int, which: str) -> str:
    """Return how many heads, in words."""
    return "one head" if heads == 1 else f"{which} {heads} heads"


def _check(
    against: Literal["fused kernel", "eager model"],
    subject: str,
    other: str,
    differences: list[float],
    precisions: set[str],
    heads: int,
) -> Check:
    """Compare the largest difference with the bound of the coarsest number format."""
    coarse = sorted(precisions & COARSE.keys())
    bound = max((COARSE[name] for name in coarse), default=BOUND)
    largest = float(np.max(differences, initial=0.0))  # NaN if any is NaN, and then within no bound
    ok = largest <= bound
    note = f"{subject} {'equal' if ok else 'do not equal'} {other}: largest difference {largest:.1e}, allowed {bound:.0e}."
    if coarse:
        note += f" The model computes in {joined(coarse)}, so this is its own precision."
    if not ok:
        note += " Do not rely on this picture."
    return Check(against, largest, bound, ok, heads, note)
