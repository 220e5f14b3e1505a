"""Link each term in our own sentences to its anchor in the glossary; and help texts for fields."""

from __future__ import annotations

import re
from functools import lru_cache

from attnviz.lessons import glossary
from attnviz.lessons.glossary import Term

PAGE = "glossary"
# What is never touched: links, code, formulas, HTML, and what a reader wrote, which our sentences put in quotation marks.
_KEEP = r"!?\[[^\]]*\]\([^)]*\)|`[^`]*`|\$[^$]*\$|<[^>]*>|“[^”]*”"


def href(id: str) -> str:
    """The address of a term, from any page and below any base path; raises BadInputError for a term that is not there."""
    return f"{PAGE}?term={glossary.term(id).id}"


def link(id: str, label: str = "") -> str:
    """Return a link to a term as Markdown, under its name or another label."""
    return f"[{label or glossary.term(id).name}]({href(id)})"


def help(id: str) -> str:
    """Return the help text of a term for a field's question mark: its sentence, and a link to more."""
    return f"{glossary.term(id).short} {link(id, 'More in the glossary')}"


def linked(text: str, *ids: str) -> str:
    """Return a sentence of ours, in Markdown, with the first mention of each term made a link.

    With `ids`, only those terms; without, all but those that are everyday words as well, whose sense only the caller knows.
    Marks that were escaped are found too. What stands in links, code, formulas and quotation marks stays as it is.
    """
    names, pattern = _names(ids)
    seen: set[str] = set()

    def put(match: re.Match[str]) -> str:
        found = match["term"]
        id = names.get(found.replace("\\", "").casefold()) if found else None
        if id is None or id in seen:
            return match[0]
        seen.add(id)
        return f"[{found}]({href(id)})"

    return pattern.sub(put, text)


@lru_cache(maxsize=32)
def _names(ids: tuple[str, ...]) -> tuple[dict[str, str], re.Pattern[str]]:
    """Return the terms by their spellings, and the pattern that finds them: those of `ids`, or all but everyday words."""
    wanted = tuple(glossary.term(id) for id in ids) or tuple(one for one in glossary.terms() if not one.everyday)
    return {name.casefold(): one.id for one in wanted for name in one.spellings}, _pattern(wanted)


def _pattern(wanted: tuple[Term, ...]) -> re.Pattern[str]:
    """Return what is kept as it is, or a whole term: the longest name first, each of its marks with or without a backslash.

    A name in capitals is found in capitals only: GAP is a corpus, and a gap is none.
    """
    names = sorted({name for one in wanted for name in one.spellings}, key=lambda name: (-len(name), name))
    spelt = "|".join(map(_spelt, names))
    return re.compile(rf"{_KEEP}|(?<![\w-])(?P<term>{spelt})(?![\w-])", re.IGNORECASE)


def _spelt(name: str) -> str:
    """Return the pattern of one name."""
    marks = "".join(c if c.isalnum() or c == " " else rf"\\?{re.escape(c)}" for c in name)
    return f"(?-i:{marks})" if name.isupper() else marks
