"""Errors as HTTP responses: {"error": {"kind", "message", "retry_after"?}}; the kind is the class name of the error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET
from starlette.responses import Response

from attnviz.errors import (
    AccessError,
    AttnvizError,
    BackendError,
    BusyError,
    ContentTypeError,
    DamagedWeightsError,
    DiskError,
    LateError,
    NotArrivedError,
    OutputError,
    RateError,
    TooLongError,
    UnavailableError,
    UnknownModelError,
)
from attnviz.server.schemas import Error, ErrorDetail

# The first class that fits counts. Only BusyError and LateError have a status of 500 or more, except for our own bugs.
STATUSES: tuple[tuple[type[AttnvizError], int], ...] = (
    (RateError, 429),
    (BusyError, 503),
    (NotArrivedError, 408),
    (LateError, 504),
    (AccessError, 401),
    (BackendError, 500),
    (UnknownModelError, 404),
    (UnavailableError, 404),
    (DamagedWeightsError, 404),
    (TooLongError, 413),
    (ContentTypeError, 415),
    (AttnvizError, 422),
)

DISK_RETRY_SECONDS = 60  # in which an operator may have freed space


def status_of(error: AttnvizError) -> int:
    """Return the HTTP status of an error."""
    return next(status for kind, status in STATUSES if isinstance(error, kind))


def error_response(error: AttnvizError, status: int | None = None, headers: Mapping[str, str] | None = None) -> Response:
    """Return an error as a response, with the headers of its kind and `headers`.

    A file that cannot be written here is no fault of the question; its message names a folder, which is not sent.
    """
    if isinstance(error, OutputError):
        error = DiskError(
            "A backend keeps models on its disk; this one's is full or cannot be written. Its operator must free space. "
            f"Try again in {DISK_RETRY_SECONDS} s.",
            DISK_RETRY_SECONDS,
        )
    all_headers, retry_after = dict(headers or {}), UNSET
    if isinstance(error, BusyError):
        retry_after = error.retry_after
        all_headers["Retry-After"] = str(retry_after)
    if isinstance(error, AccessError):
        all_headers["WWW-Authenticate"] = "Bearer"
    body = Error(ErrorDetail(type(error).__name__, str(error), retry_after))
    return json_response(msgspec.to_builtins(body), status or status_of(error), all_headers)


def json_response(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return JSON in ASCII: a value may hold any text of a user, half a surrogate pair too."""
    return Response(json.dumps(value).encode(), status, headers, "application/json")
