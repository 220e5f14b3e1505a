"""A real server and a real browser: each test gets a fresh page that may talk to this machine only."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from attnviz import board
from attnviz.board.choice import Choice
from attnviz.engine.trace import Trace
from attnviz.ui import warm_up
from tests.browser.boards import START as HELD_IT

ROOT = Path(__file__).parents[2]
LAPTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
START = 60  # seconds that a server may take on a busy machine


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def started(port: int, log: Path) -> subprocess.Popen:
    """A server of the app on `port`, answering."""
    with log.open("wb") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port), "--server.address", "127.0.0.1"],
            cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, "OMP_NUM_THREADS": "2"},
        )  # fmt: skip
    for _ in range(START * 10):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5) as answer:
                if answer.status == 200:
                    return server
        except OSError:
            if server.poll() is not None:
                break
            time.sleep(0.1)
    server.kill()
    raise RuntimeError(f"The app did not start:\n{log.read_text()}")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running app."""
    port = free_port()
    process = started(port, tmp_path_factory.mktemp("server") / "log.txt")
    warm_up.visit(port)  # as `make app` does
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(20)


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as driver:
        launched = driver.chromium.launch(
            executable_path=chromium,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        yield launched
        launched.close()


class Visit:
    """One reader's page, and what it tried to reach elsewhere or complained of."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.context = context
        self.address = address
        self.elsewhere: list[str] = []
        self.dialogs: list[str] = []
        self.errors: list[str] = []
        self.violations: list[str] = []
        context.on("console", self.on_console)
        context.route("**/*", self._only_here)
        self.page: Page = context.new_page()
        self.page.on("dialog", self._dialog)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _only_here(self, route) -> None:
        host = urlsplit(route.request.url).hostname
        if host in ("127.0.0.1", "localhost", None, ""):
            route.continue_()
        else:
            self.elsewhere.append(route.request.url)
            route.abort()

    def on_console(self, message) -> None:
        if "Content Security Policy" in message.text:
            self.violations.append(message.text)

    def _dialog(self, dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def open(self, path: str = "/") -> Page:
        self.page.goto(self.address + path)
        return self.page


@pytest.fixture
def visit(browser: Browser, server: str) -> Iterator[Visit]:
    context = browser.new_context(viewport=LAPTOP, locale="en-US")
    one = Visit(context, server)
    yield one
    context.close()
    assert one.elsewhere == [], "a request left this machine"
    assert one.dialogs == [], "a foreign script ran"
    assert one.violations == [], "a page of ours asked for what its policy does not allow"


@pytest.fixture
def opened(browser: Browser, tmp_path: Path):
    """Opens the board as a page from a file, with nothing else on the machine to talk to."""
    contexts, errors = [], []

    def open_page(trace: Trace, choice: Choice = HELD_IT, *, theme: str = "", size=LAPTOP, **more) -> Page:
        file = tmp_path / "board.html"
        file.write_text(board.page(board.frame(trace, name="made"), choice, theme=theme), "utf-8")
        context = browser.new_context(viewport=size, **more)
        contexts.append(context)
        context.route("http*://**/*", lambda route: errors.append(route.request.url) or route.abort())
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("dialog", lambda dialog: errors.append(dialog.message) or dialog.dismiss())
        page.goto(file.as_uri())
        expect(page.locator(".readout")).not_to_be_empty()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []
