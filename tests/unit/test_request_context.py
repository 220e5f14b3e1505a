"""A request has the same id in the logs of page and server, with where its time went and without its text."""

from __future__ import annotations

import json
import logging
import time

import pytest

from attnviz import logs
from attnviz.backends import request_context
from attnviz.backends.base import Capabilities
from attnviz.backends.remote import RemoteBackend
from attnviz.backends.request_context import RequestContext
from attnviz.backends.scheduled import ScheduledBackend, Scheduling
from attnviz.errors import TooLongError, UnavailableError
from attnviz.settings import Settings
from attnviz.types import AttentionRequest
from tests.servers import FakeBackend, running_server

REQUEST = AttentionRequest("minilm", "the animal was tired")


def scheduling(done: list[RequestContext]) -> Scheduling:
    """One slot, and a list of all requests."""
    return Scheduling(1, 5, 5, 5.0, lambda: "a", done.append)


def test_the_log_lines_of_page_and_server_have_the_same_id(caplog: pytest.LogCaptureFixture):
    done: list[RequestContext] = []
    with running_server(FakeBackend(lambda _: time.sleep(0.05))) as url, caplog.at_level(logging.INFO, "attnviz.server.app"):
        backend = ScheduledBackend(RemoteBackend(url, Settings()), scheduling(done))
        backend.attend(REQUEST)
        with pytest.raises(TooLongError) as error:
            backend.attend(AttentionRequest("minilm", "x" * 200_001))
        backend.attend(AttentionRequest("minilm", "another"))
        backend.close()

    lines = [record.fields for record in caplog.records if record.getMessage() == "request"]
    assert [line["id"] for line in lines] == [done[0].id, done[2].id]
    assert len({one.id for one in done}) == 3
    assert [one.error for one in done] == ["", "TooLongError", ""]
    assert error.value.id == done[1].id
    assert 0.05 <= lines[0]["compute_seconds"] <= done[0].remote_seconds
    assert done[1].remote_seconds == 0, "nothing was sent"
    assert request_context.current_id() == ""


class Interrupted(BaseException):
    """As Streamlit stops a script whose reader has typed something else."""


def test_a_request_in_this_process_is_measured_too():
    done: list[RequestContext] = []

    class Loading(FakeBackend):
        """Loads for a while first."""

        @property
        def capabilities(self) -> Capabilities:
            return Capabilities(prepare=self.prepare)

        def prepare(self, request: AttentionRequest) -> None:
            time.sleep(0.06)
            if request.model == "gpt2":
                raise UnavailableError("Not here.")

    def read(request: AttentionRequest) -> None:
        time.sleep(0.03)
        if request.text == "left":
            raise Interrupted

    backend = ScheduledBackend(Loading(read), scheduling(done))
    backend.attend(REQUEST)
    with pytest.raises(UnavailableError):
        backend.attend(AttentionRequest("gpt2", "a"))
    with pytest.raises(Interrupted):
        backend.attend(AttentionRequest("minilm", "left"))

    read_, absent, left = done
    assert read_.queue_seconds >= 0.06
    assert (read_.compute_seconds >= 0.03, read_.remote_seconds) == (True, 0.0)
    assert (absent.queue_seconds >= 0.06, absent.compute_seconds, absent.error) == (True, 0.0, "UnavailableError")
    assert (left.compute_seconds >= 0.03, left.error) == (True, "Interrupted")


def test_a_model_that_is_not_in_the_catalogue_has_no_name_in_the_log():
    done: list[RequestContext] = []
    with request_context.track(AttentionRequest("a user's secret", "a"), done.append):
        pass

    assert done[0].model == "other"


def test_a_line_of_a_page_is_json_and_is_written_once(capsys: pytest.CaptureFixture[str]):
    logs.enable_page_log()
    logs.enable_page_log()
    logs.log_page_event("page_request", id="c0ffee", queue_seconds=0.1)

    line = json.loads(capsys.readouterr().err)
    assert line.pop("time")
    assert line == {"level": "info", "event": "page_request", "id": "c0ffee", "queue_seconds": 0.1}
