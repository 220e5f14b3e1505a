"""Walking from head to head with an arrow key held down, in a real browser; and the board's first paint beside plotly's.

Prints one JSON line for each figure: all 72 heads of minilm on a sentence of 12 words, all 270 of smollm2 on 40 tokens, and
the first paint in a new browser and in one that was here before. Our own script of a frame is what the board's answers to
keys and its drawing take until the next frame, timed from outside by wrapping what the browser calls; nothing of this is in
the board. The key repeats every 33 ms, as a keyboard's does.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from page import NOUNS, ROOT, sentence, served
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright
from report import Report

from attnviz.models import catalog, load
from attnviz.settings import Settings
from attnviz.text import read

REPEAT = 0.033  # seconds between two strokes of a key that is held down
SIZE = ViewportSize(width=1366, height=768)
ROUNDS = 3  # walks, of which the middle one counts
TURNS = 9  # first paints of each picture
LONG = (
    "The committee that had met in the old town hall since the spring asked the two engineers who built the bridge whether "
    "it would carry the new trams, and the younger one answered that nobody had yet measured how far the middle moves"
).split(" ")
TOKENS = 40
BOUNDS = {
    "interval_median_ms": 17,
    "script_median_ms": 4,
    "script_p95_ms": 8,
    "script_max_ms": 100,
    "nodes": 1500,
    "requests": 0,
}
# Every callback that the board gives to the browser is timed. Frames are distinguished by their start time.
CLOCK = """(() => {
  const w = window.walk = { on: false, spent: 0, script: [], frames: [] };
  const timed = (call) => {
    const from = performance.now();
    try { return call(); } finally { w.spent += performance.now() - from; }
  };
  const ofBoard = (node) => node instanceof Node && (node.getRootNode() instanceof ShadowRoot);
  const listen = EventTarget.prototype.addEventListener;
  EventTarget.prototype.addEventListener = function (name, answer, ...more) {
    if (!ofBoard(this) || typeof answer !== "function") return listen.call(this, name, answer, ...more);
    return listen.call(this, name, function (event) { return timed(() => answer.call(this, event)); }, ...more);
  };
  const ask = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (call) => ask(call.name === "draw" ? (at) => timed(() => call(at)) : call);
  const turn = (at) => {
    if (w.on) { w.frames.push(at); w.script.push(w.spent); }
    w.spent = 0;
    ask(turn);
  };
  ask(turn);
})();"""
# Both pictures of one text, each on a page of its own, as an app would draw them; the model has read every text before.
BENCH = """
import streamlit as st
import attnviz
from attnviz.ui.components.board import board
from attnviz.figures import heatmap
from attnviz.board import frame, sheet
from attnviz.analysis import view
from attnviz.types import ViewOptions

HEAD = attnviz.HeadRef(3, 1)

@st.cache_resource
def traces():
    return {text: attnviz.attend(text) for text in TEXTS}

text = st.text_input("Sentence", st.query_params["text"])
trace = traces()[text]
if st.query_params["shown"] == "board":
    data = frame(trace, name="MiniLM")
    board(data, head=HEAD, sheets=(sheet(trace, HEAD, data),))
else:
    st.plotly_chart(heatmap.figure(view.pattern(trace, HEAD, ViewOptions())), theme=None, config=heatmap.CONFIG)
"""
DRAWN = {
    "board": """word => [...document.querySelectorAll('*')].some(
      e => [...(e.shadowRoot?.querySelectorAll('.unit') ?? [])].some(unit => unit.textContent.includes(word)))""",
    "heatmap": """word => [...document.querySelectorAll('.js-plotly-plot')].some(
      plot => plot.querySelector('.heatmaplayer image') &&
        Object.values(plot.layout?.xaxis?.labelalias || {}).some(label => String(label).includes(word)))""",
}
# Painted is the second frame after everything is there; asked in every frame, so neither picture is found sooner.
PAINTED = """word => { const drawn = LOOK; window.took = null;
  const done = () => { window.took = performance.now(); };
  const turn = () => requestAnimationFrame(drawn(word) ? () => requestAnimationFrame(done) : turn);
  turn(); }"""


def of_tokens(count: int, model: str) -> str:
    """Return the beginning of the long sentence that has `count` tokens."""
    tokenizer = load.load(catalog.card(model), Settings.from_env()).tokenizer
    for words in range(len(LONG), 0, -1):
        text = " ".join(LONG[:words])
        if len(read(tokenizer, text).tokens) == count:
            return text
    raise AssertionError(f"no beginning of the sentence has {count} tokens")


def strokes(layers: int, heads: int) -> Iterator[str]:
    """Yield the keys that lead from the first head of the first layer over every other one: along each layer and back."""
    for layer in range(layers):
        if layer:
            yield "ArrowDown"
        yield from ["ArrowLeft" if layer % 2 else "ArrowRight"] * (heads - 1)


def hold(page: Page, keys: Iterator[str]) -> int:
    """Press the keys one after the other as a hand would that holds them down; returns how many strokes that were."""
    pressed, count, due = "", 0, time.perf_counter()
    for key in keys:
        if pressed and pressed != key:
            page.keyboard.up(pressed)
        pressed, count, due = key, count + 1, due + REPEAT
        page.keyboard.down(key)
        time.sleep(max(0.0, due - time.perf_counter()))
    page.keyboard.up(pressed)
    return count


def walk(browser: Browser, address: str, model: str, text: str) -> dict[str, Any]:
    """Return one walk over all heads: the frames of it, what our script took in each, and what went to the server meanwhile."""
    card = catalog.card(model)
    page = browser.new_page(viewport=SIZE)
    page.add_init_script(CLOCK)
    sent: list[str] = []
    page.on("websocket", lambda one: one.on("framesent", lambda _: sent.append(one.url)))
    page.on("request", lambda request: sent.append(request.url))
    page.goto(f"{address}?model={model}&text={quote(text)}&layer=0&head=0&focus={text.index(' it ') + 1}")
    page.locator(".name", has_text="L0·H0").wait_for(timeout=120_000)
    page.locator("[data-test-script-state=notRunning]").wait_for(timeout=120_000)
    page.wait_for_timeout(3000)
    page.locator("canvas.overview").focus()
    page.wait_for_timeout(500)
    sent.clear()
    page.evaluate("walk.on = true")
    count = hold(page, strokes(card.layers, card.heads))
    page.evaluate("walk.on = false")
    requests = len(sent)
    last = f"L{card.layers - 1}·H{0 if card.layers % 2 == 0 else card.heads - 1}"
    assert page.locator(".name").text_content() == last, f"the walk ended at {page.locator('.name').text_content()}"
    nodes = page.locator(".attnviz").evaluate("e => e.getRootNode().querySelectorAll('*').length")
    frames, script = np.array(page.evaluate("walk.frames")), np.array(page.evaluate("walk.script"))
    page.close()
    drawn = script[script > 0]
    assert len(drawn) > count / 2, "the clock saw too few frames of ours"
    return {
        "strokes": count,
        "frames": len(frames),
        "interval_median_ms": float(np.median(np.diff(frames))),
        "script_median_ms": float(np.median(drawn)),
        "script_p95_ms": float(np.percentile(drawn, 95)),
        "script_max_ms": float(drawn.max()),
        "nodes": nodes,
        "requests": requests,
    }


def walks(browser: Browser, address: str, model: str, text: str) -> dict[str, Any]:
    """Return the middle of several walks, figure by figure; nothing that goes to the server is averaged away."""
    found = [walk(browser, address, model, text) for _ in range(ROUNDS)]
    middle = {name: round(statistics.median(one[name] for one in found), 2) for name in found[0]}
    return {**middle, "requests": max(one["requests"] for one in found)}


def first_paint(page: Page, address: str, shown: str, noun: str) -> float:
    """Return seconds from opening the page with a sentence until its picture is painted."""
    page.goto(f"{address}?shown={shown}&text={quote(sentence(noun))}", wait_until="commit")
    page.evaluate(PAINTED.replace("LOOK", DRAWN[shown]), noun)
    page.wait_for_function("() => window.took !== null", timeout=60_000)
    return page.evaluate("window.took") / 1000


def paints(browser: Browser) -> Iterator[dict[str, Any]]:
    """Return median seconds of the two pictures, drawn in turn by one server: for new browsers, then for one that was here."""
    nouns = ["stone", *NOUNS[:TURNS]]  # the first one wakes the server
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "bench.py"
        script.write_text(f"TEXTS = {[sentence(noun) for noun in nouns]!r}\n{BENCH}")
        with served(script) as address:
            for known in (False, True):
                found: dict[str, list[float]] = {shown: [] for shown in DRAWN}
                page = browser.new_page(viewport=SIZE)
                for noun in nouns:
                    for shown, took in found.items():
                        if not known:
                            page.close()
                            page = browser.new_page(viewport=SIZE)
                        took.append(first_paint(page, address, shown, noun))
                page.close()
                medians = {shown: round(statistics.median(took[1:]), 3) for shown, took in found.items()}
                yield {"browser": "was here before" if known else "new", **medians, "bound": medians["heatmap"]}


def main() -> None:
    """Measure all figures, one per line; the exit code is 1 if one misses its bound."""
    report = Report()
    texts = {"minilm": sentence("animal"), "smollm2": of_tokens(TOKENS, "smollm2")}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        with served(ROOT / "app.py") as address:
            for model, text in texts.items():
                found = walks(browser, address, model, text)
                ok = all(found[name] <= most for name, most in BOUNDS.items())
                report.show("an arrow key held over all heads", ok=ok, model=model, **found, bounds=BOUNDS)
        for found in paints(browser):
            first = found["board"] <= found["heatmap"]
            report.show("first paint of 12 words, from opening the page", ok=first, unit="s", **found)
        browser.close()
    sys.exit(report.code)


if __name__ == "__main__":
    main()
