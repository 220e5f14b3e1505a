"""The reader's choice on the board: parse and check the message from the browser, and write it as JSON for the board."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from attnviz.board.message import Index, checked
from attnviz.board.tray import Tray
from attnviz.selection import VIEWS
from attnviz.types import HeadRef, Keep
from attnviz.view_state import MAX_SELECTED, TokenSelection, ViewOptions

DEFAULT_OPTIONS = ViewOptions()
NO_CHOICE = "A choice has a head, a focus, words and special. The board sent something else."


class _WordPosition(Struct):
    """Position of a selected word."""

    start: Index
    segment: Index
    special: bool


class _SelectionMessage(_WordPosition):
    """The selected words, all of one side."""

    side: Literal["query", "key"]
    also: Annotated[tuple[_WordPosition, ...], Meta(max_length=MAX_SELECTED - 1)] = ()

    def selection(self) -> TokenSelection:
        """Return the same as a TokenSelection."""
        also = tuple(TokenSelection(one.start, one.segment, self.side, one.special) for one in self.also)
        return TokenSelection(self.start, self.segment, self.side, self.special, also)


class _Keep(Struct):
    """The filter: which weights of a row are shown."""

    rule: str
    value: float


class _Message(Struct):
    """A choice as the browser sends it; `Tray` checks pins and panels."""

    head: tuple[Index, Index]
    focus: _SelectionMessage | None
    words: bool
    special: str
    keep: _Keep | None = None
    between: str = ""
    view: Literal["curves", "matrix"] = "curves"
    pins: Any = None
    panels: Any = None
    go: str = ""


@dataclass(frozen=True)
class Choice:
    """The reader's choice on the board: the head, the selected words, the view, and on a phone the picture.

    `tray` has the pins as the reader left them, or None if the board sends none; `go` is the key of a pin to open,
    "compare" for the Compare page, or "difference" for that page with the difference of the first two pins. Only a browser
    sends these two.
    """

    head: HeadRef
    focus: TokenSelection | None = None
    options: ViewOptions = DEFAULT_OPTIONS
    view: str = VIEWS[0]
    tray: Tray | None = None
    go: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the choice as JSON for the board."""
        focus = None
        if self.focus is not None:
            also = [_position(one) for one in self.focus.also]
            focus = {"side": self.focus.side, **_position(self.focus), "also": also}
        keep = self.options.keep
        return {
            "head": [self.head.layer, self.head.head],
            "focus": focus,
            "words": self.options.words,
            "special": self.options.special,
            "keep": None if keep is None else {"rule": keep.rule, "value": keep.value},
            "between": self.options.between,
            "view": self.view,
        }

    @classmethod
    def parse(cls, value: Any, block: str = "self") -> Choice:
        """Return the choice that a browser sent; raises BadInputError for anything else."""
        sent = checked(value, _Message, NO_CHOICE)
        keep = None if sent.keep is None else Keep(sent.keep.rule, sent.keep.value)
        options = ViewOptions(sent.words, sent.special, keep, sent.between)
        focus = None if sent.focus is None else sent.focus.selection()
        return cls(HeadRef(*sent.head, block), focus, options, sent.view, Tray.parse(sent.pins, sent.panels), sent.go)


def _position(focus: TokenSelection) -> dict[str, Any]:
    """Return the position of a selected word as JSON."""
    return {"start": focus.start, "segment": focus.segment, "special": focus.special}
