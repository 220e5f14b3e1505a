"""Parse links as users type them, `it:animal`, `the#2:dog` or `43-45:4-10`, as characters of the text."""

from __future__ import annotations

import re

from attnviz.errors import BadInputError
from attnviz.text import words
from attnviz.types import Link, quoted

Span = tuple[int, int]
FORM = "Name a word as it is written there, `word#2` for its second time, or its characters, e.g. 4-10."


def link(text: str, written: str) -> Link:
    """Return the link `SOURCE:TARGET`; a word that has a colon itself, like 10:30, may be on either side.

    Raises BadInputError for anything that is not in the text, and for a link from a place to itself.
    """
    sides = [(written[:at], written[at + 1 :]) for at, sign in enumerate(written) if sign == ":"]
    problems = []
    for source, target in ((a, b) for a, b in sides if a and b):
        try:
            found = Link(place(text, source), place(text, target))
        except BadInputError as error:
            problems.append(error)
            continue
        if found.source == found.target:
            raise BadInputError(f"A link leads from one place to another; {quoted(written)} leads to where it starts. {FORM}")
        return found
    if problems:
        raise problems[0]
    raise BadInputError(f"A link is written SOURCE:TARGET, e.g. it:animal; got {quoted(written)}. {FORM}")


def place(text: str, written: str) -> Span:
    """Return the characters of a word of the text (`word`, `word#2`), or those of a range (`4-10`)."""
    spans = words(text)
    numbered = re.fullmatch(r"(.+)#([0-9]{1,6})", written, re.DOTALL)
    for word, nth in ((written, 1), *([(numbered[1], int(numbered[2]))] if numbered else ())):
        found = [span for span in spans if text[span[0] : span[1]] == word]
        if 1 <= nth <= len(found):
            return found[nth - 1]
        if found:
            times = "once" if len(found) == 1 else f"{len(found)} times"
            raise BadInputError(f"The word {quoted(word)} occurs {times} in the text; got number {nth}. {FORM}")
    if ends := re.fullmatch(r"([0-9]{1,7})-([0-9]{1,7})", written):
        start, end = int(ends[1]), int(ends[2])
        if not start < end <= len(text):
            raise BadInputError(f"Characters are counted from 0 to the text's {len(text):,}; got {written}. {FORM}")
        return start, end
    raise BadInputError(f"{quoted(written)} is no word of the text. {FORM}")
