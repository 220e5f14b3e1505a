"""What a reader waits for on an open page: Enter to the new words and to quiet, another head by the arrow key, another page.

Prints one JSON line with medians in seconds, of this checkout or of several beside one another: `--trees before=FOLDER now=.`
Each tree has a warm server and a page of its own, and all take turns in every round, so that a busy machine slows all alike.
Quiet is the last change of the page, or the last file that came, before SILENT milliseconds without any.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from page import NOUNS, ROOT, sentence, served
from playwright.sync_api import Page, sync_playwright
from report import Report

from attnviz.ui import warm_up

SILENT = 700  # milliseconds without a change of the page or a file: then it is quiet
LONGEST = 60_000  # milliseconds
MEASURED = ("enter_words_s", "enter_quiet_s", "arrow_name_s", "arrow_quiet_s", "page_shown_s", "page_quiet_s")
BOUNDS = {"enter_words_s": 0.5}  # at most, of the first tree's median; all others: no more than it
NOISE = 1.1  # a median of equal pages varies by this much
# Watches all changes, also inside of components; `from()` starts the clock at the next key or click.
WATCH = """(() => {
  const seen = window.seen = { from: 0, last: 0, shown: 0, done: () => false };
  const change = () => { seen.last = performance.now(); };
  const changed = new MutationObserver(change), watched = new WeakSet();
  const roots = function* (root) { yield root;
    for (const one of root.querySelectorAll('*')) if (one.shadowRoot) yield* roots(one.shadowRoot); };
  seen.boards = () => [...document.querySelectorAll('.st-key-board [data-testid=stBidiComponentIsolated]')]
    .map(one => one.shadowRoot).filter(Boolean);
  new PerformanceObserver(list => { for (const one of list.getEntries())
    seen.last = Math.max(seen.last, one.responseEnd); }).observe({ type: 'resource' });
  const look = () => {
    if (document.body) for (const root of roots(document)) if (!watched.has(root)) { watched.add(root);
      changed.observe(root, { subtree: true, childList: true, characterData: true, attributes: true }); }
    if (seen.from && !seen.shown && seen.done()) requestAnimationFrame(() => { seen.shown ||= performance.now(); });
    requestAnimationFrame(look); };
  for (const name of ['keydown', 'click']) addEventListener(name, () => {
    if (seen.armed) { seen.armed = false; seen.from = performance.now(); seen.last = seen.from; seen.shown = 0; } }, true);
  look();
})()"""
WORDS = "() => seen.boards().some(one => [...one.querySelectorAll('.unit')].some(unit => unit.textContent.includes('{}')))"
HEAD = "() => seen.boards().some(one => [...one.querySelectorAll('.name')].some(name => name.textContent.trim() === '{}'))"
PAGE = "() => document.querySelector('.page-name')?.textContent === '{}' && document.querySelector('{}')"


class Reader:
    """One open page of one tree, and the seconds that it took for each figure."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.took = page, dict[str, list[float]]()
        page.add_init_script(WATCH)
        page.goto(f"{address}?model=minilm&layer=3&head=1")
        page.get_by_label("Sentence").first.wait_for(timeout=LONGEST)
        self._settle("seen.boards().some(one => one.querySelector('.readout')?.textContent)")

    def enter(self, noun: str) -> None:
        """Type a new sentence and press Enter."""
        field = self.page.get_by_label("Sentence").first
        field.fill(sentence(noun))
        self._timed(WORDS.format(noun), lambda: field.press("Enter"), "enter_words_s", "enter_quiet_s")

    def arrow(self, right: bool) -> None:
        """Choose the head to the right or left of the present one by its key."""
        self.page.locator("canvas.overview").first.focus()
        key, name = ("ArrowRight", "L3·H2") if right else ("ArrowLeft", "L3·H1")
        self._timed(HEAD.format(name), lambda: self.page.keyboard.press(key), "arrow_name_s", "arrow_quiet_s")

    def switch(self) -> None:
        """Open the page Inside attention and come back; only the way there is measured."""
        for name, title, part, figures in (
            ("inside", "Inside attention", ".st-key-inside", ("page_shown_s", "page_quiet_s")),
            ("attention", "Attention", ".st-key-board", ("", "")),
        ):
            # The second is Streamlit's own row of pages, which earlier checkouts have.
            link = self.page.locator(f'nav a[data-page="{name}"]:visible, [data-testid=stTopNavLink]:has-text("{title}")')
            self._timed(PAGE.format(title, part), link.first.click, *figures)

    def _timed(self, done: str, act: Callable[[], object], shown: str, silent: str) -> None:
        """Do something, and note the seconds until `done` is shown and until the page is quiet."""
        self.page.evaluate(f"seen.from = 0; seen.shown = 0; seen.done = {done}; seen.armed = true; 0")
        act()
        self._settle("seen.from && seen.shown")
        found = self.page.evaluate("({ ...seen })")
        for name, at in ((shown, found["shown"]), (silent, max(found["last"], found["shown"]))):
            if name:
                self.took.setdefault(name, []).append((at - found["from"]) / 1000)

    def _settle(self, done: str) -> None:
        no_run = "!document.querySelector('[data-test-script-state=running]')"
        self.page.wait_for_function(
            f"() => {done} && {no_run} && performance.now() - seen.last > {SILENT}", timeout=LONGEST, polling=100
        )


def measured(trees: dict[str, Path], turns: int) -> dict[str, dict[str, float]]:
    """Return the medians of each tree."""
    with ExitStack() as open_servers, sync_playwright() as driver:
        readers: dict[str, Reader] = {}
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        for name, tree in trees.items():
            address = open_servers.enter_context(served(tree / "app.py", tree))
            warm_up.visit(int(address.rstrip("/").rpartition(":")[2]))
            readers[name] = Reader(browser.new_page(viewport={"width": 1366, "height": 768}), address)
        for turn in range(-1, turns):
            for reader in readers.values():
                reader.page.bring_to_front()
                reader.enter(NOUNS[turn % len(NOUNS)])
                reader.arrow(right=turn % 2 == 1)
                reader.switch()
                if turn < 0:
                    reader.took.clear()  # the first of each loads what comes once
        browser.close()
    return {
        name: {figure: round(statistics.median(reader.took[figure]), 3) for figure in MEASURED}
        for name, reader in readers.items()
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument(
        "--trees", nargs="+", default=[f"now={ROOT}"], metavar="NAME=FOLDER", help="checkouts, the oldest first"
    )
    arguments = parser.parse_args()
    trees = {name: Path(folder).resolve() for name, _, folder in (one.partition("=") for one in arguments.trees)}
    found = measured(trees, arguments.turns)
    first, last = next(iter(found.values())), list(found.values())[-1]
    ratios = {name: round(last[name] / first[name], 2) for name in MEASURED} if len(found) > 1 else {}
    kept = all(ratio <= BOUNDS.get(name, NOISE) for name, ratio in ratios.items())
    report = Report()
    report.show("an open page", ok=kept, turns=arguments.turns, **found, ratios=ratios, bounds=BOUNDS, noise=NOISE)
    sys.exit(report.code)
