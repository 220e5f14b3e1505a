"""Texts that wait at the same moment are read together: which ones, and what an error or a cancelled caller changes."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from attnviz.backends.batcher import Batcher
from attnviz.backends.scheduler import Cancelled, Ticket, working_for
from attnviz.errors import LateError

WAITS = 10  # seconds, for what takes none


class Reader:
    """Reads a text as its capitals, and keeps what was read in each pass.

    Texts that begin with `hold` wait until `release`, texts with `bad` in them fail.
    """

    def __init__(self, rows: int = 4, at_once: int = 2) -> None:
        self.release = threading.Event()
        self.passes: list[tuple[str, ...]] = []
        self.batcher: Batcher[str, str] = Batcher(self.read, rows, at_once)
        self.pool = ThreadPoolExecutor(32)

    def read(self, texts: Sequence[str], check_cancelled: Callable[[], None]) -> list[str]:
        """A pass."""
        release = self.release
        self.passes.append(tuple(texts))
        while any(text.startswith("hold") for text in texts) and not release.wait(0.01):
            check_cancelled()
        if any("bad" in text for text in texts):
            raise ValueError(" ".join(texts))
        return [text.upper() for text in texts]

    def ask(self, text: str, size: int = 10, kind: str | None = "minilm", ticket: Ticket | None = None) -> Future[str]:
        """A text in a thread of its own; when this returns, it waits or is read already."""

        def asked() -> str:
            with working_for(ticket or Ticket("someone", print, time.monotonic() + 100, False, 0)):
                return self.batcher.result(kind, size, text)

        before = self.seen
        found = self.pool.submit(asked)
        end = time.monotonic() + WAITS
        while self.seen == before and not found.done():
            assert time.monotonic() < end
            time.sleep(0.001)
        return found

    @property
    def seen(self) -> int:
        """Texts that wait or were read."""
        return self.batcher.waiting + sum(map(len, self.passes))

    def next(self) -> None:
        """Release the texts that wait now; later ones wait again."""
        release, self.release = self.release, threading.Event()
        release.set()

    def until(self, texts: tuple[str, ...]) -> None:
        """Waits until a pass over these has begun."""
        end = time.monotonic() + WAITS
        while texts not in self.passes:
            time.sleep(0.001)
            assert time.monotonic() < end

    def full(self) -> list[Future[str]]:
        """Take both slots."""
        return [self.ask("hold one", kind=None), self.ask("hold two", kind=None)]


@pytest.fixture
def reader():
    made = Reader()
    yield made
    made.release.set()
    made.pool.shutdown()


def results(waiting: Sequence[Future[str]]) -> list[str]:
    """All results."""
    return [one.result(WAITS) for one in waiting]


def test_a_text_with_a_free_slot_is_read_at_once(reader: Reader):
    assert results([reader.ask("a"), reader.ask("b")]) == ["A", "B"]
    assert reader.passes == [("a",), ("b",)]


def test_texts_that_wait_together_share_a_pass_up_to_the_limit(reader: Reader):
    holding = reader.full()
    waiting = [reader.ask(name) for name in "abcdef"]

    reader.release.set()

    assert results(waiting) == list("ABCDEF")
    assert results(holding) == ["HOLD ONE", "HOLD TWO"]
    assert sorted(reader.passes[2:]) == [tuple("abcd"), tuple("ef")]


def test_only_texts_of_one_kind_and_similar_length_share_a_pass(reader: Reader):
    reader.full()
    asked = {"a": (10, "minilm"), "b": (10, "smollm2"), "c": (33, "minilm"), "d": (32, "minilm"), "e": (64, "minilm"),
             "f": (65, "minilm"), "g": (65, "minilm"), "h": (10, None), "i": (10, None)}  # fmt: skip
    waiting = [reader.ask(text, size, kind) for text, (size, kind) in asked.items()]

    reader.release.set()

    assert results(waiting) == list("ABCDEFGHI")
    assert sorted(reader.passes[2:]) == [("a", "d"), ("b",), ("c", "e"), ("f",), ("g",), ("h",), ("i",)]


def test_a_pass_has_at_most_512_tokens_padding_included():
    reader = Reader(rows=32)
    reader.full()
    waiting = [reader.ask(f"{number:02}", 60) for number in range(10)]

    reader.release.set()

    results(waiting)
    assert sorted(map(len, reader.passes[2:])) == [2, 8]  # 8 of 60 tokens are 480, 9 would be 540


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_long_texts_never_take_the_last_slot(at_once: int):
    reader = Reader(at_once=at_once)
    blocked = [reader.ask(f"hold {number}", 500) for number in range(4)]

    assert reader.ask("short").result(WAITS) == "SHORT"
    assert len(reader.passes) == max(1, at_once - 1) + 1
    reader.release.set()
    assert len(results(blocked)) == 4


def test_an_error_reaches_only_its_own_caller(reader: Reader):
    reader.full()
    waiting = [reader.ask(text) for text in ("a", "bad", "b", "bad too")]

    reader.release.set()

    assert results([waiting[0], waiting[2]]) == ["A", "B"]
    for one, own in ((waiting[1], "^bad$"), (waiting[3], "^bad too$")):
        with pytest.raises(ValueError, match=own):
            one.result(WAITS)
    assert reader.passes[2] == ("a", "bad", "b", "bad too")
    assert sorted(reader.passes[3:]) == [("a",), ("b",), ("bad",), ("bad too",)]


@pytest.mark.parametrize("who", [0, 1, 2])
def test_a_cancelled_text_is_not_read_and_the_others_are(reader: Reader, who: int):
    reader.full()
    tickets = [Ticket(number, print, time.monotonic() + 100, False, 0) for number in range(3)]
    waiting = [reader.ask(text, ticket=ticket) for text, ticket in zip("abc", tickets, strict=True)]

    tickets[who].cancelled.set()
    with pytest.raises(Cancelled):
        waiting[who].result(WAITS)
    reader.release.set()

    stay = [number for number in range(3) if number != who]
    assert results([waiting[number] for number in stay]) == ["ABC"[number] for number in stay]
    assert reader.passes[2:] == [tuple("abc"[number] for number in stay)]


def test_a_pass_continues_while_one_caller_waits():
    reader = Reader()
    first = [reader.ask("hold one", kind=None), reader.ask("hold two", kind=None)]
    tickets = [Ticket(number, print, time.monotonic() + 100, False, 0) for number in range(2)]
    waiting = [reader.ask(f"hold {text}", ticket=ticket) for text, ticket in zip("ab", tickets, strict=True)]
    reader.next()
    reader.until(("hold a", "hold b"))

    tickets[0].cancelled.set()  # its thread reads for both
    time.sleep(0.05)
    assert not waiting[1].done()
    reader.release.set()

    assert results([waiting[1], *first]) == ["HOLD B", "HOLD ONE", "HOLD TWO"]


def test_a_pass_without_callers_is_stopped():
    reader = Reader(at_once=2)
    reader.full()
    tickets = [Ticket(number, print, time.monotonic() + 100, False, 0) for number in range(2)]
    waiting = [reader.ask(f"hold {text}", ticket=ticket) for text, ticket in zip("ab", tickets, strict=True)]
    reader.next()
    reader.until(("hold a", "hold b"))

    tickets[0].deadline = tickets[1].deadline = time.monotonic() - 1

    for one in waiting:
        with pytest.raises(LateError):
            one.result(WAITS)
    assert reader.ask("c").result(WAITS) == "C", "the slot was released"


@pytest.mark.parametrize("how", ["fails", "is cancelled"])
def test_a_cancelled_text_takes_no_slot_when_its_pass(how: str):
    reader = Reader()
    holding = reader.full()
    tickets = [Ticket(number, print, time.monotonic() + 100, False, 0) for number in range(2)]
    texts = ("hold bad", "hold b")
    waiting = [reader.ask(text, ticket=ticket) for text, ticket in zip(texts, tickets, strict=True)]
    reader.next()
    reader.until(texts)

    tickets[1].cancelled.set()
    with pytest.raises(Cancelled):
        waiting[1].result(WAITS)  # its thread is gone, its text is still being read
    if how == "is cancelled":
        tickets[0].cancelled.set()
    else:
        reader.release.set()

    with pytest.raises(ValueError if how == "fails" else Cancelled):
        waiting[0].result(WAITS)
    results(holding)
    assert (reader.batcher.waiting, reader.batcher.running) == (0, 0)
    assert results([reader.ask("c"), reader.ask("d")]) == ["C", "D"]


def test_results_of_many_readers_are_never_mixed():
    reader = Reader(rows=8)
    draw = random.Random(7)
    texts = [f"{'bad' if draw.random() < 0.1 else 'text'} {number}" for number in range(400)]
    sizes = [draw.randrange(2, 90) for _ in texts]

    def asked(text: str, size: int) -> str:
        try:
            return reader.batcher.result("minilm", size, text)
        except ValueError as error:
            return str(error)

    with ThreadPoolExecutor(24) as pool:
        found = list(pool.map(asked, texts, sizes))

    assert found == [text if text.startswith("bad") else text.upper() for text in texts]
    assert (reader.batcher.waiting, reader.batcher.running) == (0, 0)
