"""The values of an annotated corpus: sentences with gold links, questions about pronouns, broken lines."""

from __future__ import annotations

from dataclasses import dataclass

from attnviz.types import Link

Span = tuple[int, int]


@dataclass(frozen=True)
class ParsedSentence:
    """A sentence with gold dependencies, in characters of `text`.

    `words` are the corpus's own words, in order. In each link the source is the dependent, the target its head, and
    `kind` the relation as the corpus writes it, e.g. `nsubj` or `nmod:poss`. The root has no head, so it has no link.
    """

    id: str
    text: str
    words: tuple[Span, ...]
    links: tuple[Link, ...]


@dataclass(frozen=True)
class AnnotatedQuestion:
    """A text with a pronoun and its candidates, in characters; `answer` is the index of the right one, or None."""

    id: str
    text: str
    pronoun: Span
    candidates: tuple[Span, ...]
    answer: int | None


@dataclass(frozen=True)
class BrokenLine:
    """A line that could not be read: which file, which line (from 1), and why."""

    path: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}"
