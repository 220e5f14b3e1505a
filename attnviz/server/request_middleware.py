"""Middleware around every request: an id, a log line, metrics, and every error as JSON."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Collection

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from attnviz import logs
from attnviz.errors import AttnvizError, BackendError
from attnviz.server.error_responses import error_response
from attnviz.server.metrics import Metrics
from attnviz.server.responder import Timings

REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
HEADERS = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))
CLIENT_CLOSED = 499  # the status in the log where the client disconnected before the answer


class RequestMiddleware:
    """An app whose requests are identified, logged and counted."""

    def __init__(self, app: ASGIApp, metrics: Metrics, routes: Collection[str]) -> None:
        self.app, self.metrics, self.routes = app, metrics, frozenset(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, timings, status = time.monotonic(), Timings(), CLIENT_CLOSED
        request_id = request_id_of(scope)
        scope.setdefault("state", {})["timings"] = timings

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode()), *HEADERS]
            await send(message)

        try:
            await self._respond(scope, receive, send_with_headers, timings, request_id, lambda: status != CLIENT_CLOSED)
        finally:
            self._log(scope, status, timings, request_id, time.monotonic() - start)

    async def _respond(
        self, scope: Scope, receive: Receive, send: Send, timings: Timings, request_id: str, started: Callable[[], bool]
    ) -> None:
        """Send the answer of the app, or its error as JSON."""
        try:
            await self.app(scope, receive, send)
        except ClientDisconnect:
            timings.error = "ClientDisconnect"
        except AttnvizError as error:
            timings.error = type(error).__name__
            await error_response(error)(scope, receive, send)
        except Exception as error:
            timings.error = type(error).__name__
            logs.SERVER_LOG.exception("fault", extra={"fields": {"id": request_id}})
            if started():
                raise
            failure = BackendError(f"The backend failed at this request; its log has the id {request_id}. Try again.")
            await error_response(failure)(scope, receive, send)

    def _log(self, scope: Scope, status: int, timings: Timings, request_id: str, seconds: float) -> None:
        """Log and count a request. Of its path only the route is written, or "other"."""
        route = scope["path"] if scope["path"] in self.routes else "other"
        self.metrics.requests.labels(route=route, status=str(status)).inc()
        if route == "/v1/attention":
            self.metrics.seconds.labels("all").observe(seconds)
        if timings.error:
            self.metrics.errors.labels(timings.error).inc()
        if status == CLIENT_CLOSED:
            self.metrics.disconnects.inc()
        logs.log_event(
            "request", id=request_id, method=scope["method"] if scope["method"].isascii() else "", route=route,
            status=status, seconds=round(seconds, 4), queue_seconds=round(timings.queue_seconds, 4),
            compute_seconds=round(timings.compute_seconds, 4), cached=timings.cached, model=timings.model,
            error=timings.error,
        )  # fmt: skip


def request_id_of(scope: Scope) -> str:
    """Return the id that the client sent, if it is well formed, else a new one."""
    sent = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-request-id"), "")
    return sent if REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex
