"""An error in, its JSON and its status out: {"error": {"kind", "message", "retry_after"?}}, the kind being the error's name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

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

# The first that fits counts. Statuses of 500 and more are BusyError's and LateError's alone, unless the fault is ours.
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

FULL = "A backend keeps models on its disk; this one's is full or cannot be written."
MENDED = 60  # seconds in which somebody may have made room


def status(error: AttnvizError) -> int:
    """The status of an error."""
    return next(number for kind, number in STATUSES if isinstance(error, kind))


def told(error: AttnvizError, number: int | None = None, more: Mapping[str, str] | None = None) -> Response:
    """An error as an answer, with the headers of its kind and `more`.

    Where something cannot be written here, nothing is wrong with the question; its message names a folder, which stays here.
    """
    if isinstance(error, OutputError):
        error = DiskError(f"{FULL} Whoever runs it makes room there. Try again in {MENDED} s.", MENDED)
    entry: dict[str, Any] = {"kind": type(error).__name__, "message": str(error)}
    headers = dict(more or {})
    if isinstance(error, BusyError):
        entry["retry_after"] = error.retry_after
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, AccessError):
        headers["WWW-Authenticate"] = "Bearer"
    return answer({"error": entry}, number or status(error), headers)


def answer(value: Any, number: int = 200, headers: dict[str, str] | None = None) -> Response:
    """JSON in plain letters: what a reader typed may hold anything."""
    return Response(json.dumps(value).encode(), number, headers, "application/json")
