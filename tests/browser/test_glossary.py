"""The glossary in a browser: a link opens on its term, formulas are drawn without a network, terms lead to one another."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from attnviz.lessons import glossary
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
    page.locator(".st-key-glossary-index").get_by_role("link", name="Flash attention", exact=True).click()
    expect(heading).to_be_in_viewport(timeout=WAIT)


def test_a_term_in_a_caption_opens_the_glossary_in_a_new_window(visit: Visit):
    page = visit.open("/")
    link = page.locator('a[href="glossary?term=self-attention"]').first
    expect(link).to_be_visible(timeout=WAIT)
    with visit.context.expect_page() as opened:
        link.click()
    expect(opened.value).to_have_url(re.compile(r"/glossary\?.*term=self-attention"), timeout=WAIT)
    expect(opened.value.locator(".st-key-glossary h3").first).to_have_text("Self-attention", timeout=WAIT)
