"""Turns: bounded, fair between clients, given up by those who leave or wait too long. No clock but our own."""

from __future__ import annotations

import asyncio
import threading

import pytest

from attnviz.backends import scheduler
from attnviz.backends.scheduler import Left, Ticket, Turns
from attnviz.errors import BusyError, LateError


class Clock:
    """Time that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Row:
    """Who came, in the order in which their turns came."""

    def __init__(self, at_once: int = 1, waiting: int = 50, each: int = 50) -> None:
        self.clock = Clock()
        self.turns = Turns(at_once, waiting, each, self.clock)
        self.came: list[str] = []
        self.tickets: dict[str, Ticket] = {}

    def ask(self, name: str, *, long: bool = False) -> None:
        """Somebody asks; the first letter of the name says who."""
        self.tickets[name] = self.turns.ask(name[0], lambda: self.came.append(name), long=long)

    def done(self, name: str, after: float = 0.0) -> None:
        """Somebody is ready, so many seconds later."""
        self.clock.now += after
        self.turns.leave(self.tickets[name])


def test_only_so_many_work_at_once_and_the_next_comes_when_one_leaves():
    row = Row(at_once=2)
    for name in ("a1", "b1", "c1", "d1"):
        row.ask(name)
    assert (row.came, row.turns.working, row.turns.waiting) == (["a1", "b1"], 2, 2)

    row.done("b1")
    assert row.came == ["a1", "b1", "c1"]
    row.done("a1")
    row.done("c1")
    row.done("d1")
    assert (row.came[-1], row.turns.working, row.turns.waiting) == ("d1", 0, 0)


def test_who_asks_for_much_waits_for_himself_and_others_do_not_wait_for_him():
    row = Row()
    for name in ("a1", "a2", "a3", "a4", "b1", "c1", "b2"):
        row.ask(name)
    for _ in range(6):
        row.done(row.came[-1])

    assert row.came == ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]


def test_who_comes_late_does_not_catch_up_on_the_turns_that_he_never_asked_for():
    row = Row()
    for number in range(1, 5):
        row.ask(f"a{number}")
    for _ in range(2):
        row.done(row.came[-1])  # a3 works, a4 waits
    for name in ("b1", "b2"):
        row.ask(name)
    for _ in range(3):
        row.done(row.came[-1])

    assert row.came == ["a1", "a2", "a3", "b1", "a4", "b2"]


def test_nothing_is_kept_of_clients_that_are_gone():
    row = Row()
    for name in "abcdefgh":
        row.ask(name)
        row.done(name)

    assert len(row.turns._rounds) == 0


def test_of_clients_that_ask_once_while_another_works_only_so_many_are_remembered():
    queue = Turns(2, 10, 10)
    works = queue.ask("works", print)
    for number in range(scheduler.CLIENTS + 10):
        queue.leave(queue.ask(number, print))

    assert len(queue._rounds) == scheduler.CLIENTS
    assert (0 in queue._rounds, scheduler.CLIENTS + 9 in queue._rounds) == (False, True)
    queue.leave(works)
    assert len(queue._rounds) == 0


def test_whoever_holds_no_place_goes_before_whoever_holds_one():
    row = Row(at_once=2)
    for name in ("a1", "b1", "a2", "c1"):
        row.ask(name)

    row.done("b1")  # a holds a place and asked before c

    assert row.came == ["a1", "b1", "c1"]


def test_long_texts_leave_a_place_for_short_ones():
    row = Row(at_once=3)
    for name in ("a1", "b1", "c1"):
        row.ask(name, long=True)
    row.ask("d1")
    assert row.came == ["a1", "b1", "d1"]

    row.done("d1")
    assert row.came == ["a1", "b1", "d1"], "two of three places are all that long ones get"
    row.done("a1")
    assert row.came[-1] == "c1"


def test_where_there_is_one_place_a_long_text_gets_it_too():
    row = Row()
    row.ask("a1", long=True)
    assert row.came == ["a1"]


def test_too_many_are_sent_away_with_the_seconds_after_which_to_try_again():
    row = Row(at_once=2, waiting=3)
    for name in ("a1", "b1", "c1", "d1", "e1"):
        row.ask(name)
    row.turns.mean = 4.0

    # Three wait and one more would: four times 4 s by two at once.
    with pytest.raises(BusyError, match=r"busy, try again in 8 s: 3 requests wait already\.") as error:
        row.ask("f1")
    assert error.value.retry_after == 8
    row.done("c1")
    row.ask("f1")
    assert row.turns.waiting == 3


def test_one_client_cannot_fill_the_queue():
    row = Row(each=2)
    for name in ("a1", "a2", "a3"):
        row.ask(name)

    with pytest.raises(BusyError, match="2 of your requests wait already"):
        row.ask("a4")
    row.ask("b1")
    assert row.turns.waiting == 3


def test_what_one_takes_is_learnt_from_what_others_took():
    row = Row()
    row.turns.mean = 1.0
    row.ask("a1")
    row.done("a1", after=6.0)

    assert row.turns.mean == pytest.approx(1.0 + 0.2 * (6.0 - 1.0))
    row.ask("b1")
    row.turns.leave(row.tickets["b1"], unused=True)
    assert row.turns.mean == pytest.approx(2.0), "a place that nobody used tells nothing"


def test_who_leaves_the_queue_is_passed_over_and_leaving_twice_is_harmless():
    row = Row()
    for name in ("a1", "b1", "c1"):
        row.ask(name)

    row.done("b1")
    row.done("b1")
    row.done("a1")
    row.done("a1")

    assert (row.came, row.turns.working, row.turns.waiting) == (["a1", "c1"], 1, 0)


def test_a_thread_waits_until_its_turn_comes():
    queue, inside, go = Turns(1, 10, 10), threading.Event(), threading.Event()
    order: list[str] = []

    def first() -> None:
        with queue.turn("a", 20.0, lambda _: None):
            inside.set()
            assert go.wait(20)
            order.append("a")

    def still(others: int) -> None:
        order.append(f"{others} others wait") if not go.is_set() else None
        go.set()

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(20)
    with queue.turn("b", 20.0, still):
        order.append("b")
    thread.join(20)

    assert order == ["0 others wait", "a", "b"]
    assert queue.working == 0


def test_a_thread_whose_reader_leaves_stops_waiting():
    queue = Turns(1, 10, 10)
    place = queue.ask("a", lambda: None)

    def still(_: int) -> None:
        raise Left

    with pytest.raises(Left), queue.turn("b", 20.0, still):
        pytest.fail("its turn never came")
    assert (queue.working, queue.waiting) == (1, 0)
    queue.leave(place)


def test_a_thread_waits_no_longer_than_its_deadline():
    queue = Turns(1, 10, 10)
    place = queue.ask("a", lambda: None)

    with pytest.raises(BusyError, match="no place came free within 0 s"), queue.turn("b", 0.0, lambda _: None):
        pytest.fail("its turn never came")
    assert (queue.working, queue.waiting) == (1, 0)
    queue.leave(place)


def test_work_of_a_thread_is_late_at_the_deadline_of_its_wait():
    clock = Clock()
    queue = Turns(1, 10, 10, clock)
    with queue.turn("a", 5.0, lambda _: None):
        clock.now += 4.9
        scheduler.go_on(clock)
        clock.now += 0.2
        with pytest.raises(LateError, match="not read by its deadline"):
            scheduler.go_on(clock)


def test_work_that_is_part_of_other_work_needs_no_second_place():
    queue = Turns(1, 10, 10)
    with queue.turn("a", 1.0, lambda _: None) as outer, queue.turn("a", 1.0, lambda _: None) as inner:
        assert inner is outer
        assert queue.working == 1
    assert queue.working == 0


def test_an_error_at_work_gives_the_place_back():
    queue = Turns(1, 10, 10)
    with pytest.raises(ValueError, match="no"), queue.turn("a", 1.0, lambda _: None):
        raise ValueError("no")
    assert queue.working == 0


def test_coroutines_wait_without_threads_and_in_order():
    queue = Turns(1, 100, 100)
    came: list[str] = []

    async def one(name: str) -> None:
        ticket = await queue.awaited(name, 20.0)
        came.append(name)
        await asyncio.sleep(0)
        queue.leave(ticket)

    async def many() -> int:
        before = threading.active_count()
        tasks = [asyncio.create_task(one(f"{n:02}")) for n in range(40)]
        await asyncio.sleep(0)
        found = threading.active_count() - before
        await asyncio.gather(*tasks)
        return found

    assert asyncio.run(many()) == 0
    assert came == [f"{n:02}" for n in range(40)]
    assert (queue.working, queue.waiting) == (0, 0)


def test_a_coroutine_that_is_cancelled_or_late_steps_out_of_the_queue():
    queue = Turns(1, 10, 10)

    async def both() -> None:
        place = await queue.awaited("a", 20.0)
        task = asyncio.create_task(queue.awaited("b", 20.0))
        await asyncio.sleep(0)
        assert queue.waiting == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(BusyError, match="no place came free"):
            await queue.awaited("c", 0.0)
        assert (queue.working, queue.waiting) == (1, 0)
        queue.leave(place)

    asyncio.run(both())
    assert queue.working == 0


def test_a_coroutine_that_is_cancelled_when_its_turn_comes_gives_it_back():
    queue = Turns(1, 10, 10)

    async def cancelled() -> None:
        place = queue.ask("a", lambda: None)
        task = asyncio.create_task(queue.awaited("b", 20.0))
        await asyncio.sleep(0)
        queue.leave(place)  # b is told in the next round of the loop
        await asyncio.sleep(0)
        assert (task.done(), queue.working) == (False, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert (queue.working, queue.waiting) == (0, 0)


def test_long_work_stops_where_nobody_wants_it_any_more():
    clock = Clock()
    queue = Turns(1, 10, 10, clock)
    scheduler.go_on(clock)  # nobody's work: no ticket, no end

    with scheduler.at_work(queue.ask("a", lambda: None, seconds=5.0)) as ticket:
        scheduler.go_on(clock)
        clock.now += 5.1
        with pytest.raises(LateError, match="not read by its deadline"):
            scheduler.go_on(clock)
        ticket.gone.set()
        with pytest.raises(Left):
            scheduler.go_on(clock)
    scheduler.go_on(clock)
