"""template."""

from __future__ import annotations

import string
from collections.abc import Mapping

from attnviz.errors import BadInputError
from attnviz.types import joined


class Gaps(string.Template):
    """A text whose gaps are written `@{name}`: formulas are full of braces and dollars."""

    delimiter = "@"


def gaps(text: str) -> tuple[str, ...]:
    """The names of the numbers that a text wants, each once."""
    return tuple(Gaps(text).get_identifiers())


def filled(text: str, numbers: Mapping[str, str]) -> str:
    """A text with its numbers; raises BadInputError and names those that are missing."""
    if missing := [name for name in gaps(text) if name not in numbers]:
        raise BadInputError(f"A step wants {joined(missing)}, and has {joined(sorted(numbers)) or 'nothing'}.")
    return Gaps(text).substitute(numbers)
