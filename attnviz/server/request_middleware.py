"""Around every request: an id, a line in the log, its time in the metrics, and no error that is not told as JSON."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Collection

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from attnviz import logs
from attnviz.errors import AttnvizError, BackendError
from attnviz.server.error_responses import told
from attnviz.server.metrics import Metrics
from attnviz.server.workers import Timings

ID = re.compile(r"[A-Za-z0-9-]{1,64}")
HEADERS = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))
LEFT = 499  # what the log says of a client that is gone


class Watch:
    """The app with all that."""

    def __init__(self, app: ASGIApp, metrics: Metrics, routes: Collection[str]) -> None:
        self.app, self.metrics, self.routes = app, metrics, frozenset(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, from beginning to end."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, timings, status = time.monotonic(), Timings(), LEFT
        mark = request_id(scope)
        scope.setdefault("state", {})["timings"] = timings

        async def out(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", mark.encode()), *HEADERS]
            await send(message)

        try:
            await self._answered(scope, receive, out, timings, mark, lambda: status != LEFT)
        finally:
            self._write(scope, status, timings, mark, time.monotonic() - start)

    async def _answered(
        self, scope: Scope, receive: Receive, send: Send, timings: Timings, mark: str, started: Callable[[], bool]
    ) -> None:
        """The answer of the app, or its error as JSON."""
        try:
            await self.app(scope, receive, send)
        except ClientDisconnect:
            timings.error = "ClientDisconnect"
        except AttnvizError as error:
            timings.error = type(error).__name__
            await told(error)(scope, receive, send)
        except Exception as error:
            timings.error = type(error).__name__
            logs.SERVER_LOG.exception("fault", extra={"fields": {"id": mark}})
            if started():
                raise
            found = BackendError(f"The backend failed at this request, which its log has as {mark}. Try again.")
            await told(found)(scope, receive, send)

    def _write(self, scope: Scope, status: int, timings: Timings, mark: str, seconds: float) -> None:
        """A line of the log and the numbers; of the path only that it is one of ours."""
        route = scope["path"] if scope["path"] in self.routes else "other"
        self.metrics.count("attnviz_requests_total", route=route, status=str(status))
        if route == "/v1/attention":
            self.metrics.took(seconds, "all")
        if timings.error:
            self.metrics.count("attnviz_errors_total", kind=timings.error)
        if status == LEFT:
            self.metrics.count("attnviz_left_total")
        logs.log_event(
            "request", id=mark, method=scope["method"] if scope["method"].isascii() else "", route=route, status=status,
            seconds=round(seconds, 4), queue_seconds=round(timings.queue_seconds, 4),
            compute_seconds=round(timings.compute_seconds, 4), cached=timings.cached,
            model=timings.model, error=timings.error,
        )  # fmt: skip


def request_id(scope: Scope) -> str:
    """The id that the client gave, if it is one, or a new one."""
    given = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-request-id"), "")
    return given if ID.fullmatch(given) else uuid.uuid4().hex
