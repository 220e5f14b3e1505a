"""places.toml in; the words of "One mechanism, many places" out, with gaps that live numbers fill."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from attnviz import charset
from attnviz.errors import BadInputError
from attnviz.types import joined


@dataclass(frozen=True)
class Field:
    """A number that the reader may change, with its bounds."""

    id: str
    label: str
    value: int
    low: int
    high: int


@dataclass(frozen=True)
class Place:
    """Where the mechanism is found: what a token is there, how it comes about, and the sizes that decide how many there are.

    `start` says in words, with gaps, which sizes the fields begin with.
    """

    id: str
    name: str
    start: str
    token: str
    how: str
    fields: tuple[Field, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Myth:
    """A common belief: `answer` and `more` have gaps for numbers, `short` is said where a text gives none.

    `texts` are what follows from the numbers, by what they turn out to be.
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
    """The whole file."""
    return tomllib.loads(charset.read(resources.files("attnviz").joinpath("content", "places.toml")))


def text(part: str, name: str) -> str:
    """A sentence of one part of the page, e.g. `text("across", "lead")`."""
    found = content()[part][name]
    if not isinstance(found, str):
        raise BadInputError(f"“{name}” of {part} is no sentence.")
    return found


@lru_cache(maxsize=1)
def places() -> tuple[Place, ...]:
    """Every place, text first."""
    return tuple(
        Place(
            raw["id"], raw["name"], raw["start"], raw["token"], raw["how"],
            tuple(Field(**field) for field in raw.get("fields", ())), tuple(raw["sources"]),
        )
        for raw in content()["place"]
    )  # fmt: skip


@lru_cache(maxsize=1)
def myths() -> tuple[Myth, ...]:
    """Every myth, in the order of the file."""
    return tuple(
        Myth(
            raw["id"], raw["name"], raw["answer"], raw["more"], raw.get("short", ""),
            {one["when"]: one["text"] for one in raw.get("verdict", ())}, tuple(raw["sources"]),
        )
        for raw in content()["myth"]
    )  # fmt: skip


def gaps(text: str) -> tuple[str, ...]:
    """The names of the numbers that a text wants, each once."""
    return tuple(dict.fromkeys(name for _, name, _, _ in string.Formatter().parse(text) if name))


def filled(text: str, numbers: Mapping[str, str]) -> str:
    """A text with its numbers; raises BadInputError and names those that are missing."""
    if missing := [name for name in gaps(text) if name not in numbers]:
        raise BadInputError(f"A sentence wants {joined(missing)}, and has {joined(sorted(numbers)) or 'nothing'}.")
    return text.format_map(numbers)
