"""A question is followed from the page to the server's log by its id, and says where its time went; its text says nothing."""

from __future__ import annotations

import json
import logging
import time

import pytest

from attnviz import logs
from attnviz.backends import request_context
from attnviz.backends.remote import RemoteBackend
from attnviz.backends.request_context import RequestContext
from attnviz.backends.scheduled import Row, TurnedBackend, turned
from attnviz.backends.scheduler import Scheduler
from attnviz.errors import TooLongError, UnavailableError
from attnviz.settings import Settings
from attnviz.types import AttentionRequest
from tests.servers import FakeBackend, running_server

REQUEST = AttentionRequest("minilm", "the animal was tired")


def row(told: list[RequestContext]) -> Row:
    """One place, and a list of all that was asked."""
    return Row(Scheduler(1, 5, 5), lambda: "a", lambda _: None, 5.0, told.append)


def test_the_server_s_line_of_a_question_has_the_id_of_the_page_s(caplog: pytest.LogCaptureFixture):
    told: list[RequestContext] = []
    with running_server(FakeBackend(lambda _: time.sleep(0.05))) as url, caplog.at_level(logging.INFO, "attnviz.server.app"):
        backend = turned(RemoteBackend(url, Settings()), row(told))
        backend.attend(REQUEST)
        with pytest.raises(TooLongError) as error:
            backend.attend(AttentionRequest("minilm", "x" * 200_001))
        backend.attend(AttentionRequest("minilm", "another"))
        backend.close()

    lines = [record.fields for record in caplog.records if record.getMessage() == "request"]
    assert [line["id"] for line in lines] == [told[0].id, told[2].id]
    assert len({one.id for one in told}) == 3
    assert [one.error for one in told] == ["", "TooLongError", ""]
    assert error.value.id == told[1].id
    assert 0.05 <= lines[0]["compute_seconds"] <= told[0].remote_seconds
    assert told[1].remote_seconds == 0, "nobody was asked"
    assert request_context.current_id() == ""


class CalledAway(BaseException):
    """As Streamlit stops a script whose reader has typed something else."""


def test_what_is_read_in_this_process_has_its_stages_too():
    told: list[RequestContext] = []

    class Loading(FakeBackend):
        """Loads for a while first."""

        def holds(self, name: str) -> bool:
            return False

        def ready(self, request: AttentionRequest) -> None:
            time.sleep(0.06)
            if request.model == "gpt2":
                raise UnavailableError("Not here.")

    def read(request: AttentionRequest) -> None:
        time.sleep(0.03)
        if request.text == "left":
            raise CalledAway

    backend = TurnedBackend(Loading(read), row(told))
    backend.attend(REQUEST)
    with pytest.raises(UnavailableError):
        backend.attend(AttentionRequest("gpt2", "a"))
    with pytest.raises(CalledAway):
        backend.attend(AttentionRequest("minilm", "left"))

    read_, absent, left = told
    assert read_.queue_seconds >= 0.06
    assert (read_.compute_seconds >= 0.03, read_.remote_seconds) == (True, 0.0)
    assert (absent.queue_seconds >= 0.06, absent.compute_seconds, absent.error) == (True, 0.0, "UnavailableError")
    assert (left.compute_seconds >= 0.03, left.error) == (True, "CalledAway")


def test_a_model_that_is_not_of_the_catalogue_has_no_name_in_the_log():
    told: list[RequestContext] = []
    with request_context.track(AttentionRequest("somebody's secret", "a"), told.append):
        pass

    assert told[0].model == "other"


def test_a_line_of_a_page_is_json_and_is_written_once(capsys: pytest.CaptureFixture[str]):
    logs.enable_page_log()
    logs.enable_page_log()
    logs.log_page_event("page_request", id="c0ffee", queue_seconds=0.1)

    line = json.loads(capsys.readouterr().err)
    assert line.pop("time")
    assert line == {"level": "info", "event": "page_request", "id": "c0ffee", "queue_seconds": 0.1}
