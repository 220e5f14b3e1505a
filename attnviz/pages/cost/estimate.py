"""Compute the cost of a long text step by step, and extrapolate this machine's measurements to its length."""

from __future__ import annotations

import streamlit as st

from attnviz.figures import encoding, units
from attnviz.lessons import template
from attnviz.pages.cost import flops, growth, lesson
from attnviz.pages.cost.bench import algorithms
from attnviz.pages.cost.bench.algorithms import Measurement
from attnviz.pages.cost.bench.report import BenchmarkReport
from attnviz.pages.cost.flops import LONG, SHARE, TILE
from attnviz.pages.cost.sizes import ModelSizes
from attnviz.ui import glossary_links, widgets

PART = "estimate"
LINKED = ("softmax", "decoder", "grouped-queries")
MIN_LENGTH, MAX_LENGTH = 1_000, 10_000_000
WIDE = 10_000  # an interval with ends further apart than this factor says nothing


def estimate(model_sizes: ModelSizes, report: BenchmarkReport | None) -> None:
    """Draw the arithmetic and the tables."""
    st.header(lesson.text(PART, "title", {"n": encoding.thousands(_tokens())}), anchor="paper")
    numbers = {
        "model": widgets.plain(model_sizes.model),
        "heads": str(model_sizes.layer.heads),
        "dim": str(model_sizes.layer.dim),
    }
    st.markdown(glossary_links.linked(lesson.text(PART, "lead", numbers | {"layers": str(model_sizes.layers)})))
    n = int(st.number_input("Tokens of the long text", MIN_LENGTH, MAX_LENGTH, LONG, step=1000, key="cost-tokens", width=220))
    live = step_values(n, model_sizes)
    for at, step in enumerate(lesson.estimate_steps(), 1):
        with st.container(key=f"cost-sum-{step.id}"):
            text, sum_ = st.columns([6, 5], gap="medium", vertical_alignment="center")
            text.markdown(f"**{at}.** {glossary_links.linked(template.fill(step.text, live), *LINKED)}")
            sum_.latex(template.fill(step.formula, {name: _latex(value) for name, value in live.items()}))
    _tables(n, model_sizes, report)


def _tokens() -> int:
    """Return the length in the field below, before it is drawn."""
    return int(st.session_state.get("cost-tokens", LONG))


def step_values(n: int, model_sizes: ModelSizes) -> dict[str, str]:
    """Return every number that the steps need."""
    layer = model_sizes.layer
    full_matrix, tiles, recurrent = flops.matrix(n, layer), flops.tiled(n, layer), flops.recurrent(n, layer)
    kept = flops.kv_cache_bytes(n, layer, model_sizes.layers)
    saved = layer.heads // layer.groups
    sizes = {
        "n": n,
        "heads": layer.heads,
        "dim": layer.dim,
        "width": layer.width,
        "groups": layer.groups,
        "shared": layer.kv_width,
    }
    counts = sizes | {
        "layers": model_sizes.layers,
        "each": SHARE,
        "side": TILE,
        "pairs": n * n,
        "bytes": full_matrix.peak_bytes,
        "operations": full_matrix.operations,
        "tilebytes": tiles.peak_bytes,
        "keptbytes": kept,
        "recurrent": recurrent.operations,
        "even": flops.break_even_length(layer),
    }
    both = full_matrix.products + flops.projections(n, layer)
    grouped = template.fill(
        _step("kept")["shared" if saved > 1 else "own"],
        {"groups": str(layer.groups), "heads": str(layer.heads), "saved": str(saved)},
    )
    return {name: encoding.thousands(count) for name, count in counts.items()} | {
        "size": units.byte_size(full_matrix.peak_bytes),
        "tileheld": units.byte_size(tiles.peak_bytes),
        "kept": units.byte_size(kept),
        "all": encoding.digits(model_sizes.layers * full_matrix.operations),
        "share": encoding.percent(full_matrix.products / both, 1),
        "grouped": grouped,
    }


def _step(id: str) -> dict[str, str]:
    """Return a step's table of the content file."""
    return next(raw for raw in lesson.content()[PART]["step"] if raw["id"] == id)


def _latex(value: str) -> str:
    """Write a number for a formula: thousands commas without spacing, a power of ten as a power."""
    whole, _, power = value.partition("e")
    if power and power.lstrip("-").isdigit():
        return rf"{whole} \cdot 10^{{{power}}}"
    if value.replace(",", "").isdigit():
        return value.replace(",", "{,}")
    return rf"\text{{{value.replace('%', chr(92) + '%')}}}"


def _tables(n: int, model_sizes: ModelSizes, report: BenchmarkReport | None) -> None:
    """Draw the computed cost of each algorithm beside the extrapolation from this machine."""
    st.subheader(lesson.text("extrapolation", "title"), anchor="beyond")
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown(glossary_links.linked(lesson.text("extrapolation", "computed", {"n": encoding.thousands(n)})))
        lines = ["| Algorithm | Operations | Peak memory | Steps in sequence |", "|:--|--:|--:|--:|"]
        for algorithm, name in lesson.names().items():
            on = flops.estimate(algorithm, n, model_sizes.layer)
            cells = (
                _power(encoding.digits(on.operations)),
                units.byte_size(on.peak_bytes),
                encoding.thousands(on.sequential_steps),
            )
            lines.append(f"| **{name}** | {' | '.join(cells)} |")
        with st.container(key="cost-paper"):
            st.markdown("\n".join(lines))
    with right:
        _extrapolation(n, model_sizes, report)


def _extrapolation(n: int, model_sizes: ModelSizes, report: BenchmarkReport | None) -> None:
    """Draw the extrapolation, or say what to do first."""
    found = () if report is None else report.found
    if (
        report is not None
        and found
        and (report.plan.heads, report.plan.dim) != (model_sizes.layer.heads, model_sizes.layer.dim)
    ):
        st.markdown(glossary_links.linked(lesson.text("extrapolation", "sizes")))
        return
    fits = [
        fit for algorithm in algorithms.ALGORITHMS if (fit := growth.fit_algorithm(found, algorithm, "seconds")) is not None
    ]
    if not fits:
        st.markdown(glossary_links.linked(lesson.text("extrapolation", "none")))
        return
    low, high = min(min(fit.lengths) for fit in fits), max(max(fit.lengths) for fit in fits)
    more = {"low": encoding.thousands(low), "high": encoding.thousands(high), "times": units.ratio_text(n / high)}
    st.markdown(glossary_links.linked(lesson.text("extrapolation", "lead", more)))
    lines = ["| Algorithm | Time, extrapolated | Memory, extrapolated |", "|:--|--:|--:|"]
    for algorithm, name in lesson.names().items():
        lines.append(
            f"| **{name}** | {' | '.join(extrapolated(found, algorithm, what, n) for what in ('seconds', 'peak_bytes'))} |"
        )
    with st.container(key="cost-beyond"):
        st.markdown("\n".join(lines))
    st.caption(glossary_links.linked(lesson.text("extrapolation", "note", {"wide": encoding.thousands(WIDE)})))


def extrapolated(found: tuple[Measurement, ...], algorithm: str, what: str, n: int) -> str:
    """Return the extrapolated cost with its interval."""
    fit = growth.fit_algorithm(found, algorithm, what)
    if fit is None:
        return lesson.text("extrapolation", "missing")
    write = units.duration if what == "seconds" else units.byte_size
    value, low, high = fit.predict(n)
    if high > WIDE * low:
        return lesson.text("extrapolation", "wide", {"value": write(value)})
    between = f"{write(low)} to {write(high)}"
    return write(value) if write(low) == write(high) else f"{write(value)} ({between})"


def _power(cell: str) -> str:
    """Write `3.77e13` as a power of ten."""
    whole, _, power = cell.partition("e")
    return rf"${whole} \cdot 10^{{{power}}}$" if power.isdigit() and whole.replace(".", "").isdigit() else cell
