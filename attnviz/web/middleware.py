"""What stands between a browser and Streamlit: requests in, either refused or answered with our headers.

Readers send what they do through one websocket; by HTTP a page only fetches. So nothing else is let in: no method but GET
and HEAD, no body, no upload, no address longer than a link of ours can be, no websocket opened by somebody else's page, and
on ours nothing but what a reader's page has to say. Streamlit would also clear the caches of all readers at a word of one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from google.protobuf.message import DecodeError
from starlette.middleware import Middleware
from streamlit.proto.BackMsg_pb2 import BackMsg

from attnviz import logs
from attnviz.web import index_page, security_headers

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LONGEST = 16_384  # bytes of an address with its parameters; a link of ours stays far below
METHODS = ("GET", "HEAD")
OPEN = 600  # pages that may be open at the same time, each with its session
HIDDEN = ("/_stcore/metrics", "/_stcore/agent/", "/_stcore/upload_file/")  # of Streamlit's own, what no page asks for
SAID = ("rerun_script", "stop_script", "app_heartbeat", "backend_operation_request")  # the last: more rows of a long table
AT_ONCE, EACH_SECOND = 400, 40  # messages of one page; of a key held down about 30 a second come, of a hand far fewer
UNASKED = (b"accept-encoding", b"if-none-match", b"if-modified-since", b"range")  # of the index page, which ours replaces
REPLACED = (b"content-length", b"content-encoding", b"etag", b"last-modified", b"accept-ranges", b"vary")
PARSED = 4_000_000  # bytes of a message; of a longer one Streamlit closes the connection (server.maxWidgetStateSize)


def middleware() -> list[Middleware]:
    """What `st.App` puts around the pages; from now on logs are without readers' texts too."""
    logs.redact_logs()
    return [Middleware(Guard)]


class Guard:
    """Refuses what no page of ours sends, and gives every answer the headers of `policy`."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.headers = security_headers.headers()
        self.open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._page(scope, receive, send)
        elif scope["type"] != "http":
            await self.app(scope, receive, send)
        elif refusal := refused(scope):
            await self._answer(self._with_headers(send), *refusal)
        elif index_page.is_page(scope["path"]):
            inner = {**scope, "headers": [pair for pair in scope["headers"] if pair[0].lower() not in UNASKED]}
            await self.app(inner, receive, with_shell(scope, self._with_headers(send)))
        else:
            await self.app(scope, receive, self._with_headers(send))

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The websocket of an open page, from beginning to end."""
        if self.open >= OPEN or not same_origin(scope):
            await closed(receive, send)
            return
        self.open += 1
        try:
            await self.app(scope, heard(receive), send)
        finally:
            self.open -= 1

    def _with_headers(self, send: Send) -> Send:
        """`send`, with our headers in the place of any of the same name."""
        ours = {name for name, _ in self.headers}

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [pair for pair in message.get("headers", ()) if pair[0].lower() not in ours]
                message = {**message, "headers": [*kept, *self.headers]}
            await send(message)

        return sent

    @staticmethod
    async def _answer(send: Send, status: int, said: str) -> None:
        """One line of plain text; the connection ends with it, unread body and all."""
        body = said.encode()
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
        headers += [(b"connection", b"close")] + [(b"allow", ", ".join(METHODS).encode())] * (status == 405)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def with_shell(scope: Scope, send: Send) -> Send:
    """`send`, with the page shell in the place of Streamlit's index page; whatever else is answered passes."""
    start: Message | None = None

    async def sent(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start" and message["status"] == 200 and _is_html(message):
            start = message  # its body is Streamlit's, and is not sent
        elif start is None:
            await send(message)
        elif not message.get("more_body", False):
            status, headers, body = index_page.answer({name.lower(): value for name, value in scope["headers"]})
            kept = [pair for pair in start.get("headers", ()) if pair[0].lower() not in REPLACED]
            await send({**start, "status": status, "headers": [*kept, *headers]})
            await send({"type": "http.response.body", "body": body if scope["method"] == "GET" else b""})

    return sent


def _is_html(start: Message) -> bool:
    """Whether an answer that begins so is a page."""
    return any(name.lower() == b"content-type" and value.startswith(b"text/html") for name, value in start.get("headers", ()))


def refused(scope: Scope) -> tuple[int, str] | None:
    """The status and the words for a request that no page of ours sends; None for one that may pass."""
    if scope["method"] not in METHODS:
        return 405, f"Pages are read with {' or '.join(METHODS)} only."
    if any(name in scope["path"] for name in HIDDEN):
        return 404, "Nothing is here for a page."
    length = len(scope.get("raw_path") or scope["path"].encode()) + len(scope["query_string"])
    if length > LONGEST:
        return 414, f"An address may be {LONGEST:,} bytes long; this one has {length:,}. Open the page and type the text there."
    found = {name.lower(): value for name, value in scope["headers"]}
    if found.get(b"content-length", b"0").strip() != b"0" or b"transfer-encoding" in found:
        return 413, "A request for a page has no body."
    return None


def same_origin(scope: Scope) -> bool:
    """Whether a websocket is opened by a page of this very address, or by a program that is no browser.

    Streamlit would ask about any other origin as well, and to answer ask a server elsewhere for this machine's address.
    """
    found = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    origin = found.get(b"origin")
    try:
        return origin is None or urlsplit(origin).netloc.lower() == found.get(b"host", "").lower() != ""
    except ValueError:
        return False


def heard(receive: Receive) -> Receive:
    """`receive` of a websocket, without what no page of ours says; after a message that is no bytes the page counts as gone.

    Of a page that says too much the messages wait: none is lost, and its next ones stay on the line meanwhile.
    """
    pace = Pace()

    async def received() -> Message:
        while True:
            message = await receive()
            if message["type"] != "websocket.receive":
                return message
            await asyncio.sleep(pace.wait())
            if (data := message.get("bytes")) is None:
                return {"type": "websocket.disconnect", "code": 1003}
            if len(data) > PARSED or said(data) in SAID:
                return message

    return received


class Pace:
    """How many messages one page may say now: some at once, and they come back with time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock, self.since = clock, clock()
        self.left = float(AT_ONCE)

    def wait(self) -> float:
        """Seconds that a message which has come now has to wait."""
        now = self.clock()
        self.left = min(AT_ONCE, self.left + (now - self.since) * EACH_SECOND) - 1
        self.since = now
        return max(0.0, -self.left / EACH_SECOND)


def said(data: bytes) -> str | None:
    """What kind of message a page sends; None for one that is none."""
    try:
        return BackMsg.FromString(data).WhichOneof("type")
    except DecodeError:
        return None


async def closed(receive: Receive, send: Send) -> None:
    """A websocket turned away before it opens: HTTP 403."""
    await receive()
    await send({"type": "websocket.close", "code": 1008})
