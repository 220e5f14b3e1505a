"""Questions of any thread in, bytes of answers out: an event loop in a thread of its own, with all connections to one server.

What belongs to the loop is made with it and ends with it, so that a line that is opened anew has nothing of the old one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

import httpx

from attnviz.backends.http_client import CONNECTIONS, Exchange, timeouts

T = TypeVar("T")
BESIDE = 4  # connections beyond those of the questions
ENDS = 10.0  # seconds in which all that is under way must have ended


class Line:
    """The way to one server. Once hung up it is of no more use; who holds it sees to it that nothing is begun then."""

    def __init__(self, url: str) -> None:
        most = CONNECTIONS + BESIDE
        limits = httpx.Limits(max_connections=most, max_keepalive_connections=most)
        client = httpx.AsyncClient(base_url=url, timeout=timeouts(), limits=limits, trust_env=False, follow_redirects=False)
        self.exchange = Exchange(client, url)
        self._shared: dict[str, asyncio.Task[Any]] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="attnviz-remote", daemon=True)
        self._thread.start()

    def begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """A coroutine under way in the loop; cancelling what is returned gives it up."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def once(self, name: str, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What a coroutine gives that is under way once for all who want it at this moment; runs in the loop.

        It goes on when one of them leaves.
        """
        task = self._shared.get(name)
        if task is None:
            task = self._shared[name] = asyncio.ensure_future(work())
            task.add_done_callback(lambda done: self._done(name, done))
        return await asyncio.shield(task)

    def _done(self, name: str, task: asyncio.Task[Any]) -> None:
        """The next one asks anew. An error that nobody waits for any more is looked at, so that no log has it."""
        del self._shared[name]
        if not task.cancelled():
            task.exception()

    def hang_up(self) -> None:
        """Ends every question, every connection and the loop."""
        self.begin(self._ended()).result(ENDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(ENDS)
        self._loop.close()

    async def _ended(self) -> None:
        """Every question and every connection is ended."""
        mine = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not mine]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self.exchange.client.aclose()
