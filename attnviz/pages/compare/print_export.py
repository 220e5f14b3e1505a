"""One picture of all panels for print: SVG, PDF or PNG, with provenance and without a date."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from attnviz.errors import BadInputError
from attnviz.pages.compare.analysis import ComparePanel, Traces, head_count, largest_row_sum
from attnviz.pages.compare.data_export import head_provenances, panel_title
from attnviz.types import AttentionRequest, ModelCard, joined
from attnviz.view_state import TokenSelection, ViewOptions

if TYPE_CHECKING:
    from attnviz.figures.vector.marks import Drawing

KINDS = ("svg", "pdf", "png")


def as_picture(
    kind: str,
    panels: Sequence[ComparePanel],
    traces: Traces,
    cards: Mapping[str, ModelCard],
    options: ViewOptions,
    focus: TokenSelection | None,
    selected_rows: Sequence[tuple[int, ...]],
) -> bytes:
    """Return all panels, two in a row; `selected_rows` are highlighted in each. Equal input gives equal bytes.

    Raises BadInputError for an unknown kind of file, or without panels.
    """
    from attnviz.figures.vector import document, paper, placing

    if kind not in KINDS or not panels:
        raise BadInputError(f"A picture of panels is one of {', '.join(KINDS)}, of at least one panel; got {kind!r}.")
    parts = [
        _drawing(panel, traces, cards, rows, coded=kind != "svg") for panel, rows in zip(panels, selected_rows, strict=True)
    ]
    whole = placing.sheet(parts, joined([panel_title(panel) for panel in panels]))
    facts = [
        {"panel": panel_title(panel), "kind": panel.kind or "head", "of": list(panel.numbers), "problem": panel.problem}
        | {"heads": head_provenances(panel, traces, cards, options, focus)}
        for panel in panels
    ]
    metadata = json.dumps({"panels": facts})
    if kind == "svg":
        return document.svg(whole, metadata).encode("utf-8")
    return paper.pdf(whole, metadata) if kind == "pdf" else paper.png(whole, metadata)


def _drawing(
    panel: ComparePanel, traces: Traces, cards: Mapping[str, ModelCard], selected_rows: tuple[int, ...],
    *, coded: bool,
) -> Drawing:  # fmt: skip
    """Return one panel, as wide as a journal column; a panel without a picture says why."""
    from attnviz.figures.vector import head
    from attnviz.pages.compare import print_layout

    if panel.pattern is None:
        return print_layout.missing(panel_title(panel), panel.problem)
    line = " | ".join(dict.fromkeys(f"{cards[pin.request.model].name}: {_text(pin.request)}" for pin in panel.pins))
    most = largest_row_sum(panel, lambda pin: head_count(pin, traces[pin.request]))
    return head.drawing(
        head.HeadPicture(panel.pattern, panel_title(panel), line, selected_rows=selected_rows, coded=coded, most=most), "column"
    )


def _text(request: AttentionRequest) -> str:
    """Return the text of a request, or both texts."""
    return request.text + (f" / {request.text_b}" if request.text_b else "")
