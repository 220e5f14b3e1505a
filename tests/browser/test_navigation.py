"""The row of pages in a browser: one row where there is room, else a menu; the text goes along. A first visit opens Start."""

from __future__ import annotations

import re
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Browser, Page, expect

from attnviz.web.navigation import PAGES
from tests.browser.conftest import PHONE, Visit

SLOW = 60_000
QUIET = "[data-testid=stApp][data-test-script-state=notRunning]"
TEXT = "Dogs chase cats"
APART = """() => {
  const [card, ring] = ["attnviz-tour", "attnviz-tour-ring"].map((id) => document.getElementById(id).getBoundingClientRect());
  const beside = card.left >= ring.right || card.right <= ring.left;
  return ring.width > 0 && (beside || card.top >= ring.bottom || card.bottom <= ring.top);
}"""


def test_every_page_stands_in_one_row_and_the_text_goes_along_into_another_tab(visit: Visit):
    page = visit.open(f"/glossary?text={TEXT.replace(' ', '+')}")
    page.locator(QUIET).wait_for(timeout=SLOW)
    expect(page.get_by_label("Sentence", exact=True).first).to_have_value(TEXT, timeout=SLOW)
    row = page.get_by_role("navigation", name="Pages")
    for width in (1100, 1366, 1920):
        page.set_viewport_size({"width": width, "height": 700})
        links = row.locator("a[data-page]").all()
        assert [link.get_attribute("data-page") for link in links] == [entry.name for entry in PAGES]
        boxes = [box for link in links if (box := link.bounding_box())]
        assert len({box["y"] for box in boxes}) == 1
        assert all(right["x"] >= left["x"] + left["width"] for left, right in pairwise(boxes))
        assert boxes[-1]["x"] + boxes[-1]["width"] <= width - 60  # the menu of the app stands there
        assert boxes[0]["y"] + boxes[0]["height"] <= 64
    expect(row.locator("[aria-current=page]")).to_have_text("Glossary", use_inner_text=True)
    with visit.context.expect_page() as waiting:
        row.get_by_role("link", name="Cost", exact=True).click(modifiers=["Control"])
    other = urlsplit(waiting.value.url)
    assert (other.path, parse_qs(other.query)["text"]) == ("/cost", [TEXT])
    waiting.value.close()
    row.get_by_role("link", name="Cost", exact=True).click()
    page.wait_for_function("() => location.pathname === '/cost' && location.search.includes('Dogs')", timeout=SLOW)
    expect(row.locator("[aria-current=page]")).to_have_text("Cost", use_inner_text=True)
    share_keys_and_presenting(page)
    page.reload()
    expect(row.locator("[aria-current=page]")).to_have_text("Cost", use_inner_text=True)
    expect(page.get_by_role("button", name="Present", exact=True)).to_be_visible()


def test_the_board_opens_by_its_name_too(visit: Visit):
    page = visit.open(f"/attention?text={TEXT.replace(' ', '+')}")
    expect(page.get_by_label("Sentence", exact=True).first).to_have_value(TEXT, timeout=SLOW)
    page.locator(QUIET).wait_for(timeout=SLOW)
    assert page.get_by_role("dialog").count() == 0
    assert page.evaluate("location.pathname") == "/"


def share_keys_and_presenting(page: Page) -> None:
    """What the row offers on every page, on one that is open."""
    keys, share = page.get_by_role("dialog", name="Keys"), page.get_by_role("dialog", name="Share")
    field = page.get_by_label("Sentence", exact=True).first
    field.focus()
    page.keyboard.press("?")
    expect(keys).to_be_hidden()
    expect(field).to_have_value(f"{TEXT}?")
    page.keyboard.press("Backspace")
    page.mouse.click(4, 600)
    page.keyboard.press("?")
    expect(keys).to_contain_text("Shift ← → ↑ ↓")
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()

    page.get_by_role("button", name="Share").click()
    expect(share.get_by_label("Link: it opens")).to_have_value(page.url)
    expect(share.get_by_role("img", name="QR code")).to_have_js_property("complete", True)
    assert share.get_by_role("img", name="QR code").evaluate("image => image.naturalWidth") > 0
    expect(share).to_contain_text("Phones cannot open this link: 127.0.0.1 is this machine alone.")
    share.get_by_role("button", name="press to fill the screen").click()
    enlarged = page.get_by_role("dialog", name="QR code, large")
    code, room = enlarged.get_by_role("img").bounding_box(), page.viewport_size
    assert code
    assert room
    assert code["height"] > 0.9 * min(room["width"], room["height"]) - 40
    page.keyboard.press("Escape")
    expect(enlarged).to_be_hidden()
    share.get_by_label("Name of the link").fill("<b>My dogs</b>")
    page.keyboard.press("Enter")
    name = share.get_by_label("Name; change it to rename")
    expect(name).to_have_value("<b>My dogs</b>")
    name.fill("Dogs")
    page.keyboard.press("Enter")
    link = share.get_by_role("link", name="Open Dogs")
    expect(link).to_have_attribute("href", page.evaluate("location.pathname + location.search"))
    share.get_by_role("button", name="Delete Dogs").click()
    expect(link).to_have_count(0)
    page.keyboard.press("Escape")

    page.keyboard.press("f")
    large = "() => getComputedStyle(document.querySelector('[data-testid=stMainBlockContainer]')).zoom > 1.1"
    assert page.evaluate(large)
    expect(field).to_be_hidden()
    page.get_by_role("button", name="Change sentence").click()
    expect(field).to_be_focused()
    page.keyboard.press("Enter")
    expect(field).to_be_hidden()
    page.get_by_role("link", name="Glossary", exact=True).first.click()
    page.wait_for_function("() => location.pathname === '/glossary'", timeout=SLOW)
    assert page.evaluate(large)
    page.get_by_role("link", name="Cost", exact=True).first.click()
    page.wait_for_function("() => location.pathname === '/cost' && location.search.includes('Dogs')", timeout=SLOW)
    page.get_by_role("button", name="Exit presenting").click()
    assert not page.evaluate(large)
    expect(field).to_be_visible()
    expect(page.get_by_role("button", name="Change sentence")).to_be_hidden()


def test_the_menu_of_a_phone_closes_after_a_choice_by_escape_and_by_a_tap_beside_it(browser: Browser, server: str):
    context = browser.new_context(viewport=PHONE, locale="en-US", has_touch=True)
    page = Visit(context, server).open("/glossary")
    page.locator(QUIET).wait_for(timeout=SLOW)
    menu, rows = page.get_by_role("button", name="Menu", exact=True), page.locator("#attnviz-pages")
    expect(rows).to_be_hidden()
    menu.tap()
    sizes = [box for link in rows.get_by_role("link").all() if (box := link.bounding_box())]
    assert len(sizes) == len(PAGES)
    assert min(box["height"] for box in sizes) >= 44
    page.keyboard.press("Escape")
    expect(rows).to_be_hidden()
    expect(menu).to_be_focused()
    menu.tap()
    page.touchscreen.tap(195, 30)
    expect(rows).to_be_hidden()
    menu.tap()
    rows.get_by_role("link", name="Start", exact=True).tap()
    expect(page.locator(".start-picture .hint")).to_have_text("Tap any word.", timeout=SLOW)
    expect(page.get_by_text("A tint is a weight", exact=False)).to_be_visible(timeout=SLOW)
    expect(page.get_by_text("An arc is a weight", exact=False)).to_be_hidden()
    page.get_by_role("link", name="Worksheet", exact=True).tap()
    expect(page.get_by_role("button", name="Back to the page")).to_be_visible(timeout=SLOW)
    menu.tap()
    rows.get_by_role("link", name="Syntax", exact=True).tap()
    expect(rows).to_be_hidden()
    page.wait_for_function("() => location.pathname === '/syntax'", timeout=SLOW)
    expect(page.locator("#attnviz-frame .here")).to_have_text("Syntax")
    menu.tap()
    rows.get_by_role("button", name="Present", exact=True).tap()
    expect(rows).to_be_hidden()
    page.get_by_role("button", name="Exit presenting").tap()
    expect(page.locator("html.attnviz-presenting")).to_have_count(0)
    context.close()


def test_a_first_visit_opens_start_whose_picture_answers_and_whose_field_opens_the_board(browser: Browser, server: str):
    context = browser.new_context(locale="en-US")
    page = context.new_page()
    page.goto(server)
    page.wait_for_function("() => location.pathname === '/start'", timeout=SLOW)
    readout = page.locator(".start-picture .readout")
    expect(readout).to_contain_text("it looks at animal 0.640 of 1, in head L3·H1", timeout=SLOW)
    expect(readout).to_contain_text("[CLS] and [SEP] take 0.146 together")
    page.get_by_role("button", name="cross", exact=True).hover()
    expect(readout).to_contain_text("cross looks at")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="it", exact=True).focus()
    page.keyboard.press("ArrowRight")
    expect(readout).to_contain_text("was looks")
    page.get_by_role("link", name="Two minutes around the board").click()
    card = page.locator("#attnviz-tour")
    for title in ("The sentence", "Point at a word", "All heads", "One head", "Pin and compare"):
        expect(card.get_by_role("heading")).to_have_text(title)
        expect(card).not_to_contain_text("on its way", timeout=SLOW)
        page.wait_for_function(APART)
        page.keyboard.press("ArrowRight")
    expect(card).to_be_hidden()
    page.mouse.click(4, 600)
    page.keyboard.press("?")
    page.get_by_role("link", name="Take it again").click()
    expect(page.get_by_role("dialog", name="Tour, stop 1 of 5")).to_be_visible()
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    page.get_by_role("link", name="Start", exact=True).click()
    expect(page.locator(".start-tour")).to_have_text(
        "You took the tour of the board. Take it again", use_inner_text=True, timeout=SLOW
    )
    page.get_by_role("link", name="Share a QR code").click()
    expect(page.get_by_role("dialog", name="Share").get_by_label("Link: it opens")).to_have_value(re.compile("/start"))
    page.keyboard.press("Escape")
    page.get_by_role("textbox", name="Your sentence").fill(TEXT)
    page.keyboard.press("Enter")
    page.wait_for_function("() => location.pathname === '/' && location.search.includes('text=Dogs+chase+cats')", timeout=SLOW)
    expect(page.get_by_label("Sentence", exact=True).first).to_have_value(TEXT, timeout=SLOW)
    page.goto(server)
    expect(page.locator("#attnviz-pages [aria-current=page]")).to_have_attribute("data-page", "attention")
    context.close()
