"""Requests in, Traces out, by a server on another machine (`attnviz serve`). The same answers as there, bit for bit.

All connections live in one thread with an event loop, so that a question can be given up at any moment: when its reader
leaves, the server is told by hanging up, and stops.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as NotYet
from typing import Any, TypeVar
from urllib.parse import urlsplit

from attnviz import text as texts
from attnviz.backends import request_context, wire
from attnviz.backends.connections import Line
from attnviz.backends.http_client import Question
from attnviz.backends.wire import model_cards
from attnviz.backends.wire.limits import Bounds
from attnviz.engine.trace import Trace
from attnviz.errors import AnswerError, AttnvizError, BackendError, BadInputError
from attnviz.progress import Still
from attnviz.settings import Settings
from attnviz.types import AttentionRequest, ModelCard, quoted

T = TypeVar("T")
Listed = dict[str, tuple[ModelCard, bool]]  # each model by its id, and whether its weights are there
HOST = r"[a-z0-9._-]+|[0-9a-f:.]+(%[a-z0-9]+)?"
LOOK = 0.25  # seconds after which who waits looks whether he is still there
LISTED = 30.0  # seconds for which the list of models is believed
AGAIN = 5.0  # seconds after which it is asked for again where there was none
BRIEF, LIST = 3.0, 2**20  # seconds for that list, and bytes
SPARE = 2.0  # seconds beyond the server's own deadline, for the way


class RemoteBackend:
    """A backend over HTTP. What the server cannot do is not on the wire: `check` and `walk` want models in this process."""

    def __init__(
        self,
        url: str,
        settings: Settings | None = None,
        progress: Callable[[str], None] | None = None,
        client: Callable[[], str] = lambda: "",
    ) -> None:
        """`client` says which of our readers asks now, so that the server can be fair among them; never who that is."""
        self.settings = settings or Settings.from_env()
        self.url, self.progress, self.client = address(url), progress, client
        self._lock = threading.Lock()
        self._line: Line | None = None
        self._listed: tuple[float, Listed] = (-AGAIN, {})

    def models(self) -> tuple[ModelCard, ...]:
        """The server's models."""
        return tuple(card for card, _ in self._models().values())

    def has_weights(self, name: str) -> bool:
        """Whether the server has this model's weights; True where it does not say: then it says so when it is asked to read."""
        try:
            found = self._models().get(name)
        except AttnvizError:
            return True
        return found is None or found[1]

    def _models(self) -> Listed:
        """Every card by its id, and whether its weights are there. An old list is used while it is asked for anew."""
        since, listed = self._listed
        age = time.monotonic() - since
        if listed:
            if age >= LISTED:
                self._listed = (time.monotonic(), listed)
                self._begun(self._listing())
            return listed
        if age < AGAIN:
            raise BackendError(f"The backend {self.url} does not say which models it has. Try again in {AGAIN:.0f} s.")
        try:
            return self._waited(self._listing())
        except AttnvizError:
            self._listed = (time.monotonic(), self._listed[1])
            raise

    def _listing(self) -> Callable[[Line], Coroutine[Any, Any, Listed]]:
        """The question for the list, asked once for all who ask it at the same moment."""
        question = Question("v1/models", None, LIST, BRIEF, self._headers(), tries=1, aside=True)

        async def asked(line: Line) -> Listed:
            found = [model_cards.read(entry) for entry in _entries(await line.exchange.ask(question))]
            self._listed = (time.monotonic(), {card.id: (card, here) for card, here in found})
            return self._listed[1]

        return lambda line: line.once(question.path, lambda: asked(line))

    def answers(self) -> bool:
        """Whether it says now which models it has. Of many who look for a server that is down, one asks for all."""
        try:
            return bool(self._waited(self._listing()))
        except AttnvizError:
            return False

    def attend(self, request: AttentionRequest) -> Trace:
        """The trace of one text; see Backend. Raises the server's own errors, or a BackendError where there is no answer."""
        return self._trace(request, whole=False)

    def full_trace(self, request: AttentionRequest) -> Trace:
        """The same with values and outputs: some times as many bytes."""
        return self._trace(request, whole=True)

    def _trace(self, request: AttentionRequest, *, whole: bool) -> Trace:
        """One question over the wire. The text is checked first: for what no model reads nobody is asked."""
        if request.chat:
            raise BadInputError(
                f"Conversations are read by the models of this machine; the backend is {self.url}. Unset ATTNVIZ_BACKEND."
            )
        for part in (request.text, request.text_b):
            if part is not None:
                texts.checked(part, self.settings.max_bytes)
        told = {"model": request.model, "text": request.text, "text_b": request.text_b, "whole": whole}
        body = json.dumps(told).encode()
        bounds = Bounds.of(request, self._listed[1].get(request.model, (None,))[0], self.settings.text_bytes, whole=whole)
        most = bounds.bytes + wire.HEADER + wire.BEFORE
        question = Question("v1/attention", body, most, self.settings.seconds + SPARE, self._headers())
        with request_context.remote_call():
            data = self._waited(lambda line: line.exchange.ask(question))
        try:
            return bounds.checked(wire.loads(data, bounds.bytes))
        except AnswerError as error:
            raise AnswerError(f"The backend {self.url} gave no answer that can be read. {error}") from error

    def _headers(self) -> dict[str, str]:
        """What is said beside the question."""
        said = {"content-type": "application/json", "accept-encoding": "identity", "user-agent": wire.CLIENT}
        said[wire.FORM_HEADER] = str(wire.FORM)
        if self.settings.key:
            said["authorization"] = f"Bearer {self.settings.key}"
        if mark := request_context.current_id():
            said["x-request-id"] = mark
        if name := self.client():
            said["x-attnviz-client"] = name
        return said

    def _begun(self, work: Callable[[Line], Coroutine[Any, Any, T]]) -> Future[T]:
        """A coroutine under way on the line, which is opened where there is none."""
        with self._lock:  # so that nothing is begun on a line that is hung up
            line = self._line = self._line or Line(self.url)
            return line.begin(work(line))

    def _waited(self, work: Callable[[Line], Coroutine[Any, Any, T]]) -> T:
        """What a coroutine gives; whoever is called away while he waits gives it up."""
        waiting = self._begun(work)
        try:
            while True:
                try:
                    return waiting.result(LOOK)
                except NotYet:
                    if waiting.done():  # then it was the work's own, and says it again
                        return waiting.result()
                if self.progress is not None:
                    self.progress(Still("Waiting for the backend."))
        except CancelledError as error:
            raise BackendError(f"The backend {self.url} was closed. Open it again.") from error
        finally:
            waiting.cancel()

    def close(self) -> None:
        """Hang up; what is under way ends with an error. A later question opens it again."""
        with self._lock:
            line, self._line = self._line, None
        if line is not None:
            line.hang_up()


def _entries(data: bytes) -> list[Any]:
    """The entries of a list of models."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise AnswerError("A list of models is JSON.") from error
    match found:
        case {"models": list(entries)}:
            return entries
    raise AnswerError("A list of models is an object with models.")


def address(url: str) -> str:
    """The address of a server, without a slash at its end; BadInputError for one that is none."""
    rule = "A backend's address is `local:` (models in this process) or http://host:port"
    try:
        found = urlsplit(url)
        fits = found.scheme in ("http", "https") and re.fullmatch(HOST, found.hostname or "") and found.port != 0
    except ValueError:  # brackets that do not close, a port that is none
        raise BadInputError(f"{rule}; got {quoted(url)}. Correct it.") from None
    if "@" in found.netloc or found.query or found.fragment:  # not quoted: it may be somebody's password
        raise BadInputError(f"{rule}, and nothing before or behind that. A key goes into ATTNVIZ_KEY.")
    if not fits:
        raise BadInputError(f"{rule}; got {quoted(url)}. Correct it.")
    return f"{found.scheme}://{found.netloc.casefold()}{found.path.rstrip('/')}"
