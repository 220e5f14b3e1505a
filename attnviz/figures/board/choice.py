"""What the board sends in, a Choice out; and a Choice in, what the board is told out. Values from a browser are not trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from attnviz.errors import BadInputError
from attnviz.selection import Focus
from attnviz.types import HeadRef, ViewOptions

PLAIN = ViewOptions()
LARGEST = 10_000_000  # no text, layer or head is counted as far as this


@dataclass(frozen=True)
class Choice:
    """What a reader looks at on the board: which head, which word, and how it is shown."""

    head: HeadRef
    focus: Focus | None = None
    options: ViewOptions = PLAIN

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON has it."""
        focus = None
        if self.focus is not None:
            where = self.focus
            focus = {"side": where.side, "start": where.start, "segment": where.segment, "special": where.special}
        return {
            "head": [self.head.layer, self.head.head],
            "focus": focus,
            "words": self.options.words,
            "special": self.options.special,
        }

    @classmethod
    def parse(cls, value: Any, block: str = "self") -> Choice:
        """The choice that a browser sent; raises BadInputError where it is not one."""
        try:
            layer, head = value["head"]
            where, words, special = value["focus"], value["words"], value["special"]
            focus = None if where is None else _focus(where)
        except (TypeError, KeyError, ValueError) as error:
            raise BadInputError("A choice has a head, a focus, words and special. The board sent something else.") from error
        if not isinstance(words, bool) or not isinstance(special, str):
            raise BadInputError("A choice shows words or tokens, special ones or not. The board sent something else.")
        return cls(HeadRef(_count(layer), _count(head), block), focus, ViewOptions(words, special))


def _focus(where: Any) -> Focus:
    """The held word that a browser sent."""
    side, special = where["side"], where["special"]
    if side not in ("query", "key") or not isinstance(special, bool):
        raise BadInputError("A held word looks (query) or is looked at (key). The board sent something else.")
    return Focus(_count(where["start"]), _count(where["segment"]), side, special)


def _count(value: Any) -> int:
    """A whole number from 0; BadInputError for anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < LARGEST:
        raise BadInputError("Layers, heads and places are whole numbers from 0; the board sent something else.")
    return value
