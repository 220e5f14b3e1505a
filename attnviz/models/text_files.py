"""Make a model's folder readable for the library: text files in UTF-8, without byte order marks.

Some editors write marks into JSON files, and PowerShell writes UTF-16. The library refuses such a file or reads it wrongly:
a vocab.txt with a mark gets a wrong first token, and a generation_config.json is ignored.
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
    """Yield the folder itself if no text file has a mark; else a temporary one with these files converted.

    A folder whose name is not valid text, which tokenizers cannot open, also gets a temporary one.
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
    """Return whether a file begins with a byte order mark and is text; a damaged file is reported when it is read."""
    try:
        with file.open("rb") as content:
            if not charset.find_mark(content.read(64))[0] or file.stat().st_size > LONGEST:
                return False
        return bool(charset.read(file))
    except (OSError, BadTextError):
        return False
