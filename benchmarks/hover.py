"""Pointing at word after word over eight panels side by side, in a real browser: what our own script takes in a frame.

Prints one JSON line a picture: eight heads of two models and three sentences, as curves and as matrices. The clock is that of
`frames.py`.
"""

from __future__ import annotations

import json
import sys
import time
from urllib.parse import urlencode, urlsplit

import numpy as np
from frames import BOUNDS, CLOCK, SIZE
from page import ROOT, served
from playwright.sync_api import Browser, sync_playwright
from report import Report

from attnviz.ui import warm_up

TEXT = "The animal didn't cross the street because it was too tired"
OTHERS = [
    ["minilm", TEXT.replace("tired", "wide")],
    ["smollm2", TEXT],
    ["minilm", "Anna took the cake off the plate and ate it"],
]
TRAY = {
    "text": TEXT, "focus": "43", "texts": json.dumps(OTHERS), "pins": "3.1,1:3.1,5.11,2:16.5,3:3.1,3.mean,1:5.11,2:13.8",
}  # fmt: skip
WORDS, ROUNDS = 13, 6
STAY = 0.04  # seconds on a word


def hover(browser: Browser, address: str, view: str) -> dict[str, float]:
    """Milliseconds of our script in the frames in which it drew, while a pointer goes over the first text again and again."""
    page = browser.new_page(viewport=SIZE)
    page.add_init_script(CLOCK)
    page.goto(f"{address}compare?{urlencode({**TRAY, 'view': view})}")
    page.locator(".panel canvas").nth(7).wait_for(timeout=120_000)
    page.locator("[data-test-script-state=notRunning]").wait_for(timeout=120_000)
    page.wait_for_timeout(3000)
    boxes = [unit.bounding_box() for unit in page.locator(".unit").all()[:WORDS]]
    page.evaluate("walk.on = true")
    for box in boxes * ROUNDS:
        assert box is not None
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        time.sleep(STAY)
    page.evaluate("walk.on = false")
    script = np.array(page.evaluate("walk.script"))
    page.close()
    drawn = script[script > 0.3]  # a pointer that stays on its word needs less
    assert len(drawn) > len(boxes) * ROUNDS / 3, "the clock saw too few frames of ours"
    return {"frames": len(drawn), "script_median_ms": float(np.median(drawn)), "script_p95_ms": float(np.percentile(drawn, 95))}


def main() -> None:
    """Measure both pictures, one per line; the exit code is 1 if one misses its bound."""
    report = Report()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        with served(ROOT / "app.py") as address:
            warm_up.visit(urlsplit(address).port or 0)  # without, a dialog of Streamlit's lies over the first page
            for view in ("curves", "matrix"):
                found, most = hover(browser, address, view), BOUNDS["script_median_ms"]
                ok = found["script_median_ms"] <= most
                report.show("pointing at words over eight panels", ok=ok, view=view, **found, bound=most)
        browser.close()
    sys.exit(report.code)


if __name__ == "__main__":
    main()
