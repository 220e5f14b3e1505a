"""cost.toml in; the words of "What it costs" out, with gaps that live numbers fill."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from attnviz import charset
from attnviz.errors import BadInputError
from attnviz.lessons import template


@dataclass(frozen=True)
class Way:
    """A way to read a text: what it is, and whether it gives the `same` answer as attention."""

    id: str
    name: str
    what: str
    same: bool


@dataclass(frozen=True)
class Sum:
    """One step on paper: a sentence, and a formula with its numbers in it."""

    id: str
    text: str
    formula: str


@lru_cache(maxsize=1)
def content() -> dict[str, Any]:
    """The whole file."""
    return tomllib.loads(charset.read(resources.files("attnviz").joinpath("content", "cost.toml")))


def text(part: str, name: str, numbers: Mapping[str, str] | None = None) -> str:
    """A sentence of one part of the page with its numbers, e.g. `text("page", "lead")`."""
    found = content()[part][name]
    if not isinstance(found, str):
        raise BadInputError(f"“{name}” of {part} is no sentence.")
    return template.filled(found, numbers or {})


@lru_cache(maxsize=1)
def ways() -> tuple[Way, ...]:
    """Every way, in the order of the file."""
    return tuple(Way(**raw) for raw in content()["way"])


def names() -> dict[str, str]:
    """What each way is called."""
    return {way.id: way.name for way in ways()}


@lru_cache(maxsize=1)
def sums() -> tuple[Sum, ...]:
    """The arithmetic of a long text, step by step."""
    return tuple(Sum(raw["id"], raw["text"], raw["formula"]) for raw in content()["paper"]["step"])
