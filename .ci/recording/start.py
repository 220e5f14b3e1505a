"""How each part starts: `python -m recording.PART TREE FOLDER WORK`, in the checkout, which stands first on the path."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from recording.cases import TEXTS
from recording.folder import Folder


def started(arguments: Sequence[str]) -> tuple[Folder, Path]:
    """Return the folder of the record, and the folder to work in, which is the current one from now on."""
    tree, root, work = map(Path, arguments[1:4])
    import attnviz

    found = Path(attnviz.__file__).resolve()
    if tree.resolve() not in found.parents:
        raise SystemExit(f"attnviz must come from {tree}; it came from {found}.")
    os.chdir(work)
    cache = os.environ.get("ATTNVIZ_CACHE_DIR") or str(Path.home() / ".cache" / "attnviz")
    replaced = [
        (str(work), "<work>"), (str(tree), "<tree>"), (str(tree.resolve()), "<tree>"), (cache, "<cache>"),
        (sysconfig.get_paths()["purelib"], "<packages>"), (str(Path(sys.prefix).resolve()), "<environment>"),
        (sys.prefix, "<environment>"), (sys.executable, "<python>"), (str(Path.home()), "<home>"),
    ]  # fmt: skip
    return Folder(root, replaced, TEXTS), work
