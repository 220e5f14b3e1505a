"""Inside attention in a real browser: on and back by button and by key, a link to a step, nothing wider than a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import LAPTOP, PHONE, Visit

SLOW = 90_000


@pytest.mark.parametrize(("size", "model"), [(LAPTOP, "minilm"), (PHONE, "smollm2")], ids=["laptop", "phone"])
def test_the_walk_goes_on_and_back_and_opens_at_a_step(visit: Visit, size: dict[str, int], model: str):
    visit.page.set_viewport_size(size)
    page = visit.open(f"/inside?model={model}&step=scaled")
    expect(page.get_by_role("heading", name="Scores are divided")).to_be_visible(timeout=SLOW)
    expect(page.locator(".katex").first).to_be_visible(timeout=SLOW)
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("heading", name="Who may be seen")).to_be_visible(timeout=SLOW)
    picture = page.locator(".matrix .grid").bounding_box()
    assert picture is not None
    assert picture["height"] == pytest.approx(picture["width"], abs=4)  # as many rows as columns, each as high as wide
    page.locator("h3").first.click()  # no field has the focus
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("heading", name="Scores become shares")).to_be_visible(timeout=SLOW)
    page.wait_for_function("() => location.search.includes('step=softmax')", timeout=SLOW)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("heading", name="Who may be seen")).to_be_visible(timeout=SLOW)
    page.reload()
    expect(page.get_by_role("heading", name="Who may be seen")).to_be_visible(timeout=SLOW)
    page.locator("input[aria-label='Head']").first.press("ArrowRight")  # within a field, an arrow is the field's
    page.wait_for_timeout(1000)
    expect(page.get_by_role("heading", name="Who may be seen")).to_be_visible()
    assert visit.errors == []
