"""What travels between server and board on the real page: every head once, then only exact sheets of chosen heads."""

from __future__ import annotations

from urllib.parse import urlencode

from playwright.sync_api import WebSocket, expect

from tests.browser.conftest import Visit

TEXT = (
    "The ferry left the island at noon with nine passengers, two goats and a piano that nobody had asked for. Halfway across, "
    "the captain noticed that the piano was slowly sliding, so she told the boy who was tuning it to sit down beside it."
)
ANOTHER_HEAD = 40_000  # bytes at most, its exact weights of 54 tokens included
FRAME, SHEET = b'"kind":"frame"', b'"kind":"sheet"'


def test_pins_focus_and_filters_never_send_the_frame_again(visit: Visit):
    came: list[bytes] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda data: came.append(data.encode() if isinstance(data, str) else data))

    visit.page.on("websocket", listen)
    page = visit.open("/?" + urlencode({"model": "minilm", "text": TEXT, "layer": 3, "head": 1}))
    page.locator(".attnviz .name").wait_for(timeout=60_000)
    expect(page.locator(".attnviz .name")).to_have_text("L3·H1")
    page.wait_for_timeout(1500)

    def count(mark: bytes) -> int:
        return sum(mark in data for data in came)

    assert (count(FRAME), count(SHEET)) == (1, 1)

    head = page.get_by_label("Head", exact=True)
    before = len(came)
    page.locator("canvas.overview").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    expect(head).to_have_value("4", timeout=20_000)
    page.wait_for_timeout(1500)
    assert (count(FRAME), count(SHEET)) == (1, 2), "moving on asks for nothing; the head that the hand rests on comes exactly"
    assert sum(map(len, came[before:])) < ANOTHER_HEAD

    for key in ("s", "w", "p"):  # special tokens hidden, tokens instead of words, pinned
        page.keyboard.press(key)
        page.wait_for_timeout(1200)
    page.locator(".attnviz .unit", has_text="piano").first.click()
    page.wait_for_function("() => /focus=\\d/.test(location.search) && location.search.includes('pins=')", timeout=20_000)
    page.wait_for_timeout(1500)
    assert (count(FRAME), count(SHEET)) == (1, 2)

    page.locator("canvas.overview").focus()
    page.keyboard.press("ArrowLeft")
    expect(head).to_have_value("3", timeout=20_000)
    page.wait_for_timeout(1500)
    assert (count(FRAME), count(SHEET)) == (1, 3), "the pinned head is here already"
