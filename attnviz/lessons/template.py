"""Fill the gaps of a lesson's sentences and formulas with live numbers."""

from __future__ import annotations

import string
from collections.abc import Mapping

from attnviz.errors import BadInputError
from attnviz.types import joined


class Gaps(string.Template):
    """Text with gaps written `@{name}`: formulas are full of braces and dollars."""

    delimiter = "@"


def gap_names(text: str) -> tuple[str, ...]:
    """Return the names of the gaps of a text, each once."""
    return tuple(Gaps(text).get_identifiers())


def fill(text: str, numbers: Mapping[str, str]) -> str:
    """Return a text with its numbers; raises BadInputError with the names of missing ones."""
    if missing := [name for name in gap_names(text) if name not in numbers]:
        raise BadInputError(f"A text needs {joined(missing)}, and got {joined(sorted(numbers)) or 'nothing'}.")
    return Gaps(text).substitute(numbers)
