"""A backend as an HTTP service: `GET /v1/models`, `POST /v1/attention`, and routes for operators.

openapi.py describes requests and answers, also at /openapi.json; the bytes of an answer are those of backends/wire.
admission.py decides which requests are let in, responder.py when each is computed.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from attnviz import logs
from attnviz.backends.base import Backend, capabilities
from attnviz.backends.wire import model_cards
from attnviz.errors import BadInputError
from attnviz.server import openapi
from attnviz.server.admission import Admission, ByteBudget
from attnviz.server.error_responses import error_response, json_response
from attnviz.server.metrics import CONTENT_TYPE, Metrics
from attnviz.server.request_middleware import CLIENT_CLOSED, RequestMiddleware
from attnviz.server.responder import LocalResponder, Responder, Timings
from attnviz.settings import Settings

CHUNK_BYTES = 2**18  # sent at a time, so that a slow connection holds one chunk in memory and not the whole answer
MAX_SENDING_BYTES = 256 * 2**20  # of all answers that are being sent and are larger than a chunk
MAX_CONNECTIONS = 512
FIRST_RETRY_SECONDS, MAX_RETRY_SECONDS = 1.0, 30.0  # before a model that could not be loaded is tried again
SHUTDOWN_SECONDS = 10  # in which requests in progress may end when the server is stopped


def create_app(
    backend: Backend,
    settings: Settings | None = None,
    warm: Sequence[str] = (),
    make_responder: Callable[[Backend, Settings, Metrics], Responder] = LocalResponder,
) -> Starlette:
    """Return the service over a backend; it is ready once each model in `warm` is loaded and has read one text.

    `make_responder` makes what answers the questions, where that is not this process.
    """
    settings = settings or Settings.from_env()
    metrics = Metrics()
    service = _Service(backend, settings, metrics, tuple(warm), make_responder(backend, settings, metrics))
    routes = [
        Route("/v1/models", service.models),
        Route("/v1/attention", service.attention, methods=["POST"]),
        Route("/healthz", service.health),
        Route("/readyz", service.ready),
        Route("/metrics", service.metrics_text),
        Route("/openapi.json", service.openapi),
    ]
    paths = [route.path for route in routes]
    return Starlette(
        routes=routes,
        middleware=[Middleware(RequestMiddleware, metrics, paths)],
        exception_handlers={HTTPException: _no_route},
        lifespan=service.lifespan,
    )


def _no_route(_: Request, error: Exception) -> Response:
    """Answer a path or method that does not exist."""
    assert isinstance(error, HTTPException)
    message = f"{HTTPStatus(error.status_code).phrase}: /openapi.json describes every route. Correct the address or the method."
    return error_response(BadInputError(message), error.status_code, error.headers)  # 405 comes with Allow


class _Service:
    """The routes of one server."""

    def __init__(
        self, backend: Backend, settings: Settings, metrics: Metrics, warm: tuple[str, ...], responder: Responder
    ) -> None:
        self.backend, self.settings, self.metrics, self.warm = backend, settings, metrics, warm
        self.admission = Admission(settings)
        self.responder = responder
        self.sending = ByteBudget(MAX_SENDING_BYTES, CHUNK_BYTES, "answers")
        self.loading: dict[str, asyncio.Task[None]] = {}
        self.failed: dict[str, str] = {}  # models that are not ready yet, each with the type of its newest error

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Load the models while the server already answers, and release everything in the end."""
        self.loading = {name: asyncio.create_task(self._warm_up(name)) for name in self.warm}
        logs.log_event("started", models=list(self.warm))
        try:
            yield
        finally:
            for task in self.loading.values():
                task.cancel()
            await asyncio.gather(*self.loading.values(), return_exceptions=True)
            self.responder.close()
            logs.log_event("stopped")

    async def _warm_up(self, name: str) -> None:
        """Make a model ready, with retries: a full disk or a network that is down may be repaired meanwhile."""
        wait = FIRST_RETRY_SECONDS
        while True:
            try:
                await asyncio.wrap_future(self.responder.warm_up(name))
            except Exception as error:  # noqa: BLE001  # its type is in /readyz and the log, and the model is tried again
                self.failed[name] = type(error).__name__
                logs.SERVER_LOG.exception("warm_up_failed", extra={"fields": {"model": name, "retry_seconds": wait}})
                await asyncio.sleep(wait)
                wait = min(2 * wait, MAX_RETRY_SECONDS)
            else:
                self.failed.pop(name, None)
                return

    async def models(self, request: Request) -> Response:
        """Answer with the models, and whether the weights of each are here."""
        self.admission.admit(request)
        return json_response({"models": await asyncio.to_thread(self._model_list)})

    def _model_list(self) -> list[dict[str, Any]]:
        """Return every card as JSON, without folders of this machine."""
        has_weights = capabilities(self.backend).has_weights or (lambda _: True)
        return [model_cards.to_json(card, has_weights(card.id)) for card in self.backend.models()]

    async def attention(self, request: Request) -> Response:
        """Answer one question with the bytes of its trace."""
        self.admission.admit(request)
        timings: Timings = request.scope["state"]["timings"]
        async with self.admission.parse(request) as parsed:
            known = {card.id for card in self.backend.models()}
            timings.model = parsed.request.model if parsed.request.model in known else "unknown"
            work = self.responder.answer(parsed, self.admission.client(request), timings)
            data = await _unless_disconnected(request, work)
        if data is None:
            return Response(status_code=CLIENT_CLOSED)  # for the log; the client is gone
        self.metrics.sent_bytes.inc(len(data))
        return _ChunkedResponse(data, self.sending)

    async def health(self, _: Request) -> Response:
        """Answer that this process lives."""
        return json_response({"ok": True})

    async def ready(self, _: Request) -> Response:
        """Answer whether the models of `warm` are ready; a load balancer sends users only then."""
        loading = [name for name, task in self.loading.items() if not task.done() and name not in self.failed]
        ready = not loading and not self.failed
        return json_response({"ready": ready, "loading": loading, "failed": self.failed}, 200 if ready else 503)

    async def metrics_text(self, request: Request) -> Response:
        """Answer with the metrics."""
        self.admission.authenticate(request)
        return Response(self.metrics.text(), media_type=CONTENT_TYPE)

    async def openapi(self, _: Request) -> Response:
        """Answer with the description of the service."""
        return json_response(openapi.describe(self.settings, self.admission.max_body_bytes))


async def _unless_disconnected(request: Request, work: Awaitable[bytes]) -> bytes | None:
    """Return the result of the work; where the client disconnects first, cancel the work and return None."""
    task, disconnect = asyncio.ensure_future(work), asyncio.ensure_future(_wait_for_disconnect(request))
    try:
        await asyncio.wait((task, disconnect), return_when=asyncio.FIRST_COMPLETED)
        return await task if task.done() else None
    finally:
        for future in (task, disconnect):
            future.cancel()
        await asyncio.gather(task, disconnect, return_exceptions=True)


async def _wait_for_disconnect(request: Request) -> None:
    """Return when the client has disconnected."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


class _ChunkedResponse(StreamingResponse):
    """An answer sent in chunks, within a budget of bytes: it stays in memory until its client has read it."""

    def __init__(self, data: bytes, budget: ByteBudget) -> None:
        super().__init__(_chunks(data), 200, {"Content-Length": str(len(data))}, "application/octet-stream")
        self.size, self.budget = len(data), budget

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all of it, or raise BusyError before the first byte."""
        with self.budget.reserve() as reservation:
            reservation.resize(self.size)
            await super().__call__(scope, receive, send)


async def _chunks(data: bytes) -> AsyncIterator[bytes]:
    """Yield the data in chunks."""
    for start in range(0, len(data), CHUNK_BYTES):
        yield data[start : start + CHUNK_BYTES]


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises BadInputError with the reason where that is not possible."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=MAX_CONNECTIONS)
    except (OSError, OverflowError, UnicodeError) as error:
        number = getattr(error, "errno", None) or 0  # below 0 for an unknown host
        reason = os.strerror(number) if number > 0 else "no such address"
        raise BadInputError(
            f"{host} port {port} cannot be listened on ({reason}). Choose another with --host or --port."
        ) from error
    # An answer's first bytes and the rest are two writes: the second must not wait until the first is acknowledged (40 ms).
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def serve(backend: Backend, settings: Settings, listener: socket.socket, warm: Sequence[str]) -> None:
    """Answer until the process is stopped (Ctrl+C, SIGTERM); requests in progress then have SHUTDOWN_SECONDS to end."""
    import uvicorn

    from attnviz.server.http_timeouts import TimeoutProtocol

    logs.log_json_to_stderr()
    config = uvicorn.Config(
        create_app(backend, settings, warm), log_config=None, access_log=False, server_header=False, proxy_headers=False,
        limit_concurrency=MAX_CONNECTIONS, timeout_keep_alive=60, timeout_graceful_shutdown=SHUTDOWN_SECONDS, ws="none",
        http=TimeoutProtocol,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[listener])
