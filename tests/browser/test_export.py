"""Saved files in a real browser: the board opens from a file and fetches nothing, the SVG has its labels on its letters."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from attnviz import board, export
from attnviz.analysis import view
from attnviz.engine.block import Block
from attnviz.engine.layers import Dense
from attnviz.engine.trace import Trace
from attnviz.figures import encoding, provenance, vector
from attnviz.types import AttentionRequest, HeadRef, ModelCard, Token
from attnviz.view_state import TokenSelection, ViewOptions
from tests.browser.conftest import FILE, Contexts

HOSTILE = "</script><img src=x onerror=alert(1)>"
CARD = ModelCard("tiny", "Tiny", "encoder", 2, 3, 64, "Apache-2.0", "nowhere")
WORDS = ("it", "saw", HOSTILE, "שלום")


def item(words: tuple[str, ...] = WORDS, focus: TokenSelection | None = TokenSelection(0)) -> export.ExportItem:  # noqa: B008
    text, tokens = " ".join(words), []
    for i, word in enumerate(words):
        start = sum(len(one) + 1 for one in words[:i])
        tokens.append(Token(word, word, start, start + len(word), i))
    random = np.random.default_rng(3)
    calls = tuple(Dense(random.dirichlet(np.ones(len(words)), (3, len(words))).astype(np.float32)) for _ in range(2))
    trace = Trace(AttentionRequest("tiny", text), (Block("self", tuple(tokens), tuple(tokens), calls),), "ab" * 32)
    head, options = HeadRef(1, 2), ViewOptions(words=False)
    return export.ExportItem(
        trace, view.pattern(trace, head, options), provenance.provenance(CARD, trace, head, options, focus)
    )


@pytest.fixture
def noted(contexts: Contexts):
    """A way to open a file, and a check at the end that nothing was asked for, complained of or opened."""
    messages: list[str] = []

    def opened(path: Path, scheme: str = "light", *, script: bool = True):
        page = contexts.page(FILE, color_scheme=scheme, java_script_enabled=script, offline=True)
        page.on("request", lambda request: messages.append(request.url) if request.url != path.as_uri() else None)
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.on("dialog", lambda dialog: (messages.append(dialog.message), dialog.dismiss()))
        page.goto(path.as_uri())
        return page

    yield opened
    contexts.clean()
    assert messages == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_saved_board_opens_offline_with_the_numbers_of_the_trace(noted, tmp_path: Path, scheme: str):
    shown = item()
    file = tmp_path / "board.html"
    file.write_bytes(export.exported("html", shown))
    page = noted(file, scheme)
    row = shown.pattern.weights[0]
    value = page.locator(".readout .value")
    expect(value).to_have_text(f"{row.max():.3f}")
    expect(page.locator(".claim .name")).to_have_text("L1·H2")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert ground == encoding.rgb(encoding.theme(scheme).page).tolist()
    page.locator("canvas.overview").focus()
    page.keyboard.press("ArrowLeft")  # another head is in the file as well
    expect(page.locator(".claim .name")).to_have_text("L1·H1")
    expect(value).to_have_text(f"{shown.trace.weights(1, 1)[0].max():.3f}")
    assert page.locator("img").count() == 0


def test_without_scripts_the_saved_board_is_its_text_and_its_numbers(noted, tmp_path: Path):
    shown = item()
    file = tmp_path / "board.html"
    file.write_bytes(export.exported("html", shown))
    page = noted(file, script=False)
    assert page.locator("p.attnviz-text").inner_text() == " ".join(WORDS)
    assert not page.locator(".attnviz").is_visible()
    page.locator("details.numbers summary").click()
    cells = page.locator("details.numbers tbody td").all_inner_texts()
    assert [float(one) for one in cells] == pytest.approx(shown.pattern.weights.ravel().tolist(), abs=0.0005)
    assert "sha256 abab" in page.locator("footer dl").inner_text()


@pytest.mark.parametrize("width", ["page", "column"])
def test_the_svg_has_its_labels_where_its_letters_are(noted, tmp_path: Path, width: str):
    shown = item()
    file = tmp_path / "head.svg"
    file.write_bytes(vector.svg(shown.pattern, shown.source, width=width))
    page = noted(file)
    keys = page.locator("text.key")
    assert keys.all_text_contents()[:2] == ["it", "saw"]
    assert keys.all_text_contents()[3] == "שלום"
    boxes = page.evaluate(
        """() => [...document.querySelectorAll('text.key, text.query')].map((text) => {
            const outline = text.parentNode.querySelector('g').getBoundingClientRect();
            const words = text.getBoundingClientRect();
            return [words.left - outline.left, words.right - outline.right, outline.width];
        })"""
    )
    for left, right, wide in boxes:  # the searchable text lies on its outlines; another font may be a fifth wider
        assert abs(left) <= 2 + 0.2 * wide
        assert abs(right) <= 2 + 0.2 * wide


def test_a_text_too_long_for_every_head_says_so_when_another_is_chosen(noted, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(sys.modules[board.frame.__module__], "ALL_WEIGHTS", 50)
    file = tmp_path / "board.html"
    file.write_bytes(export.exported("html", item()))
    page = noted(file)
    expect(page.locator(".readout .value")).to_have_text(f"{item().pattern.weights[0].max():.3f}")
    page.locator("canvas.overview").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".sink")).to_contain_text("is not in this file")
