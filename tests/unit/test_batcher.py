"""Texts that wait at the same moment are read together: who with whom, who waits for whom, and what an error reaches."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from attnviz.backends.batcher import Together
from attnviz.backends.scheduler import Cancelled, Ticket, working_for
from attnviz.errors import LateError

WAITS = 10  # seconds, for what takes none


class Reader:
    """Reads a text as its capitals, and keeps what was read in each pass.

    Those called `hold…` wait until `release`, those with `bad` in them fail.
    """

    def __init__(self, rows: int = 4, at_once: int = 2) -> None:
        self.release = threading.Event()
        self.passes: list[tuple[str, ...]] = []
        self.together: Together[str, str] = Together(self.read, rows, at_once)
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
        """A text, asked for in a thread of its own; it has begun to wait, or is read already, when this returns."""

        def asked() -> str:
            with working_for(ticket or Ticket("someone", print, time.monotonic() + 100, False, 0)):
                return self.together.result(kind, size, text)

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
        return len(self.together._queue) + sum(map(len, self.passes))

    def next(self) -> None:
        """What is held now goes on; what comes later is held anew."""
        release, self.release = self.release, threading.Event()
        release.set()

    def until(self, texts: tuple[str, ...]) -> None:
        """Waits until a pass over these has begun."""
        end = time.monotonic() + WAITS
        while texts not in self.passes:
            time.sleep(0.001)
            assert time.monotonic() < end

    def full(self) -> list[Future[str]]:
        """Takes both places."""
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


def test_where_a_place_is_free_nobody_waits_for_company(reader: Reader):
    assert results([reader.ask("a"), reader.ask("b")]) == ["A", "B"]
    assert reader.passes == [("a",), ("b",)]


def test_those_who_wait_at_the_same_moment_are_read_together_up_to_the_bound(reader: Reader):
    holding = reader.full()
    waiting = [reader.ask(name) for name in "abcdef"]

    reader.release.set()

    assert results(waiting) == list("ABCDEF")
    assert results(holding) == ["HOLD ONE", "HOLD TWO"]
    assert sorted(reader.passes[2:]) == [tuple("abcd"), tuple("ef")]


def test_only_texts_of_one_kind_and_of_like_length_share_a_pass(reader: Reader):
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
def test_long_texts_never_take_the_last_place(at_once: int):
    reader = Reader(at_once=at_once)
    held = [reader.ask(f"hold {number}", 500) for number in range(4)]

    assert reader.ask("short").result(WAITS) == "SHORT"
    assert len(reader.passes) == max(1, at_once - 1) + 1
    reader.release.set()
    assert len(results(held)) == 4


def test_an_error_reaches_no_neighbour(reader: Reader):
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
def test_whoever_leaves_while_he_waits_is_not_read_and_takes_nobody_with_him(reader: Reader, who: int):
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


def test_work_for_several_goes_on_while_one_of_them_is_there():
    reader = Reader()
    first = [reader.ask("hold one", kind=None), reader.ask("hold two", kind=None)]
    tickets = [Ticket(number, print, time.monotonic() + 100, False, 0) for number in range(2)]
    waiting = [reader.ask(f"hold {text}", ticket=ticket) for text, ticket in zip("ab", tickets, strict=True)]
    reader.next()
    reader.until(("hold a", "hold b"))

    tickets[0].cancelled.set()  # the one whose thread reads for both
    time.sleep(0.05)
    assert not waiting[1].done()
    reader.release.set()

    assert results([waiting[1], *first]) == ["HOLD B", "HOLD ONE", "HOLD TWO"]


def test_a_pass_that_nobody_waits_for_any_more_is_given_up():
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
    assert reader.ask("c").result(WAITS) == "C", "the place was given back"


@pytest.mark.parametrize("how", ["fails", "is called away"])
def test_who_left_while_he_was_read_with_others_takes_no_place_when_that_pass(how: str):
    reader = Reader()
    holding = reader.full()
    tickets = [Ticket(number, print, time.monotonic() + 100, False, 0) for number in range(2)]
    texts = ("hold bad", "hold b")
    waiting = [reader.ask(text, ticket=ticket) for text, ticket in zip(texts, tickets, strict=True)]
    reader.next()
    reader.until(texts)

    tickets[1].cancelled.set()
    with pytest.raises(Cancelled):
        waiting[1].result(WAITS)  # his thread is gone, his text is still being read
    if how == "is called away":
        tickets[0].cancelled.set()
    else:
        reader.release.set()

    with pytest.raises(ValueError if how == "fails" else Cancelled):
        waiting[0].result(WAITS)
    results(holding)
    assert (reader.together._queue, reader.together._short) == ([], 0)
    assert results([reader.ask("c"), reader.ask("d")]) == ["C", "D"]


def test_texts_of_many_readers_never_meet():
    reader = Reader(rows=8)
    draw = random.Random(7)
    texts = [f"{'bad' if draw.random() < 0.1 else 'text'} {number}" for number in range(400)]
    sizes = [draw.randrange(2, 90) for _ in texts]

    def asked(text: str, size: int) -> str:
        try:
            return reader.together.result("minilm", size, text)
        except ValueError as error:
            return str(error)

    with ThreadPoolExecutor(24) as pool:
        found = list(pool.map(asked, texts, sizes))

    assert found == [text if text.startswith("bad") else text.upper() for text in texts]
    assert (reader.together._queue, reader.together._short, reader.together._long) == ([], 0, 0)
