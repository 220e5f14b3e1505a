"""A request as it arrives in, what it asks out, or an error that says which limit it breaks. Nothing is read beyond a limit."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import math
import re
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.requests import Request

from attnviz import charset
from attnviz import text as texts
from attnviz.backends import wire
from attnviz.errors import AccessError, BadInputError, ContentTypeError, NotArrivedError, RateError, TooLongError
from attnviz.server.byte_budget import Place, Room
from attnviz.settings import Settings
from attnviz.types import AttentionRequest, quoted

FIELDS = ("model", "text", "text_b", "whole")
BURST = 10.0  # seconds' worth of requests that may come at once
CLIENTS = 4096  # addresses that are remembered
ARRIVES = 10.0  # seconds in which a body must have arrived
ROOM = 64 * 2**20  # bytes that the questions under way may have, those larger than ORDINARY
ORDINARY = 2**14  # bytes: such a question is let in however many long ones are under way
NAME = 64  # characters of the name by which a front end tells its readers apart


def _text(body: bytes, kind: str) -> str:
    """A body as text. JSON is UTF-8 (RFC 8259); a mark, or a charset of Unicode that the header names, is believed.

    Raises ContentTypeError for another charset, BadInputError for bytes that are no text.
    """
    match = re.search(r";\s*charset\s*=\s*\"?([^\s;\"]+)", kind, re.IGNORECASE)
    named = match[1].casefold().replace("_", "-") if match else ""
    if named and not named.startswith("utf") and named not in ("us-ascii", "ascii"):
        raise ContentTypeError(f"A question is JSON in UTF-8; its header names the charset {quoted(named)}. Convert it.")
    if charset.marked(body)[0]:
        return charset.decoded(body, "A question")
    try:
        return body.decode(named or json.detect_encoding(body))
    except LookupError as error:
        raise ContentTypeError(
            f"A question is JSON in UTF-8; there is no charset {quoted(named)}. Correct the header."
        ) from error
    except UnicodeDecodeError as error:
        where = f"byte {error.start + 1:,} of this one belongs to no character"
        raise BadInputError(f"A question is JSON in UTF-8; {where}. Convert it, e.g. iconv -f latin1 -t utf-8.") from error


@dataclass(frozen=True)
class Asked:
    """One question: the request, whether all that was captured is wanted, and the newest form of answer that is understood."""

    request: AttentionRequest
    whole: bool = False
    form: int = wire.FORM


class Gate:
    """The limits of a server. Raises errors of ours; each tells what would be let in."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings, self.clock = settings, clock
        self._key = hashlib.sha256(settings.key.encode()).digest() if settings.key else None
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._room = Room(ROOM, ORDINARY, "questions")

    @property
    def largest(self) -> int:
        """Bytes of a body: two texts, each byte of which JSON may write as six, and some more."""
        return 2 * 6 * self.settings.max_bytes + 4096

    def open(self, request: Request) -> None:
        """Raises AccessError without the key, where there is one, and RateError for an address that asks too often."""
        self.known(request)
        self._counted(request.client.host if request.client else "")

    def known(self, request: Request) -> None:
        """The key, compared in constant time: how long it takes tells nothing about it."""
        if self._key is None:
            return
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(hashlib.sha256(given.strip().encode()).digest(), self._key)
        if not right or scheme.casefold() != "bearer":
            raise AccessError("This backend answers only those who have its key. Set ATTNVIZ_KEY to it.")

    def _counted(self, address: str) -> None:
        """Each address has so many requests, which come back with time."""
        each = self.settings.rate / 60.0
        most, now = max(1.0, each * BURST), self.clock()
        left, since = self._left.pop(address, (most, now))
        left = min(most, left + (now - since) * each)
        self._left[address] = (left if left < 1 else left - 1, now)
        while len(self._left) > CLIENTS:
            self._left.popitem(last=False)
        if left < 1:
            wait = max(1, math.ceil((1 - left) / each))
            raise RateError(f"One address may ask {self.settings.rate} times a minute. Try again in {wait} s.", wait)

    def client(self, request: Request) -> tuple[str, str]:
        """Whose turn it is: an address, and by what name it tells its own readers apart, believed of those with a key."""
        name = request.headers.get("x-attnviz-client", "")[:NAME] if self._key is not None else ""
        return (request.client.host if request.client else "", name)

    @asynccontextmanager
    async def asked(self, request: Request) -> AsyncIterator[Asked]:
        """What the body asks; inside, the question counts as under way."""
        with self._room.place() as place:
            yield await self._asked(request, place)

    async def _asked(self, request: Request, place: Place) -> Asked:
        """What the body asks."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
        if kind != "application/json":
            raise ContentTypeError("A question is JSON: send it with the header Content-Type: application/json.")
        try:
            body = await asyncio.wait_for(self._body(request, place), ARRIVES)
        except TimeoutError as error:
            raise NotArrivedError(
                f"A question must have arrived within {ARRIVES:.0f} s; this one has not. Send it anew."
            ) from error
        try:
            told = json.loads(_text(body, request.headers.get("content-type", "")))
        except BadInputError:
            raise
        except (ValueError, RecursionError) as error:
            raise BadInputError('A question is JSON, e.g. {"model": "minilm", "text": "It slept."}; this is none.') from error
        return self._read(told, _form(request))

    async def _body(self, request: Request, place: Place) -> bytes:
        """The body, given up as soon as it is too long, or there is no room for more of it."""
        body = bytearray()
        async for part in request.stream():
            if len(body) + len(part) > self.largest:
                raise TooLongError(f"A question may have {self.largest:,} bytes; this one has more. Shorten its text.")
            place.grow(len(body) + len(part))
            body += part
        return bytes(body)

    def _read(self, told: object, form: int) -> Asked:
        """The question in a body."""
        if not isinstance(told, dict) or not {"model", "text"} <= told.keys() <= set(FIELDS):
            raise BadInputError(f"A question is an object with model and text, and may have {' and '.join(FIELDS[2:])}.")
        whole = told.get("whole", False)
        if not isinstance(whole, bool):
            raise BadInputError(f"whole must be true or false; got {type(whole).__name__}.")
        for name in FIELDS[:3]:
            value = told.get(name)
            if not isinstance(value, str) and (name, value) != ("text_b", None):
                raise BadInputError(f"{name} must be a string; got {type(value).__name__}. Put it in quotes.")
        request = AttentionRequest(told["model"], told["text"], told.get("text_b"))
        for part in (request.text, request.text_b):
            if part is not None:
                texts.checked(part, self.settings.max_bytes)
        return Asked(request, whole, form)


def _form(request: Request) -> int:
    """The form of answer that a client reads: what its header says, the newest at most and by default.

    Clients of versions that knew only form 1 send no such header; they are known by their name, and refuse any other form.
    Raises BadInputError for a header that is no such number.
    """
    named = request.headers.get(wire.FORM_HEADER)
    if named is None:
        return 1 if request.headers.get("user-agent") == wire.CLIENT else wire.FORM
    if not re.fullmatch("[1-9][0-9]{0,8}", named, re.ASCII):
        raise BadInputError(
            f"The header {wire.FORM_HEADER} is a whole number from 1, the newest form of answer that the client reads; got "
            f"{quoted(named)}. Leave it out for the newest."
        )
    return min(int(named), wire.FORM)
