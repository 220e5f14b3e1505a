"""Memory over a thousand sentences in the app and in the HTTP server, and over sessions that open and close.

With a cache of 32 MB, resident memory may grow by 50 MB from sentence 200 to sentence 1,000, two thirds of them on minilm and
one third on smollm2. Streamlit keeps a closed session for two minutes, and at most 128 of them, for connections that break:
so memory is compared from the 128th closed one on, and no session may count as open in the end. Prints one JSON line for each
figure. Fewer sentences and sessions: `python benchmarks/soak.py 60 20`.
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
from student import Student, open_page

ROOT = Path(__file__).parent.parent
CACHE = 32  # MB
GROWTH = 50  # MB
KEPT_SESSIONS = 128  # closed sessions that Streamlit keeps, at most
WORDS = (
    "animal teacher farmer sailor bridge window garden letter market forest engine castle mirror basket hammer planet".split()
)
Memory = Callable[[], float]


def sentence(number: int) -> str:
    """Return a sentence of 13 to 20 words, different for each number."""
    more = " ".join(WORDS[(number * 7 + at) % len(WORDS)] for at in range(number % 8))
    return (
        f"In house {number} the {WORDS[number % len(WORDS)]} did not cross the street because it was tired {more}".strip() + "."
    )


def model(number: int) -> str:
    """Return the model of a sentence: minilm for two of three."""
    return "smollm2" if number % 3 == 2 else "minilm"


def resident(process: psutil.Process) -> float:
    """Return the resident memory in MB."""
    return process.memory_info().rss / 2**20


@contextmanager
def backend() -> Iterator[tuple[str, psutil.Process]]:
    """Run the HTTP server, and give its address and its process once it is ready."""
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


async def memory_in_app(front: str, sentences: int, memory: Memory) -> list[float]:
    """Have two users type all sentences; return the memory before the first and after each, in MB."""
    values = [memory()]
    async with open_page(front, "model=minilm") as one, open_page(front, "model=smollm2") as other:
        pages: dict[str, Student] = {"minilm": one, "smollm2": other}
        for number in range(sentences):
            answer = await pages[model(number)].ask(sentence(number))
            if answer.alerts or not answer.weights:
                raise RuntimeError(f"Sentence {number} was not shown: {answer.alerts}")
            values.append(memory())
    return values


def memory_over_http(address: str, sentences: int, memory: Memory) -> list[float]:
    """Send the same sentences to the HTTP server; return the memory likewise."""
    values = [memory()]
    with httpx.Client(timeout=60, trust_env=False) as client:
        for number in range(sentences):
            client.post(f"{address}/v1/attention", json={"model": model(number), "text": sentence(number)}).raise_for_status()
            values.append(memory())
    return values


async def memory_over_sessions(front: str, sessions: int, memory: Memory) -> list[float]:
    """Open and close pages one after another; return the memory after each, in MB."""
    values = []
    for number in range(sessions):
        async with open_page(front, f"model={model(number)}"):
            pass
        values.append(memory())
    return values


def still_open(process: psutil.Process, port: int) -> int:
    """Return the number of connections that the server holds two seconds after the last one closed, those that only the client
    has closed (CLOSE_WAIT) included."""
    time.sleep(2)
    connections = process.net_connections("tcp")
    return sum(one.laddr.port == port and one.status != psutil.CONN_LISTEN for one in connections)


def median_before(values: list[float], at: int) -> float:
    """Return the median of the values before `at`, a fifteenth of all: from text to text, memory varies by 30 MB."""
    return statistics.median(values[max(0, at - len(values) // 15) : at + 1])


def show_memory(report: Report, figure: str, values: list[float], start: int, **more: object) -> None:
    """Report one series of memory values, compared from `start` to its end."""
    before, after = median_before(values, start), median_before(values, len(values) - 1)
    report.show(
        figure, ok=after - before <= GROWTH, counted=len(values) - 1, first_MB=values[0], from_MB=before, to_MB=after,
        most_MB=max(values), grown_MB=after - before, bound_MB=GROWTH,
        course_MB=[round(one) for one in values[:: max(1, len(values) // 10)]], **more,
    )  # fmt: skip


def main(sentences: int = 1000, sessions: int = KEPT_SESSIONS + 200) -> int:
    """Measure the app, its sessions and the HTTP server; return the exit code."""
    os.environ["ATTNVIZ_CACHE_MB"] = str(CACHE if sentences >= 1000 else 4)  # full after the first fifth
    report, fifth = Report(), sentences // 5
    with served(ROOT / "app.py") as address:
        port = int(address.rstrip("/").rpartition(":")[2])
        process = server_of(address)
        values = asyncio.run(memory_in_app(address, sentences, lambda: resident(process)))
        show_memory(report, "memory over sentences through the app", values, fifth)
        values = asyncio.run(memory_over_sessions(address, sessions, lambda: resident(process)))
        connections = still_open(process, port)
        show_memory(report, "memory over sessions that open and close", values, max(0, sessions - 200), left_open=connections)
        report.show("closed sessions are released", ok=connections == 0, left_open=connections)
    with backend() as (url, process):
        values = memory_over_http(url, sentences, lambda: resident(process))
        show_memory(report, "memory over sentences through the HTTP server", values, fifth)
    return report.code


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
