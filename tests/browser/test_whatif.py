"""What if in a real browser: a prediction uncovers the answer, a setting changes it, and the link brings both back."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import LAPTOP, PHONE, Visit

SLOW = 90_000


@pytest.mark.parametrize(
    ("size", "model"),
    [pytest.param(LAPTOP, "minilm", id="laptop"), pytest.param(PHONE, "smollm2", id="phone", marks=pytest.mark.slow)],
)
def test_an_experiment_is_predicted_set_and_linked(visit: Visit, size: dict[str, int], model: str):
    visit.page.set_viewport_size(size)
    page = visit.open(f"/whatif?model={model}")
    expect(page.locator(".whatif .matrix")).to_have_count(1, timeout=SLOW)
    page.get_by_text("Word order", exact=True).click()
    expect(page.get_by_role("heading", name="Shuffle the words")).to_be_visible(timeout=SLOW)
    page.get_by_role("button", name="Show it").click()
    expect(page.locator(".whatif .matrix")).to_have_count(4, timeout=SLOW)
    expect(page.get_by_text("That is rounding")).to_be_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    page.locator(".st-key-whatif-mask").get_by_text("On", exact=True).click()
    expect(page.get_by_text("the mask itself gives information")).to_be_visible(timeout=SLOW)
    page.wait_for_function("() => location.search.includes('mask=on')", timeout=SLOW)
    page.reload()
    expect(page.get_by_text("the mask itself gives information")).to_be_visible(timeout=SLOW)
    page.get_by_role("link", name="The same head, step by step").click()
    expect(page.get_by_role("heading", name="Inside attention", level=2)).to_be_visible(timeout=SLOW)
    assert visit.errors == []
