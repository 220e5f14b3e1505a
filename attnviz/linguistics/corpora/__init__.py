"""Read annotated texts: each reader yields a file's sentences with gold links, or its pronoun questions, one at a time.

Every reader takes a path and a function `broken`, which gets each line that cannot be read; reading continues after it.
"""

from __future__ import annotations

from typing import NoReturn

from attnviz.errors import BadInputError
from attnviz.linguistics.corpora.conllu import conllu
from attnviz.linguistics.corpora.pronoun_tables import gap, winogender
from attnviz.linguistics.corpora.toml import own
from attnviz.linguistics.corpora.types import BrokenLine

__all__ = ["conllu", "gap", "own", "strict", "winogender"]


def strict(broken: BrokenLine) -> NoReturn:
    """Stop at the first broken line, as a `broken`: raise BadInputError with file, line and reason."""
    raise BadInputError(str(broken)) from None
