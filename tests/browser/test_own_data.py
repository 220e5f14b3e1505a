"""A file of one's own in a real browser: taken, too large, hostile, and a sentence of it opened on the board."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import Visit

SLOW = 90_000  # milliseconds: a cold server on a busy machine loads torch first
HOSTILE = "<img src=x onerror=document.title='run'>"
SENTENCES = f"The *animal* slept because [it] was tired\n*Anna* {HOSTILE} saw [her]\n[{HOSTILE}\n"


def test_a_file_is_counted_opened_on_the_board_and_refused_where_it_is_too_large(visit: Visit):
    page = visit.open("/heads?own=sentences&layer=3&head=1")
    field = page.locator(".st-key-own-sentences-file input[type=file]")
    field.wait_for(state="attached", timeout=SLOW)
    expect(page.locator("#first-paint")).to_have_count(0, timeout=SLOW)
    field.set_input_files({"name": "large.txt", "mimeType": "text/plain", "buffer": b"x" * 2_200_000})
    too_large = page.locator("[data-testid=stFileChip] [role=alert]")
    expect(too_large).to_have_text("Error: File must be 2.0MB or smaller.")
    assert (too_large.bounding_box() or {"width": 0})["width"] > 100
    with page.expect_response(re.compile("_stcore/upload_file")) as sent:
        field.set_input_files({"name": f"{HOSTILE}.txt", "mimeType": "text/plain", "buffer": SENTENCES.encode()})
    assert sent.value.status == 204
    page.get_by_role("button", name="Count on 2 sentences").click(timeout=SLOW)
    rows = page.locator(".st-key-own-sentences-table tbody tr")
    expect(rows).to_have_count(2, timeout=SLOW)
    expect(rows.nth(1)).to_contain_text(HOSTILE)
    expect(page.locator(".st-key-own-data")).to_contain_text("Line 3: A mark ends on its own line")
    assert page.title() != "run"
    rows.nth(0).get_by_role("button", name="Open").click()
    page.wait_for_url(re.compile(r"/\?.*text=The\+animal\+slept"), timeout=SLOW)
    expect(page.locator(".st-key-board")).to_be_visible(timeout=SLOW)
    assert visit.errors == []
