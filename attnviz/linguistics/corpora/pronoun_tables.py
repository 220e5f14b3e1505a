"""A file of columns with tabs between in, questions about pronouns out: what GAP and Winogender share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from attnviz.errors import BadInputError
from attnviz.linguistics.corpora.lines import lines
from attnviz.linguistics.corpora.types import Broken, Question, Span
from attnviz.types import joined, quoted


def questions(
    path: str | Path, names: Sequence[str], made: Callable[[dict[str, str]], Question], broken: Callable[[Broken], None]
) -> Iterator[Question]:
    """The questions that `made` makes of the rows of a file, in order; `broken` hears of each row of which it makes none.

    The first line names the columns, at least those of `names`, in any order; without it nothing is read. Quotation
    marks mean nothing but themselves.
    """
    header: list[str] = []
    for line in lines(path):
        cells = line.text.split("\t")
        try:
            if line.fault:
                raise BadInputError(line.fault)
            if not header:
                header = _header(cells, names)
                continue
            if not line.text.strip():
                continue
            if len(cells) != len(header):
                raise BadInputError(
                    f"A row has the {len(header)} columns of the first line; this one has {len(cells)}. Complete it."
                )
            question = made(dict(zip(header, cells, strict=True)))
        except BadInputError as error:
            broken(Broken(str(path), line.number, str(error)))
            if not header:
                return
        else:
            yield question


def apart(*spans: Span) -> None:
    """Raises BadInputError where two of the spans share a character: then no attention could tell them apart."""
    for (_, end), (start, _) in pairwise(sorted(spans)):
        if start < end:
            raise BadInputError(
                f"Pronoun and candidates stand apart; two of them share character {start + 1}. Correct the places."
            )


def _header(cells: list[str], names: Sequence[str]) -> list[str]:
    """The names of the columns, as the first line gives them."""
    missing = [name for name in names if name not in cells]
    if missing:
        rule = f"The first line names the columns, with tabs between; {joined(missing)} not among them"
        raise BadInputError(f"{rule}: {quoted(' '.join(cells))}. Add the line; nothing of this file was read.")
    return cells
