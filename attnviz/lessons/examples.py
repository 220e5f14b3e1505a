"""Ready sentences from examples.toml and coreference.toml, with pronouns, candidates and cues as character spans."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from attnviz import charset
from attnviz.errors import BadInputError
from attnviz.text import words
from attnviz.types import HeadRef, Link
from attnviz.view_state import TokenSelection

Span = tuple[int, int]
_NUMBERED = re.compile(r"(.+)#([0-9]{1,6})", re.DOTALL)

SHORT, LONG = "examples.toml", "coreference.toml"
KINDS = (
    "gender", "number", "animacy", "plausibility", "cue before the pronoun", "distance", "syntax", "reflexives",
    "bound pronouns", "cataphora", "ambiguous on purpose",
)  # fmt: skip


@dataclass(frozen=True)
class WeightClaim:
    """A claim that a test checks on the real model: from the pronoun, `head` gives `more` more than `less`, right or wrong.

    `weight` is the weight of `more`, to 0.005; None if only the order is claimed.
    """

    model: str
    head: HeadRef
    more: Span
    less: Span
    weight: float | None = None


@dataclass(frozen=True)
class Example:
    """A ready sentence: its pronoun, the candidates, the right answer, and what it teaches.

    `answer` is a candidate's number, None if nothing in the sentence decides; `cue` are the words that decide.
    """

    id: str
    title: str
    text: str
    pronoun: Span
    candidates: tuple[Span, ...]
    answer: int | None
    teaches: str
    note: str
    pair: str | None = None
    cue: tuple[Span, ...] = ()
    claims: tuple[WeightClaim, ...] = ()

    @property
    def focus(self) -> TokenSelection:
        """Return the selected pronoun."""
        return TokenSelection(self.pronoun[0])

    @property
    def gold(self) -> Link | None:
        """Return the link from the pronoun to the right candidate, if there is one."""
        return None if self.answer is None else Link(self.pronoun, self.candidates[self.answer], "coreference")

    def word(self, span: Span) -> str:
        """Return the text of a span."""
        return self.text[span[0] : span[1]]


def places(text: str) -> Mapping[str, Sequence[Span]]:
    """Return where each word of a text is, in order."""
    found: dict[str, list[Span]] = {}
    for place in words(text):
        found.setdefault(text[place[0] : place[1]], []).append(place)
    return found


def span(text: str, name: str, known: Mapping[str, Sequence[Span]] | None = None) -> Span:
    """Return the span of a word: `animal`, or `the#2` for its second occurrence; raises BadInputError if it is missing.

    A word that itself ends in such a number, like `take#2`, is named with one more: `take#2#1`. `known` are the `places` of
    the text, where many words of it are looked up.
    """
    numbered = _NUMBERED.fullmatch(name)
    word, nth = (numbered[1], int(numbered[2])) if numbered else (name, 1)
    found = (places(text) if known is None else known).get(word, ())
    if not 1 <= nth <= len(found):
        times = "once" if len(found) == 1 else f"{len(found)} times"
        raise BadInputError(
            f"“{word}” stands {times} in “{text}”; number {nth} was asked for. Name a word as it is written there."
        )
    return found[nth - 1]


@lru_cache(maxsize=1)
def examples() -> tuple[Example, ...]:
    """Return the short list that is on every page, in the order of its file."""
    return parsed(file_content(SHORT))


@lru_cache(maxsize=1)
def sentences() -> tuple[Example, ...]:
    """Return all ready sentences, including the short list, ordered by what they teach."""
    return tuple(sorted((*examples(), *parsed(file_content(LONG))), key=lambda one: KINDS.index(one.teaches)))


def file_content(name: str) -> str:
    """Return the content of a file of ready sentences."""
    return charset.read(resources.files("attnviz").joinpath("content", name))


def parsed(toml: str) -> tuple[Example, ...]:
    """Return the sentences of a file in the form of examples.toml, in its order.

    Raises BadInputError for a word that its text lacks and for an invalid head, KeyError with the name of a missing field.
    Pairs, answers and claims are not checked here but by tests.
    """
    return tuple(_example(entry) for entry in tomllib.loads(toml)["example"])


def example(name: str) -> Example:
    """Return the sentence called `name`; raises BadInputError with all names if there is none."""
    for found in sentences():
        if found.id == name:
            return found
    raise BadInputError(f"There is no example {name!r}. There are: {', '.join(e.id for e in sentences())}.")


def _example(raw: dict) -> Example:
    """Return one entry of the file."""
    text = raw["text"]
    return Example(
        id=raw["id"],
        title=raw["title"],
        text=text,
        pronoun=span(text, raw["pronoun"]),
        candidates=tuple(span(text, name) for name in raw["candidates"]),
        answer=raw.get("answer"),
        teaches=raw["teaches"],
        note=raw["note"],
        pair=raw.get("pair"),
        cue=tuple(span(text, name) for name in raw.get("cue", ())),
        claims=tuple(_claim(text, claim) for claim in raw.get("claims", ())),
    )


def _claim(text: str, raw: dict) -> WeightClaim:
    """Return one claim of an entry."""
    return WeightClaim(
        raw["model"], HeadRef.parse(raw["head"]), span(text, raw["more"]), span(text, raw["less"]), raw.get("weight")
    )
