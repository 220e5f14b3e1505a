"""Which requests the HTTP service lets in: key, rate, size, arrival time and form. Nothing beyond a limit is read."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import math
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import msgspec
from starlette.requests import Request

from attnviz import charset
from attnviz import text as texts
from attnviz.backends import wire
from attnviz.errors import (
    AccessError,
    BadInputError,
    BusyError,
    ContentTypeError,
    NotArrivedError,
    RateError,
    TooLongError,
)
from attnviz.server.schemas import Question
from attnviz.settings import Settings
from attnviz.token_bucket import ClientBuckets
from attnviz.types import AttentionRequest, quoted

BURST_SECONDS = 10.0  # a client may send the requests of so many seconds at once
MAX_CLIENTS = 4096  # addresses whose rate is remembered
BODY_SECONDS = 10.0  # time in which a body must have arrived
MAX_QUESTION_BYTES = 64 * 2**20  # of all requests in progress whose body is larger than SMALL_BYTES
SMALL_BYTES = 2**14  # such a body is always let in
RETRY_SECONDS = 1  # after which a client tries again where a byte budget is used up
MAX_NAME = 64  # characters of the name by which a front end tells its users apart


@dataclass(frozen=True)
class ParsedRequest:
    """A question, whether it wants values and outputs too, and the newest form of answer that its client reads."""

    request: AttentionRequest
    full_trace: bool = False
    form: int = wire.FORM


class ByteBudget:
    """At most `limit` bytes held by all requests together; sizes up to `free` bytes do not count. For one event loop.

    Small sizes are bounded by the number of connections, so that a full budget does not keep them out. A size larger than the
    whole budget is let in while no other request holds any of it. `what` names the bytes in the message.
    """

    def __init__(self, limit: int, free: int, what: str) -> None:
        self.limit, self.free, self.what = limit, free, what
        self.used = 0

    @contextmanager
    def reserve(self) -> Iterator[Reservation]:
        """Give a reservation of 0 bytes, which is released at the end of the block."""
        reservation = Reservation(self)
        try:
            yield reservation
        finally:
            self.used -= reservation.size


class Reservation:
    """The bytes that one request holds of a budget."""

    def __init__(self, budget: ByteBudget) -> None:
        self.budget = budget
        self.size = 0  # bytes that count

    def resize(self, size: int) -> None:
        """Hold `size` bytes from now on, or raise BusyError and hold as many as before."""
        budget, wanted = self.budget, size if size > self.budget.free else 0
        others = budget.used - self.size
        if wanted and others and others + wanted > budget.limit:
            limit = f"{budget.limit // 2**20:,} MB of {budget.what} are in progress"
            raise BusyError(f"The server is busy, try again in {RETRY_SECONDS} s: {limit}.", RETRY_SECONDS)
        budget.used, self.size = others + wanted, wanted


class Admission:
    """The limits of a server. Each error names the limit and what would be let in."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self._key_hash = hashlib.sha256(settings.key.encode()).digest() if settings.key else None
        rate = settings.rate / 60.0
        self._buckets = ClientBuckets(max(1.0, rate * BURST_SECONDS), rate, MAX_CLIENTS, clock)
        self._budget = ByteBudget(MAX_QUESTION_BYTES, SMALL_BYTES, "questions")

    @property
    def max_body_bytes(self) -> int:
        """Bytes of a body at most: two texts, each byte of which JSON may write as six, and the rest of the object."""
        return 2 * 6 * self.settings.max_bytes + 4096

    def admit(self, request: Request) -> None:
        """Check the key and the rate of the address. Raises AccessError and RateError."""
        self.authenticate(request)
        if wait := self._buckets.take(request.client.host if request.client else ""):
            seconds = max(1, math.ceil(wait))
            raise RateError(f"One address may send {self.settings.rate} requests a minute. Try again in {seconds} s.", seconds)

    def authenticate(self, request: Request) -> None:
        """Check the key, in constant time so that the time reveals nothing about it. Raises AccessError."""
        if self._key_hash is None:
            return
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        same = hmac.compare_digest(hashlib.sha256(key.strip().encode()).digest(), self._key_hash)
        if not same or scheme.casefold() != "bearer":
            raise AccessError("This backend answers only clients that have its key. Set ATTNVIZ_KEY to it.")

    def client(self, request: Request) -> tuple[str, str]:
        """Return the client for fair scheduling: its address, and the user it names, trusted only where there is a key."""
        name = request.headers.get("x-attnviz-client", "")[:MAX_NAME] if self._key_hash is not None else ""
        return (request.client.host if request.client else "", name)

    @asynccontextmanager
    async def parse(self, request: Request) -> AsyncIterator[ParsedRequest]:
        """Give the checked question of a request; its bytes count as in progress until the end of the block."""
        with self._budget.reserve() as reservation:
            yield await self._parse(request, reservation)

    async def _parse(self, request: Request, reservation: Reservation) -> ParsedRequest:
        """Read and check the body."""
        content_type = request.headers.get("content-type", "")
        if content_type.partition(";")[0].strip().casefold() != "application/json":
            raise ContentTypeError("A question is JSON: send it with the header Content-Type: application/json.")
        try:
            body = await asyncio.wait_for(self._read(request, reservation), BODY_SECONDS)
        except TimeoutError as error:
            raise NotArrivedError(
                f"A question must arrive within {BODY_SECONDS:.0f} s; this one did not. Send it again."
            ) from error
        return self._check(_question(body, content_type), _form(request))

    async def _read(self, request: Request, reservation: Reservation) -> bytes:
        """Return the body. Raises TooLongError and BusyError as soon as it is larger than allowed, and reads no further."""
        body = bytearray()
        async for chunk in request.stream():
            if len(body) + len(chunk) > self.max_body_bytes:
                raise TooLongError(f"A question may have {self.max_body_bytes:,} bytes; this one has more. Shorten its text.")
            reservation.resize(len(body) + len(chunk))
            body += chunk
        return bytes(body)

    def _check(self, question: Question, form: int) -> ParsedRequest:
        """Check the texts of a question."""
        for text in (question.text, question.text_b):
            if text is not None:
                texts.checked(text, self.settings.max_bytes)
        return ParsedRequest(AttentionRequest(question.model, question.text, question.text_b), question.full, form)


def _question(body: bytes, content_type: str) -> Question:
    """Return the question in a body. `json` reads it, since half a surrogate pair gets an error of its own later."""
    try:
        value = json.loads(_decode(body, content_type))
    except BadInputError:
        raise
    except (ValueError, RecursionError) as error:
        raise BadInputError(
            'A question is JSON, e.g. {"model": "minilm", "text": "It slept."}; this is not. Correct it.'
        ) from error
    try:
        return msgspec.convert(value, Question)
    except (msgspec.ValidationError, UnicodeError) as error:
        reason = "an entry has a name that is no text" if isinstance(error, UnicodeError) else " ".join(str(error).split())[:80]
        raise BadInputError(
            "A question is an object with model and text (strings), and may have text_b (string or null) and whole (true or "
            f"false); this one has a fault: {reason}. Correct it."
        ) from error


def _decode(body: bytes, content_type: str) -> str:
    """Return a body as text. JSON is UTF-8 (RFC 8259); a byte order mark, or a Unicode charset in the header, is followed.

    Raises ContentTypeError for another charset, BadInputError for bytes that are no text.
    """
    match = re.search(r";\s*charset\s*=\s*\"?([^\s;\"]+)", content_type, re.IGNORECASE)
    name = match[1].casefold().replace("_", "-") if match else ""
    if name and not name.startswith("utf") and name not in ("us-ascii", "ascii"):
        raise ContentTypeError(f"A question is JSON in UTF-8; its header names the charset {quoted(name)}. Convert it.")
    if charset.find_mark(body)[0]:
        return charset.decode(body, "A question")
    try:
        return body.decode(name or json.detect_encoding(body))
    except LookupError as error:
        raise ContentTypeError(f"A question is JSON in UTF-8; {quoted(name)} is no charset. Correct the header.") from error
    except UnicodeDecodeError as error:
        where = f"byte {error.start + 1:,} of this one belongs to no character"
        raise BadInputError(f"A question is JSON in UTF-8; {where}. Convert it, e.g. iconv -f latin1 -t utf-8.") from error


def _form(request: Request) -> int:
    """Return the form of answer that a client reads: as its header says, by default the newest, and never a newer one.

    Clients of versions that knew only form 1 send no such header; they are recognised by their name, and refuse other forms.
    Raises BadInputError for a header that is no such number.
    """
    header = request.headers.get(wire.FORM_HEADER)
    if header is None:
        return 1 if request.headers.get("user-agent") == wire.CLIENT else wire.FORM
    if not re.fullmatch("[1-9][0-9]{0,8}", header, re.ASCII):
        raise BadInputError(
            f"The header {wire.FORM_HEADER} is a whole number from 1, the newest form of answer that the client reads; got "
            f"{quoted(header)}. Leave it out for the newest."
        )
    return min(int(header), wire.FORM)
