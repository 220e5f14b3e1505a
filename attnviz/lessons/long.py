"""Prepared long texts from long.toml: each with a head and a selected word whose partner is far away."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from attnviz import charset
from attnviz.lessons.examples import Span, span
from attnviz.types import HeadRef
from attnviz.view_state import TokenSelection


@dataclass(frozen=True)
class FarLink:
    """A claim that a test checks on the real model: by words, `head` gives `finds` this `weight` (± 0.005) from `selected`.

    `most` says that no head of the model gives it more.
    """

    head: HeadRef
    selected: Span
    finds: Span
    weight: float
    most: bool = False


@dataclass(frozen=True)
class LongText:
    """A prepared long text: its model and head at the start, the selected word, the word it finds, and a note."""

    id: str
    title: str
    text: str
    model: str
    head: HeadRef
    selected: Span
    finds: Span
    note: str
    claims: tuple[FarLink, ...]

    @property
    def focus(self) -> TokenSelection:
        """Return the word that is selected at the start."""
        return TokenSelection(self.selected[0])


@lru_cache(maxsize=1)
def long_texts() -> tuple[LongText, ...]:
    """Return all prepared long texts, in the order of the file."""
    content = resources.files("attnviz").joinpath("content")
    return parsed(charset.read(content.joinpath("long.toml")), lambda name: charset.read(content.joinpath("long", name)))


def parsed(toml: str, read: Callable[[str], str]) -> tuple[LongText, ...]:
    """Return the texts of a file in the form of long.toml; `read` returns the text in a file of that name.

    Raises BadInputError for a word that its text lacks and for an invalid head, KeyError with the name of a missing field.
    """
    return tuple(_long(entry, read(entry["file"]).strip()) for entry in tomllib.loads(toml)["long"])


def _long(raw: dict, text: str) -> LongText:
    """Return one entry of the file."""
    return LongText(
        id=raw["id"],
        title=raw["title"],
        text=text,
        model=raw["model"],
        head=HeadRef.parse(raw["head"]),
        selected=span(text, raw["selected"]),
        finds=span(text, raw["finds"]),
        note=raw["note"],
        claims=tuple(_claim(text, claim) for claim in raw["claims"]),
    )


def _claim(text: str, raw: dict) -> FarLink:
    """Return one claim of an entry."""
    places = span(text, raw["selected"]), span(text, raw["finds"])
    return FarLink(HeadRef.parse(raw["head"]), *places, raw["weight"], raw.get("most", False))
