"""How soon things are ready: the page after a second `make app`, and smollm2 in a new process beyond its imports.

Prints one JSON line each. The environment and the converted weights must be there already; `make app` once sees to it.
"""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from report import Report

ROOT = Path(__file__).parent.parent
READY = """
import time, torch, transformers, attnviz
from attnviz.models import load
from attnviz.engine import capture
started = time.perf_counter()
attnviz.load("smollm2")
print(time.perf_counter() - started)
"""


def page_after_make() -> float:
    """Return seconds from `make app` until the page answers HTTP 200."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    start = time.perf_counter()
    server = subprocess.Popen(
        ["make", "app", f"PORT={port}"], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        while time.perf_counter() - start < 120:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                    if answer.status == 200:
                        return time.perf_counter() - start
            except OSError:
                time.sleep(0.05)
        raise SystemExit("The page did not answer within 120 s.")
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(20)


def smollm2_in_a_new_process() -> float:
    """Return seconds until the model is ready, imports not counted."""
    ran = subprocess.run([sys.executable, "-c", READY], cwd=ROOT, capture_output=True, text=True, check=True)
    return float(ran.stdout.split()[-1])


if __name__ == "__main__":
    smollm2_in_a_new_process()
    report = Report()
    for figure, measured, bound in (
        ("second make app to HTTP 200", page_after_make, 8),
        ("smollm2 ready beyond imports", smollm2_in_a_new_process, 3),
    ):
        took = statistics.median(measured() for _ in range(3))
        report.show(figure, ok=took <= bound, s=took, bound=bound)
    sys.exit(report.code)
