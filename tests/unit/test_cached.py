"""The cache of the cached backend is bounded and shared, and keeps no failure."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from attnviz.backends.cached import LruCache, size_in_bytes


def test_eight_threads_that_want_one_value_make_it_once():
    cache, gate, made = LruCache(10_000), threading.Event(), []

    def make():
        made.append(1)
        gate.wait(5)
        return "value"

    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(cache.get, "key", make) for _ in range(8)]
        while not made:
            pass
        gate.set()
        assert [answer.result(5) for answer in answers] == ["value"] * 8
    assert made == [1]


def test_the_bytes_kept_never_exceed_the_limit_and_the_oldest_goes_first():
    cache = LruCache(3 * (size_in_bytes(np.zeros(250, np.float32)) + size_in_bytes("a")))
    for key in "abc":
        cache.get(key, lambda: np.zeros(250, np.float32))
    cache.get("a", lambda: pytest.fail("a was kept"))
    cache.get("d", lambda: np.zeros(250, np.float32))
    assert cache.nbytes <= cache.limit
    remade = []
    cache.get("b", lambda: remade.append("b") or np.zeros(250, np.float32))
    cache.get("a", lambda: remade.append("a"))
    assert remade == ["b"]


def test_a_value_larger_than_the_limit_is_returned_but_not_kept():
    cache = LruCache(1000)
    assert cache.get("big", lambda: np.ones(5000, np.float32)).sum() == 5000
    assert cache.nbytes == 0


def test_an_error_reaches_all_waiting_threads_and_is_not_kept():
    cache, gate, started = LruCache(10_000), threading.Event(), threading.Event()

    def fail():
        started.set()
        gate.wait(5)
        raise ValueError("no")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.get, "key", fail)
        started.wait(5)
        second = pool.submit(cache.get, "key", lambda: "never made by the second")
        gate.set()
        with pytest.raises(ValueError, match="no"):
            first.result(5)
        answer = second.exception(5)
    assert isinstance(answer, ValueError) or second.result() == "never made by the second"
    assert cache.get("key", lambda: "now") in ("now", "never made by the second")


def test_the_size_of_a_value_counts_its_arrays_and_strings():
    assert size_in_bytes(np.zeros((3, 5), np.float32)) == 256 + 60
    assert size_in_bytes(b"1234") == 256 + 4
    assert size_in_bytes((np.zeros(2, np.float64), "ab")) == 256 + (256 + 16) + (256 + 8)
    assert size_in_bytes({"a": np.zeros(2, np.float64)}) == 256 + (256 + 16)


def test_when_the_maker_of_a_value_is_interrupted_a_waiting_thread_takes_over():
    class Interrupted(BaseException):
        """As Streamlit stops a script whose reader has typed something else."""

    cache, begun, go = LruCache(10_000), threading.Event(), threading.Event()
    ended: list[str] = []

    def interrupted() -> bytes:
        begun.set()
        assert go.wait(5)
        raise Interrupted

    def first() -> None:
        try:
            cache.get("a", interrupted)
        except Interrupted:
            ended.append("away")

    def second() -> None:
        ended.append(cache.get("a", lambda: b"made").decode())

    maker, waiter = threading.Thread(target=first), threading.Thread(target=second)
    maker.start()
    assert begun.wait(5)
    waiter.start()
    time.sleep(0.05)  # so that it waits for the first; if it came later, it would make the value all the same
    go.set()
    maker.join(5)
    waiter.join(5)
    assert sorted(ended) == ["away", "made"]


def test_a_thread_that_waits_for_a_value_can_be_interrupted():
    class Interrupted(BaseException):
        """As Streamlit stops a script whose reader has typed something else."""

    def on_wait() -> None:
        raise Interrupted

    cache, begun, go = LruCache(10_000, on_wait), threading.Event(), threading.Event()

    def make() -> bytes:
        begun.set()
        assert go.wait(20)
        return b"made"

    maker = threading.Thread(target=cache.get, args=("a", make))
    maker.start()
    assert begun.wait(20)
    with pytest.raises(Interrupted):
        cache.get("a", lambda: pytest.fail("another thread makes it"))
    go.set()
    maker.join(20)
    assert cache.peek("a") == b"made"
    assert cache.peek("b") is None
