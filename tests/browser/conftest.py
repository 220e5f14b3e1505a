"""A real server and a real browser: each test gets a fresh page that may talk to this machine only."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, Request, expect, sync_playwright

from attnviz import board
from attnviz.board.choice import Choice
from attnviz.engine.trace import Trace
from attnviz.ui import warm_up
from tests.browser.boards import START as HELD_IT

ROOT = Path(__file__).parents[2]
LAPTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
FILE = (ROOT / "LICENSE").as_uri()  # a small page of a file
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
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
                "--process-per-site",
            ],
        )
        yield launched
        launched.close()


class Contexts:
    """The contexts of a browser that tests share, one for each set of options.

    A page of a context that has shown its site before costs half as much: its scripts are compiled, its process is there.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._made: dict[str, tuple[BrowserContext, CDPSession]] = {}

    def context(self, small: str, **options: Any) -> BrowserContext:
        """Return the context with these options; a `small` page of the site stays open in it and keeps its process."""
        key = repr(sorted(options.items()))
        if key not in self._made:
            context = self._browser.new_context(**options)
            first = context.new_page()
            first.goto(small)
            self._made[key] = context, context.new_cdp_session(first)
        return self._made[key][0]

    def page(self, small: str, **options: Any) -> Page:
        """Return a fresh page in the context with these options."""
        return self.context(small, **options).new_page()

    def clean(self, origin: str = "") -> None:
        """Close what a test left open, and clear what an origin stored."""
        for context, session in self._made.values():
            for page in context.pages[1:]:
                page.close()
            if origin:
                session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})


@pytest.fixture(scope="session")
def contexts(browser: Browser) -> Contexts:
    """The contexts that tests share."""
    return Contexts(browser)


def is_elsewhere(url: str) -> bool:
    """Whether an address is on another machine."""
    return urlsplit(url).hostname not in ("127.0.0.1", "localhost", None, "")


class Visit:
    """One reader's page, and what it tried to reach elsewhere or complained of."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.context = context
        self.address = address
        self.elsewhere: list[str] = []
        self.dialogs: list[str] = []
        self.errors: list[str] = []
        self.violations: list[str] = []
        context.add_init_script("try { localStorage.setItem('attnviz-visited', 'yes') } catch {}")  # `/` is the board
        context.on("console", self.on_console)
        context.on("request", self.on_request)
        self.page: Page = context.new_page()
        self.page.on("dialog", self._dialog)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def on_request(self, request: Request) -> None:
        if is_elsewhere(request.url):
            self.elsewhere.append(request.url)

    def on_console(self, message) -> None:
        if "Content Security Policy" in message.text:
            self.violations.append(message.text)

    def _dialog(self, dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def open(self, path: str = "/") -> Page:
        self.page.goto(self.address + path)
        return self.page

    def leave(self) -> None:
        """Stop listening, in a context that others use afterwards."""
        self.context.remove_listener("console", self.on_console)
        self.context.remove_listener("request", self.on_request)


@pytest.fixture
def visiting(contexts: Contexts, server: str) -> Iterator[Callable[..., Visit]]:
    """Makes a reader whose browser has these options, with a fresh page and nothing stored."""
    visits: list[Visit] = []

    def made(**options: Any) -> Visit:
        context = contexts.context(f"{server}/_stcore/health", **{"viewport": LAPTOP, "locale": "en-US"} | options)
        visits.append(Visit(context, server))
        return visits[-1]

    yield made
    contexts.clean(server)
    for one in visits:
        one.leave()
    for one in visits:
        assert one.elsewhere == [], "a request left this machine"
        assert one.dialogs == [], "a foreign script ran"
        assert one.violations == [], "a page of ours asked for what its policy does not allow"


@pytest.fixture
def visit(visiting: Callable[..., Visit]) -> Visit:
    """A reader at a laptop."""
    return visiting()


@pytest.fixture
def opened(contexts: Contexts, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Opens the board as a page from a file, with nothing else on the machine to talk to.

    With `exact`, the file has the chosen head's weights, as a saved page of a long text does.
    """
    errors: list[str] = []

    def open_page(trace: Trace, choice: Choice = HELD_IT, *, theme: str = "", exact=False, size=LAPTOP, **more) -> Page:
        file, frame = tmp_path / "board.html", board.frame(trace, name="made")
        sheet = board.sheet(trace, choice.head, frame) if exact else None
        file.write_text(board.page(frame, choice, sheet=sheet, theme=theme), "utf-8")
        page = contexts.page(FILE, viewport=size, **more)
        page.on("request", lambda request: errors.append(request.url) if request.url.startswith("http") else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("dialog", lambda dialog: errors.append(dialog.message) or dialog.dismiss())
        page.goto(file.as_uri())
        expect(page.locator(".readout")).not_to_be_empty()
        return page

    yield open_page
    contexts.clean()
    assert errors == []
