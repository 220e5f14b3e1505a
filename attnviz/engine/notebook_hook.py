"""Hooks that show a Trace in a notebook and as tables; higher modules set them, so that the engine imports nothing upward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

pictures: list[Callable[[Any], str]] = []  # the last one is used
tables: dict[str, Callable[..., Any]] = {}  # "frame" and "xarray": the function that makes one from a trace


def html(trace: Any) -> str | None:
    """Return the trace as a notebook shows it; None, which makes it show plain text, if no picture is registered."""
    return pictures[-1](trace) if pictures else None
