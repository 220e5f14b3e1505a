"""The HTTP service under load: requests a second, latency with and without batching, and sizes of answers.

Starts `attnviz serve` with minilm loaded, and has 1, 8 and 32 clients send requests for ten seconds, each one after another,
with different sentences of 16 tokens. Prints one JSON line for each figure, with the share of a core that the clients took, and
the processor seconds of the server for each request, which depend least on what else the machine does. The size of an answer
is compared with the weights of all heads, which it replaces.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx
import psutil
from report import Report

import attnviz
from attnviz.backends import wire
from attnviz.engine.trace import Trace

ROOT = Path(__file__).parent.parent
TOKENS = 16
CLIENTS = 1, 8, 32
SECONDS = 10.0
BATCHES = 1, 16
WORDS = (
    "animal teacher farmer sailor painter doctor driver singer baker hunter pilot writer nurse lawyer clerk",
    "cross paint leave find close reach visit watch repair forget",
    "street bridge window garden letter market forest engine castle mirror basket hammer harbor tunnel",
    "tired young late hungry nervous careful busy old",
    "slow weak sad sick angry afraid cold wet",
)


def sentences() -> Iterator[str]:
    """Yield different sentences of 16 tokens of minilm."""
    found = list(itertools.product(*(words.split() for words in WORDS)))
    random.Random(1).shuffle(found)
    for who, did, what, was, other in found:
        yield f"The {who} did not {did} the {what} because it was {was} or {other}."


@contextmanager
def serving(batch: int) -> Iterator[tuple[str, psutil.Process]]:
    """Run a server with a loaded model, and give its address and its process."""
    command = [sys.executable, "-m", "attnviz", "serve", "--port", "0", "--warm", "minilm", "--batch", str(batch)]
    env = {**os.environ, "ATTNVIZ_RATE": "1000000"}
    with tempfile.TemporaryFile() as log, subprocess.Popen(command, cwd=ROOT, env=env, stderr=log) as server:
        try:
            while not (line := first_line(log)):
                assert server.poll() is None, "the server ended"
                time.sleep(0.1)
            url = next(word for word in line.split() if word.startswith("http://"))
            while httpx.get(f"{url}/readyz", trust_env=False).status_code != 200:
                time.sleep(0.2)
            yield url, psutil.Process(server.pid)
        finally:
            server.terminate()


def first_line(log: IO[bytes]) -> str:
    """Return the first line of a file that another process writes, "" while it is not complete. Leaves the file position."""
    line, end, _ = os.pread(log.fileno(), 4096, 0).partition(b"\n")
    return line.decode() if end else ""


async def send_requests(url: str, clients: int, texts: Iterator[str]) -> tuple[list[float], float, int]:
    """Return the seconds of each request, the seconds in total, and how many answers came from a batch."""
    limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)
    latencies: list[float] = []
    batched_count = 0
    async with httpx.AsyncClient(trust_env=False, timeout=60, limits=limits) as client:
        start = time.perf_counter()

        async def client_loop() -> None:
            nonlocal batched_count
            while time.perf_counter() - start < SECONDS:
                began = time.perf_counter()
                answer = await client.post(f"{url}/v1/attention", json={"model": "minilm", "text": next(texts)})
                latencies.append(time.perf_counter() - began)
                assert answer.status_code == 200, answer.text
                batched_count += b'"batched":true' in answer.content[:4096]

        await asyncio.gather(*(client_loop() for _ in range(clients)))
        return latencies, time.perf_counter() - start, batched_count


def cpu(process: psutil.Process) -> float:
    """Return the processor seconds of a process."""
    times = process.cpu_times()
    return times.user + times.system


def p95(latencies: list[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(latencies, n=20)[-1]


def loads(report: Report) -> None:
    """Measure every number of clients, with and without batching."""
    texts = sentences()
    for batch in BATCHES:
        with serving(batch) as (url, server):
            asyncio.run(send_requests(url, 2, texts))  # the first requests wait for what is made once
            for clients in CLIENTS:
                own, spent = time.process_time(), cpu(server)
                latencies, seconds, batched_count = asyncio.run(send_requests(url, clients, texts))
                share = (time.process_time() - own) / seconds
                report.show(
                    "HTTP, requests a second", ok=True, model="minilm", tokens=TOKENS, clients=clients, batch=batch,
                    per_second=len(latencies) / seconds, p50_s=statistics.median(latencies), p95_s=p95(latencies),
                    requests=len(latencies), batched=batched_count, server_cpu_s=(cpu(server) - spent) / len(latencies),
                    clients_share_of_a_core=share, load=os.getloadavg()[0],
                )  # fmt: skip


def size(report: Report, trace: Trace, bound: float | None) -> None:
    """Compare the size of an answer with that of the weights of all heads."""
    answer, matrices = len(wire.dumps(trace)), trace.weights().nbytes
    report.show(
        "answer / matrices, bytes", ok=bound is None or answer <= bound * matrices, model=trace.request.model,
        tokens=len(trace.tokens), answer=answer, matrices=matrices, ratio=answer / matrices, bound=bound,
    )  # fmt: skip


def text(model: str, tokens: int) -> str:
    """Return running text of exactly so many tokens, special tokens included."""
    words = "The animal did not cross the street because it was too tired and the night was long .".split()
    read = attnviz.load(model).tokenizer
    for count in range(1, tokens + 1):
        found = " ".join(itertools.islice(itertools.cycle(words), count))
        if len(read(found)["input_ids"]) == tokens:
            return found
    raise AssertionError(f"no running text has {tokens} tokens")


def sizes(report: Report) -> None:
    """Check that an answer is at most 1.05 times the weights at 16 tokens, and 0.1 times at 1,024."""
    for model, tokens, bound in (
        ("minilm", TOKENS, 1.05),
        ("smollm2", TOKENS, 1.05),
        ("minilm", 512, None),
        ("smollm2", 1024, 0.1),
    ):
        size(report, attnviz.attend(text(model, tokens), model), bound)


if __name__ == "__main__":
    shown = Report()
    sizes(shown)
    loads(shown)
    sys.exit(shown.code)
