"""Models in this process are loaded once for all callers, even if the first caller is interrupted."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from attnviz.backends.local import LocalBackend
from attnviz.backends.scheduler import Cancelled, Scheduler, working_for
from attnviz.errors import AttnvizError, UnknownModelError
from attnviz.models import load, reading_progress
from attnviz.progress import ProgressEvent
from attnviz.settings import Settings
from attnviz.types import AttentionRequest
from tests.small_models import saved


class Interrupted(BaseException):
    """As Streamlit stops a script whose reader has typed something else."""


def test_when_the_loading_thread_is_interrupted_a_waiting_thread_takes_over(tmp_path):
    card = load.local_card(saved(tmp_path / "model"))
    begun, go = threading.Event(), threading.Event()
    called = [True]

    def wait_once(_: str) -> None:
        if called:
            called.clear()
            begun.set()
            assert go.wait(20)
            raise Interrupted

    backend = LocalBackend(Settings(), wait_once, folders=(card,))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(backend.load, card.id)
        assert begun.wait(20)
        second = pool.submit(backend.load, card.id)
        time.sleep(0.05)  # so that it waits for the first; if it came later, it would load the model all the same
        go.set()
        assert isinstance(first.exception(20), Interrupted)
        assert second.result(20).card.id == card.id
    assert backend.load(card.id) is second.result()


def test_a_loading_error_reaches_all_waiting_threads_and_the_next_caller_tries_again(tmp_path):
    folder = saved(tmp_path / "model")
    card = load.local_card(folder)
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[:-100])
    backend = LocalBackend(Settings(), folders=(card,))
    with ThreadPoolExecutor(2) as pool:
        errors = [one.exception(20) for one in [pool.submit(backend.load, card.id) for _ in range(2)]]
    assert all(isinstance(error, AttnvizError) for error in errors)
    (folder / "model.safetensors").write_bytes(weights)
    assert backend.load(card.id).card.id == card.id


def test_a_reader_who_moves_on_within_the_reading_does_not_stop_it(tmp_path, monkeypatch):
    monkeypatch.setattr(reading_progress, "FIRST", -1.0)
    card = load.local_card(saved(tmp_path / "model"))
    heard = []

    def move_on(event: ProgressEvent) -> None:
        heard.append(event.kind)
        if event.kind == "progress":
            raise Interrupted

    backend = LocalBackend(Settings(), move_on, folders=(card,))
    with pytest.raises(Interrupted):
        backend.load(card.id)
    assert heard.count("progress") == 1
    assert backend.is_loaded(card.id)
    assert backend.load(card.id).card.id == card.id


def test_unknown_models_evict_no_loaded_model(tmp_path):
    card = load.local_card(saved(tmp_path / "model"))
    backend = LocalBackend(Settings(loaded_models=1), folders=(card,))
    model = backend.load(card.id)

    for name in ("no-such-model", "../../etc/passwd"):
        with pytest.raises(UnknownModelError):
            backend.attend(AttentionRequest(name, "a"))

    assert (backend.is_loaded(card.id), backend.is_loaded("no-such-model")) == (True, False)
    assert backend.load(card.id) is model
    assert (backend.has_weights(card.id), backend.has_weights("no-such-model")) == (True, False)


def test_a_cancelled_forward_pass_stops_at_the_next_layer(tmp_path):
    card = load.local_card(saved(tmp_path / "model"))
    backend, queue = LocalBackend(Settings(), folders=(card,)), Scheduler(1, 1, 1)
    request = AttentionRequest(card.id, "the animal")
    backend.prepare(request)

    with working_for(queue.acquire("a", lambda: None)) as ticket:
        ticket.cancelled.set()
        with pytest.raises(Cancelled):
            backend.attend(request)
    assert backend.attend(request).layers == 3, "the model is as it was"
