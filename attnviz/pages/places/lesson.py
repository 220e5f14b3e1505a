"""Read the words of the page Beyond text from places.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from attnviz import charset
from attnviz.errors import BadInputError


@dataclass(frozen=True)
class SizeField:
    """A number that the reader can change, with its bounds."""

    id: str
    label: str
    value: int
    low: int
    high: int


@dataclass(frozen=True)
class Medium:
    """A medium: what a token is, how it is made, and the sizes that decide how many there are.

    `start` describes the start sizes in words, with gaps.
    """

    id: str
    name: str
    start: str
    token: str
    how: str
    fields: tuple[SizeField, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Myth:
    """A common belief: `answer` and `more` have gaps for numbers; `short` replaces them for a text without such numbers.

    `texts` holds the conclusions by outcome.
    """

    id: str
    name: str
    answer: str
    more: str
    short: str
    texts: Mapping[str, str]
    sources: tuple[str, ...]


@lru_cache(maxsize=1)
def content() -> dict[str, Any]:
    """Return the whole file."""
    return tomllib.loads(charset.read(resources.files("attnviz").joinpath("content", "places.toml")))


def text(part: str, name: str) -> str:
    """Return a sentence of one part of the page, e.g. `text("across", "lead")`."""
    found = content()[part][name]
    if not isinstance(found, str):
        raise BadInputError(f"“{name}” of {part} is not a sentence.")
    return found


@lru_cache(maxsize=1)
def media() -> tuple[Medium, ...]:
    """Return every medium, text first."""
    return tuple(
        Medium(
            raw["id"], raw["name"], raw["start"], raw["token"], raw["how"],
            tuple(SizeField(**field) for field in raw.get("fields", ())), tuple(raw["sources"]),
        )
        for raw in content()["medium"]
    )  # fmt: skip


@lru_cache(maxsize=1)
def myths() -> tuple[Myth, ...]:
    """Return every myth, in the order of the file."""
    return tuple(
        Myth(
            raw["id"], raw["name"], raw["answer"], raw["more"], raw.get("short", ""),
            {one["when"]: one["text"] for one in raw.get("verdict", ())}, tuple(raw["sources"]),
        )
        for raw in content()["myth"]
    )  # fmt: skip
