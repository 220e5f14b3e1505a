"""A server that is killed (SIGKILL) repeatedly under eight clients: no client gets a wrong answer, and none hangs.

Each client requests one sentence after another, waits as a program that uses attnviz does, and compares each answer bit for bit
with the same models in this process. The server is killed at random moments, one time in five while it starts, and is started
again at once. Prints one JSON line: answers, wrong answers, errors by kind, the longest wait of a client beside its deadline,
seconds until the server was ready, and from then until the last client had an answer. `killed.py 2` kills twice.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from report import Report

from attnviz.backends.local import LocalBackend
from attnviz.backends.remote import NETWORK_SECONDS, RemoteBackend
from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError
from attnviz.settings import Settings
from attnviz.types import AttentionRequest

ROOT = Path(__file__).parent.parent
KILLS, CLIENTS, SENTENCES = 20, 8, 400
SECONDS = 10  # a server's deadline; a client's is this and NETWORK_SECONDS
READY, AGAIN, MAX_OVERTIME = 15.0, 2.0, 0.5  # seconds: bounds of the start, the first answers, and waits after the deadline
MAX_LIFE = 2.0  # seconds at most between the first answers and the next kill
EARLY = 0.2  # of the kills come while the server starts
ERROR_PAUSE = 0.1  # seconds before a client that got an error sends the next request
TIMEOUT = 60.0
NOUNS = "animal teacher farmer sailor painter doctor driver singer baker hunter".split()
PLACES = "street bridge garden market forest castle harbour tunnel".split()
STATES = "tired young late hungry nervous".split()


@dataclass
class Client:
    """One thread that sends requests until it is stopped, and the results."""

    backend: RemoteBackend
    known: dict[AttentionRequest, str]
    stop: threading.Event
    draw: random.Random
    answered: float = 0.0  # time of the newest answer
    longest: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)

    def run(self) -> None:
        """Send requests until the thread is stopped."""
        requests = list(self.known)
        while not self.stop.is_set():
            request = self.draw.choice(requests)
            start = time.monotonic()
            try:
                found = digest(self.backend.attend(request))
                self.counts["answers"] += 1
                self.counts["wrong"] += found != self.known[request]
                self.answered = time.monotonic()
            except AttnvizError as error:
                self.counts[type(error).__name__] += 1
                time.sleep(ERROR_PAUSE)
            except Exception as error:  # noqa: BLE001  # a bug is counted, not hidden
                self.counts[f"not ours: {type(error).__name__}"] += 1
                time.sleep(ERROR_PAUSE)
            self.longest = max(self.longest, time.monotonic() - start)


@dataclass
class Lives:
    """Seconds until the server was ready, and then until all clients were answered, after each start."""

    ready: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)


def digest(trace: Trace) -> str:
    """Return a hash of all weights, bit for bit, and of their tokens."""
    weights_hash = hashlib.sha256(repr((trace.request, trace.tokens, trace.batched)).encode())
    weights_hash.update(np.ascontiguousarray(trace.weights()).tobytes())
    return weights_hash.hexdigest()


def sentences() -> list[AttentionRequest]:
    """Return 400 different sentences of 11 words each."""
    made = [
        AttentionRequest("minilm", f"The {noun} did not cross the {place} because it was {state}.")
        for noun in NOUNS for place in PLACES for state in STATES
    ]  # fmt: skip
    return made[:SENTENCES]


def start_server(port: int) -> tuple[subprocess.Popen[bytes], float]:
    """Start a server, and return it with the time of its start."""
    command = [sys.executable, "-m", "attnviz", "serve", "--port", str(port), "--warm", "minilm"]
    environment = {name: value for name, value in os.environ.items() if name != "ATTNVIZ_BACKEND"}
    environment |= {"ATTNVIZ_SECONDS": str(SECONDS), "ATTNVIZ_RATE": "1000000"}
    since = time.monotonic()
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), since


def ready(port: int) -> bool:
    """Return whether the server is ready."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
            return answer.status == 200
    except OSError:  # no server listens yet, or 503
        return False


def wait_for_answers(port: int, since: float, clients: list[Client], lives: Lives) -> None:
    """Wait until the server is ready, then until every client has an answer, and record both times."""
    while not ready(port):
        if time.monotonic() - since > TIMEOUT:
            break
        time.sleep(0.02)
    now = time.monotonic()
    lives.ready.append(now - since)
    while min(client.answered for client in clients) < now and time.monotonic() - now < TIMEOUT:
        time.sleep(0.01)
    lives.again.append(time.monotonic() - now)


@contextmanager
def running_clients(port: int, known: dict[AttentionRequest, str]) -> Iterator[list[Client]]:
    """Run eight clients, each with its own connections, until the block ends."""
    settings, stop = replace(Settings(), seconds=SECONDS), threading.Event()
    url = f"http://127.0.0.1:{port}"
    clients = [Client(RemoteBackend(url, settings), known, stop, random.Random(number)) for number in range(CLIENTS)]
    threads = [threading.Thread(target=client.run, daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    yield clients
    stop.set()
    for client, thread in zip(clients, threads, strict=True):
        thread.join(TIMEOUT)
        client.counts["hung"] += thread.is_alive()
        client.backend.close()


def run(kills: int) -> tuple[list[Client], Lives]:
    """Run the benchmark, and return the clients and the times."""
    local = LocalBackend(Settings())
    known = {request: digest(local.attend(request)) for request in sentences()}
    local.close()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    draw, lives = random.Random(7), Lives()
    server, since = start_server(port)
    try:
        with running_clients(port, known) as clients:
            for number in range(kills):
                if number % round(1 / EARLY) == 1:
                    time.sleep(draw.uniform(0.0, 5.0))
                else:
                    wait_for_answers(port, since, clients, lives)
                    time.sleep(draw.uniform(0.0, MAX_LIFE))
                server.send_signal(signal.SIGKILL)
                server.wait(20)
                server, since = start_server(port)
            wait_for_answers(port, since, clients, lives)
    finally:
        server.kill()
        server.wait(20)
    return clients, lives


def main(kills: int) -> int:
    """Print the results, and return the exit code."""
    clients, lives = run(kills)
    counts = sum((client.counts for client in clients), Counter[str]())
    longest, deadline = max(client.longest for client in clients), SECONDS + NETWORK_SECONDS
    bad = counts["wrong"] + counts["hung"] + sum(many for name, many in counts.items() if name.startswith("not ours"))
    in_time = longest <= deadline + MAX_OVERTIME and max(lives.ready) <= READY and max(lives.again) <= AGAIN
    errors = {name: many for name, many in counts.items() if name not in ("answers", "wrong", "hung")}
    report = Report()
    report.show(
        f"{kills} times SIGKILL under {CLIENTS} clients", ok=not bad and in_time and counts["answers"] > 0,
        answers=counts["answers"], wrong=counts["wrong"], hung=counts["hung"], errors=errors,
        longest_s=longest, deadline_s=deadline, ready_s=max(lives.ready), ready_bound=READY,
        ready_mean_s=sum(lives.ready) / len(lives.ready), again_s=max(lives.again), again_bound=AGAIN,
        again_mean_s=sum(lives.again) / len(lives.again),
    )  # fmt: skip
    return report.code


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else KILLS))
