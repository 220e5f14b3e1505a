"""The index page: the HTML with which every address of the app answers, before Streamlit draws anything into it.

It is Streamlit's own index page, marked as English and not to be translated, with our scripts and the row of pages. They are
inline, so that they are there before Streamlit is and under any base path; the content security policy has the scripts' hash.
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

from attnviz.figures import encoding
from attnviz.web import navigation

_INDEX = Path(streamlit.__file__).with_name("static") / "index.html"
_HERE = Path(__file__).parent
SCRIPTS = (
    "history",
    "navigation",
    "panels",
    "tour",
    "pending_input",
    "translation_notice",
    "translation_guard",
)  # the last calls what the one before it defines
# Google's and Microsoft's translators read the meta element and the class, all others the attribute.
_ROOT = '<html lang="en" translate="no" class="notranslate">'
_META = '<meta name="google" content="notranslate" />'
# Parts of an address that is no page: files, and what Streamlit itself requests.
_NO_PAGES = ("/static/", "/media/", "/component/", "/_stcore/")


@dataclass(frozen=True)
class EncodedPage:
    """The page as bytes, the same bytes compressed with gzip, and an ETag, which changes with them."""

    body: bytes
    gzipped: bytes
    etag: bytes


def is_page(path: str) -> bool:
    """Return whether an address may be a page of the app, for which Streamlit answers with its index page."""
    return not any(part in path for part in _NO_PAGES)


def answer(request_headers: Mapping[bytes, bytes]) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Return status, headers and body for a request with these headers, whose names are in lower case.

    A browser that already has this page gets 304 and no body.
    """
    page = encoded()
    headers = [(b"etag", page.etag), (b"vary", b"accept-encoding")]
    if page.etag in request_headers.get(b"if-none-match", b""):
        return 304, headers, b""
    gzipped = b"gzip" in request_headers.get(b"accept-encoding", b"")
    body = page.gzipped if gzipped else page.body
    headers += [(b"content-encoding", b"gzip")] * gzipped
    return 200, [*headers, (b"content-length", str(len(body)).encode())], body


@cache
def html() -> str:
    """Return the page as text. Raises RuntimeError for an index page of Streamlit that is not laid out as expected."""
    text, roots = re.subn(r"<html\b[^>]*>", _ROOT, _INDEX.read_text("utf-8"), count=1)
    text, heads = re.subn(
        r"(?=</head>)", lambda _: f"{_META}\n    {style()}\n    <script>{script()}</script>\n  ", text, count=1
    )
    text, bodies = re.subn(r"(?<=<body>)", lambda _: f"\n    {navigation.html()}", text, count=1)
    if (roots, heads, bodies) != (1, 1, 1):
        found = f"{roots}, {heads} and {bodies}"
        raise RuntimeError(f"Streamlit's {_INDEX.name} should have one <html>, one </head> and one <body>; found {found}.")
    return text


@cache
def style() -> str:
    """Return the style sheet of the row, and the colours of both themes until the page says which one the reader has."""
    light, dark = map(encoding.css, ("light", "dark"))
    return f"<style>:root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n{navigation.css()}</style>"


@cache
def script() -> str:
    """Return our scripts as one; each is a function of its own, so that none sees another's names."""
    return "\n".join((_HERE / f"{name}.js").read_text("utf-8") for name in SCRIPTS)


@cache
def encoded() -> EncodedPage:
    """Return the page as bytes."""
    body = html().encode()
    return EncodedPage(body, gzip.compress(body, mtime=0), f'"{hashlib.sha256(body).hexdigest()[:32]}"'.encode())
