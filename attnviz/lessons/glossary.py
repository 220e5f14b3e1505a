"""Read terms and questions from glossary.toml, and search them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from importlib import resources

from attnviz import charset
from attnviz.errors import BadInputError
from attnviz.types import joined, quoted


@dataclass(frozen=True)
class Term:
    """One term: `id` is its anchor, `also` other spellings, `long` Markdown, `formula` LaTeX ("" where there is none).

    `symbols` says what the letters of the formula mean, `sources` are citations in full, `see` ids of other terms.
    `everyday` terms are ordinary words too, so that only a page can tell which sense it means.
    """

    id: str
    name: str
    also: tuple[str, ...]
    short: str
    long: str
    formula: str
    symbols: str
    sources: tuple[str, ...]
    see: tuple[str, ...]
    everyday: bool = False

    @property
    def spellings(self) -> tuple[str, ...]:
        """All that it is called."""
        return (self.name, *self.also)


@dataclass(frozen=True)
class FaqEntry:
    """A common question, a short answer in Markdown, and its terms."""

    question: str
    answer: str
    terms: tuple[str, ...]
    sources: tuple[str, ...]


@lru_cache(maxsize=1)
def _content() -> tuple[tuple[Term, ...], tuple[FaqEntry, ...]]:
    """The file, read once."""
    return parsed(charset.read(resources.files("attnviz").joinpath("content", "glossary.toml")))


def terms() -> tuple[Term, ...]:
    """Every term, by name."""
    return _content()[0]


def questions() -> tuple[FaqEntry, ...]:
    """Every question, in the order of the file."""
    return _content()[1]


def term(id: str) -> Term:
    """The term with this anchor; raises BadInputError and names those that are spelt most like it."""
    for found in terms():
        if found.id == id:
            return found
    names = joined([quoted(found.name) for found in nearest(id)])
    raise BadInputError(f"The glossary has no term {quoted(id)}. Nearest in spelling are {names}.")


def nearest(id: str, count: int = 2) -> tuple[Term, ...]:
    """The terms of which one spelling is most like this one, the most like first."""
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(id[:80].casefold().replace("-", " "))

    def similarity(one: Term) -> float:
        ratios = []
        for name in one.spellings:
            matcher.set_seq1(name.casefold())
            ratios.append(matcher.ratio())
        return max(ratios)

    return tuple(sorted(terms(), key=similarity, reverse=True)[:count])


def matching(query: str) -> tuple[tuple[Term, ...], tuple[FaqEntry, ...]]:
    """The terms and questions with every word of a search in them, upper and lower case alike; all where it is blank.

    A term whose name begins with the search stands first.
    """
    wanted = query.casefold().split()
    found = [one for one in terms() if _has(wanted, *one.spellings, one.short, one.long)]
    found.sort(key=lambda one: not any(name.casefold().startswith(query.strip().casefold()) for name in one.spellings))
    asked = tuple(one for one in questions() if _has(wanted, one.question, one.answer))
    return tuple(found) if wanted else terms(), asked


def _has(wanted: list[str], *texts: str) -> bool:
    """Whether every word stands somewhere in the texts."""
    text = " ".join(texts).casefold()
    return all(word in text for word in wanted)


def parsed(toml: str) -> tuple[tuple[Term, ...], tuple[FaqEntry, ...]]:
    """Terms by name and questions of a file written like glossary.toml.

    Raises BadInputError for an id given twice and for a term or source that is named and not there, KeyError with the name
    of a missing field.
    """
    raw = tomllib.loads(toml)
    sources: dict[str, str] = raw["sources"]
    ids = [entry["id"] for entry in raw["term"]]
    if len(ids) > len(set(ids)):
        raise BadInputError(f"An anchor stands for one term; {joined([id for id in set(ids) if ids.count(id) > 1])} for more.")
    for entry in (*raw["term"], *raw["question"]):
        _known(entry.get("see", []) + entry.get("terms", []), ids, "term")
        _known(entry["sources"], list(sources), "source")
    found = [_term(entry, sources) for entry in raw["term"]]
    asked = [_question(entry, sources) for entry in raw["question"]]
    return tuple(sorted(found, key=lambda one: one.name.casefold())), tuple(asked)


def _known(names: list[str], there: list[str], what: str) -> None:
    """Raises BadInputError for the first name that is not there."""
    for name in names:
        if name not in there:
            raise BadInputError(
                f"The glossary names the {what} {quoted(name)}, which it does not have. Add it or correct the name."
            )


def _term(raw: dict, sources: dict[str, str]) -> Term:
    """One entry."""
    return Term(
        id=raw["id"],
        name=raw["name"],
        also=tuple(raw.get("also", ())),
        short=raw["short"],
        long=_lines(raw["long"]),
        formula=raw.get("formula", ""),
        symbols=raw.get("symbols", ""),
        sources=tuple(sources[name] for name in raw["sources"]),
        see=tuple(raw["see"]),
        everyday=raw.get("everyday", False),
    )


def _question(raw: dict, sources: dict[str, str]) -> FaqEntry:
    """One question."""
    cited = tuple(sources[name] for name in raw["sources"])
    return FaqEntry(raw["question"], _lines(raw["answer"]), tuple(raw["terms"]), cited)


def _lines(text: str) -> str:
    """A paragraph as one line, however the file breaks it."""
    return " ".join(text.split())
