"""A backend on another machine (`attnviz serve`): the same answers as there, bit for bit.

All connections belong to one thread with an event loop, so that a request can be given up at any moment: when its reader
leaves, the connection is closed, and the server stops its work.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, TypeVar
from urllib.parse import urlsplit

from attnviz import text as texts
from attnviz.backends import request_context, wire
from attnviz.backends.base import Capabilities
from attnviz.backends.http_client import MAX_REQUESTS, HttpRequest, HttpThread
from attnviz.backends.scheduler import POLL
from attnviz.backends.wire import model_cards
from attnviz.backends.wire.limits import AnswerLimits
from attnviz.engine.trace import Trace
from attnviz.errors import AnswerError, AttnvizError, BackendError, BadInputError
from attnviz.progress import OnProgress, ProgressEvent
from attnviz.settings import Settings
from attnviz.types import AttentionRequest, ModelCard, quoted

T = TypeVar("T")
ModelList = dict[str, tuple[ModelCard, bool]]  # each model by its id, and whether its weights are there
HOST = r"[a-z0-9._-]+|[0-9a-f:.]+(%[a-z0-9]+)?"
LIST_AGE = 30.0  # seconds after which the list of models is fetched again
LIST_RETRY = 5.0  # seconds after which it is requested again where that failed
LIST_TIMEOUT, LIST_BYTES = 3.0, 2**20
NETWORK_SECONDS = 2.0  # beyond the server's own deadline


class RemoteBackend:
    """A backend over HTTP. It has no `check`, `step_trace` and so on: those need the models in this process."""

    def __init__(
        self,
        url: str,
        settings: Settings | None = None,
        on_progress: OnProgress | None = None,
        client: Callable[[], str] = lambda: "",
    ) -> None:
        """`client` returns an anonymous name of the reader whose request this is, so that the server can be fair."""
        self.settings = settings or Settings.from_env()
        self.url, self._on_progress, self._client = address(url), on_progress, client
        self._lock = threading.Lock()
        self._http: HttpThread | None = None
        self._list: tuple[float, ModelList] = (-LIST_RETRY, {})
        self.capabilities = Capabilities(
            has_weights=self.has_weights, full_trace=self.full_trace, is_reachable=self.is_reachable, max_requests=MAX_REQUESTS
        )

    def models(self) -> tuple[ModelCard, ...]:
        """Return the server's models."""
        return tuple(card for card, _ in self._models().values())

    def has_weights(self, name: str) -> bool:
        """Return whether the server has a model's weights; True where that is not known: `attend` then raises its error."""
        try:
            found = self._models().get(name)
        except AttnvizError:
            return True
        return found is None or found[1]

    def _models(self) -> ModelList:
        """Return every card by its id, and whether its weights are there. An old list is used while a new one is fetched."""
        since, models = self._list
        age = time.monotonic() - since
        if models:
            if age >= LIST_AGE:
                self._list = (time.monotonic(), models)
                self._start(self._fetch_list())
            return models
        if age < LIST_RETRY:
            raise BackendError(f"The backend {self.url} does not say which models it has. Try again in {LIST_RETRY:.0f} s.")
        try:
            return self._wait_for(self._fetch_list())
        except AttnvizError:
            self._list = (time.monotonic(), self._list[1])
            raise

    def _fetch_list(self) -> Callable[[HttpThread], Coroutine[Any, Any, ModelList]]:
        """Return the request for the list; callers at the same moment share one."""
        request = HttpRequest("v1/models", None, LIST_BYTES, LIST_TIMEOUT, self._headers(), attempts=1, bypass_pool=True)

        async def fetch(http: HttpThread) -> ModelList:
            found = model_cards.from_json(await http.client.request(request))
            self._list = (time.monotonic(), {card.id: (card, here) for card, here in found})
            return self._list[1]

        return lambda http: http.share(request.path, lambda: fetch(http))

    def is_reachable(self) -> bool:
        """Return whether the server sends its list of models now; callers at the same moment share one request."""
        try:
            return bool(self._wait_for(self._fetch_list()))
        except AttnvizError:
            return False

    def attend(self, request: AttentionRequest) -> Trace:
        """Return the trace of one text; see Backend. Raises the server's own errors, or BackendError without an answer."""
        return self._trace(request, full=False)

    def full_trace(self, request: AttentionRequest) -> Trace:
        """Return the trace with values and kernel outputs: several times as many bytes."""
        return self._trace(request, full=True)

    def _trace(self, request: AttentionRequest, *, full: bool) -> Trace:
        """Send one request. The text is checked first, so that what no model reads is never sent."""
        if request.chat:
            raise BadInputError(
                f"Conversations are read by the models of this machine; the backend is {self.url}. Unset ATTNVIZ_BACKEND."
            )
        for part in (request.text, request.text_b):
            if part is not None:
                texts.checked(part, self.settings.max_bytes)
        fields = {"model": request.model, "text": request.text, "text_b": request.text_b, "whole": full}
        card = self._list[1].get(request.model, (None,))[0]
        limits = AnswerLimits.of(request, card, self.settings.text_bytes, full=full)
        max_bytes = limits.bytes + wire.MAX_HEADER + wire.PREFIX
        timeout = self.settings.seconds + NETWORK_SECONDS
        question = HttpRequest("v1/attention", json.dumps(fields).encode(), max_bytes, timeout, self._headers())
        with request_context.remote_call():
            data = self._wait_for(lambda http: http.client.request(question))
        try:
            return limits.check(wire.loads(data, limits.bytes))
        except AnswerError as error:
            raise AnswerError(f"The backend {self.url} gave no answer that can be read. {error}") from error

    def _headers(self) -> dict[str, str]:
        """Return the HTTP headers of a request."""
        headers = {"content-type": "application/json", "accept-encoding": "identity", "user-agent": wire.CLIENT}
        headers[wire.FORM_HEADER] = str(wire.FORM)
        if self.settings.key:
            headers["authorization"] = f"Bearer {self.settings.key}"
        if request_id := request_context.current_id():
            headers["x-request-id"] = request_id
        if name := self._client():
            headers["x-attnviz-client"] = name
        return headers

    def _start(self, work: Callable[[HttpThread], Coroutine[Any, Any, T]]) -> Future[T]:
        """Start a coroutine on the client's thread, which is opened where there is none."""
        with self._lock:  # so that nothing is started on a thread that is closed
            http = self._http = self._http or HttpThread(self.url)
            return http.start(work(http))

    def _wait_for(self, work: Callable[[HttpThread], Coroutine[Any, Any, T]]) -> T:
        """Return the result of a coroutine; if this thread is interrupted meanwhile, the coroutine is cancelled."""
        waiting = self._start(work)
        try:
            while True:
                try:
                    return waiting.result(POLL)
                except FutureTimeoutError:
                    if waiting.done():  # then the timeout was the work's own: raise that
                        return waiting.result()
                if self._on_progress is not None:
                    self._on_progress(ProgressEvent("Waiting for the backend.", "waiting"))
        except CancelledError as error:
            raise BackendError(f"The backend {self.url} was closed. Open it again.") from error
        finally:
            waiting.cancel()

    def close(self) -> None:
        """Close all connections; running requests end with an error. A later request opens them again."""
        with self._lock:
            http, self._http = self._http, None
        if http is not None:
            http.close()


def address(url: str) -> str:
    """Return the address of a server without its last slash. Raises BadInputError if it is not one."""
    rule = "A backend's address is `local:` (models in this process) or http://host:port"
    try:
        found = urlsplit(url)
        fits = found.scheme in ("http", "https") and re.fullmatch(HOST, found.hostname or "") and found.port != 0
    except ValueError:  # brackets that do not close, an invalid port
        raise BadInputError(f"{rule}; got {quoted(url)}. Correct it.") from None
    if "@" in found.netloc or found.query or found.fragment:  # not quoted: it may be a password
        raise BadInputError(f"{rule}, and nothing before or behind that. A key goes into ATTNVIZ_KEY.")
    if not fits:
        raise BadInputError(f"{rule}; got {quoted(url)}. Correct it.")
    return f"{found.scheme}://{found.netloc.casefold()}{found.path.rstrip('/')}"
