"""A long text in the running app: seconds from Enter to each stage, bytes sent, and the server's memory.

Prints one JSON line. SmolLM2 reads 2,048 tokens of made-up words, warm, at the default head; the last figure is a second
head, chosen when every layer is here. `exact` is when the chosen head's own weights are drawn.
"""

from __future__ import annotations

import random
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, WebSocket, sync_playwright
from report import Report

from attnviz.models import catalog, load
from attnviz.settings import Settings
from attnviz.text import read

ROOT = Path(__file__).parent.parent
MODEL, TOKENS = "smollm2", 2048
WORDS = ("river", "bridge", "lantern", "harbour", "contract", "letter", "answer", "morning", "window", "garden", "winter")
WAIT = 300_000  # milliseconds


def text() -> str:
    """Return random words that make TOKENS tokens."""
    tokenizer = load.load(catalog.card(MODEL), Settings.from_env()).tokenizer
    chance, words = random.Random(7), list[str]()
    while len(words) < TOKENS:
        words.append(chance.choice(WORDS))
    while len(read(tokenizer, " ".join(words)).tokens) > TOKENS:
        words.pop()
    return " ".join(words)


@contextmanager
def served() -> Iterator[tuple[str, int]]:
    """The app's address and its process, until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port), "--server.address", "127.0.0.1"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/", server.pid
    finally:
        server.terminate()
        server.wait(20)


def peak(pid: int) -> int | None:
    """Return the most memory that a process has had, in MB; None if the system does not say."""
    status = Path(f"/proc/{pid}/status")
    found = re.search(r"VmHWM:\s+(\d+)", status.read_text()) if status.exists() else None
    return int(found[1]) // 1000 if found else None


def measured(page: Page, address: str, pid: int) -> dict[str, float | int | None]:
    """Return seconds from Enter to each stage, bytes received until then, and memory."""
    received = [0]
    page.on("websocket", lambda one: counted(one, received))
    page.goto(f"{address}?model={MODEL}&text=A+few+words&focus=")
    page.locator(".readout").wait_for(timeout=WAIT)
    page.wait_for_timeout(3000)
    found: dict[str, float | int | None] = {"memory before, MB": peak(pid)}
    field = page.get_by_label("Sentence").first
    field.fill(text())
    received[0], start = 0, time.perf_counter()
    field.press("Enter")

    def stage(name: str, reached: Callable[[], object]) -> None:
        reached()
        found[f"{name}, s"] = round(time.perf_counter() - start, 2)
        found[f"{name}, bytes"] = received[0]

    count = page.locator(".count")
    stage("exact", lambda: page.locator(".below", has_text="The matrix shows all").wait_for(timeout=WAIT))
    stage("first layer", lambda: count.filter(has_text=re.compile("filling: [1-9]|pooled")).wait_for(timeout=WAIT))
    stage("all layers", lambda: count.filter(has_text="pooled by maximum").wait_for(timeout=WAIT))
    page.wait_for_timeout(5000)
    page.locator("canvas.overview").focus()
    received[0], start = 0, time.perf_counter()
    page.keyboard.press("ArrowUp")
    page.locator(".below:empty").wait_for(state="attached", timeout=WAIT)
    stage("another head", lambda: page.locator(".below", has_text="The matrix shows all").wait_for(timeout=WAIT))
    return {**found, "memory at most, MB": peak(pid)}


def counted(one: WebSocket, received: list[int]) -> None:
    """Adds up what arrives on a websocket."""
    one.on("framereceived", lambda frame: received.__setitem__(0, received[0] + len(frame)))


if __name__ == "__main__":
    with served() as (address, pid), sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        figures = measured(browser.new_page(viewport={"width": 1280, "height": 800}), address, pid)
        browser.close()
    Report().show(f"Enter to each stage, {TOKENS} tokens, {MODEL}", ok=True, **figures)  # nothing is promised of these
