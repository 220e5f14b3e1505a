"""The coreference page in a real browser: words clicked and pressed, a link that brings them back, drawings and phones."""

from __future__ import annotations

from urllib.parse import quote

from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Visit

SLOW = 90_000
OWN = "Anna met her old friend Ruth in the garden and she laughed"
SHE = OWN.index("she")
PROJECTORS = ((1366, 768), (1920, 1080))


def word(page: Page, text: str, number: int = 0):
    """The button of a word, by where it starts."""
    start = -1
    for _ in range(number + 1):
        start = OWN.index(text, start + 1)
    return page.locator(f".st-key-word-{start} button")


def address(page: Page, part: str) -> None:
    """Wait until the address has it."""
    page.wait_for_function("part => decodeURIComponent(location.search).includes(part)", arg=part, timeout=SLOW)


def test_words_are_clicked_and_a_reload_brings_them_back(visit: Visit):
    page = visit.open(f"/coreference?text={quote(OWN)}&focus={SHE}")
    expect(word(page, "she")).to_contain_text("pronoun", timeout=SLOW)
    word(page, "Anna").click()
    expect(word(page, "Anna")).to_contain_text("candidate 1", timeout=SLOW)
    word(page, "Ruth").click()
    expect(page.get_by_text("All 72 heads", exact=False)).to_be_visible(timeout=SLOW)
    address(page, f"candidates=0,{OWN.index('Ruth')}")
    page.reload()
    expect(word(page, "Ruth")).to_contain_text("candidate 2", timeout=SLOW)
    expect(word(page, "she")).to_contain_text("pronoun")
    expect(page.get_by_role("img", name="she: Anna 0.", exact=False)).to_be_visible(timeout=SLOW)
    word(page, "Anna").click()
    expect(word(page, "Anna")).to_have_text("Anna", timeout=SLOW)
    expect(page.get_by_text("at least two words that it could refer to", exact=False)).to_be_visible(timeout=SLOW)
    assert visit.errors == []


def test_the_keyboard_chooses_words_and_stays_on_them(visit: Visit):
    page = visit.open(f"/coreference?text={quote(OWN)}&focus={SHE}")
    expect(word(page, "she")).to_contain_text("pronoun", timeout=SLOW)
    word(page, "Anna").focus()
    page.keyboard.press("Enter")
    expect(word(page, "Anna")).to_contain_text("candidate 1", timeout=SLOW)
    expect(word(page, "Anna")).to_be_focused()
    for _ in range(5):
        page.keyboard.press("Tab")
    expect(word(page, "Ruth")).to_be_focused()
    page.keyboard.press(" ")
    expect(word(page, "Ruth")).to_contain_text("candidate 2", timeout=SLOW)
    address(page, f"candidates=0,{OWN.index('Ruth')}")
    page.get_by_role("radio", name="the pronoun", exact=True).focus()
    page.keyboard.press(" ")
    word(page, "her").focus()
    page.keyboard.press("Enter")
    expect(word(page, "her")).to_contain_text("pronoun", timeout=SLOW)
    address(page, f"focus={OWN.index('her')}")


def test_on_a_phone_the_words_wrap_and_are_large_enough_for_a_finger(visit: Visit):
    visit.page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    page = visit.open(f"/coreference?text={quote(OWN)}&focus={SHE}&candidates=0,{OWN.index('Ruth')}")
    expect(page.get_by_text("All 72 heads", exact=False)).to_be_visible(timeout=SLOW)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=SLOW)
    expect(page.locator(".st-key-words button")).to_have_count(12)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    boxes = page.locator(".st-key-words button").evaluate_all("all => all.map((one) => one.getBoundingClientRect().toJSON())")
    assert min(box["height"] for box in boxes) >= 40
    assert len({round(box["y"]) for box in boxes}) > 1
    assert max(box["x"] + box["width"] for box in boxes) <= PHONE["width"]


def test_pictures_follow_the_theme_at_once_and_fit_a_projector(visit: Visit):
    page = visit.page
    drawing = page.get_by_role("img", name="it: animal 0.640, the right one, hit", exact=False)
    missed = page.get_by_role("img", name="it: animal 0.266; street 0.128, the right one, miss", exact=False)
    page.emulate_media(color_scheme="light")
    visit.open("/coreference")
    for scheme, orange in (("light", "rgb(184, 67, 10)"), ("dark", "rgb(255, 156, 91)"), ("light", "rgb(184, 67, 10)")):
        page.emulate_media(color_scheme=scheme)
        expect(drawing).to_be_visible(timeout=SLOW)
        expect(drawing.locator("img:visible")).to_have_count(1, timeout=SLOW)
        expect(drawing.locator(f".in-{scheme} img")).to_be_visible(timeout=SLOW)
        expect(drawing.locator("img:visible")).to_have_js_property("naturalWidth", 72)
        expect(drawing.locator("> span").first).to_have_css("background-color", orange)
        expect(drawing).to_contain_text("✓ hit")
        expect(missed).to_be_visible()
    page.keyboard.press("f")
    for width, height in PROJECTORS:
        page.set_viewport_size({"width": width, "height": height})
        expect(page.get_by_text("Change from the first sentence", exact=False)).to_be_in_viewport(ratio=1)
        for one in (page.locator(".st-key-verdict"), drawing, missed, *page.locator(".attnviz-sentence").all()):
            expect(one).to_be_in_viewport(ratio=1)
    page.get_by_role("link", name="Attention", exact=True).click()
    expect(page.locator(".st-key-board .rest")).to_be_visible(timeout=SLOW)
    for width, height in PROJECTORS:
        page.set_viewport_size({"width": width, "height": height})
        for name in (".lines", ".readout", ".rest", ".stage", ".overview"):
            expect(page.locator(f".st-key-board {name}")).to_be_in_viewport(ratio=1)
        assert page.locator(".st-key-board .readout").evaluate("one => one.scrollWidth <= one.clientWidth")
