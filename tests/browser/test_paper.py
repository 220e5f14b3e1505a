"""Pages on paper, printed by the browser and read back."""

from __future__ import annotations

import io
import re
from urllib.parse import quote

from playwright.sync_api import Page, expect
from pypdf import PdfReader

from tests.browser.conftest import Visit

TEXT = "The committee that reviewed the old proposal decided that it should be rejected because it was unclear."
ALWAYS = (
    "Share",
    "Present",
    "Copy link",
    "Menu",
    "More",
    "Examples",
    "Enter",
    "Streamlit",
)  # of the row of pages and the fields


def printed(page: Page, paper: str = "A4") -> tuple[str, int]:
    """Return the text of the printed page in one line, and how many sheets it takes."""
    expect(page.locator("#first-paint")).to_have_count(0)
    expect(page.locator("[data-testid=stApp]")).to_have_attribute("data-test-script-state", "notRunning")
    sheets = PdfReader(io.BytesIO(page.pdf(format=paper))).pages
    return re.sub(r"\s+", " ", " ".join(sheet.extract_text() for sheet in sheets)), len(sheets)


def missing(text: str, found: str) -> list[str]:
    """Return the words of a text that do not follow one another in another one."""
    lost, at = [], 0
    for word in text.split():
        place = found.find(word, at)
        lost += [word] if place < 0 else []
        at = at if place < 0 else place + len(word)
    return lost


def test_a_printed_page_has_the_sentence_whole_and_neither_fields_nor_buttons(visit: Visit) -> None:
    page = visit.open(f"/?text={quote(TEXT)}&layer=3&head=1&focus=60")
    expect(page.locator(".st-key-board .readout")).not_to_be_empty()
    found, sheets = printed(page)
    assert missing(TEXT, found) == []
    assert "all-MiniLM-L6-v2, L3·H1" in found
    assert [
        name for name in (*ALWAYS, "Pin", "View", "Looked at by", "Exact heatmap", "Check all", "Side by side") if name in found
    ] == []
    assert sheets <= 2
    # On the screen all is as before.
    assert page.evaluate(
        "document.documentElement.className.includes('paper') || document.querySelectorAll('.paper-empty').length"
    ) in (False, 0)
    page.locator("#attnviz-pages").get_by_role("link", name="Inside").click()
    expect(page.get_by_role("heading", name="A token becomes a vector")).to_be_visible()
    found, sheets = printed(page, "Letter")
    assert TEXT in found
    assert [name for name in (*ALWAYS, "Next →", "Step (of", "The numbers") if name in found] == []
    assert sheets == 1


def test_share_opens_a_worksheet_by_keyboard_whose_answers_are_printed_on_request(visit: Visit) -> None:
    page = visit.open(f"/?text={quote(TEXT)}&layer=3&head=1&focus=60")
    expect(page.locator(".st-key-board .readout")).not_to_be_empty()
    page.get_by_role("button", name="Share").focus()
    page.keyboard.press("Enter")
    worksheet = page.get_by_role("button", name="Worksheet", exact=True)
    worksheet.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Where does this head look?")).to_be_visible()
    assert "print=worksheet" in page.url
    found, sheets = printed(page)
    assert "Find the row of “it”" in found
    assert missing(TEXT, found) == []
    assert [name for name in (*ALWAYS, "Print", "Answers", "Back to the page") if name in found] == []
    assert sheets <= 2
    page.get_by_text("Answers, on a page of their own").click()
    expect(page.get_by_role("heading", name="Answers: Where does this head look?")).to_be_visible()
    found, more = printed(page)
    assert more == sheets + 1
    assert "Every number is the model’s own" in found
    page.evaluate("window.print = () => (window.printed = true)")
    page.get_by_role("button", name="Print", exact=True).press("Enter")
    assert page.evaluate("window.printed")
    page.get_by_role("button", name="Back to the page").click()
    expect(page.locator(".st-key-board .readout")).not_to_be_empty()
