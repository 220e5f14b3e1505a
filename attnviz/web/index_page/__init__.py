"""The page shell: the HTML that every address of the app answers with, before Streamlit draws anything into it.

It is Streamlit's own index page, marked as English and not to be translated, with a few scripts of ours in its head. They
stand in the page itself, so that they run before Streamlit does and under any base path; the content security policy knows
them by their digest.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import streamlit

_INDEX = Path(streamlit.__file__).with_name("static") / "index.html"
_HERE = Path(__file__).parent
SCRIPTS = ("address", "clicks", "notice", "rewriting")  # `rewriting` calls what `notice` defines
# Google's and Microsoft's translators read the meta element and the class, all others the attribute.
_ROOT = '<html lang="en" translate="no" class="notranslate">'
_META = '<meta name="google" content="notranslate" />'
# Parts of an address that is no page: files, and what Streamlit itself asks for.
_NO_PAGES = ("/static/", "/media/", "/component/", "/_stcore/")


@dataclass(frozen=True)
class Shell:
    """The page as it is sent: its bytes, the same bytes packed with gzip, and a tag that changes with them."""

    body: bytes
    packed: bytes
    etag: bytes


def is_page(path: str) -> bool:
    """Whether an address may be a page of the app, for which Streamlit answers with its index page."""
    return not any(part in path for part in _NO_PAGES)


def answer(asked: Mapping[bytes, bytes]) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Status, headers and body for a request of the page shell with the headers `asked`, whose names are in lower case.

    A browser that has this very shell gets 304 and no body.
    """
    found = shell()
    headers = [(b"etag", found.etag), (b"vary", b"accept-encoding")]
    if found.etag in asked.get(b"if-none-match", b""):
        return 304, headers, b""
    packs = b"gzip" in asked.get(b"accept-encoding", b"")
    body = found.packed if packs else found.body
    headers += [(b"content-encoding", b"gzip")] * packs
    return 200, [*headers, (b"content-length", str(len(body)).encode())], body


@cache
def html() -> str:
    """The page shell as text."""
    text, roots = re.subn(r"<html\b[^>]*>", _ROOT, _INDEX.read_text("utf-8"), count=1)
    text, heads = re.subn(r"(?=</head>)", lambda _: f"{_META}\n    <script>{script()}</script>\n  ", text, count=1)
    if roots + heads != 2:
        raise RuntimeError(f"Streamlit's {_INDEX.name} should have one <html> and one </head>; found {roots} and {heads}.")
    return text


@cache
def script() -> str:
    """Our scripts as one; each is a function of its own, so that none sees another's names."""
    return "\n".join((_HERE / f"{name}.js").read_text("utf-8") for name in SCRIPTS)


@cache
def shell() -> Shell:
    """The page shell as bytes."""
    body = html().encode()
    return Shell(body, gzip.compress(body, mtime=0), f'"{hashlib.sha256(body).hexdigest()[:32]}"'.encode())
