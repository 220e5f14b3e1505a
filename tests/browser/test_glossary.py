"""The glossary in a browser: a link opens on its term, formulas are drawn without a network, terms lead to one another."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, quote_plus, urlsplit

from playwright.sync_api import expect

from attnviz.lessons import glossary
from attnviz.selection import TEXT
from tests.browser.conftest import PHONE, Visit

WAIT = 60_000


def test_a_link_opens_on_its_term_and_every_formula_is_drawn(visit: Visit):
    page = visit.open("/glossary?term=softmax")
    first = page.locator(".st-key-glossary h3").first
    expect(first).to_have_text("Softmax", timeout=WAIT)
    expect(first).to_be_in_viewport()
    formulas = [one for one in glossary.terms() if one.formula]
    expect(page.locator(".katex-display .katex-html")).to_have_count(len(formulas), timeout=WAIT)
    expect(page.locator(".katex-error")).to_have_count(0)
    assert "term=softmax" in page.url
    assert visit.errors == []


def test_no_formula_is_wider_than_a_phone(visit: Visit):
    visit.page.set_viewport_size(PHONE)
    page = visit.open("/glossary")
    formulas = [one for one in glossary.terms() if one.formula]
    expect(page.locator(".katex-display .katex-html")).to_have_count(len(formulas), timeout=WAIT)
    ends = page.locator(".katex-display .base").evaluate_all("all => all.map(one => one.getBoundingClientRect().right)")
    assert len(ends) >= len(formulas)
    assert max(ends) <= PHONE["width"]


def test_a_term_in_the_list_leads_to_its_place_on_the_page(visit: Visit):
    page = visit.open("/glossary")
    heading = page.locator("#flash-attention")
    expect(heading).to_be_attached(timeout=WAIT)
    expect(heading).not_to_be_in_viewport()
    page.get_by_role("navigation", name="On this page").get_by_role("link", name="Flash attention", exact=True).click()
    expect(heading).to_be_in_viewport(timeout=WAIT)


def test_a_term_shows_its_meaning_beside_it_by_tap_keys_pointer_and_leads_to_the_glossary(visit: Visit):
    page = visit.open(f"/?text={quote_plus(TEXT)}")
    expect(page.locator("#first-paint")).to_have_count(0, timeout=WAIT)
    term = page.get_by_role("button", name="attention", exact=False).and_(page.locator("a[href^='glossary']")).first
    card = page.get_by_role("dialog", name="Self-attention")

    term.click(timeout=WAIT)
    expect(card).to_contain_text(glossary.term("self-attention").short)
    expect(term).to_have_attribute("aria-expanded", "true")
    assert urlsplit(page.url).path == "/"
    page.mouse.click(4, 300)
    expect(card).to_be_hidden()

    term.focus()
    for key in ("Enter", "Space"):
        page.keyboard.press(key)
        expect(card).to_be_focused()
        page.keyboard.press("Escape")
        expect(card).to_be_hidden()
        expect(term).to_be_focused()
        expect(term).to_have_attribute("aria-expanded", "false")

    page.mouse.move(4, 300)
    term.hover()
    expect(card).to_be_visible()
    expect(term).to_have_accessible_description(glossary.term("self-attention").short)
    page.mouse.move(4, 300)
    expect(card).to_be_hidden()

    page.set_viewport_size(PHONE)
    sink = page.locator("a[href='glossary?term=sink']").first  # of the board, in its shadow
    for one, title in ((term, "Self-attention"), (sink, "Attention sink")):
        one.click(timeout=WAIT)
        box = page.get_by_role("dialog", name=title).bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"]
        assert 56 <= box["y"] <= PHONE["height"] - box["height"]

    with visit.context.expect_page() as opened:
        page.get_by_role("link", name="More in the glossary").click()
    expect(opened.value).to_have_url(re.compile(r"/glossary\?.*term=sink"), timeout=WAIT)
    assert parse_qs(urlsplit(opened.value.url).query)["text"] == [TEXT]
    expect(opened.value.locator(".st-key-glossary h3").first).to_have_text("Attention sink", timeout=WAIT)
    assert visit.errors == []
