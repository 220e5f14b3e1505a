"""Key words in place: the script that shows the meaning of a term beside it, as a file that a browser fetches once.

The file has the meanings, so that no page and no rerun sends them; its name changes with what it holds. Terms are links to the
glossary (`ui/glossary_links.py`): without the script, they lead there.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

from attnviz.board import scripts
from attnviz.lessons import glossary

_HERE = Path(__file__).parent


@cache
def files() -> dict[str, bytes]:
    """Return the file by its name."""
    meanings = {one.id: {"name": one.name, "short": one.short} for one in glossary.terms()}
    text = f"{(_HERE / 'terms.js').read_text('utf-8')}\nstart({json.dumps(meanings, ensure_ascii=False)});\n"
    return {f"terms-{hashlib.sha256(text.encode()).hexdigest()[:16]}.js": text.encode()}


@cache
def html() -> str:
    """Return the card that shows a meaning, and the script; they hold under any base path."""
    card = (_HERE / "terms.html").read_text("utf-8")
    address = f"./static/{scripts.FOLDER}/{next(iter(files()))}"
    return f'{card}\n    <script type="module" async fetchpriority="low" src="{address}"></script>'


@cache
def css() -> str:
    """Return the style sheet of terms and of the card."""
    return (_HERE / "terms.css").read_text("utf-8")
