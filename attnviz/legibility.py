"""How much of a text a model reads as it was typed: what is unknown to it, and what it reads in another form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

KINDS = ("case", "accents", "form", "dropped", "other")
LISTED = 1000  # distinct stretches that are listed; `stretches` counts them all


@dataclass(frozen=True)
class AlteredText:
    """A stretch of the text that the model does not read as typed: `CAFÉ` as `cafe`.

    `kinds` says what is lost: `case`, `accents`, `form` (full-width letters, ligatures, fractions: Unicode's
    compatibility forms), `dropped` (characters left out), or `other` where none of these explains it. `read` is "" if
    the model sees nothing in its place. `start` is where it stands first in the text of `segment`; it stands `count` times.
    """

    typed: str
    read: str
    kinds: tuple[str, ...]
    start: int
    segment: int = 0
    count: int = 1


@dataclass(frozen=True)
class Legibility:
    """What of a text a model reads as typed, in counts. Blanks are no characters here; special tokens and masks do not count.

    A word counts in `unknown_words` where any part of it is unknown. `unknown_characters` are those that unknown tokens
    stand for. `altered` lists what is read in another form, each different stretch once and at most LISTED of them; `stretches`
    is how many there are in all, repetitions included.
    """

    tokens: int
    unknown_tokens: int
    words: int
    unknown_words: int
    characters: int
    unknown_characters: int
    altered: tuple[AlteredText, ...] = ()
    stretches: int = 0

    @property
    def kinds(self) -> tuple[str, ...]:
        """What is lost somewhere in the text, in the order of KINDS."""
        found = {kind for one in self.altered for kind in one.kinds}
        return tuple(kind for kind in KINDS if kind in found)

    @property
    def as_typed(self) -> bool:
        """Whether the model reads every character as it was typed."""
        return not self.unknown_tokens and not self.stretches

    def as_dict(self) -> dict[str, object]:
        """Return the counts and the list as JSON has them."""
        counts = {name: getattr(self, name) for name in COUNTS}
        altered = [
            {"typed": one.typed, "read": one.read, "kinds": list(one.kinds), "start": one.start, "segment": one.segment,
             "count": one.count}
            for one in self.altered
        ]  # fmt: skip
        return {**counts, "stretches": self.stretches, "kinds": list(self.kinds), "altered": altered}


COUNTS = ("tokens", "unknown_tokens", "words", "unknown_words", "characters", "unknown_characters")


def combined(parts: Sequence[Legibility]) -> Legibility:
    """Return the legibility of several texts as one: counts are added, lists joined."""
    counts = {name: sum(getattr(part, name) for part in parts) for name in (*COUNTS, "stretches")}
    return Legibility(**counts, altered=tuple(one for part in parts for one in part.altered)[:LISTED])
