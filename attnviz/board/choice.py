"""What the board sends in, a Choice out; and a Choice in, what the board is told out. Values from a browser are not trusted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from attnviz.board.tray import Tray
from attnviz.errors import BadInputError
from attnviz.selection import VIEWS
from attnviz.types import HeadRef, Keep
from attnviz.view_state import MAX_SELECTED, TokenSelection, ViewOptions

PLAIN = ViewOptions()
LARGEST = 10_000_000  # no text, layer or head is counted as far as this


@dataclass(frozen=True)
class Choice:
    """What a reader looks at on the board: which head, which words, how they are shown, and in which picture on a phone.

    `tray` is what the reader did with the pins, None where the board says nothing of them; `go` is the key of a pin to
    open, or "compare" for the tray in full, or "difference" for that with the first two pins' difference. Both only come
    from a browser.
    """

    head: HeadRef
    focus: TokenSelection | None = None
    options: ViewOptions = PLAIN
    view: str = VIEWS[0]
    tray: Tray | None = None
    go: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON has it."""
        focus = None
        if self.focus is not None:
            also = [_place(one) for one in self.focus.also]
            focus = {"side": self.focus.side, **_place(self.focus), "also": also}
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
        """The choice that a browser sent; raises BadInputError where it is not one."""
        try:
            layer, head = value["head"]
            where, words, special = value["focus"], value["words"], value["special"]
            focus = None if where is None else _focus(where)
            keep, between, shown = value.get("keep"), value.get("between", ""), value.get("view", VIEWS[0])
            kept = None if keep is None else Keep(str(keep["rule"]), float(keep["value"]))
            tray, go = Tray.parse(value.get("pins"), value.get("panels")), value.get("go", "")
        except (TypeError, KeyError, ValueError, AttributeError, OverflowError) as error:
            raise BadInputError("A choice has a head, a focus, words and special. The board sent something else.") from error
        strings = all(isinstance(part, str) for part in (special, between, go))
        if not isinstance(words, bool) or not strings or shown not in VIEWS:
            raise BadInputError("A choice shows words or tokens, special ones or not. The board sent something else.")
        options = ViewOptions(words, special, kept, between)
        return cls(HeadRef(_count(layer), _count(head), block), focus, options, shown, tray, go)


def _place(focus: TokenSelection) -> dict[str, Any]:
    """Where a held word stands."""
    return {"start": focus.start, "segment": focus.segment, "special": focus.special}


def _focus(where: Any) -> TokenSelection:
    """The held words that a browser sent."""
    side, also = where["side"], where.get("also", [])
    if side not in ("query", "key") or not isinstance(also, list) or len(also) >= MAX_SELECTED:
        raise BadInputError("A held word looks (query) or is looked at (key). The board sent something else.")
    first, *others = [_held(one, side) for one in (where, *also)]
    return replace(first, also=tuple(others))


def _held(where: Any, side: str) -> TokenSelection:
    """One held word."""
    if not isinstance(where["special"], bool):
        raise BadInputError("A held word is a special token or is not. The board sent something else.")
    return TokenSelection(_count(where["start"]), _count(where["segment"]), side, where["special"])


def _count(value: Any) -> int:
    """A whole number from 0; BadInputError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < LARGEST:
        raise BadInputError("Layers, heads and places are whole numbers from 0; the board sent something else.")
    return value
