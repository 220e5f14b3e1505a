"""A backend that is away, lies or comes back under an open page: it says so, keeps what was typed, and recovers by itself."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from attnviz.backends.local import LocalBackend
from attnviz.settings import Settings
from tests.browser.conftest import Visit, free_port, started
from tests.hostile import answer, hostile, reads, whatever

SLOW = 40_000
TEXT = "The animal was tired because it ran"
EVIL = "<img src=x id=evil onerror=alert(1)> ![x](http://evil.example/x.png) [y](javascript:alert(2)) $x$"
ALERT = "[data-testid=stAlert]"


@pytest.fixture(scope="module")
def away() -> int:
    """The port of a backend that is not there yet."""
    return free_port()


@pytest.fixture(scope="module")
def server(away: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app in front of it."""
    port = free_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATTNVIZ_BACKEND", f"http://127.0.0.1:{away}")
        process = started(port, tmp_path_factory.mktemp("away") / "log.txt")
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(20)


def test_what_a_reader_waited_for_is_given_up_when_the_page_is_closed(visit: Visit, away: int):
    asked, left = threading.Event(), threading.Event()

    def waits(client: socket.socket, good: bytes) -> None:
        asked.set()
        if client.recv(1) == b"":  # who asked has hung up
            left.set()

    with hostile(port=away) as slow:
        slow.does = reads(waits)
        page = visit.open("/?" + urlencode({"text": TEXT}))
        expect(page.get_by_text("Waiting for the backend.")).to_be_visible(timeout=SLOW)
        assert asked.is_set()
        assert not left.is_set()
        page.close()
        assert left.wait(10)


def test_a_page_survives_a_backend_that_is_down_returns_and_sends_wrong_data(visit: Visit, away: int):
    page = visit.open("/?" + urlencode({"text": TEXT, "layer": 3, "head": 1, "pins": "0.2"}))
    alert, field = page.locator(ALERT), page.get_by_label("Sentence", exact=True).first
    expect(alert).to_contain_text("does not answer", timeout=SLOW)
    expect(page.get_by_text("This page tries again by itself")).to_be_visible()
    expect(field).to_have_value(TEXT)
    field.fill("Half a sent")  # not yet sent, while the page looks for its backend

    with hostile(LocalBackend(Settings.from_env()), away):
        expect(page.locator("h2.name")).to_have_text("L3·H1", timeout=SLOW)
        expect(page.locator(".unit", has_text="tired")).to_be_visible(timeout=SLOW)
        expect(alert).to_have_count(0)
        expect(field).to_have_value("Half a sent")
        expect(field).to_be_focused()

    body = f'{{"error": {{"kind": "BackendError", "message": "{EVIL}"}}}}'
    with hostile(port=away) as liar:
        liar.does = whatever(answer(body.encode(), "500 No"))
        field.press("Enter")
        expect(alert).to_contain_text(EVIL[:36], timeout=SLOW)
        expect(alert).to_contain_text("![x](http")
        expect(page.locator("#evil")).to_have_count(0)
        expect(field).to_have_value("Half a sent")
        assert "head=1" in page.url
        assert "pins=1%3A0.2" in page.url, "with the text that it was pinned on"
    assert visit.errors == []
