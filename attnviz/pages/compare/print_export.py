"""Panels and where their numbers come from in, one picture for print of all of them out: SVG, PDF or PNG, without a date."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from attnviz.engine.trace import Trace
from attnviz.errors import BadInputError
from attnviz.pages.compare import analysis as panels
from attnviz.pages.compare.analysis import Shown
from attnviz.pages.compare.data_export import sources, titled
from attnviz.types import AttentionRequest, ModelCard, joined
from attnviz.view_state import TokenSelection, ViewOptions

if TYPE_CHECKING:
    from attnviz.figures.vector.marks import Drawing

KINDS = ("svg", "pdf", "png")


def drawn(
    kind: str,
    shown: Sequence[Shown],
    traces: Mapping[AttentionRequest, Trace | str],
    cards: Mapping[str, ModelCard],
    options: ViewOptions,
    focus: TokenSelection | None,
    held: Sequence[tuple[int, ...]],
) -> bytes:
    """All panels, two in a row; `held` are the rows that stand out in each. Equal input gives equal bytes.

    Raises BadInputError for a kind of file that there is not, or where there is nothing to draw.
    """
    from attnviz.figures.vector import document, paper
    from attnviz.pages.compare import print_layout

    if kind not in KINDS or not shown:
        raise BadInputError(f"A picture of panels is one of {', '.join(KINDS)}, of at least one panel; got {kind!r}.")
    parts = [_drawing(panel, traces, cards, rows, coded=kind != "svg") for panel, rows in zip(shown, held, strict=True)]
    whole = print_layout.sheet(parts, joined([titled(panel) for panel in shown]))
    facts = [
        {"panel": titled(panel), "kind": panel.kind or "head", "of": list(panel.numbers), "problem": panel.problem}
        | {"heads": sources(panel, traces, cards, options, focus)}
        for panel in shown
    ]
    said = json.dumps({"panels": facts})
    if kind == "svg":
        return document.svg(whole, said).encode("utf-8")
    return paper.pdf(whole, said) if kind == "pdf" else paper.png(whole, said)


def _drawing(
    panel: Shown, traces: Mapping[AttentionRequest, Trace | str], cards: Mapping[str, ModelCard], held: tuple[int, ...],
    *, coded: bool,
) -> Drawing:  # fmt: skip
    """One panel as wide as a column of a journal; a panel that has no picture says why."""
    from attnviz.figures.vector import head
    from attnviz.pages.compare import print_layout

    if panel.pattern is None:
        return print_layout.missing(titled(panel), panel.problem)
    line = " | ".join(dict.fromkeys(f"{cards[pin.request.model].name}: {_text(pin.request)}" for pin in panel.pins))
    most = panels.most(panel, lambda pin: panels.heads(pin, traces[pin.request]))
    return head.drawing(head.Shown(panel.pattern, titled(panel), line, held=held, coded=coded, most=most), "column")


def _text(request: AttentionRequest) -> str:
    """The text of a request, or both."""
    return request.text + (f" / {request.text_b}" if request.text_b else "")
