"""A reader far away: what the server says reaches the browser late, and nothing that was chosen meanwhile is undone."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import expect

from tests.browser.conftest import Visit

SLOW = 90_000
RESTED = 800  # milliseconds: the board tells a choice 300 after it was made, and a message is on its way
QUIET = "[data-testid=stApp][data-test-script-state=notRunning]"
# Everything that the server says is heard `window.late` milliseconds after it came.
LATE = """() => {
  window.late = 0;
  const listen = WebSocket.prototype.addEventListener;
  WebSocket.prototype.addEventListener = function (name, answer, ...more) {
    if (name !== "message") return listen.call(this, name, answer, ...more);
    return listen.call(this, name, (event) => setTimeout(() => answer.call(this, event), window.late), ...more);
  };
}"""


def test_a_head_that_was_chosen_a_moment_ago_stays_chosen_when_another_field_is_used(visit: Visit):
    """With a typed sentence a browser sends all fields, and that of the head has not heard yet what was chosen on the board."""
    visit.page.add_init_script(f"({LATE})()")
    page = visit.open("/?layer=3&head=1")
    head = page.get_by_label("Head", exact=True).first
    expect(head).to_have_value("1", timeout=SLOW)
    page.locator(QUIET).wait_for(timeout=SLOW)
    page.wait_for_timeout(2500)
    page.evaluate("window.late = 1500")
    page.locator("canvas.overview").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(RESTED)
    sentence = page.get_by_label("Sentence", exact=True).first
    sentence.fill("The dog barked because it was hungry")
    sentence.press("Enter")
    expect(page.locator(".unit", has_text="hungry")).to_be_visible(timeout=SLOW)
    page.wait_for_timeout(4000)
    expect(page.locator("h2.name")).to_have_text("L3·H2")
    expect(head).to_have_value("2")
    assert parse_qs(urlsplit(page.url).query)["head"] == ["2"]
    assert visit.errors == []
