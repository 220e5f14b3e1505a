"""HTTP connections with timeouts that uvicorn lacks: for a request's head to arrive, and for an answer to be read.

The head of a request must be complete some seconds after the connection opens, or after the first byte of a later request.
What arrives after an answer that did not wait for its whole body counts as the beginning of the next request. An answer is
written in chunks; where the client does not read one within some seconds, the rest is dropped and the connection closed.
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 10.0
WRITE_SECONDS = 30.0  # in which a chunk of an answer must have left the memory of this process


class TimeoutProtocol(H11Protocol):
    """uvicorn's protocol with these timeouts."""

    _head_timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Start the timer, and have `pause_writing` called for every unsent byte, not only from 65,537 on."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(0)
        self._update_head_timer()

    def data_received(self, data: bytes) -> None:
        """Start the timer, or stop it where the head is complete."""
        super().data_received(data)
        self._update_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop both timers."""
        super().connection_lost(exc)
        self._stop_head_timer()
        self._stop_write_timer()

    def pause_writing(self) -> None:
        """Start the timer for bytes that wait to be sent, also where the connection is about to end."""
        super().pause_writing()
        if self._write_timer is None:
            self._write_timer = self.loop.call_later(WRITE_SECONDS, self.transport.abort)  # `close` would wait for the client

    def resume_writing(self) -> None:
        """Stop the timer: all bytes are sent."""
        super().resume_writing()
        self._stop_write_timer()

    def send_400_response(self, msg: str) -> None:
        """Refuse bytes that are not HTTP, where no answer has begun; else close, and tell the app that the client is gone.

        uvicorn would start a second answer after the first, or let the app answer after this one, and log both as errors.
        """
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()
        if not self._idle:
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    @property
    def _idle(self) -> bool:
        """Whether no request is in progress."""
        return self.cycle is None or self.cycle.response_complete

    def _update_head_timer(self) -> None:
        """Run one timer for each head."""
        if not self._idle or self.transport.is_closing():
            self._stop_head_timer()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._close_idle)

    def _stop_head_timer(self) -> None:
        """Stop waiting for a head."""
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_write_timer(self) -> None:
        """Stop waiting for the client to read."""
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _close_idle(self) -> None:
        """Close a connection that still has no complete head."""
        self._head_timer = None
        if self._idle and not self.transport.is_closing():
            self.transport.close()
