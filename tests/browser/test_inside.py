"""Inside attention in a real browser: every step by button, back by key, a link to a step, nothing wider than a phone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from attnviz.pages.inside import lesson
from tests.browser.conftest import LAPTOP, PHONE, Visit

SLOW = 90_000
FAMILIES = {"minilm": "bert", "smollm2": "llama"}
WIDER = """() => [document.documentElement, document.querySelector("[data-testid=stMain]")]
    .filter(part => part.scrollWidth > part.clientWidth).length"""


def like(text: str) -> re.Pattern[str]:
    """A text whose gaps are filled with whatever it may be."""
    return re.compile("^" + ".+".join(re.escape(part.strip()).replace(r"\ ", r"\s+") for part in re.split(r"@\{\w+\}", text)))


@pytest.mark.slow
@pytest.mark.parametrize("model", FAMILIES)
def test_all_steps_are_shown_on_two_screens(visit: Visit, model: str):
    page = visit.open(f"/inside?model={model}")
    steps = lesson.steps(FAMILIES[model])
    assert len(steps) == 14

    def stands(number: int) -> None:
        step = steps[number]
        expect(page.locator(".st-key-inside h3")).to_have_text(like(step.title), timeout=SLOW)
        formula = page.locator(".st-key-inside-formula")
        expect(formula.locator(".katex")).to_be_visible(timeout=SLOW)
        expect(formula.locator("annotation")).to_have_text(like(step.formula), timeout=SLOW)
        expect(formula.locator(".katex-error")).to_have_count(0)
        expect(page.locator(".st-key-inside-picture")).to_have_text(like(step.picture), timeout=SLOW)
        picture = page.locator("div.inside > *")
        expect(picture.first).to_be_visible(timeout=SLOW)
        for size in (LAPTOP, PHONE):
            page.set_viewport_size(size)
            page.wait_for_function(f"() => ({WIDER})() === 0", timeout=SLOW)
            ends = page.locator("div.inside, .st-key-inside-formula .base").evaluate_all(
                "all => all.map(one => one.getBoundingClientRect().right)"
            )
            assert max(ends) <= size["width"]
            if step.id == "mask":  # as many rows as columns, each as high as wide
                square = page.locator(".matrix .grid").bounding_box()
                assert square is not None
                assert square["height"] == pytest.approx(square["width"], abs=4)

    for number in range(len(steps)):
        stands(number)
        if number + 1 < len(steps):
            page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("button", name="Next")).to_be_disabled()
    page.locator(".st-key-inside h3").click()  # no field has the focus
    page.keyboard.press("ArrowLeft")
    stands(len(steps) - 2)
    assert visit.errors == []


def test_a_link_opens_a_step_and_keys_continue_from_there(visit: Visit):
    page = visit.open("/inside?model=minilm&step=scaled")
    expect(page.get_by_role("heading", name="Scores are divided")).to_be_visible(timeout=SLOW)
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("heading", name="Which tokens are visible")).to_be_visible(timeout=SLOW)
    page.locator("h3").first.click()  # no field has the focus
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("heading", name="Scores become shares")).to_be_visible(timeout=SLOW)
    page.wait_for_function("() => location.search.includes('step=softmax')", timeout=SLOW)
    page.reload()
    expect(page.get_by_role("heading", name="Scores become shares")).to_be_visible(timeout=SLOW)
    page.set_viewport_size(PHONE)
    page.get_by_test_id("stMain").evaluate("one => one.scrollTo(0, 1e6)")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("heading", name="These shares are the attention weights")).to_be_in_viewport(timeout=SLOW)
    page.wait_for_function("() => location.search.includes('step=weights')", timeout=SLOW)
    page.get_by_role("radio", name="Mask").press("Enter")
    expect(page.get_by_role("heading", name="Which tokens are visible")).to_be_in_viewport(timeout=SLOW)
    page.locator("input[aria-label='Head']").first.press("ArrowRight")  # within a field, an arrow is the field's
    page.wait_for_timeout(1000)
    expect(page.get_by_role("heading", name="Which tokens are visible")).to_be_visible()
    assert visit.errors == []
