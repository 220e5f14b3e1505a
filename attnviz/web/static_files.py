"""Static files as browsers get them: compressed once per server, and kept for a year, since their names change with them.

Those are our own scripts, and Streamlit's scripts and styles, which Streamlit itself sends without compression.
"""

from __future__ import annotations

import threading
from functools import cache, lru_cache
from pathlib import Path

import streamlit

from attnviz.board import scripts
from attnviz.web import terms
from attnviz.web.encoded import EncodedBody, Headers, encoded

FOLDER = "/static/"
MEDIA_TYPES = {".js": b"text/javascript; charset=utf-8", ".css": b"text/css; charset=utf-8"}
CACHED = (b"cache-control", b"public, max-age=31536000, immutable")
_THEIRS = Path(streamlit.__file__).with_name("static") / "static"
_LOCK = threading.Lock()  # one file at a time, so that each is compressed once


def name_of(path: str) -> str | None:
    """Return the name of the file at an address, under any base path; None where it is none of ours to send."""
    name = path.rpartition(FOLDER)[2] if FOLDER in path else ""
    return name if name in _names() else None


def is_ours(name: str) -> bool:
    """Return whether Streamlit does not have this file: it answers requests for parts of the others."""
    return name.startswith(f"{scripts.FOLDER}/")


def read(name: str) -> EncodedBody:
    """Return a file, compressed at its first use."""
    with _LOCK:
        return _encoded(name)


def headers(name: str) -> Headers:
    """Return the headers of a file beside those of its encoding."""
    return [(b"content-type", MEDIA_TYPES[Path(name).suffix]), CACHED]


@cache
def _ours() -> dict[str, bytes]:
    """Return our own files by name."""
    return {**scripts.files(), **terms.files()}


@cache
def _names() -> frozenset[str]:
    """Return the names of all files: an address that is none of them is never looked for on the disk."""
    theirs = (file.relative_to(_THEIRS).as_posix() for file in _THEIRS.rglob("*") if file.suffix in MEDIA_TYPES)
    return frozenset((*theirs, *(f"{scripts.FOLDER}/{name}" for name in _ours())))


@lru_cache(maxsize=512)  # more than there are: 7 MB in all
def _encoded(name: str) -> EncodedBody:
    """Return a file with its compressed form."""
    folder, _, file = name.partition("/")
    return encoded(_ours()[file] if folder == scripts.FOLDER else (_THEIRS / name).read_bytes())
