"""progress."""

from __future__ import annotations


class Notice(str):
    """A line of progress that stays true when the work is done, and that the reader should still see then."""

    __slots__ = ()


class Progress(str):
    """A line of progress that takes the place of the one before it; `share` of the work is done, 0 to 1."""

    share: float

    def __new__(cls, line: str, share: float) -> Progress:
        made = super().__new__(cls, line)
        made.share = share
        return made


class Still(str):
    """A line that is said again and again while one waits: nothing new, but whoever hears it may go away instead."""

    __slots__ = ()
