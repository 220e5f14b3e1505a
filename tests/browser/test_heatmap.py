"""The heatmap as plotly draws it: what stands at the rows, what a pointer reads, and nothing that runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import plotly
import pytest
from playwright.sync_api import Page

from attnviz.figures import heatmap
from attnviz.types import Pattern
from tests.browser.conftest import FILE, Contexts

PLOTLY = (Path(plotly.__file__).parent / "package_data/plotly.min.js").read_text()
HOSTILE = "</script><img src=x onerror=alert(1)><b>&amp;"
CAUSAL = Pattern(
    ("it", "it", HOSTILE),
    ("it", "it", HOSTILE),
    np.array([[1, 0, 0], [0.36, 0.64, 0], [0.1, 0.2, 0.7]], np.float32),
    np.zeros(3),
    causal=True,
)


@pytest.fixture
def page(contexts: Contexts):
    fresh = contexts.page(FILE)
    messages: list[str] = []
    fresh.on("request", lambda request: messages.append(request.url))
    fresh.on("pageerror", lambda error: messages.append(str(error)))
    fresh.on("dialog", lambda dialog: messages.append(dialog.message))
    yield fresh
    fresh.close()
    assert messages == []


def draw(page: Page, figure) -> None:
    spec = figure.to_json().replace("<", "\\u003c")
    page.set_content(f"<body style='margin:0'><div id='g'></div><script>{PLOTLY}</script>")
    page.evaluate(f"Plotly.newPlot('g', Object.assign({spec}, {{config: {json.dumps(heatmap.CONFIG)}}}))")


def hovered(page: Page, row: int, column: int, count: int = 3) -> str:
    """What the pointer reads on one cell."""
    axes = "const {xaxis: x, yaxis: y} = document.getElementById('g')._fullLayout"
    left, width, top, height = page.evaluate(f"() => {{ {axes}; return [x._offset, x._length, y._offset, y._length]; }}")
    page.mouse.move(left + width * (column + 0.5) / count, top + height * (row + 0.5) / count)
    page.wait_for_timeout(150)
    return "".join(page.locator(".hoverlayer .hovertext").all_text_contents()).translate({0x2068: None, 0x2069: None})


def test_a_pointer_reads_every_link_with_its_labels_as_typed(page: Page):
    draw(page, heatmap.figure(CAUSAL, selected_rows=2, title=HOSTILE))
    assert sorted(page.locator(".ytick text").all_text_contents()) == sorted(["it", "it", HOSTILE[:23] + "…"])
    assert hovered(page, 1, 0) == "it → it 0.360"
    assert hovered(page, 2, 2) == f"{HOSTILE} → {HOSTILE} 0.700"
    assert hovered(page, 0, 1) == "it cannot look at it: it comes later"
    assert page.locator("img[onerror]").count() == 0


def test_a_long_text_shows_more_labels_when_one_zooms_in(page: Page):
    weights = np.full((120, 120), 1 / 120, np.float32)
    names = tuple(f"w{i}" for i in range(120))
    draw(page, heatmap.figure(Pattern(names, names, weights, np.zeros(120))))
    few = page.locator(".ytick text").all_text_contents()
    page.evaluate("Plotly.relayout('g', {'yaxis.range': [29.5, 9.5]})")
    assert len(few) < 120
    assert set(page.locator(".ytick text").all_text_contents()) == {f"w{i}" for i in range(10, 30)}
