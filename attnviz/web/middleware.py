"""ASGI middleware around Streamlit's pages: refuses requests that no page sends, and adds security headers to every answer.

A page sends all that a user does through one websocket, and only fetches by HTTP, but for a small file of one's own
(`uploads`). So everything else is refused: methods other than GET and HEAD, bodies, addresses longer than any of our links,
websockets and uploads from another site's page, and messages on our websockets that no page sends. One such message would have
Streamlit clear the caches of all users.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from google.protobuf.message import DecodeError
from starlette.middleware import Middleware
from streamlit.proto.BackMsg_pb2 import BackMsg

from attnviz import logs
from attnviz.settings import Settings
from attnviz.token_bucket import TokenBucket
from attnviz.web import index_page, qr_code, security_headers, static_files, uploads

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_URL_BYTES = 16_384  # of an address with its parameters; our links are far shorter
METHODS = ("GET", "HEAD")
MAX_OPEN_PAGES = 600  # each has a session
HIDDEN_PATHS = ("/_stcore/metrics", "/_stcore/agent/", "/_stcore/upload_file/")  # Streamlit's own, which no page requests
MESSAGES = ("rerun_script", "stop_script", "app_heartbeat", "backend_operation_request")  # the last: more rows of a long table
BURST_MESSAGES, MESSAGES_PER_SECOND = 400, 40  # of one page; a key held down sends about 30 a second
CACHE_HEADERS = (
    b"accept-encoding",
    b"if-none-match",
    b"if-modified-since",
    b"range",
)  # not passed on for the index page
REPLACED_HEADERS = (b"content-length", b"content-encoding", b"etag", b"last-modified", b"accept-ranges", b"vary")
MAX_MESSAGE_BYTES = 4_000_000  # at a longer one Streamlit closes the connection (server.maxWidgetStateSize)


def middleware() -> list[Middleware]:
    """Return the middleware for `st.App`, and redact the logs of this process from now on."""
    logs.redact_logs()
    return [Middleware(PageMiddleware)]


class PageMiddleware:
    """The pages with these checks and headers."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.headers = security_headers.headers()
        self.open_pages = 0
        self.uploads = uploads.UploadGate(Settings.from_env().upload_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] != "http":
            await self.app(scope, receive, send)
        elif self.uploads.takes(scope) and same_origin(scope):
            added = self._add_headers(send)
            await self.uploads.forward(self.app, scope, receive, added, partial(self._respond, added))
        elif refusal := refuse(scope):
            await self._respond(self._add_headers(send), *refusal)
        elif (name := _whole_file(scope)) is not None:
            await self._send_file(self._add_headers(send), scope, name)
        elif scope["path"].rpartition("/")[2] == qr_code.NAME:
            await self._send_qr_code(scope, self._add_headers(send))
        elif index_page.is_page(scope["path"]):
            inner = {**scope, "headers": [pair for pair in scope["headers"] if pair[0].lower() not in CACHE_HEADERS]}
            await self.app(inner, receive, replace_index_page(scope, self._add_headers(send)))
        else:
            await self.app(scope, receive, self._add_headers(send))

    @staticmethod
    async def _send_qr_code(scope: Scope, send: Send) -> None:
        """Send the QR code of a link; a thread draws it, since a long link takes a tenth of a second."""
        request_headers = {name.lower(): value for name, value in scope["headers"]}
        status, headers, body = await asyncio.to_thread(qr_code.answer, scope["query_string"], request_headers)
        headers = [*headers, (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body if scope["method"] == "GET" else b""})

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the websocket of an open page, or reject it."""
        if self.open_pages >= MAX_OPEN_PAGES or not same_origin(scope):
            await reject_websocket(receive, send)
            return
        self.open_pages += 1
        try:
            await self.app(scope, filter_messages(receive, uploads=self.uploads.limit > 0), send)
        finally:
            self.open_pages -= 1

    def _add_headers(self, send: Send) -> Send:
        """Return `send` with the security headers, which replace headers of the same name."""
        names = {name for name, _ in self.headers}

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                others = [pair for pair in message.get("headers", ()) if pair[0].lower() not in names]
                message = {**message, "headers": [*others, *self.headers]}
            await send(message)

        return send_with_headers

    @staticmethod
    async def _send_file(send: Send, scope: Scope, name: str) -> None:
        """Send a static file, compressed where the browser takes it so."""
        file = await asyncio.to_thread(static_files.read, name)
        status, headers, body = file.answer({name.lower(): value for name, value in scope["headers"]})
        await send({"type": "http.response.start", "status": status, "headers": [*static_files.headers(name), *headers]})
        await send({"type": "http.response.body", "body": body if scope["method"] == "GET" else b""})

    @staticmethod
    async def _respond(send: Send, status: int, text: str) -> None:
        """Send one line of plain text and close the connection, so that an unread body is dropped."""
        body = text.encode()
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
        headers += [(b"connection", b"close")] + [(b"allow", ", ".join(METHODS).encode())] * (status == 405)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def replace_index_page(scope: Scope, send: Send) -> Send:
    """Return `send` with our index page in place of Streamlit's; other answers are unchanged."""
    start: Message | None = None

    async def send_ours(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start" and message["status"] == 200 and _is_html(message):
            start = message  # Streamlit's body follows, and is not sent
        elif start is None:
            await send(message)
        elif not message.get("more_body", False):
            status, headers, body = index_page.answer({name.lower(): value for name, value in scope["headers"]})
            others = [pair for pair in start.get("headers", ()) if pair[0].lower() not in REPLACED_HEADERS]
            await send({**start, "status": status, "headers": [*others, *headers]})
            await send({"type": "http.response.body", "body": body if scope["method"] == "GET" else b""})

    return send_ours


def _whole_file(scope: Scope) -> str | None:
    """Return the name of the static file to send; None for any other address, and for a part of a file of Streamlit."""
    name = static_files.name_of(scope["path"])
    partly = any(found.lower() == b"range" for found, _ in scope["headers"])
    return None if name is None or (partly and not static_files.is_ours(name)) else name


def _is_html(start: Message) -> bool:
    """Return whether an answer that starts like this is an HTML page."""
    return any(name.lower() == b"content-type" and value.startswith(b"text/html") for name, value in start.get("headers", ()))


def refuse(scope: Scope) -> tuple[int, str] | None:
    """Return status and message for a request that no page sends; None for one that is allowed."""
    if scope["method"] not in METHODS:
        return 405, f"Pages are read with {' or '.join(METHODS)} only."
    if any(path in scope["path"] for path in HIDDEN_PATHS):
        return 404, "There is no page at this address."
    length = len(scope.get("raw_path") or scope["path"].encode()) + len(scope["query_string"])
    if length > MAX_URL_BYTES:
        return (
            414,
            f"An address may be {MAX_URL_BYTES:,} bytes long; this one has {length:,}. Open the page and type the text there.",
        )
    headers = {name.lower(): value for name, value in scope["headers"]}
    if headers.get(b"content-length", b"0").strip() != b"0" or b"transfer-encoding" in headers:
        return 413, "A request for a page has no body."
    return None


def same_origin(scope: Scope) -> bool:
    """Return whether a websocket or an upload is from a page of this address, or from a program that is no browser.

    For any other origin Streamlit would look further, and ask a server elsewhere for the address of this machine.
    """
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    origin = headers.get(b"origin")
    try:
        return origin is None or urlsplit(origin).netloc.lower() == headers.get(b"host", "").lower() != ""
    except ValueError:
        return False


def filter_messages(receive: Receive, *, uploads: bool = False) -> Receive:
    """Return `receive` of a websocket with the messages of our pages only; text instead of bytes counts as a disconnect.

    With `uploads`, a page may ask for the address of one file.

    Where a page sends too many, they wait: none is lost, and the next ones stay on the connection meanwhile.
    """
    bucket = TokenBucket(float(BURST_MESSAGES), float(MESSAGES_PER_SECOND))

    async def receive_allowed() -> Message:
        while True:
            message = await receive()
            if message["type"] != "websocket.receive":
                return message
            while wait := bucket.take():
                await asyncio.sleep(wait)
            if (data := message.get("bytes")) is None:
                return {"type": "websocket.disconnect", "code": 1003}
            if len(data) > MAX_MESSAGE_BYTES or is_allowed(data, uploads=uploads):
                return message

    return receive_allowed


def is_allowed(data: bytes, *, uploads: bool = False) -> bool:
    """Return whether these bytes are a message that our pages send; not for bytes that are none."""
    try:
        message = BackMsg.FromString(data)
    except DecodeError:
        return False
    kind = message.WhichOneof("type")
    if kind == "file_urls_request":
        return uploads and len(message.file_urls_request.file_names) == 1
    return kind in MESSAGES


async def reject_websocket(receive: Receive, send: Send) -> None:
    """Reject a websocket before it opens: HTTP 403."""
    await receive()
    await send({"type": "websocket.close", "code": 1008})
