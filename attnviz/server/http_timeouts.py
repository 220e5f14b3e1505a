"""Connections in; those that keep a place without asking or reading anything, or stop being HTTP, out: uvicorn lets them in.

From the connection's first moment, and from the first byte of every later request, there are some seconds for the head to be
whole. What arrives after an answer that did not wait for its whole question counts as such a beginning too. What was written
is to be taken within some seconds, or the rest of it is thrown away: an answer is written a part at a time.
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD = 10.0  # seconds
TAKEN = 30.0  # seconds in which a part of an answer must have left this machine's memory for the line


class Patient(H11Protocol):
    """uvicorn's own protocol, with an end to its patience."""

    _until: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """The clock starts. From now on we hear of every byte that the line does not take at once, not of 65,537 only."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(0)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """The clock starts, goes on, or stops where the head is whole."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        super().connection_lost(exc)
        self._stop()
        self._taken()

    def pause_writing(self) -> None:
        """Something waits for the line to take it: the clock starts, also where the connection is about to end."""
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(TAKEN, self.transport.abort)  # `close` would wait for the reader

    def resume_writing(self) -> None:
        """All that was written is on its way."""
        super().resume_writing()
        self._taken()

    def _taken(self) -> None:
        """Nothing waits to be read."""
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def send_400_response(self, msg: str) -> None:
        """The end of what is no HTTP any more: refused where nothing is answered yet; whoever works on an answer hears of it.

        uvicorn would begin a second answer on top of the first, or have the app answer after this one, and log both as faults.
        """
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()
        if not self._waiting:
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    @property
    def _waiting(self) -> bool:
        """Whether no request is under way."""
        return self.cycle is None or self.cycle.response_complete

    def _watch(self) -> None:
        """One clock a head."""
        if not self._waiting or self.transport.is_closing():
            self._stop()
        elif self._until is None:
            self._until = self.loop.call_later(HEAD, self._over)

    def _stop(self) -> None:
        """No clock."""
        if self._until is not None:
            self._until.cancel()
            self._until = None

    def _over(self) -> None:
        """Hangs up on who still has not asked anything."""
        self._until = None
        if self._waiting and not self.transport.is_closing():
            self.transport.close()
