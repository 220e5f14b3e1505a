"""The HTTP service under load: requests a second and how long they take, with and without batching; how large answers are.

Starts `attnviz serve` with minilm warm, and lets 1, 8 and 32 clients ask for ten seconds, each one question after another,
no sentence twice, 16 tokens each. Prints one JSON line a figure, with the share of a core that the clients themselves took,
and the seconds of any core that the server took for each request, which depend least on what else the machine does.
Answers are measured against the weights of all heads that they replace.
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
    """Sentences of 16 tokens to minilm, none of them twice."""
    found = list(itertools.product(*(words.split() for words in WORDS)))
    random.Random(1).shuffle(found)
    for who, did, what, was, other in found:
        yield f"The {who} did not {did} the {what} because it was {was} or {other}."


@contextmanager
def serving(batch: int) -> Iterator[tuple[str, psutil.Process]]:
    """The address of a server whose model is warm, and its process."""
    command = [sys.executable, "-m", "attnviz", "serve", "--port", "0", "--warm", "minilm", "--batch", str(batch)]
    env = {**os.environ, "ATTNVIZ_RATE": "1000000"}
    with tempfile.TemporaryFile() as log, subprocess.Popen(command, cwd=ROOT, env=env, stderr=log) as server:
        try:
            while not (said := first(log)):
                assert server.poll() is None, "the server ended"
                time.sleep(0.1)
            url = next(word for word in said.split() if word.startswith("http://"))
            while httpx.get(f"{url}/readyz", trust_env=False).status_code != 200:
                time.sleep(0.2)
            yield url, psutil.Process(server.pid)
        finally:
            server.terminate()


def first(log: IO[bytes]) -> str:
    """The first line of a file that somebody writes, "" as long as there is none; his place in it stays."""
    line, end, _ = os.pread(log.fileno(), 4096, 0).partition(b"\n")
    return line.decode() if end else ""


async def asked(url: str, clients: int, texts: Iterator[str]) -> tuple[list[float], float, int]:
    """Seconds of each request, seconds of all, and how many answers came of a pass over several texts."""
    limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)
    taken: list[float] = []
    together = 0
    async with httpx.AsyncClient(trust_env=False, timeout=60, limits=limits) as client:
        start = time.perf_counter()

        async def one() -> None:
            nonlocal together
            while time.perf_counter() - start < SECONDS:
                began = time.perf_counter()
                answer = await client.post(f"{url}/v1/attention", json={"model": "minilm", "text": next(texts)})
                taken.append(time.perf_counter() - began)
                assert answer.status_code == 200, answer.text
                together += b'"batched":true' in answer.content[:4096]

        await asyncio.gather(*(one() for _ in range(clients)))
        return taken, time.perf_counter() - start, together


def cpu(process: psutil.Process) -> float:
    """Seconds that a process has taken of any core."""
    times = process.cpu_times()
    return times.user + times.system


def p95(taken: list[float]) -> float:
    """What 95 of 100 stay below."""
    return statistics.quantiles(taken, n=20)[-1]


def loads(report: Report) -> None:
    """Every number of clients against a server of each kind."""
    texts = sentences()
    for batch in BATCHES:
        with serving(batch) as (url, server):
            asyncio.run(asked(url, 2, texts))  # the first questions of a server wait for what is made once
            for clients in CLIENTS:
                own, spent = time.process_time(), cpu(server)
                taken, seconds, together = asyncio.run(asked(url, clients, texts))
                share = (time.process_time() - own) / seconds
                report.show(
                    "HTTP, requests a second", ok=True, model="minilm", tokens=TOKENS, clients=clients, batch=batch,
                    per_second=len(taken) / seconds, p50_s=statistics.median(taken), p95_s=p95(taken),
                    requests=len(taken), batched=together, server_cpu_s=(cpu(server) - spent) / len(taken),
                    clients_share_of_a_core=share, load=os.getloadavg()[0],
                )  # fmt: skip


def size(report: Report, trace: Trace, bound: float | None) -> None:
    """An answer against the weights of all heads."""
    answer, matrices = len(wire.dumps(trace)), trace.weights().nbytes
    report.show(
        "answer / matrices, bytes", ok=bound is None or answer <= bound * matrices, model=trace.request.model,
        tokens=len(trace.tokens), answer=answer, matrices=matrices, ratio=answer / matrices, bound=bound,
    )  # fmt: skip


def text(model: str, tokens: int) -> str:
    """Running text of exactly so many tokens, special ones included."""
    words = "The animal did not cross the street because it was too tired and the night was long .".split()
    read = attnviz.load(model).tokenizer
    for count in range(1, tokens + 1):
        found = " ".join(itertools.islice(itertools.cycle(words), count))
        if len(read(found)["input_ids"]) == tokens:
            return found
    raise AssertionError(f"no running text has {tokens} tokens")


def sizes(report: Report) -> None:
    """At 16 tokens at most a twentieth more than the matrices, at 1,024 at most a tenth of them."""
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
