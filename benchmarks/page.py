"""From Enter to the painted board in a real browser, beyond the bare model call and an empty Streamlit rerun.

Prints one JSON line. All three are medians of the same run: the model call alone, a page of one field and one line of
text rerun by Enter, and the Attention page, warm, with a new sentence of 12 words each time.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from report import Report

import attnviz

ROOT = Path(__file__).parent.parent
NOUNS = (
    "animal teacher farmer river bridge window garden letter market "
    "forest engine castle winter shadow mirror basket hammer planet"
).split(" ")
TURNS = 15
EMPTY = 'import streamlit as st\nst.text("seen " + st.text_input("Sentence"))\n'
BOARD = """word => [...document.querySelectorAll('.st-key-board [data-testid=stBidiComponentIsolated]')].some(
  board => [...(board.shadowRoot?.querySelectorAll('.unit') ?? [])].some(unit => unit.textContent.includes(word)))"""
WATCHED = """word => { const shown = LOOK; window.took = null;
  addEventListener('keydown', () => { const from = performance.now();
    const done = () => { window.took = performance.now() - from; };
    const turn = () => requestAnimationFrame(shown(word) ? () => requestAnimationFrame(done) : turn);
    turn(); }, { once: true, capture: true }); }"""
LINE = "word => document.body.innerText.includes('seen The ' + word)"


def sentence(noun: str) -> str:
    """Return twelve words, one of them new each time."""
    return f"The {noun} did not cross the street because it was too tired"


@contextmanager
def served(script: Path, tree: Path = ROOT) -> Iterator[str]:
    """A Streamlit server of one script, with the settings and the modules of a checkout, until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(script),
        "--server.port",
        str(port),
        "--server.address",
        "127.0.0.1",
    ]
    server = subprocess.Popen(
        command, cwd=tree, env={**os.environ, "PYTHONPATH": str(tree)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:  # a busy machine
            server.kill()
            server.wait()


def enter_to_paint(page: Page, shown: str, noun: str) -> float:
    """Return seconds from the Enter key until what `shown` looks for is painted."""
    field = page.get_by_label("Sentence").first
    field.fill(sentence(noun))
    page.evaluate(WATCHED.replace("LOOK", shown), noun)
    field.press("Enter")
    page.wait_for_function("() => window.took !== null", timeout=60_000)
    return page.evaluate("window.took") / 1000


def medians() -> dict[str, float]:
    """Return median seconds of the bare call, the empty rerun and the Attention page."""
    backend = attnviz.open_backend()
    calls = []
    for noun in ["stone", *NOUNS[:TURNS]]:
        start = time.perf_counter()
        backend.attend(attnviz.AttentionRequest("minilm", sentence(noun))).weights(3, 1)
        calls.append(time.perf_counter() - start)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        empty = Path(folder) / "empty.py"
        empty.write_text(EMPTY)
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        found = {}
        for name, script, shown in (("empty rerun", empty, LINE), ("page", ROOT / "app.py", BOARD)):
            with served(script) as address:
                page = browser.new_page(viewport={"width": 1280, "height": 800})
                page.goto(address)
                page.get_by_label("Sentence").first.wait_for(timeout=60_000)
                enter_to_paint(page, shown, "stone")
                found[name] = statistics.median(enter_to_paint(page, shown, noun) for noun in NOUNS[:TURNS])
                page.close()
        browser.close()
    return {"model call": statistics.median(calls[1:]), **found}


if __name__ == "__main__":
    took = medians()
    beyond = took["page"] - took["model call"] - took["empty rerun"]
    report = Report()
    report.show("Enter to painted board, beyond call and empty rerun", ok=beyond <= 0.5, **took, beyond_s=beyond, bound=0.5)
    sys.exit(report.code)
