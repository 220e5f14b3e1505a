"""The service on Ray: one front and one replica of minilm on this machine, used like any other backend.

Needs Ray, which is optional: pip install -r requirements-ray.txt -c constraints.txt
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import pytest

from attnviz.backends.batched import TOLERANCE, max_difference
from attnviz.backends.local import LocalBackend
from attnviz.backends.remote import RemoteBackend
from attnviz.errors import EmptyTextError, TooLongError, UnavailableError, UnknownModelError
from attnviz.settings import Settings
from attnviz.types import AttentionRequest
from tests.wires import same

ROOT = Path(__file__).parents[2]
STARTS = 240  # seconds, on a busy machine: Ray itself takes ten

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install -r requirements-ray.txt"),
    pytest.mark.timeout(STARTS + 120),
]


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start the program."""
    command = [sys.executable, "deploy/ray_app.py", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "RAY_USAGE_STATS_ENABLED": "1"}, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip


@pytest.fixture(scope="module")
def backend() -> Iterator[RemoteBackend]:
    """The service, as a page uses it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with start("--models", "minilm:1", "--batch", "4", "--port", str(port)) as running:
        assert running.stdout is not None
        line = running.stdout.readline()
        assert line.startswith(f"http://127.0.0.1:{port}"), line
        found = RemoteBackend(f"http://127.0.0.1:{port}", Settings())
        yield found
        found.close()
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=60)
    assert running.returncode == 0


def test_a_question_is_answered_bit_for_bit(backend: RemoteBackend):
    request = AttentionRequest("minilm", "The animal did not cross the street", "It was tired.")

    assert same(backend.attend(request), LocalBackend(Settings.from_env()).attend(request))


def test_simultaneous_questions_are_batched_and_marked_as_such(backend: RemoteBackend):
    local = LocalBackend(Settings.from_env())
    requests = [AttentionRequest("minilm", f"The animal of house {number} did not cross the street") for number in range(48)]

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(backend.attend, requests))

    assert [trace.request for trace in found] == requests
    assert sum(trace.batched for trace in found) > 12
    assert max(max_difference(trace, local.attend(trace.request)) for trace in found) <= TOLERANCE


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (AttentionRequest("minilm", " "), EmptyTextError),
        (AttentionRequest("minilm", "word " * 600), TooLongError),
        (AttentionRequest("gpt2", "a"), UnavailableError),
        (AttentionRequest("no-such", "a"), UnknownModelError),
    ],
)
def test_an_invalid_question_is_refused_with_its_class_of_error(
    backend: RemoteBackend, asked: AttentionRequest, error: type[Exception]
):
    with pytest.raises(error):
        backend.attend(asked)


FAULT = """
import asyncio, sys
from types import SimpleNamespace
import httpx
sys.path[:0] = ["deploy", "."]
import ray_app
from attnviz.settings import Settings
from attnviz.types import AttentionRequest

class Failing:
    def attend(self, request):
        raise RuntimeError(request.text)
    def remote(self, question, client):
        self.attend(AttentionRequest("minilm", question["text"]))

async def main():
    replica = ray_app.Replica.func_or_class("minilm", Settings.from_env(), 1)
    replica.responder.backend = Failing()
    question = {"model": "minilm", "text": "my own words", "text_b": None, "full_trace": False, "form": 2}
    print(await replica.answer(question, ("", "")))
    front = ray_app.Front.func_or_class.__mro__[1](Settings(), minilm=SimpleNamespace(answer=Failing()))
    line = httpx.ASGITransport(front.__serve_build_asgi_app__())
    async with httpx.AsyncClient(transport=line, base_url="http://here") as client:
        answer = await client.post("/v1/attention", json={"model": "minilm", "text": "my own words"})
    print(answer.status_code, answer.text)

asyncio.run(main())
"""


def test_a_bug_in_a_replica_or_the_front_is_logged_without_the_text():
    """Runs their classes in one process without Ray, whose own log lines use the same record factory."""
    ran = subprocess.run([sys.executable, "-c", FAULT], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    replica, front = ran.stdout.splitlines()
    assert replica.startswith("({'kind': 'BackendError', 'message': 'The replica of minilm that had this question failed")
    assert front.startswith('500 {"error": {"kind": "BackendError"')
    lines = [json.loads(line) for line in ran.stderr.splitlines()]
    faults = [line["event"] for line in lines if line["event"].startswith("fault: RuntimeError at ")]
    assert len(faults) == 2
    assert all("(attend)" in fault for fault in faults)
    assert "own words" not in ran.stdout + ran.stderr


@pytest.mark.parametrize("models", ["minilm:2-1", "minilm:0", "minilm:a", "no-such", ""])
def test_invalid_numbers_of_replicas_are_refused(models: str):
    with start("--models", models) as running:
        errors = running.communicate(timeout=60)[1]
    assert running.returncode == 2
    assert "Traceback" not in errors
