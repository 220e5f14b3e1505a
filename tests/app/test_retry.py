"""A page whose backend fails says so, keeps all that was chosen, and tries again by itself, less and less often."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from attnviz.backends import circuit_breaker, http_client, remote
from attnviz.backends.local import LocalBackend
from attnviz.errors import BackendError, BusyError, OutputError
from attnviz.types import AttentionRequest, HeadRef
from attnviz.ui import retry
from attnviz.ui.backend import backend, is_reachable
from tests.app.conftest import say, written
from tests.hostile import Deed, Hostile, answer, hostile, reads, right, silent, whatever

TEXT = "the animal was tired"
CHOSEN = {"text": TEXT, "layer": "1", "head": "0", "pins": "0.1"}
BY_ITSELF = "Your text, your pins and your choices are kept. This page tries again by itself"
HOSTILE = '<img src=x onerror=alert(1)> ![x](http://evil.example) "]$'


@pytest.fixture
def server(local: LocalBackend, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hostile]:
    """The backend of the app, with short timeouts."""
    for part, name in ((http_client, "FIRST_WAIT"), (circuit_breaker, "PAUSE"), (remote, "NETWORK_SECONDS")):
        monkeypatch.setattr(part, name, 0.001)
    monkeypatch.setattr(remote, "LIST_TIMEOUT", 1.0)
    monkeypatch.setenv("ATTNVIZ_SECONDS", "1")
    with hostile(local) as made:
        monkeypatch.setenv("ATTNVIZ_BACKEND", made.url)
        backend.clear()
        yield made
        backend().close()
    backend.clear()


def kept(app: AppTest, text: str = TEXT) -> bool:
    """Return whether text, head and pin are unchanged."""
    now = app.session_state["attnviz_selection"]
    typed = next(field.value for field in app.text_input if field.label == "Sentence")
    return (typed, now.request.text, now.head, [pin.head for pin in now.pins]) == (text, text, HeadRef(1, 0), [HeadRef(0, 1)])


def retries(app: AppTest) -> bool:
    """Return whether the page says that it tries again, and has the button to do so at once."""
    return BY_ITSELF in written(app) and [one.label for one in app.button if one.key == "attnviz_again"] == ["Try again now"]


@pytest.mark.parametrize("page", ["explore/attention", "explore/compare", "explore/heads", "learn/coreference"])
def test_a_page_without_its_backend_recovers_when_it_is_back(opened, server: Hostile, page: str):
    server.does = whatever(b"")
    app = opened(**CHOSEN).switch_page(f"pages/{page}.py").run()
    assert not app.exception
    assert f"The backend {server.url} does not answer (it closed the connection before its answer was complete)" in written(app)
    assert retries(app)
    assert kept(app)

    server.does = None
    app.run()
    assert not app.error, written(app)
    assert "tries again" not in written(app)
    assert kept(app)


@pytest.mark.parametrize(
    ("does", "says"),
    [
        (silent, "has not answered within 1 s. Try again, or shorten the text."),
        (whatever(answer(HOSTILE.encode())), "gave no answer that can be read. An answer begins with ATW1"),
        (whatever(answer(HOSTILE.encode(), "404 No")), "answers 404, as no attnviz backend does. Correct ATTNVIZ_BACKEND."),
        (whatever(answer(b"", "503 No", retry_after=30)), "is busy, try again in 30 s."),
    ],
    ids=["slow", "garbage", "another program", "busy"],
)  # fmt: skip
def test_errors_of_a_backend_are_shown_in_plain_words(opened, server: Hostile, does, says: str):
    server.does = does
    app = opened(**CHOSEN)

    assert not app.exception
    assert says in written(app)
    assert retries(app)
    say(app, "another text, typed meanwhile")
    assert kept(app, "another text, typed meanwhile")

    server.does = None
    app.run()
    assert not app.error, written(app)


def test_an_invalid_text_is_not_tried_again(opened, server: Hostile):
    app = opened(**CHOSEN | {"text": "word " * 600})

    assert "reads at most 512 tokens" in written(app)
    assert "tries again" not in written(app)
    assert "Change the text or the model above." in written(app)


KEPT = "Your text, your pins and your choices are kept."


def error(status: str, kind: str, message: str, **more: object) -> Deed:
    """A server that answers with an error of ours."""
    return whatever(answer(json.dumps({"error": {"kind": kind, "message": message, **more}}).encode(), status))


@pytest.mark.parametrize(
    ("does", "says", "message"),
    [
        (error("401 No", "AccessError", "Set its key."), "Set its key.", "The operator of this server must set the key"),
        (error("503 No", "DiskError", "It is full.", retry_after=60), "It is full.", "This page tries again by itself after"),
    ],
    ids=["key", "disk"],
)  # fmt: skip
def test_what_only_the_operator_can_fix_is_no_error_of_the_text(opened, server: Hostile, does: Deed, says: str, message: str):
    server.does = does
    app = opened(**CHOSEN)

    assert says in written(app)
    assert f"{KEPT} {message}" in written(app)
    assert "Change the text" not in written(app)
    assert kept(app)

    server.does = None
    app.run()
    assert not app.error, written(app)


def test_a_full_local_disk_is_no_error_of_the_text(opened, monkeypatch: pytest.MonkeyPatch):
    disk, prepare = {"full": True}, LocalBackend.prepare

    def prepared(self: LocalBackend, request: AttentionRequest) -> object:
        if disk["full"]:
            raise OutputError("BERT cannot be kept. Make room.")
        return prepare(self, request)

    monkeypatch.setattr(LocalBackend, "prepare", prepared)
    app = opened(**CHOSEN | {"text": "a text that was never read before"})
    assert "BERT cannot be kept. Make room." in written(app)
    assert f"{KEPT} This page tries again by itself after a while." in written(app)
    assert "Change the text" not in written(app)
    disk["full"] = False
    app.run()
    assert not app.error, written(app)


def test_a_failed_request_is_found_in_the_logs_by_its_id(opened, server: Hostile, capsys: pytest.CaptureFixture[str]):
    server.does = reads(whatever(answer(b"garbage")))
    app = opened(**CHOSEN)

    shown = re.search(r"In the logs this request is (\w{12})\.", written(app))
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    assert shown
    found = next(line for line in lines if line.get("id") == shown[1])
    assert (found["event"], found["model"], found["error"]) == ("page_request", "minilm", "AnswerError")
    assert found["remote_seconds"] > 0
    assert TEXT not in json.dumps(lines)


def test_a_page_checks_whether_its_backend_answers(server: Hostile):
    assert is_reachable()
    server.does = silent
    assert not is_reachable()


def test_a_page_retries_by_itself_when_its_backend_is_back(opened, server: Hostile, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retry, "CHECK_SECONDS", 0.0)  # checks at once
    failures = [whatever(answer(b"garbage"))] * 5
    server.does = lambda client, good: reads(failures.pop() if failures else right)(client, good)
    app = opened(**CHOSEN)

    assert not failures
    assert not app.error, written(app)
    assert "tries again" not in written(app)
    assert kept(app)
    assert retry.ATTEMPTS_KEY not in app.session_state, "the next failure is retried as soon as the first one"


def test_a_timeout_is_retried_three_times(opened, server: Hostile, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retry, "CHECK_SECONDS", 0.0)
    monkeypatch.setattr("random.uniform", lambda low, high: 0.0)
    monkeypatch.setenv("ATTNVIZ_SECONDS", "1")
    asked = []

    def late(client: socket.socket, good: bytes) -> None:
        asked.append(good)
        silent(client, good)

    server.does = reads(late)
    app = opened(**CHOSEN)

    assert len(asked) == 1 + retry.MAX_TIMEOUTS
    assert "It took too long several times; this page does not try again by itself." in written(app)
    assert "Waiting for the backend" not in written(app), "no request waits any more"
    assert kept(app)

    server.does = None
    app.button(key="attnviz_again").click().run()
    assert not app.error, written(app)


def test_a_page_retries_less_and_less_often(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("random.uniform", lambda low, high: 1.0)

    assert [retry.delay(BackendError("."), attempt) for attempt in (0, 1, 2, 4, 5, 99)] == [3, 6, 12, 48, 60, 60]
    assert [retry.delay(BusyError(".", 7), attempt) for attempt in (0, 1, 9)] == [7, 14, 60]
    assert retry.delay(OutputError("."), 0) == 60, "each time may be a download"
