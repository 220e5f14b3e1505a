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
    """One term: `id` is its anchor, `also` other spellings, `long` Markdown, `formula` LaTeX ("" if there is none).

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
        """Return all names of the term."""
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
    """Return the file, read once."""
    return parsed(charset.read(resources.files("attnviz").joinpath("content", "glossary.toml")))


def terms() -> tuple[Term, ...]:
    """Return every term, by name."""
    return _content()[0]


def questions() -> tuple[FaqEntry, ...]:
    """Return every question, in the order of the file."""
    return _content()[1]


def term(id: str) -> Term:
    """Return the term with this anchor; raises BadInputError with the most similar spellings."""
    for found in terms():
        if found.id == id:
            return found
    names = joined([quoted(found.name) for found in nearest(id)])
    raise BadInputError(f"The glossary has no term {quoted(id)}. Nearest in spelling are {names}.")


def nearest(id: str, count: int = 2) -> tuple[Term, ...]:
    """Return the terms with the most similar spellings, the most similar first."""
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
    """Return the terms and questions that contain every word of a search, ignoring case; all for a blank search.

    A term whose name begins with the search stands first.
    """
    wanted = query.casefold().split()
    found = [one for one in terms() if _has(wanted, *one.spellings, one.short, one.long)]
    found.sort(key=lambda one: not any(name.casefold().startswith(query.strip().casefold()) for name in one.spellings))
    asked = tuple(one for one in questions() if _has(wanted, one.question, one.answer))
    return tuple(found) if wanted else terms(), asked


def _has(wanted: list[str], *texts: str) -> bool:
    """Return whether the texts contain every word."""
    text = " ".join(texts).casefold()
    return all(word in text for word in wanted)


def parsed(toml: str) -> tuple[tuple[Term, ...], tuple[FaqEntry, ...]]:
    """Return the terms by name and the questions of a file in the form of glossary.toml.

    Raises BadInputError for a duplicate id and for a reference to a missing term or source, KeyError with the name of a
    missing field.
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
    """Raise BadInputError for the first missing name."""
    for name in names:
        if name not in there:
            raise BadInputError(
                f"The glossary names the {what} {quoted(name)}, which it does not have. Add it or correct the name."
            )


def _term(raw: dict, sources: dict[str, str]) -> Term:
    """Return one term."""
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
    """Return one question."""
    cited = tuple(sources[name] for name in raw["sources"])
    return FaqEntry(raw["question"], _lines(raw["answer"]), tuple(raw["terms"]), cited)


def _lines(text: str) -> str:
    """Return a paragraph as one line."""
    return " ".join(text.split())
