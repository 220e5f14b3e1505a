"""Memory over a thousand sentences, through the app and through the HTTP server, and over sessions that open and close.

With a cache of 32 MB, resident memory may grow by 50 MB from sentence 200 to sentence 1,000, two thirds of them on minilm and
one third on smollm2. Streamlit keeps a closed session for two minutes, and 128 of them at most, for readers whose line
breaks: so memory is compared from the 128th closed one on, and none may count as open in the end. Prints one JSON line a
figure. Fewer of both: `python benchmarks/soak.py 60 20`.
"""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
from classroom import server_of
from page import served
from report import Report
from student import Student, at_the_page

ROOT = Path(__file__).parent.parent
CACHE = 32  # MB
GROWTH = 50  # MB
KEPT = 128  # closed sessions that Streamlit holds on to, at most
WORDS = (
    "animal teacher farmer sailor bridge window garden letter market forest engine castle mirror basket hammer planet".split()
)
Memory = Callable[[], float]


def sentence(number: int) -> str:
    """Thirteen to twenty words; no other number gives the same."""
    more = " ".join(WORDS[(number * 7 + at) % len(WORDS)] for at in range(number % 8))
    return (
        f"In house {number} the {WORDS[number % len(WORDS)]} did not cross the street because it was tired {more}".strip() + "."
    )


def model(number: int) -> str:
    """Two thirds of all sentences are minilm's."""
    return "smollm2" if number % 3 == 2 else "minilm"


def resident(process: psutil.Process) -> float:
    """Resident memory, in MB."""
    return process.memory_info().rss / 2**20


@contextmanager
def backend() -> Iterator[tuple[str, psutil.Process]]:
    """The HTTP server, ready, until the block ends: its address and its process."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "attnviz", "serve", "--port", str(port), "--warm", "minilm,smollm2"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{address}/readyz", timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        yield address, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(20)


async def through_the_app(front: str, sentences: int, memory: Memory) -> list[float]:
    """Each sentence typed by one of two readers: memory before the first and after each, in MB."""
    found = [memory()]
    async with at_the_page(front, "model=minilm") as one, at_the_page(front, "model=smollm2") as other:
        pages: dict[str, Student] = {"minilm": one, "smollm2": other}
        for number in range(sentences):
            answer = await pages[model(number)].ask(sentence(number))
            if answer.alerts or not answer.weights:
                raise RuntimeError(f"Sentence {number} was not shown: {answer.alerts}")
            found.append(memory())
    return found


def through_http(address: str, sentences: int, memory: Memory) -> list[float]:
    """The same sentences, asked of the HTTP server."""
    found = [memory()]
    with httpx.Client(timeout=60, trust_env=False) as client:
        for number in range(sentences):
            client.post(f"{address}/v1/attention", json={"model": model(number), "text": sentence(number)}).raise_for_status()
            found.append(memory())
    return found


async def opened_and_closed(front: str, sessions: int, memory: Memory) -> list[float]:
    """Pages opened and closed one after another: memory after each, in MB."""
    found = []
    for number in range(sessions):
        async with at_the_page(front, f"model={model(number)}"):
            pass
        found.append(memory())
    return found


def still_open(process: psutil.Process, port: int) -> int:
    """How many readers' lines the server holds, two seconds after the last one left; also those of which only the reader has
    closed his end (CLOSE_WAIT)."""
    time.sleep(2)
    lines = process.net_connections("tcp")
    return sum(one.laddr.port == port and one.status != psutil.CONN_LISTEN for one in lines)


def around(found: list[float], at: int) -> float:
    """The middle one of the fifteenth of a course that ends at `at`: an allocator gives and takes 30 MB from text to text."""
    return statistics.median(found[max(0, at - len(found) // 15) : at + 1])


def shown(report: Report, figure: str, found: list[float], start: int, **more: object) -> None:
    """A line for one course of memory, compared from `start` to its end."""
    before, after = around(found, start), around(found, len(found) - 1)
    report.show(
        figure, ok=after - before <= GROWTH, counted=len(found) - 1, first_MB=found[0], from_MB=before, to_MB=after,
        most_MB=max(found), grown_MB=after - before, bound_MB=GROWTH,
        course_MB=[round(one) for one in found[:: max(1, len(found) // 10)]], **more,
    )  # fmt: skip


def main(sentences: int = 1000, sessions: int = KEPT + 200) -> int:
    """The app, its sessions, and the HTTP server."""
    os.environ["ATTNVIZ_CACHE_MB"] = str(CACHE if sentences >= 1000 else 4)  # so that it is full from the first fifth on
    report, fifth = Report(), sentences // 5
    with served(ROOT / "app.py") as address:
        port = int(address.rstrip("/").rpartition(":")[2])
        process = server_of(address)
        course = asyncio.run(through_the_app(address, sentences, lambda: resident(process)))
        shown(report, "memory over sentences through the app", course, fifth)
        course = asyncio.run(opened_and_closed(address, sessions, lambda: resident(process)))
        left = still_open(process, port)
        shown(report, "memory over sessions that open and close", course, max(0, sessions - 200), left_open=left)
        report.show("closed sessions are let go", ok=left == 0, left_open=left)
    with backend() as (url, process):
        course = through_http(url, sentences, lambda: resident(process))
        shown(report, "memory over sentences through the HTTP server", course, fifth)
    return report.code


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
