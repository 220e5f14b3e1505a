"""What the link-drawing sentence and the map of heads send in, checked values out. Values from a browser are not trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from attnviz.errors import BadInputError
from attnviz.types import HeadRef, Link
from attnviz.url_codec import LINKS

LARGEST = 10_000_000  # no text, layer or head is counted as far as this
GOES = ("", "board")
NO_LINKS = f"At most {LINKS} links, each from one place of the text to another. The page sent something else."
NO_HEAD = "A head is a layer and a number, counted from 0. The page sent something else."


@dataclass(frozen=True)
class Drawn:
    """The links as the reader has drawn them, in order, each once."""

    links: tuple[Link, ...]

    @classmethod
    def parse(cls, value: Any) -> Drawn:
        """The links that a browser sent; raises BadInputError where they are none."""
        rows = value.get("links") if isinstance(value, dict) else None
        if not isinstance(rows, list) or len(rows) > LINKS:
            raise BadInputError(NO_LINKS)
        return cls(tuple(dict.fromkeys(_link(row) for row in rows)))


@dataclass(frozen=True)
class Picked:
    """The head that the reader chose on the map or in the list; `go` is "board" for that head's own page."""

    head: HeadRef
    go: str = ""

    @classmethod
    def parse(cls, value: Any, block: str = "self") -> Picked:
        """The head that a browser sent; raises BadInputError where it is none."""
        pair = value.get("head") if isinstance(value, dict) else None
        if not isinstance(pair, list) or len(pair) != 2 or not all(map(_counts, pair)) or value.get("go", "") not in GOES:
            raise BadInputError(NO_HEAD)
        return cls(HeadRef(pair[0], pair[1], block), value.get("go", ""))


def number(value: Any) -> int:
    """The number of a message, by which the page knows its answer; raises BadInputError where it has none."""
    found = value.get("number") if isinstance(value, dict) else None
    if isinstance(found, bool) or not isinstance(found, int) or found < 0:
        raise BadInputError("A message has a number, counted from 0. The page sent something else.")
    return found


def written(links: tuple[Link, ...]) -> list[list[list[int]]]:
    """Links as JSON has them: [[source start, end], [target start, end]]."""
    return [[list(link.source), list(link.target)] for link in links]


def _link(row: Any) -> Link:
    """One link: two different places, each of at least one character."""
    sides = isinstance(row, list) and len(row) == 2 and all(isinstance(side, list) and len(side) == 2 for side in row)
    if not sides or not all(_counts(end) for side in row for end in side):
        raise BadInputError(NO_LINKS)
    source, target = ((side[0], side[1]) for side in row)
    if source[0] >= source[1] or target[0] >= target[1] or source == target:
        raise BadInputError(NO_LINKS)
    return Link(source, target)


def _counts(value: Any) -> bool:
    """Whether a value is a whole number from 0."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LARGEST
