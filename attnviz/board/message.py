"""Check messages from a browser against their schema: a browser may send anything."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from msgspec import Meta, Struct, ValidationError, convert

from attnviz.errors import BadInputError

Index = Annotated[int, Meta(ge=0, lt=10_000_000)]  # of a layer, a head, a token or a character
M = TypeVar("M", bound=Struct)


def checked(value: Any, form: type[M], problem: str) -> M:
    """Return a message of this form; raises BadInputError with `problem` for anything else."""
    try:
        return convert(value, form)
    except (ValidationError, UnicodeEncodeError) as error:  # the second: a key with half a surrogate pair
        raise BadInputError(problem) from error
