"""Scheduler: bounded, fair between clients, given up by those who leave or wait too long. No clock but our own."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import pytest

from attnviz.backends import scheduler
from attnviz.backends.scheduler import Cancelled, Scheduler, Ticket
from attnviz.errors import BusyError, LateError


class Clock:
    """Time that moves only when a test moves it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Requests:
    """Requests of clients, and the order in which they got a slot."""

    def __init__(self, max_running: int = 1, max_waiting: int = 50, max_per_client: int = 50) -> None:
        self.clock = Clock()
        self.scheduler = Scheduler(max_running, max_waiting, max_per_client, self.clock)
        self.granted: list[str] = []
        self.tickets: dict[str, Ticket] = {}

    def add(self, name: str, *, long: bool = False) -> None:
        """A new request; the first letter of its name is the client."""
        self.tickets[name] = self.scheduler.acquire(name[0], lambda: self.granted.append(name), long=long)

    def finish(self, name: str, after: float = 0.0) -> None:
        """A request is done, so many seconds later."""
        self.clock.now += after
        self.scheduler.release(self.tickets[name])


def test_only_max_running_run_and_the_next_starts_when_one_ends():
    requests = Requests(max_running=2)
    for name in ("a1", "b1", "c1", "d1"):
        requests.add(name)
    assert (requests.granted, requests.scheduler.running, requests.scheduler.waiting) == (["a1", "b1"], 2, 2)

    requests.finish("b1")
    assert requests.granted == ["a1", "b1", "c1"]
    requests.finish("a1")
    requests.finish("c1")
    requests.finish("d1")
    assert (requests.granted[-1], requests.scheduler.running, requests.scheduler.waiting) == ("d1", 0, 0)


def test_a_heavy_client_delays_only_itself():
    requests = Requests()
    for name in ("a1", "a2", "a3", "a4", "b1", "c1", "b2"):
        requests.add(name)
    for _ in range(6):
        requests.finish(requests.granted[-1])

    assert requests.granted == ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]


def test_a_client_that_comes_late_has_no_turns_to_catch_up_on():
    requests = Requests()
    for number in range(1, 5):
        requests.add(f"a{number}")
    for _ in range(2):
        requests.finish(requests.granted[-1])  # a3 works, a4 waits
    for name in ("b1", "b2"):
        requests.add(name)
    for _ in range(3):
        requests.finish(requests.granted[-1])

    assert requests.granted == ["a1", "a2", "a3", "b1", "a4", "b2"]


class Client:
    """A client that can be watched: it lives as long as the scheduler remembers it."""


def remembered(clients: list[weakref.ref[Client]]) -> list[int]:
    """The numbers of the clients that still live."""
    gc.collect()
    return [number for number, client in enumerate(clients) if client() is not None]


def test_clients_that_are_gone_are_forgotten():
    queue, clients = Scheduler(1, 50, 50), []
    for _ in range(8):
        client = Client()
        clients.append(weakref.ref(client))
        queue.release(queue.acquire(client, print))
    del client

    assert remembered(clients) == []


def test_only_the_newest_clients_are_remembered():
    queue, clients = Scheduler(2, 10, 10), []
    running = queue.acquire("running", print)
    for _ in range(scheduler.MAX_CLIENTS + 10):
        client = Client()
        clients.append(weakref.ref(client))
        queue.release(queue.acquire(client, print))
    del client

    assert remembered(clients) == list(range(10, scheduler.MAX_CLIENTS + 10))
    queue.release(running)
    assert remembered(clients) == []


def test_a_client_without_a_slot_goes_before_one_that_has_a_slot():
    requests = Requests(max_running=2)
    for name in ("a1", "b1", "a2", "c1"):
        requests.add(name)

    requests.finish("b1")  # a has a slot and came before c

    assert requests.granted == ["a1", "b1", "c1"]


def test_long_texts_leave_a_slot_for_short_ones():
    requests = Requests(max_running=3)
    for name in ("a1", "b1", "c1"):
        requests.add(name, long=True)
    requests.add("d1")
    assert requests.granted == ["a1", "b1", "d1"]

    requests.finish("d1")
    assert requests.granted == ["a1", "b1", "d1"], "long texts get two of three slots at most"
    requests.finish("a1")
    assert requests.granted[-1] == "c1"


def test_a_long_text_gets_the_only_slot():
    requests = Requests()
    requests.add("a1", long=True)
    assert requests.granted == ["a1"]


def test_a_full_queue_refuses_with_the_seconds_after_which_to_retry():
    requests = Requests(max_running=2, max_waiting=3)
    for name in ("a1", "b1", "c1", "d1", "e1"):
        requests.add(name)
    requests.scheduler.mean_seconds = 4.0

    # Three wait and one more would: four times 4 s, two at a time.
    with pytest.raises(BusyError, match=r"busy, try again in 8 s: 3 requests wait already\.") as error:
        requests.add("f1")
    assert error.value.retry_after == 8
    requests.finish("c1")
    requests.add("f1")
    assert requests.scheduler.waiting == 3


def test_one_client_cannot_fill_the_queue():
    requests = Requests(max_per_client=2)
    for name in ("a1", "a2", "a3"):
        requests.add(name)

    with pytest.raises(BusyError, match="2 of your requests wait already"):
        requests.add("a4")
    requests.add("b1")
    assert requests.scheduler.waiting == 3


def test_the_mean_duration_follows_the_newest_requests():
    requests = Requests()
    requests.scheduler.mean_seconds = 1.0
    requests.add("a1")
    requests.finish("a1", after=6.0)

    assert requests.scheduler.mean_seconds == pytest.approx(1.0 + 0.2 * (6.0 - 1.0))
    requests.add("b1")
    requests.scheduler.release(requests.tickets["b1"], unused=True)
    assert requests.scheduler.mean_seconds == pytest.approx(2.0), "an unused slot says nothing about durations"


def test_a_released_ticket_is_skipped_and_releasing_twice_is_harmless():
    requests = Requests()
    for name in ("a1", "b1", "c1"):
        requests.add(name)

    requests.finish("b1")
    requests.finish("b1")
    requests.finish("a1")
    requests.finish("a1")

    assert (requests.granted, requests.scheduler.running, requests.scheduler.waiting) == (["a1", "c1"], 1, 0)


def test_a_thread_waits_for_its_slot():
    queue, inside, go = Scheduler(1, 10, 10), threading.Event(), threading.Event()
    order: list[str] = []

    def first() -> None:
        with queue.slot("a", 20.0, lambda _: None):
            inside.set()
            assert go.wait(20)
            order.append("a")

    def on_wait(others: int) -> None:
        order.append(f"{others} others wait") if not go.is_set() else None
        go.set()

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(20)
    with queue.slot("b", 20.0, on_wait):
        order.append("b")
    thread.join(20)

    assert order == ["0 others wait", "a", "b"]
    assert queue.running == 0


def test_a_thread_whose_caller_is_gone_stops_waiting():
    queue = Scheduler(1, 10, 10)
    place = queue.acquire("a", lambda: None)

    def on_wait(_: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled), queue.slot("b", 20.0, on_wait):
        pytest.fail("it never got a slot")
    assert (queue.running, queue.waiting) == (1, 0)
    queue.release(place)


def test_a_thread_waits_at_most_until_its_deadline():
    queue = Scheduler(1, 10, 10)
    place = queue.acquire("a", lambda: None)

    with pytest.raises(BusyError, match="no place came free within 0 s"), queue.slot("b", 0.0, lambda _: None):
        pytest.fail("it never got a slot")
    assert (queue.running, queue.waiting) == (1, 0)
    queue.release(place)


def test_work_has_the_same_deadline_as_the_wait():
    clock = Clock()
    queue = Scheduler(1, 10, 10, clock)
    with queue.slot("a", 5.0, lambda _: None):
        clock.now += 4.9
        scheduler.check_cancelled(clock)
        clock.now += 0.2
        with pytest.raises(LateError, match="not read by its deadline"):
            scheduler.check_cancelled(clock)


def test_work_inside_other_work_needs_no_second_slot():
    queue = Scheduler(1, 10, 10)
    with queue.slot("a", 1.0, lambda _: None) as outer, queue.slot("a", 1.0, lambda _: None) as inner:
        assert inner is outer
        assert queue.running == 1
    assert queue.running == 0


def test_an_error_releases_the_slot():
    queue = Scheduler(1, 10, 10)
    with pytest.raises(ValueError, match="no"), queue.slot("a", 1.0, lambda _: None):
        raise ValueError("no")
    assert queue.running == 0


def test_coroutines_wait_without_threads_and_in_order():
    queue = Scheduler(1, 100, 100)
    came: list[str] = []

    async def one(name: str) -> None:
        ticket = await queue.acquire_async(name, 20.0)
        came.append(name)
        await asyncio.sleep(0)
        queue.release(ticket)

    async def many() -> int:
        before = threading.active_count()
        tasks = [asyncio.create_task(one(f"{n:02}")) for n in range(40)]
        await asyncio.sleep(0)
        found = threading.active_count() - before
        await asyncio.gather(*tasks)
        return found

    assert asyncio.run(many()) == 0
    assert came == [f"{n:02}" for n in range(40)]
    assert (queue.running, queue.waiting) == (0, 0)


def test_a_coroutine_that_is_cancelled_or_late_leaves_the_queue():
    queue = Scheduler(1, 10, 10)

    async def both() -> None:
        place = await queue.acquire_async("a", 20.0)
        task = asyncio.create_task(queue.acquire_async("b", 20.0))
        await asyncio.sleep(0)
        assert queue.waiting == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(BusyError, match="no place came free"):
            await queue.acquire_async("c", 0.0)
        assert (queue.running, queue.waiting) == (1, 0)
        queue.release(place)

    asyncio.run(both())
    assert queue.running == 0


def test_a_coroutine_that_is_cancelled_when_its_slot_comes_releases_it():
    queue = Scheduler(1, 10, 10)

    async def cancelled() -> None:
        place = queue.acquire("a", lambda: None)
        task = asyncio.create_task(queue.acquire_async("b", 20.0))
        await asyncio.sleep(0)
        queue.release(place)  # b hears of it in the next round of the loop
        await asyncio.sleep(0)
        assert (task.done(), queue.running) == (False, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert (queue.running, queue.waiting) == (0, 0)


def test_long_work_stops_when_its_caller_is_gone_or_late():
    clock = Clock()
    queue = Scheduler(1, 10, 10, clock)
    scheduler.check_cancelled(clock)  # without a ticket there is no deadline

    with scheduler.working_for(queue.acquire("a", lambda: None, timeout=5.0)) as ticket:
        scheduler.check_cancelled(clock)
        clock.now += 5.1
        with pytest.raises(LateError, match="not read by its deadline"):
            scheduler.check_cancelled(clock)
        ticket.cancelled.set()
        with pytest.raises(Cancelled):
            scheduler.check_cancelled(clock)
    scheduler.check_cancelled(clock)
