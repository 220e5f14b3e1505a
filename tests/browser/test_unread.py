"""Words that the model cannot read, on the real page: marked without colour alone, counted once, and named as such."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

CHINESE = "小猫没有过马路因为它太累了"


def marks(page: Page) -> list[str]:
    """The marks of the sentence's words, "" where a word has none."""
    return page.locator(".lines .unit:not(.special)").evaluate_all("all => all.map(e => e.dataset.mark ?? '')")


def board(visit, text: str, model: str = "minilm") -> Page:
    page = visit.open(f"/?model={model}&text={quote(text)}")
    expect(page.locator(".claim .name")).not_to_be_empty(timeout=60_000)
    expect(page.locator(".lines .unit:not(.special)").first).to_be_visible()
    return page


@pytest.mark.slow
def test_words_that_the_model_cannot_read_are_marked_in_the_sentence_and_counted_once(visit):
    page = board(visit, CHINESE)
    # 小, 有 and 太 are in MiniLM's vocabulary, no other of these characters is.
    assert marks(page) == ["" if word in "小有太" else "[UNK]" for word in CHINESE]
    expect(page.locator(".unread")).to_contain_text("[UNK] marks what all-MiniLM-L6-v2 cannot read.")
    expect(page.locator("p.legible")).to_contain_text("all-MiniLM-L6-v2 cannot read 10 of 13 characters")
    assert page.locator(".unread").count() == 1
    last = page.locator(".unit:not(.special)").last
    expect(last).to_have_text("了")  # as typed
    expect(last).to_have_attribute("aria-label", "了 [UNK]")
    drawn = last.evaluate("e => [getComputedStyle(e).outlineStyle, getComputedStyle(e, '::before').content]")
    assert drawn[0] == "dotted"
    assert "[UNK]" in drawn[1] or "attr(data-mark)" in drawn[1]
    last.click()
    expect(page.locator(".readout .pill")).to_have_text("了 [UNK]")
    expect(page.locator(".unread")).to_contain_text("the same for every word that it does not know")
    page.locator(".unit:not(.special)").nth(1).hover()
    expect(page.locator(".readout b")).to_have_text("猫 [UNK]")
    expect(page.locator(".unread")).to_contain_text("they differ only in their places")
    expect(page.locator(".attnviz [role=status]")).to_contain_text("了 [UNK] looks at 猫 [UNK]")


@pytest.mark.slow
def test_an_emoji_is_marked_where_the_model_lacks_it_and_not_where_another_reads_it(visit):
    page = board(visit, "I love 😀")
    assert marks(page) == ["", "", "[UNK]"]
    expect(page.locator(".unread")).to_have_text("[UNK] marks what all-MiniLM-L6-v2 cannot read.")
    page = board(visit, "I love 😀", "smollm2")
    assert marks(page) == ["", "", ""]
    expect(page.locator(".unread")).to_be_hidden()
    expect(page.locator(".unread")).to_be_empty()


@pytest.mark.slow
def test_links_drawn_to_an_unknown_word_name_it_with_its_mark(visit):
    page = visit.open(f"/heads?model=minilm&text={quote('I love 😀')}")
    words = page.locator(".drawing .unit")
    expect(words).to_have_count(3, timeout=60_000)
    assert words.evaluate_all("all => all.map(e => e.dataset.mark ?? '')") == ["", "", "[UNK]"]
    words.nth(1).click()
    words.nth(2).click()
    expect(page.locator(".todo")).to_contain_text("😀 [UNK]")
    expect(page.locator(".marks button")).to_have_attribute(
        "aria-label", "Remove the link \u2068love\u2069 → \u2068😀 [UNK]\u2069"
    )
    expect(page.locator(".look h3").first).to_contain_text("😀 [UNK]", timeout=60_000)
