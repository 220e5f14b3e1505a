"""A model's folder as the library can read it: its text files in UTF-8, without byte order marks.

Editors put marks into JSON files, and PowerShell writes UTF-16. The library refuses such a file, or reads another one than
stands there: of a vocab.txt with a mark the first token is wrong, and a generation_config.json is passed over.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attnviz import charset
from attnviz.errors import BadTextError

ENDINGS = ("json", "txt", "jinja")
LONGEST = 256 * 2**20  # bytes of such a file: more than any vocabulary has


@contextmanager
def unmarked(folder: Path) -> Iterator[Path]:
    """The folder itself where no text file has a mark; else one that lasts until the block ends, with those converted.

    Nor do tokenizers open a folder whose name is no text: it gets another one too.
    """
    found = [file for ending in ENDINGS for file in sorted(folder.glob(f"*.{ending}")) if _marked(file)]
    named = not re.search("[\ud800-\udfff]", str(folder))
    if not found and named:
        yield folder
        return
    with tempfile.TemporaryDirectory() as made:
        plain = Path(made) / (folder.name if named else "model")
        plain.mkdir()
        for file in folder.iterdir():
            if file in found:
                (plain / file.name).write_text(charset.read(file), "utf-8")
            else:
                (plain / file.name).symlink_to(file.resolve())
        yield plain


def _marked(file: Path) -> bool:
    """Return whether a file begins with a byte order mark and is a text; one that is damaged is left to those who read it."""
    try:
        with file.open("rb") as content:
            if not charset.find_mark(content.read(64))[0] or file.stat().st_size > LONGEST:
                return False
        return bool(charset.read(file))
    except (OSError, BadTextError):
        return False
