"""Collect the bytes from which the panels are drawn, within a limit of what is sent at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from attnviz.board import is_whole, layer_sheet
from attnviz.engine.block import Block
from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError
from attnviz.models import catalog
from attnviz.pages.compare.analysis import Traces
from attnviz.types import AttentionRequest
from attnviz.ui import board_data
from attnviz.view_state import Pin

EXACT_BYTES = 32_000_000  # exact weights of all panels together; further panels are drawn in thousandths, or say why not


@dataclass(frozen=True, eq=False)
class PanelData:
    """Frames by request and block, exact weights, and for each pin the reason why it has no picture."""

    frames: dict[tuple[AttentionRequest, str], bytes]
    sheets: tuple[bytes, ...]
    problems: dict[Pin, str]


def panel_data(traces: Traces, pins: Sequence[Pin], base: tuple[AttentionRequest, str]) -> PanelData:
    """Return the data for the panels of `pins`, and the frame of `base` if there is one."""
    frames = {place: data for place in dict.fromkeys((base, *map(_place, pins))) if (data := _frame(traces, place)) is not None}
    sheets: dict[bytes, None] = {}
    problems: dict[Pin, str] = {}
    for pin in dict.fromkeys(pins):
        try:
            if isinstance(trace := traces[pin.request], AttnvizError):
                problems[pin] = str(trace)
            elif sum(map(len, sheets)) + _size(block := trace.block(pin.head.block)) <= EXACT_BYTES:
                sheets |= {one: None for one in (_sheet(trace, pin, frames[_place(pin)]),) if one}
            elif not is_whole(block):
                problems[pin] = (
                    f"One head of this text has {len(block.queries) * len(block.keys):,} weights. All panels together have "
                    f"more than the {EXACT_BYTES // 1_000_000} MB that are sent at once. Remove a panel, or shorten the text."
                )
        except AttnvizError as error:
            problems[pin] = str(error)
    return PanelData(frames, tuple(sheets), problems)


def _place(pin: Pin) -> tuple[AttentionRequest, str]:
    """Return the request and block of the frame from which a pin is drawn."""
    return pin.request, pin.head.block


def _frame(traces: Traces, place: tuple[AttentionRequest, str]) -> bytes | None:
    """Return the frame of one block of a request; None if there is none."""
    request, block = place
    trace = traces.get(request)
    if not isinstance(trace, Trace) or block not in trace.blocks:
        return None
    return board_data.bytes_of(trace, block, catalog.card(request.model).name)


def _size(block: Block) -> int:
    """Return the approximate bytes of the exact weights of one head."""
    return 4 * len(block.queries) * len(block.keys) // (2 if block.causal else 1)


def _sheet(trace: Trace, pin: Pin, frame: bytes) -> bytes | None:
    """Return the exact weights of a pin's head, or of the mean of its layer."""
    return layer_sheet(trace, pin.head.layer, pin.head.block, frame) if pin.over else board_data.exact(trace, pin.head, frame)
