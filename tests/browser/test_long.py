"""A long text in the running app: it opens, fills layer by layer, its heads and words can be chosen, and its matrix zooms."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from attnviz.lessons.long import long_texts
from tests.browser.canvases import matrix_place
from tests.browser.conftest import PHONE, Visit

CONTRACT = long_texts()[0]
SLOW = 120_000  # milliseconds: a thousand tokens and thirty layers on a busy machine
NODES = 1500
COUNTED = ".attnviz .count"  # the tour of Start has a count too
# Two fingers around a point of the matrix, 40 pixels apart and then 160.
PINCH = """(canvas, [x, y]) => { const box = canvas.getBoundingClientRect();
  const send = (name, id, off) => canvas.dispatchEvent(new PointerEvent(name, {
    pointerId: id, pointerType: 'touch', bubbles: true, clientX: box.left + x + off, clientY: box.top + y }));
  send('pointerdown', 1, -20); send('pointerdown', 2, 20); send('pointermove', 1, -80); send('pointermove', 2, 80);
  send('pointerup', 1, -80); send('pointerup', 2, 80); }"""
COUNT = """() => [...document.querySelectorAll('*')].find(one => one.shadowRoot?.querySelector('.attnviz'))
  .shadowRoot.querySelectorAll('*').length"""
PICTURES = """() => [...document.querySelectorAll('*')].find(one => one.shadowRoot?.querySelector('.attnviz'))
  .shadowRoot.querySelector('canvas.overview').toDataURL()"""


def chosen(page: Page) -> None:
    """The contract is chosen from the examples, as a reader does."""
    page.get_by_label("Example").first.click()
    page.keyboard.type(CONTRACT.title)
    page.keyboard.press("Enter")


def filled(page: Page) -> None:
    """Every layer is here."""
    expect(page.locator(COUNTED)).to_contain_text("pooled by maximum", timeout=SLOW)


@pytest.mark.slow
def test_a_long_text_opens_fills_and_its_matrix_zooms(visit: Visit):
    page = visit.open("/")
    expect(page.locator(".readout .value")).to_be_visible(timeout=SLOW)
    chosen(page)
    # The chosen head is exact while the other layers are still on their way.
    expect(page.locator(COUNTED)).to_contain_text("filling", timeout=SLOW)
    expect(page.locator(".readout")).to_contain_text("0.450", timeout=SLOW)
    assert "filling" in page.locator(COUNTED).inner_text()
    begun = page.evaluate(PICTURES)
    expect(page.get_by_text("the model was changed from")).to_be_visible()
    filled(page)
    assert page.evaluate(PICTURES) != begun
    expect(page.locator(".readout")).to_contain_text("Handover (no. 2)")
    assert page.evaluate(COUNT) < NODES

    below = page.locator(".below")
    expect(below).to_contain_text(re.compile(r"all \d+ words, pooled by maximum"))
    page.locator("canvas.head").focus()
    for _ in range(9):
        page.keyboard.press("+")
    # The selected link, from 7.2 back to 1.1, is what the keys zoom in on.
    expect(below).to_contain_text(re.compile(r"shows rows \d+ to \d+ and columns \d+ to \d+ of \d+ words: "))
    rows = [int(n) for n in re.findall(r"\d+", below.inner_text())[:4]]
    assert rows[0] <= 717 <= rows[1]
    assert rows[2] <= 72 <= rows[3]
    page.mouse.move(*middle(page))
    page.mouse.down()
    x, y = middle(page)
    page.mouse.move(x - 60, y - 60, steps=4)
    page.mouse.up()
    moved = [int(n) for n in re.findall(r"\d+", below.inner_text())[:4]]
    assert moved[2] > rows[2]
    page.mouse.move(5, 5)
    expect(page.locator(".readout")).to_contain_text("Handover (no. 2)")  # a drag holds no word
    page.keyboard.press("0")
    expect(below).to_contain_text("pooled by maximum")
    page.keyboard.press("0")
    expect(below).to_contain_text(re.compile(r"^Rows \d+ to \d+ of"))

    # Another head: its small picture at once, its weights when they have come.
    page.locator("canvas.overview").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".name")).to_have_text("L18·H7")
    expect(page.locator(".readout .value")).to_be_visible(timeout=SLOW)
    expect(page.locator(".readout")).to_contain_text("0.447")
    filled(page)
    assert page.locator(".attnviz").count() == 1
    assert visit.errors == []


def middle(page: Page) -> tuple[float, float]:
    """The middle of the matrix, in the window."""
    page.locator("canvas.head").scroll_into_view_if_needed()
    box = page.locator("canvas.head").bounding_box()
    assert box is not None
    x, y = matrix_place(page).center
    return box["x"] + x, box["y"] + y


@pytest.mark.slow
def test_on_a_phone_a_long_text_fits_and_its_matrix_pinches(visit: Visit):
    page = visit.page
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    link = {
        "model": CONTRACT.model,
        "layer": 18,
        "head": 6,
        "focus": CONTRACT.selected[0],
        "view": "matrix",
        "text": CONTRACT.text,
    }
    page.goto(f"{visit.address}/?{urlencode(link)}")
    filled(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    expect(page.locator(".below")).to_contain_text("pooled by maximum", timeout=SLOW)
    page.locator("canvas.head").scroll_into_view_if_needed()
    page.locator("canvas.head").evaluate(PINCH, list(matrix_place(page).center))
    expect(page.locator(".below")).to_contain_text("+ and \N{MINUS SIGN} zoom")
    assert visit.errors == []
