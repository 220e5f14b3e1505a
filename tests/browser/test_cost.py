"""The cost page in a browser: a run is started, watched and stopped; tiles move; nothing is wider than a phone."""

from __future__ import annotations

import re
import subprocess

from playwright.sync_api import expect

from tests.browser.conftest import PHONE, Visit

SLOW = 90_000


def measuring() -> int:
    """How many processes of this machine measure."""
    found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return found.count("-m attnviz.pages.cost.bench.worker")


def test_a_run_is_watched_and_stopped_and_tiles_move(visit: Visit):
    visit.page.set_viewport_size(PHONE)
    page = visit.open("/cost")
    start = page.get_by_role("button", name="Measure on this machine")
    expect(start).to_be_enabled(timeout=SLOW)
    assert measuring() == 0  # nothing is measured by itself
    start.click()
    stop = page.get_by_role("button", name="Stop measuring")
    expect(stop).to_be_visible(timeout=SLOW)
    expect(page.locator(".js-plotly-plot:visible")).to_have_count(2, timeout=SLOW)
    assert measuring() == 1
    expect(page.get_by_role("button", name=re.compile("^Stop"))).to_have_count(1)  # Streamlit's own, for the page, is hidden
    stop.click()
    expect(page.get_by_text(re.compile("The results so far stay|measurements in"))).to_be_visible(timeout=SLOW)
    assert measuring() == 0
    expect(page.locator(".js-plotly-plot:visible")).to_have_count(2)
    expect(page.locator(".st-key-cost-slopes table")).to_be_visible()

    tile = page.get_by_text(re.compile(r"^Tile \d+ of \d+ "))
    before = tile.inner_text(timeout=SLOW)
    picture = page.locator("img.tiles:visible").get_attribute("src")
    page.get_by_role("button", name="Next tile").click()
    expect(tile).not_to_have_text(before, timeout=SLOW)
    assert page.locator("img.tiles:visible").get_attribute("src") != picture
    page.get_by_role("button", name="Play").click()
    played = tile.inner_text()
    expect(tile).not_to_have_text(played, timeout=SLOW)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Play")).to_be_visible(timeout=SLOW)

    ends = page.locator(".st-key-cost .katex-display .base").evaluate_all("a => a.map(e => e.getBoundingClientRect().right)")
    ends += page.locator(".st-key-cost table").evaluate_all("a => a.map(e => e.getBoundingClientRect().right)")
    assert len(ends) > 12
    assert max(ends) <= PHONE["width"]
    page.locator(".st-key-cost td").evaluate_all("all => all.forEach(one => { one.textContent = 'wide'.repeat(20); })")
    fits = "() => [...document.querySelectorAll('.st-key-cost table')].every(one => one.getBoundingClientRect().right <= {})"
    page.wait_for_function(fits.format(PHONE["width"]))  # what does not fit scrolls within its table
    assert visit.errors == []
