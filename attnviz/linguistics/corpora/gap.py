"""GAP in, questions about pronouns out: which of two names does it mean, if any (Webster et al. 2018, arXiv:1810.05201)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from attnviz.errors import BadInputError
from attnviz.linguistics.corpora.pronoun_tables import apart, questions
from attnviz.linguistics.corpora.types import Broken, Question, Span
from attnviz.types import quoted

_COLUMNS = ("ID", "Text", "Pronoun", "Pronoun-offset", "A", "A-offset", "A-coref", "B", "B-offset", "B-coref")


def gap(path: str | Path, broken: Callable[[Broken], None]) -> Iterator[Question]:
    """The texts of a GAP file, in order; the candidates are A and B, and the answer is None where the pronoun means neither.

    A row whose offset does not lead to its word, or in which both are right, is left out, and `broken` told.
    """
    return questions(path, _COLUMNS, _question, broken)


def _question(row: Mapping[str, str]) -> Question:
    """One row; raises BadInputError."""
    spans = tuple(_place(row, name) for name in ("Pronoun", "A", "B"))
    apart(*spans)
    right = [_right(row, name) for name in ("A", "B")]
    if all(right):
        raise BadInputError("A pronoun means one of the two or neither; A-coref and B-coref are both TRUE. Make one FALSE.")
    return Question(row["ID"], row["Text"], spans[0], spans[1:], right.index(True) if any(right) else None)


def _place(row: Mapping[str, str], name: str) -> Span:
    """Where a word stands that has its offset, in characters, in a column beside it."""
    word, offset = row[name], row[f"{name}-offset"]
    if not re.fullmatch("[0-9]{1,7}", offset):
        raise BadInputError(
            f"An offset counts the characters before a word; {name}-offset is {quoted(offset)}. Write a number."
        )
    start = int(offset)
    there = row["Text"][start : start + len(word)]
    if not word.strip() or there != word:
        have = f"at {name}-offset {start} stands {quoted(there)}, not {quoted(word)}"
        raise BadInputError(f"An offset leads to its word; {have}. Count again.")
    return start, start + len(word)


def _right(row: Mapping[str, str], name: str) -> bool:
    """Whether the pronoun means this one."""
    value = row[f"{name}-coref"].strip().upper()
    if value not in ("TRUE", "FALSE"):
        raise BadInputError(f"{name}-coref is TRUE or FALSE; got {quoted(row[f'{name}-coref'])}. Write one of them.")
    return value == "TRUE"
