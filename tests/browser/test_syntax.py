"""The syntax page in a real browser: arcs that scroll, words that can be clicked, a reader's own arc."""

from __future__ import annotations

from urllib.parse import parse_qs, quote, urlsplit

from playwright.sync_api import Page, TimeoutError, expect

from attnviz.linguistics import claims
from attnviz.linguistics.atlas import reader
from attnviz.selection import TEXT
from tests.browser.conftest import PHONE, Visit

SLOW = 90_000
OWN = "The small dog chased a very big cat"


def arcs(page: Page):
    """The picture, once it is drawn."""
    found = page.locator(".arcs svg")
    expect(found).to_be_visible(timeout=SLOW)
    return found


def wait_until_settled(page: Page) -> None:
    """Wait until the page no longer redraws: a redraw closes an open list."""
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=SLOW)
    page.wait_for_timeout(300)


def word(page: Page, text: str):
    """A word of the picture."""
    return page.locator(".arcs .word").filter(has=page.locator("text", has_text=text)).first


def param(page: Page, name: str) -> str:
    return parse_qs(urlsplit(page.url).query).get(name, [""])[0]


def choose(page: Page, label: str, option: str) -> None:
    """Pick an option; a list that a redraw closed is opened again."""
    for _ in range(5):
        wait_until_settled(page)
        page.get_by_label(label).fill(option)
        found = page.get_by_role("option", name=option, exact=True)
        try:
            found.click(timeout=3000)
        except TimeoutError:
            continue
        return
    raise AssertionError(f"{label} offers no {option}")


def test_links_and_choices_are_drawn_and_a_clicked_word_is_selected(visit: Visit):
    page = visit.open(f"/syntax?text={quote(TEXT)}&layer=3&head=1&focus=43")
    picture = arcs(page)
    expect(picture.locator(".arc")).to_have_count(10)
    expect(picture.locator(".hit")).to_have_count(4)
    expect(picture.locator(".miss")).to_have_count(6)
    assert "The to animal, det: ✓ hit." in str(picture.locator("desc").text_content())
    word(page, "animal").click()
    page.wait_for_function("() => new URLSearchParams(location.search).get('focus') === '4'", timeout=SLOW)
    assert visit.errors == []


def test_a_wide_sentence_scrolls_in_its_own_place_at_full_size(visit: Visit):
    visit.page.set_viewport_size(PHONE)
    page = visit.open(f"/syntax?text={quote(TEXT)}")
    box = arcs(page).locator("xpath=..")
    assert box.evaluate("e => e.scrollWidth > e.clientWidth + 200")
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    size = page.locator(".arcs .word text").first.evaluate("e => e.getBoundingClientRect().height")
    assert size > 18, "the type stays readable"
    box.focus()
    page.keyboard.press("End")  # a scroller that has the focus is moved by keys
    expect(box).to_be_focused()
    frame = box.locator("xpath=..")
    expect(frame).to_have_attribute("data-more", "right")
    box.evaluate("e => { e.blur(); e.scrollTo({ left: 120, behavior: 'instant' }); }")
    expect(frame).to_have_attribute("data-more", "left right")
    table = page.locator(".choices table")
    assert table.evaluate("e => e.getBoundingClientRect().right") <= PHONE["width"]
    page.get_by_label("Head", exact=True).first.fill("2")
    page.get_by_label("Head", exact=True).first.press("Enter")
    page.wait_for_function("() => location.search.includes('head=2')", timeout=SLOW)
    expect(page.get_by_text("L2·H2 is right on", exact=False).first).to_be_visible(timeout=SLOW)
    assert box.evaluate("e => e.scrollLeft") == 120, "another head does not throw the reader back to the left"


def test_a_readers_arc_is_set_from_the_keyboard_and_stays(visit: Visit):
    page = visit.open(f"/syntax?text={quote(OWN)}&focus=")
    arcs(page)
    expect(page.get_by_text("Parsed automatically", exact=False).first).to_be_visible()
    word(page, "very").click()
    page.wait_for_function("() => new URLSearchParams(location.search).get('focus') === '23'", timeout=SLOW)
    wait_until_settled(page)
    page.get_by_text("Correct the parser", exact=False).click()
    choose(page, "Its head", "cat")
    page.get_by_role("button", name="Set this arc").click()
    expect(page.get_by_text("You have changed 1 arc", exact=False)).to_be_visible(timeout=SLOW)
    expect(page.locator(".arcs .arc text", has_text="*")).to_have_count(1)
    page.get_by_role("link", name="Attention", exact=True).first.click()
    page.get_by_role("link", name="Syntax", exact=True).first.click()
    expect(page.locator(".arcs .arc text", has_text="*")).to_have_count(1, timeout=SLOW)
    assert param(page, "text") == OWN
    assert visit.errors == []


def test_hostile_words_stay_words(visit: Visit):
    evil = "Dogs <img src=x onerror=alert(1)> & </text><script>alert(2)</script> \x07 bark"
    page = visit.open(f"/syntax?text={quote(evil)}")
    picture = arcs(page)
    words = [str(one.text_content()) for one in picture.locator(".word text").all()]
    assert {"Dogs", "bark"} <= set(words)
    assert page.locator(".arcs img, .arcs script").count() == 0
    assert visit.errors == []


def test_a_button_of_the_table_chooses_its_best_head_once(visit: Visit):
    page = visit.open(f"/syntax?text={quote(TEXT)}&layer=0&head=0")
    arcs(page)
    wait_until_settled(page)
    known = reader.shipped("minilm")
    assert known is not None
    best = claims.best_head(known, "det:")
    assert best is not None
    button = page.locator(".choices button").first  # that of det
    expect(button).to_have_attribute("aria-pressed", "false")
    button.click()
    page.wait_for_function(f"() => location.search.includes('layer={best.head.layer}&head={best.head.head}&')", timeout=SLOW)
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(button).to_be_focused()
    page.get_by_label("Head", exact=True).first.fill("5")
    page.get_by_label("Head", exact=True).first.press("Enter")
    expect(page.get_by_text(f"L{best.head.layer}·H5 is right on", exact=False).first).to_be_visible(timeout=SLOW)
