"""View of a head that a reader chose: options, selected tokens, pins and panels."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from attnviz.errors import BadInputError
from attnviz.types import AttentionRequest, HeadRef, Keep, quoted

MAX_SELECTED = 64  # words that may be selected at once
PANELS = "the difference of two pins (1-2), or the sum or mean of several (sum.1.2, mean.1.2.3)"


SPECIAL = ("show", "hide", "renormalise")
BETWEEN = ("", "a-a", "a-b", "b-a", "b-b")


@dataclass(frozen=True)
class ViewOptions:
    """How a pattern is shown: by words or by tokens; special tokens shown, hidden, or hidden and rows rescaled to 1.

    `keep` leaves out weak weights. `between` leaves out all but the rows of one text and the columns of one text of a
    pair: `a-b` is where the first looks at the second; "" is everything.
    """

    words: bool = True
    special: str = "show"
    keep: Keep | None = None
    between: str = ""

    def __post_init__(self) -> None:
        if self.special not in SPECIAL:
            raise BadInputError(f"Special tokens are one of {', '.join(SPECIAL)}; got {self.special!r}.")
        if self.between not in BETWEEN:
            raise BadInputError(f"Of a pair one may show {', '.join(BETWEEN[1:])}, or everything; got {quoted(self.between)}.")

    @property
    def unfiltered(self) -> ViewOptions:
        """The same without `keep` and `between`: statements about a head are about all its weights."""
        return replace(self, keep=None, between="")


@dataclass(frozen=True)
class TokenSelection:
    """The token or word that the reader selected.

    `start` is where it starts in the text of its segment (for a special token, the token's index); `side` says whether
    the row of this query or the column of this key is shown. `also` are further words of the same side, summed with it.
    """

    start: int
    segment: int = 0
    side: str = "query"
    special: bool = False
    also: tuple[TokenSelection, ...] = ()

    def __str__(self) -> str:
        places = "+".join(f"{'b' if one.segment else ''}{'s' if one.special else ''}{one.start}" for one in (self, *self.also))
        return f"k{places}" if self.side == "key" else places

    @classmethod
    def parse(cls, text: str) -> TokenSelection:
        """Return the inverse of str(); raises BadInputError with the form wanted."""
        side = "key" if text.startswith("k") else "query"
        matches = [re.fullmatch(r"(b?)(s?)(\d{1,7})", place, re.ASCII) for place in text.removeprefix("k").split("+")]
        if not all(matches) or len(matches) > MAX_SELECTED:
            raise BadInputError(
                f"a selected word is written as the character where it starts, e.g. focus=43; got {quoted(text)}"
            )
        first, *others = [cls(int(m[3]), 1 if m[1] else 0, side, bool(m[2])) for m in matches if m]
        return replace(first, also=tuple(others))


@dataclass(frozen=True)
class Pin:
    """A head that the reader keeps: what was asked, which head, and an optional name.

    `over` is "" for the head itself; `mean` or `sum` stands for all heads of its layer, and the head's number says nothing.
    """

    request: AttentionRequest
    head: HeadRef
    name: str = ""
    over: str = ""


@dataclass(frozen=True)
class Panel:
    """A picture made of pinned heads: the `difference` of two, the `sum` or `mean` of several. `of` counts the pins from 0."""

    kind: str
    of: tuple[int, ...]

    def __post_init__(self) -> None:
        wrong = len(self.of) != 2 if self.kind == "difference" else len(self.of) < 2
        if self.kind not in ("difference", "sum", "mean") or wrong or len(set(self.of)) < len(self.of):
            raise BadInputError(f"A panel is {PANELS}; got {quoted(f'{self.kind} of {self.of}')}.")

    def __str__(self) -> str:
        numbers = [str(place + 1) for place in self.of]
        return "-".join(numbers) if self.kind == "difference" else f"{self.kind}." + ".".join(numbers)

    @classmethod
    def parse(cls, text: str) -> Panel:
        """Return the inverse of str(), where pins count from 1; raises BadInputError with the forms wanted."""
        match = re.fullmatch(r"([1-8])-([1-8])|(sum|mean)((?:\.[1-8])+)", text, re.ASCII)
        if not match:
            raise BadInputError(f"A panel is {PANELS}; got {quoted(text)}.")
        if match[1]:
            return cls("difference", (int(match[1]) - 1, int(match[2]) - 1))
        return cls(match[3], tuple(int(number) - 1 for number in match[4].split(".")[1:]))
