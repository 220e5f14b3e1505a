"""What a reader waits for at a first visit, beside an empty Streamlit page with one text field: in one run, interleaved.

Prints one JSON line; with `--before FOLDER` the figures of an earlier checkout stand beside ours. Each turn opens a new
browser without any cache, with the processor slowed four times, on each warm server. Medians of all turns: seconds to the
reader's words, to the field with them, to the board, and until nothing more happens; the longest script task; the layout
shift; the bytes until the board and in all, as they travel; the requests.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from page import ROOT, served
from playwright.sync_api import Browser, sync_playwright
from report import Report

from attnviz.ui import warm_up

TEXT = "The animal did not cross the street because it was too tired"
EMPTY = f'import streamlit as st\nst.text("seen " + st.text_input("Sentence", {TEXT!r}))\n'
SLOWER = 4  # times
SILENT = 2000  # milliseconds without a task, a change of the page or a file: then it is quiet
WORDS, BOARD, SHIFT, TASK, BYTES = 1.3, 2.0, 0.05, 5.0, 3_000_000  # what is promised
# Notes when the words and the board are there, long tasks, layout shifts and the last change, also inside of components.
WATCH = """(() => {
  const seen = window.seen = { words: 0, field: 0, board: 0, task: 0, shift: 0, shifts: [], last: 0 };
  const text = TEXT;
  new PerformanceObserver(list => { for (const one of list.getEntries()) {
    seen.task = Math.max(seen.task, one.duration); seen.last = Math.max(seen.last, one.startTime + one.duration); }
  }).observe({ type: 'longtask', buffered: true });
  new PerformanceObserver(list => { for (const one of list.getEntries()) {
    const moved = one.sources.map(s => s.node && ((s.node.className || s.node.nodeName) + ''));
    if (!one.hadRecentInput) { seen.shift += one.value; seen.shifts.push([one.value, one.startTime, ...moved]); } }
  }).observe({ type: 'layout-shift', buffered: true });
  new PerformanceObserver(list => { for (const one of list.getEntries())
    seen.last = Math.max(seen.last, one.responseEnd);
  }).observe({ type: 'resource', buffered: true });
  const roots = function* (root) { yield root;
    for (const one of root.querySelectorAll('*')) if (one.shadowRoot) yield* roots(one.shadowRoot); };
  const watched = new WeakSet();
  const changed = new MutationObserver(() => { seen.last = performance.now(); });
  const look = () => {
    if (document.body) for (const root of roots(document)) {
      if (!watched.has(root)) { watched.add(root);
        changed.observe(root, { subtree: true, childList: true, characterData: true, attributes: true }); }
      if (!seen.words && root === document && (document.body.innerText.includes(text) ||
        [...root.querySelectorAll('input, textarea')].some(one => one.value === text && one.offsetWidth)))
        seen.words = performance.now();
      const field = root === document && root.querySelector('[data-testid=stTextInput] input');
      if (!seen.field && field && field.value === text && getComputedStyle(field).visibility === 'visible')
        seen.field = performance.now();
      const readout = root.querySelector('.readout'), canvas = root.querySelector('canvas.overview');
      if (!seen.board && readout?.textContent && canvas?.offsetWidth > 50) seen.board = performance.now();
    }
    requestAnimationFrame(look); };
  look();
})()"""


def visit(browser: Browser, address: str, *, board: bool) -> dict[str, float]:
    """Open a page in a fresh context, and return what was measured until it is quiet."""
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="en-US")
    page = context.new_page()
    cdp = context.new_cdp_session(page)
    cdp.send("Network.enable")
    cdp.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    came: list[tuple[float, float]] = []  # seconds on the browser's clock, bytes
    requests: list[dict[str, Any]] = []
    cdp.on("Network.loadingFinished", lambda event: came.append((event["timestamp"], event["encodedDataLength"])))
    cdp.on("Network.webSocketFrameReceived", lambda event: came.append((event["timestamp"], _length(event["response"]))))
    cdp.on("Network.requestWillBeSent", lambda event: requests.append(event))
    page.add_init_script(WATCH.replace("TEXT", repr(TEXT), 1))
    page.goto(address, wait_until="commit")
    done = "seen.board" if board else "seen.words"
    settled = f"() => window.seen && {done} && performance.now() - seen.last > {SILENT}"
    page.wait_for_function(settled, timeout=180_000, polling=250)
    seen = page.evaluate("({ ...seen, origin: performance.timeOrigin })")
    context.close()
    offset = requests[0]["wallTime"] - requests[0]["timestamp"]
    at = (seen["origin"] + (seen["board"] or seen["words"])) / 1000 - offset
    return {
        "words_s": seen["words"] / 1000,
        "field_s": seen["field"] / 1000,
        "board_s": seen["board"] / 1000,
        "quiet_s": seen["last"] / 1000,
        "longest_task_s": seen["task"] / 1000,
        "shift": seen["shift"],
        "bytes_to_board": float(sum(size for when, size in came if when <= at)),
        "bytes": float(sum(size for _, size in came)),
        "requests": float(len(requests)),
    }


def _length(frame: dict[str, Any]) -> float:
    """Return the bytes of a message on the websocket; binary ones come as base64."""
    return len(frame["payloadData"]) * (0.75 if frame["opcode"] == 2 else 1)


def measured(turns: int, query: str, before: Path | None) -> dict[str, dict[str, float]]:
    """Medians of the empty page, of ours, and of an earlier checkout's."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as servers, sync_playwright() as driver:
        script = Path(folder) / "empty.py"
        script.write_text(EMPTY)
        scripts = {"empty": (script, ROOT), "page": (ROOT / "app.py", ROOT)}
        scripts |= {"before": (before / "app.py", before)} if before else {}
        addresses = {name: servers.enter_context(served(*one)) for name, one in scripts.items()}
        found: dict[str, list[dict[str, float]]] = {name: [] for name in addresses}
        for address in addresses.values():
            warm_up.visit(int(address.rstrip("/").rpartition(":")[2]))
        for _ in range(turns):
            for name, address in addresses.items():
                browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
                board = name != "empty"
                found[name].append(visit(browser, address + query * board, board=board))
                browser.close()
    return {
        name: {figure: round(statistics.median(one[figure] for one in all_of), 3) for figure in all_of[0]}
        for name, all_of in found.items()
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="an earlier checkout")
    arguments = parser.parse_args()
    query = "?" + urlencode({"model": "minilm", "text": TEXT, "layer": 3, "head": 1})
    took = measured(arguments.turns, query, arguments.before and arguments.before.resolve())
    page, empty = took["page"], took["empty"]
    ratios = {
        "words": page["words_s"] / empty["words_s"],
        "board": page["board_s"] / empty["field_s"],  # that page is complete with its field
        "task": page["longest_task_s"] / empty["longest_task_s"],
    }
    kept = ratios["words"] <= WORDS and ratios["board"] <= BOARD and ratios["task"] <= TASK
    kept = kept and page["shift"] <= SHIFT and page["bytes_to_board"] <= BYTES
    report = Report()
    report.show(
        "first visit, beside an empty page", ok=kept, turns=arguments.turns, slower=SLOWER, **took,
        ratios={name: round(ratio, 2) for name, ratio in ratios.items()},
        bounds={"words": WORDS, "board": BOARD, "task": TASK, "shift": SHIFT, "bytes_to_board": BYTES},
    )  # fmt: skip
    sys.exit(report.code)
