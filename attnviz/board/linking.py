"""Parse and check messages of the sentence with drawn links and of the map of heads: a browser may send anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from attnviz.board.message import Index, checked
from attnviz.errors import BadInputError
from attnviz.types import HeadRef, Link
from attnviz.url_codec import LINKS

NO_LINKS = f"At most {LINKS} links, each from one place of the text to another. The page sent something else."
NO_HEAD = "A head is a layer and a number, counted from 0. The page sent something else."
NO_NUMBER = "A message has a number, counted from 0. The page sent something else."
Span = tuple[Index, Index]


class _LinksMessage(Struct):
    """Links as the browser sends them: source and target, each from one character to another."""

    links: Annotated[tuple[tuple[Span, Span], ...], Meta(max_length=LINKS)]


class _HeadMessage(Struct):
    """A chosen head as the browser sends it."""

    head: tuple[Index, Index]
    go: Literal["", "board"] = ""


class _Numbered(Struct):
    """The number that every message has."""

    number: Annotated[int, Meta(ge=0)]


@dataclass(frozen=True)
class DrawnLinks:
    """Links that the reader has drawn, in order, each once."""

    links: tuple[Link, ...]

    @classmethod
    def parse(cls, value: Any) -> DrawnLinks:
        """Return the links that a browser sent; raises BadInputError for anything else."""
        rows = checked(value, _LinksMessage, NO_LINKS).links
        if any(source == target or source[0] >= source[1] or target[0] >= target[1] for source, target in rows):
            raise BadInputError(NO_LINKS)
        return cls(tuple(dict.fromkeys(Link(source, target) for source, target in rows)))


@dataclass(frozen=True)
class ChosenHead:
    """The head that the reader chose on the map or in the list; `go` is "board" to open that head's own page."""

    head: HeadRef
    go: str = ""

    @classmethod
    def parse(cls, value: Any, block: str = "self") -> ChosenHead:
        """Return the head that a browser sent; raises BadInputError for anything else."""
        message = checked(value, _HeadMessage, NO_HEAD)
        return cls(HeadRef(*message.head, block), message.go)


def message_number(value: Any) -> int:
    """Return the number of a message, which identifies its answer; raises BadInputError if it has none."""
    return checked(value, _Numbered, NO_NUMBER).number


def to_json(links: tuple[Link, ...]) -> list[list[list[int]]]:
    """Return links as JSON: [[source start, end], [target start, end]]."""
    return [[list(link.source), list(link.target)] for link in links]
