"""Which files a page may send: one at a time for its own session, small, few at once, and dropped when there are too many.

Streamlit's own upload address is open for this alone. A request is refused by its headers, before a byte of it is read; the
bytes that then come are counted, and have to come within SECONDS. Streamlit keeps a file in memory for its session until it is
removed or the session ends; beyond FILES of one session, or TOTAL bytes of all, the oldest are removed.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from streamlit.runtime import Runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from attnviz.token_bucket import TokenBucket

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Respond = Callable[[int, str], Awaitable[None]]

PATH = re.compile(r"(?:/.*)?/_stcore/upload_file/([0-9a-f-]{36})/([0-9a-f-]{36})")
FRAMING = 4096  # bytes that a form puts around a file: its boundaries, headers and the name
AT_ONCE = 4  # uploads that arrive at the same time
SECONDS = 30.0  # for one of them
BURST, PER_SECOND = 90, 3.0  # of all sessions: a class that uploads on command
FILES = 2  # of one session: one in each field
TOTAL = 64 * 2**20  # bytes of all sessions


class UploadGate:
    """The uploads of one server: what is refused, how many arrive at once, and which files are kept. For one event loop."""

    def __init__(self, limit: int, remove: Callable[[str, str], None] | None = None) -> None:
        """Take files of at most `limit` bytes, none if it is 0; `remove` gets session and file of one that has to go."""
        self.limit = limit
        self._remove = _remove if remove is None else remove
        self._arriving = 0
        self._bucket = TokenBucket(float(BURST), PER_SECOND)
        self._kept: OrderedDict[tuple[str, str], int] = OrderedDict()

    def takes(self, scope: Scope) -> bool:
        """Return whether a request is an upload or removes one, so that it goes through `forward`."""
        return self.limit > 0 and scope["method"] in ("PUT", "DELETE") and PATH.fullmatch(scope["path"]) is not None

    def refuse(self, scope: Scope) -> tuple[int, str] | None:
        """Return status and message for an upload that is not allowed, by its headers alone; None for one that is."""
        headers = {name.lower(): value for name, value in scope["headers"]}
        length = headers.get(b"content-length", b"")
        if scope["method"] == "DELETE":
            return (
                None if length in (b"", b"0") and b"transfer-encoding" not in headers else (413, "Removing a file has no body.")
            )
        if b"transfer-encoding" in headers or not re.fullmatch(rb"[0-9]{1,12}", length):
            return 411, "An upload says how many bytes it has."
        if int(length) > self.limit + FRAMING:
            return 413, f"A file may have {self.limit:,} bytes; this upload has {int(length):,}. Divide the file."
        if not headers.get(b"content-type", b"").lower().startswith(b"multipart/form-data;"):
            return 415, "A file is uploaded as a form."
        return None

    async def forward(self, app: App, scope: Scope, receive: Receive, send: Send, respond: Respond) -> None:
        """Pass an upload on, or answer with `respond` why not."""
        match = PATH.fullmatch(scope["path"])
        assert match is not None
        if refusal := self.refuse(scope):
            await respond(*refusal)
            return
        if scope["method"] == "DELETE":
            self._kept.pop((match[1], match[2]), None)
            await app(scope, receive, send)
            return
        if self._arriving >= AT_ONCE or self._bucket.take():
            await respond(503, "Many files arrive at this moment. Try again in a few seconds.")
            return
        started: list[int] = []

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.append(message["status"])
            await send(message)

        self._arriving += 1
        try:
            async with asyncio.timeout(SECONDS):
                await app(scope, self._bounded(receive), watched)
        except TimeoutError:
            if not started:
                await respond(408, f"A file arrives within {SECONDS:.0f} seconds.")
        finally:
            self._arriving -= 1
        if started and started[0] < 300:
            self._keep(match[1], match[2], _length(scope))

    def _bounded(self, receive: Receive) -> Receive:
        """Return `receive` that ends the connection of an upload with more bytes than it may have."""
        count = 0

        async def receive_bounded() -> Message:
            nonlocal count
            message = await receive()
            count += len(message.get("body", b""))
            return {"type": "http.disconnect"} if count > self.limit + FRAMING else message

        return receive_bounded

    def _keep(self, session: str, file: str, size: int) -> None:
        """Note a file that came, and remove the oldest ones that are too many."""
        self._kept.pop((session, file), None)
        self._kept[session, file] = size
        mine = [one for one in self._kept if one[0] == session]
        for old in mine[:-FILES]:
            self._drop(old)
        while sum(self._kept.values()) > TOTAL:
            self._drop(next(iter(self._kept)))

    def _drop(self, one: tuple[str, str]) -> None:
        del self._kept[one]
        self._remove(*one)


def _length(scope: Scope) -> int:
    """Return how many bytes a request says that it has."""
    return next(int(value) for name, value in scope["headers"] if name.lower() == b"content-length")


def _remove(session: str, file: str) -> None:
    """Remove a file from Streamlit's memory; one of a session that has ended is gone already."""
    files = Runtime.instance().uploaded_file_mgr if Runtime.exists() else None
    if isinstance(files, MemoryUploadedFileManager):
        files.remove_file(session_id=session, file_id=file)
