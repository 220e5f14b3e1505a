"""A long text on paper, each step with its numbers, and beside it this machine's own lines drawn on to that length."""

from __future__ import annotations

import streamlit as st

from attnviz.figures import encoding, units
from attnviz.lessons import template
from attnviz.pages.cost import flops as paper_cost
from attnviz.pages.cost import growth, lesson
from attnviz.pages.cost.bench import algorithms
from attnviz.pages.cost.bench.algorithms import Measured
from attnviz.pages.cost.bench.report import Report
from attnviz.pages.cost.flops import LONG, SHARE, TILE
from attnviz.pages.cost.sizes import Sizes
from attnviz.ui import glossary_links, widgets

PART = "paper"
LINKED = ("softmax", "decoder", "grouped-queries")
LEAST, MOST = 1_000, 10_000_000


def paper(own: Sizes, report: Report | None) -> None:
    """The arithmetic and the table."""
    st.header(lesson.text(PART, "title", {"n": encoding.thousands(_tokens())}), anchor="paper")
    numbers = {"model": widgets.plain(own.model), "heads": str(own.layer.heads), "dim": str(own.layer.dim)}
    st.markdown(glossary_links.linked(lesson.text(PART, "lead", numbers | {"layers": str(own.layers)})))
    n = int(st.number_input("Tokens of the long text", LEAST, MOST, LONG, step=1000, key="cost-tokens", width=220))
    live = worked(n, own)
    for at, step in enumerate(lesson.sums(), 1):
        with st.container(key=f"cost-sum-{step.id}"):
            said, sum_ = st.columns([6, 5], gap="medium", vertical_alignment="center")
            said.markdown(f"**{at}.** {glossary_links.linked(template.filled(step.text, live), *LINKED)}")
            sum_.latex(template.filled(step.formula, {name: _latex(value) for name, value in live.items()}))
    _beyond(n, own, report)


def _tokens() -> int:
    """The length in the field below, before it is drawn."""
    return int(st.session_state.get("cost-tokens", LONG))


def worked(n: int, own: Sizes) -> dict[str, str]:
    """Every number that the steps want, worked out."""
    layer = own.layer
    whole, tiles, recurrent = paper_cost.matrix(n, layer), paper_cost.tiled(n, layer), paper_cost.recurrent(n, layer)
    kept = paper_cost.remembered(n, layer, own.layers)
    saved = layer.heads // layer.groups
    sizes = {
        "n": n,
        "heads": layer.heads,
        "dim": layer.dim,
        "width": layer.width,
        "groups": layer.groups,
        "shared": layer.shared,
    }
    counts = sizes | {
        "layers": own.layers, "each": SHARE, "side": TILE, "pairs": n * n, "bytes": whole.held, "operations": whole.operations,
        "tilebytes": tiles.held, "keptbytes": kept, "recurrent": recurrent.operations, "even": paper_cost.even_length(layer),
    }  # fmt: skip
    both = whole.products + paper_cost.projections(n, layer)
    grouped = template.filled(
        _step("kept")["shared" if saved > 1 else "own"],
        {"groups": str(layer.groups), "heads": str(layer.heads), "saved": str(saved)},
    )
    return {name: encoding.thousands(count) for name, count in counts.items()} | {
        "held": units.stored(whole.held), "tileheld": units.stored(tiles.held), "kept": units.stored(kept),
        "all": encoding.digits(own.layers * whole.operations), "share": encoding.percent(whole.products / both, 1),
        "grouped": grouped,
    }  # fmt: skip


def _step(id: str) -> dict[str, str]:
    """All that the file says of a step."""
    return next(raw for raw in lesson.content()[PART]["step"] if raw["id"] == id)


def _latex(value: str) -> str:
    """A number as a formula wants it: commas that stand in a number and not between two, a power of ten as one."""
    whole, _, power = value.partition("e")
    if power and power.lstrip("-").isdigit():
        return rf"{whole} \cdot 10^{{{power}}}"
    if value.replace(",", "").isdigit():
        return value.replace(",", "{,}")
    return rf"\text{{{value.replace('%', chr(92) + '%')}}}"


def _beyond(n: int, own: Sizes, report: Report | None) -> None:
    """What each way costs on paper, and what the lines of this machine come to at that length, called so."""
    st.subheader(lesson.text("beyond", "title"), anchor="beyond")
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown(lesson.text("beyond", "paper", {"n": encoding.thousands(n)}))
        lines = ["| Way | Operations | Holds | Steps in a row |", "|:--|--:|--:|--:|"]
        for way, name in lesson.names().items():
            on = paper_cost.of(way, n, own.layer)
            cells = (_power(encoding.digits(on.operations)), units.stored(on.held), encoding.thousands(on.steps))
            lines.append(f"| **{name}** | {' | '.join(cells)} |")
        with st.container(key="cost-paper"):
            st.markdown("\n".join(lines))
    with right:
        _machine(n, own, report)


def _machine(n: int, own: Sizes, report: Report | None) -> None:
    """The lines of this machine drawn on, or what has to be done first."""
    found = () if report is None else report.found
    if report is not None and found and (report.plan.heads, report.plan.dim) != (own.layer.heads, own.layer.dim):
        st.markdown(lesson.text("beyond", "sizes"))
        return
    fits = [fit for way in algorithms.WAYS if (fit := growth.fitted(found, way, "seconds")) is not None]
    if not fits:
        st.markdown(lesson.text("beyond", "none"))
        return
    low, high = min(min(fit.lengths) for fit in fits), max(max(fit.lengths) for fit in fits)
    more = {"low": encoding.thousands(low), "high": encoding.thousands(high), "times": units.times(n / high)}
    st.markdown(lesson.text("beyond", "lead", more))
    lines = ["| Way | Time, extrapolated | Memory, extrapolated |", "|:--|--:|--:|"]
    for way, name in lesson.names().items():
        lines.append(f"| **{name}** | {' | '.join(_drawn_on(found, way, what, n) for what in ('seconds', 'held'))} |")
    with st.container(key="cost-beyond"):
        st.markdown("\n".join(lines))
    st.caption(lesson.text("beyond", "note"))


def _drawn_on(found: tuple[Measured, ...], way: str, what: str, n: int) -> str:
    """What a line comes to at a length far beyond, with its interval."""
    fit = growth.fitted(found, way, what)
    if fit is None:
        return lesson.text("beyond", "missing")
    said = units.lasting if what == "seconds" else units.stored
    value, low, high = (said(one) for one in fit.at(n))
    return value if low == high else f"{value} ({low} to {high})"


def _power(cell: str) -> str:
    """`3.77e13` as a person writes it."""
    whole, _, power = cell.partition("e")
    return rf"${whole} \cdot 10^{{{power}}}$" if power.isdigit() and whole.replace(".", "").isdigit() else cell
