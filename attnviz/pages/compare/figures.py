"""Each panel of Compare as a figure with data: matrix and curves, or one of them alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from attnviz.engine.trace import Trace
from attnviz.figures.head_figure import head_figure
from attnviz.figures.page_figure import FigureSource, PageFigure
from attnviz.pages.compare.analysis import ComparePanel, Traces, head_count, largest_row_sum
from attnviz.pages.compare.data_export import panel_title
from attnviz.types import ModelCard
from attnviz.view_state import Pin

COMBINED = {"difference": "First minus second: green is more in the first, purple is more in the second."}


def figures(
    panels: Sequence[ComparePanel], traces: Traces, cards: Mapping[str, ModelCard], selected_rows: Sequence[tuple[int, ...]]
) -> list[PageFigure]:
    """Return the figure of every panel that can be drawn; `selected_rows` are highlighted in each."""
    found = []
    for number, (panel, rows) in enumerate(zip(panels, selected_rows, strict=True), start=1):
        if panel.pattern is None:
            continue
        sources = [_source(pin, traces, cards) for pin in panel.pins]
        source = replace(sources[0], also=tuple(sources[1:])) if len(sources) > 1 else sources[0]
        says = " ".join(part for part in (f"{panel_title(panel)}.", COMBINED.get(panel.kind, ""), panel.pattern.note) if part)
        most = largest_row_sum(panel, _head_count(traces))
        facts = {"panel": panel_title(panel), "kind": panel.kind or "head"}
        name = panel_title(panel)
        found.append(head_figure(f"panel-{number}", name, says, source, panel.pattern, rows=rows, facts=facts, most=most))
    return found


def _head_count(traces: Traces) -> Callable[[Pin], int]:
    return lambda pin: head_count(pin, traces[pin.request])


def _source(pin: Pin, traces: Traces, cards: Mapping[str, ModelCard]) -> FigureSource:
    trace = traces[pin.request]
    digest = trace.digest if isinstance(trace, Trace) else ""
    return FigureSource(cards[pin.request.model], pin.request.text, pin.request.text_b, digest, pin.head)
