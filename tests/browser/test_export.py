"""The exported page in a real browser: it opens from a file, fetches nothing, runs nothing, and follows light and dark."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser

from attnviz.figures import encoding, export
from attnviz.types import HeadRef, Pattern, Token, ViewOptions

HOSTILE = "</script><img src=x onerror=alert(1)>"


def source(*words: str) -> export.Provenance:
    tokens = tuple(Token(word, word, i, i + 1, i) for i, word in enumerate(words))
    versions = (("attnviz", "0.1.0"),)
    return export.Provenance(
        "m", "Model", "ab", "", versions, " ".join(words), None, HeadRef(3, 1), ViewOptions(), tokens, tokens
    )


@pytest.fixture
def noted(browser: Browser):
    """A way to open a file, and a check at the end that nothing was asked for, complained of or opened."""
    said: list[str] = []
    pages = []

    def opened(path: Path, scheme: str = "light"):
        page = browser.new_page(color_scheme=scheme)
        pages.append(page)
        page.on("request", lambda request: said.append(request.url) if request.url != path.as_uri() else None)
        page.on("console", lambda message: said.append(message.text))
        page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
        page.goto(path.as_uri())
        return page

    yield opened
    for page in pages:
        page.close()
    assert [one for one in said if not one.startswith("data:image/png")] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_cells_have_their_colours_and_a_row_tells_its_numbers_when_pointed_at(noted, tmp_path: Path, scheme: str):
    weights = np.array([[0.7, 0.3, 0], [0.04, 0.32, 0.64], [1, 0, 0]], np.float32)
    words = ("it", "it", HOSTILE)
    file = tmp_path / "head.html"
    file.write_bytes(export.as_html(Pattern(words, words, weights, np.zeros(3)), source(*words)))
    page = noted(file, scheme)
    row = page.locator("table.head tbody tr").nth(1)
    cell = row.locator("td").nth(2)
    assert cell.get_attribute("title").endswith("0.64")
    want = encoding.weight_rgb(np.array(0.64), scheme).astype(int)
    shown = cell.evaluate("e => getComputedStyle(e).backgroundColor.match(/\\d+/g).map(Number)")
    assert np.abs(np.array(shown) - want).max() <= 2
    number = cell.locator("span")
    assert number.evaluate("e => getComputedStyle(e).opacity") == "0"
    cell.hover()
    assert number.evaluate("e => getComputedStyle(e).opacity") == "1"
    assert number.text_content() == ".64"
    assert page.locator("p.text").text_content() == f"it it {HOSTILE}"
    assert page.locator("img").count() == 0


def test_numbers_unfold_without_a_script(noted, tmp_path: Path):
    file = tmp_path / "head.html"
    file.write_bytes(
        export.as_html(Pattern(("a", "b"), ("a", "b"), np.full((2, 2), 0.5, np.float32), np.zeros(2)), source("a", "b"))
    )
    page = noted(file)
    assert not page.locator("details td").last.is_visible()
    page.get_by_text("All weights in numbers").click()
    assert page.locator("details td").last.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_picture_of_a_long_text_is_decoded_in_the_colours_of_the_theme(noted, tmp_path: Path, scheme: str):
    names = tuple(f"w{i}" for i in range(110))
    file = tmp_path / "head.html"
    file.write_bytes(export.as_html(Pattern(names, names, np.eye(110, dtype=np.float32), np.zeros(110)), source(*names)))
    page = noted(file, scheme)
    picture = page.locator("picture img")
    assert picture.evaluate("e => [e.complete, e.naturalWidth, e.naturalHeight]") == [True, 110, 110]
    pixel = """e => {
        const canvas = document.createElement('canvas'), draw = canvas.getContext('2d');
        draw.drawImage(e, 0, 0);
        return [...draw.getImageData(5, 5, 1, 1).data].slice(0, 3);
    }"""
    assert picture.evaluate(pixel) == encoding.weight_rgb(np.array(1.0), scheme).tolist()
