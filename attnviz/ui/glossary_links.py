"""Link each term in our own sentences to its anchor in the glossary; and help texts for fields."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import groupby

from attnviz.lessons import glossary

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


def linked(text: str, *ids: str, everyday: tuple[str, ...] = ()) -> str:
    """Return a sentence of ours, in Markdown, with the first mention of each term made a link.

    With `ids`, only those terms; without, all but those that are everyday words as well, whose sense only the caller knows:
    it names them in `everyday`.
    Marks that were escaped are found too. What stands in links, code, formulas and quotation marks stays as it is.
    """
    names, pattern = _spellings(ids, everyday)
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
def _spellings(ids: tuple[str, ...], everyday: tuple[str, ...]) -> tuple[dict[str, str], re.Pattern[str]]:
    """Return the id of each name of the wanted terms, and a pattern of what is kept as it is, or a whole term.

    It finds the longest name first, each of its marks with or without a backslash.
    A name in capitals is found in capitals only: GAP is a corpus, and a gap is none. Names with the same first letter stand
    together, so that a word is compared with few of them.
    """
    wanted = [glossary.term(id) for id in ids] or [one for one in glossary.terms() if not one.everyday or one.id in everyday]
    names = {name: one.id for one in wanted for name in one.spellings}
    letters = groupby(
        sorted(names, key=lambda name: (name[0].casefold(), -len(name), name)), key=lambda name: name[0].casefold()
    )
    spelt = "|".join(f"(?={letter})(?:{'|'.join(map(_spelt, group))})" for letter, group in letters)
    pattern = re.compile(rf"{_KEEP}|(?<![\w-])(?P<term>{spelt})(?![\w-])", re.IGNORECASE)
    return {name.casefold(): id for name, id in names.items()}, pattern


def _spelt(name: str) -> str:
    """Return the pattern of one name."""
    marks = "".join(c if c.isalnum() or c == " " else rf"\\?{re.escape(c)}" for c in name)
    return f"(?-i:{marks})" if name.isupper() else marks
