"""Any backend in, an HTTP service out: `GET /v1/models`, `POST /v1/attention` and what an operator asks.

What may be asked and what is answered stands in openapi.py and at /openapi.json; the answer's bytes are those
of backends/wire.py. Who is let in decides admission.py, who is served when workers.py.
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
from attnviz.backends.base import Backend, PlacingBackend
from attnviz.backends.wire import model_cards
from attnviz.errors import BadInputError
from attnviz.server import openapi
from attnviz.server.admission import Gate
from attnviz.server.byte_budget import Room
from attnviz.server.error_responses import answer, told
from attnviz.server.metrics import TYPE, Metrics
from attnviz.server.request_middleware import LEFT, Watch
from attnviz.server.workers import Answering, Desk, Timings
from attnviz.settings import Settings

PART = 2**18  # bytes that are sent at a time, so that a slow line holds one part and not all
ROOM = 256 * 2**20  # bytes of the answers that are being sent, those of more than a part; slow readers may fill it, not more
CONNECTIONS = 512
AGAIN, LONGEST = 1.0, 30.0  # seconds after which to try again to make a model warm: at first, and at most
STOPS = 10  # seconds in which requests under way may end when the server is stopped


def app(
    backend: Backend,
    settings: Settings | None = None,
    warm: Sequence[str] = (),
    desk: Callable[[Backend, Settings, Metrics], Answering] = Desk,
) -> Starlette:
    """The service over a backend; it is ready once the models in `warm` are loaded and have read once.

    `desk` makes who answers, where that is not this process.
    """
    settings = settings or Settings.from_env()
    metrics = Metrics()
    service = _Service(backend, settings, metrics, tuple(warm), desk(backend, settings, metrics))
    routes = [
        Route("/v1/models", service.models),
        Route("/v1/attention", service.attention, methods=["POST"]),
        Route("/healthz", service.health),
        Route("/readyz", service.ready),
        Route("/metrics", service.measured),
        Route("/openapi.json", service.described),
    ]
    paths = [route.path for route in routes]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Watch, metrics, paths)],
        exception_handlers={HTTPException: _no_route},
        lifespan=service.life,
    )


def _no_route(_: Request, error: Exception) -> Response:
    """A path or method that is none of ours."""
    assert isinstance(error, HTTPException)
    line = f"{HTTPStatus(error.status_code).phrase}: /openapi.json says what may be asked here, and how."
    return told(BadInputError(line), error.status_code, error.headers)  # 405 comes with Allow


class _Service:
    """The answers of one server."""

    def __init__(self, backend: Backend, settings: Settings, metrics: Metrics, warm: tuple[str, ...], desk: Answering) -> None:
        self.backend, self.settings, self.metrics, self.warm = backend, settings, metrics, warm
        self.gate = Gate(settings)
        self.desk = desk
        self.room = Room(ROOM, PART, "answers")
        self.warming: dict[str, asyncio.Task[None]] = {}
        self.failed: dict[str, str] = {}  # models that are not warm yet, each with the kind of its newest error

    @asynccontextmanager
    async def life(self, _: Starlette) -> AsyncIterator[None]:
        """Models are made warm while the server answers already; in the end all is let go of."""
        self.warming = {name: asyncio.create_task(self._warm(name)) for name in self.warm}
        logs.log_event("started", models=list(self.warm))
        try:
            yield
        finally:
            for task in self.warming.values():
                task.cancel()
            await asyncio.gather(*self.warming.values(), return_exceptions=True)
            self.desk.close()
            logs.log_event("stopped")

    async def _warm(self, name: str) -> None:
        """Makes a model warm, again and again until it is: what is full, away or damaged now may be mended later."""
        wait = AGAIN
        while True:
            try:
                await asyncio.wrap_future(self.desk.warm(name))
            except Exception as error:  # noqa: BLE001  # told by its kind, and tried again
                self.failed[name] = type(error).__name__
                logs.SERVER_LOG.exception("not warm", extra={"fields": {"model": name, "again": wait}})
                await asyncio.sleep(wait)
                wait = min(2 * wait, LONGEST)
            else:
                self.failed.pop(name, None)
                return

    async def models(self, request: Request) -> Response:
        """The models, and whether each one's weights are here."""
        self.gate.open(request)
        return answer({"models": await asyncio.to_thread(self._listed)})

    def _listed(self) -> list[dict[str, Any]]:
        """Every card as JSON, without folders of this machine."""
        has = self.backend.has if isinstance(self.backend, PlacingBackend) else lambda _: True
        return [model_cards.told(card, has(card.id)) for card in self.backend.models()]

    async def attention(self, request: Request) -> Response:
        """One question, answered in bytes."""
        self.gate.open(request)
        timings: Timings = request.scope["state"]["timings"]
        async with self.gate.asked(request) as asked:
            known = {card.id for card in self.backend.models()}
            timings.model = asked.request.model if asked.request.model in known else "unknown"
            data = await _unless_left(request, self.desk.answer(asked, self.gate.client(request), timings))
        if data is None:
            return Response(status_code=LEFT)  # nobody reads it
        self.metrics.count("attnviz_answer_bytes_total", float(len(data)))
        return _Sent(data, self.room)

    async def health(self, _: Request) -> Response:
        """This process answers."""
        return answer({"ok": True})

    async def ready(self, _: Request) -> Response:
        """Whether the models that were asked for are warm; a load balancer sends readers only then."""
        left = [name for name, task in self.warming.items() if not task.done() and name not in self.failed]
        ready = not left and not self.failed
        return answer({"ready": ready, "loading": left, "failed": self.failed}, 200 if ready else 503)

    async def measured(self, request: Request) -> Response:
        """What happened so far."""
        self.gate.known(request)
        gauges = self.desk.gauges([card.id for card in self.backend.models()])
        return Response(self.metrics.text(gauges), media_type=TYPE)

    async def described(self, _: Request) -> Response:
        """What may be asked here."""
        return answer(openapi.described(self.settings, self.gate.largest))


async def _unless_left(request: Request, work: Awaitable[bytes]) -> bytes | None:
    """What the work gives, or None where the client is gone before: the work is then given up."""
    task, gone = asyncio.ensure_future(work), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        return await task if task.done() else None
    finally:
        for one in (task, gone):
            one.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _gone(request: Request) -> None:
    """Waits until the client has hung up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


class _Sent(StreamingResponse):
    """An answer that is sent a part at a time, if there is room for it: it is in memory until its reader has it."""

    def __init__(self, data: bytes, room: Room) -> None:
        super().__init__(_parts(data), 200, {"Content-Length": str(len(data))}, "application/octet-stream")
        self.size, self.room = len(data), room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """All of it, or BusyError before its first byte."""
        with self.room.place() as place:
            place.grow(self.size)
            await super().__call__(scope, receive, send)


async def _parts(data: bytes) -> AsyncIterator[bytes]:
    """An answer, a part at a time."""
    for at in range(0, len(data), PART):
        yield data[at : at + PART]


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; BadInputError says why there is none."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        found = socket.create_server((host, port), family=family, backlog=CONNECTIONS)
    except (OSError, OverflowError, UnicodeError) as error:
        number = getattr(error, "errno", None) or 0  # of an address that nobody knows it is below 0
        why = os.strerror(number) if number > 0 else "no such address"
        raise BadInputError(
            f"{host} port {port} cannot be listened on ({why}). Choose another with --host or --port."
        ) from error
    # An answer's first bytes and the rest are two writes: the second must not wait until the first is acknowledged (40 ms).
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return found


def serve(backend: Backend, settings: Settings, found: socket.socket, warm: Sequence[str]) -> None:
    """Answers until it is told to stop (Ctrl+C, SIGTERM); what is under way then has some seconds to end."""
    import uvicorn

    from attnviz.server.http_timeouts import Patient

    logs.log_json_to_stderr()
    config = uvicorn.Config(
        app(backend, settings, warm), log_config=None, access_log=False, server_header=False, proxy_headers=False,
        limit_concurrency=CONNECTIONS, timeout_keep_alive=60, timeout_graceful_shutdown=STOPS, ws="none",
        http=Patient,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[found])
