"""The index page: the HTML with which every address of the app answers, before Streamlit draws anything into it.

It is Streamlit's own index page, marked as English and not to be translated, with our scripts in its head. They are inline, so
that they run before Streamlit does and under any base path; the content security policy has their hash.
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
SCRIPTS = ("history", "pending_input", "translation_notice", "translation_guard")  # the last calls what the third defines
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
    text, heads = re.subn(r"(?=</head>)", lambda _: f"{_META}\n    <script>{script()}</script>\n  ", text, count=1)
    if roots + heads != 2:
        raise RuntimeError(f"Streamlit's {_INDEX.name} should have one <html> and one </head>; found {roots} and {heads}.")
    return text


@cache
def script() -> str:
    """Return our scripts as one; each is a function of its own, so that none sees another's names."""
    return "\n".join((_HERE / f"{name}.js").read_text("utf-8") for name in SCRIPTS)


@cache
def encoded() -> EncodedPage:
    """Return the page as bytes."""
    body = html().encode()
    return EncodedPage(body, gzip.compress(body, mtime=0), f'"{hashlib.sha256(body).hexdigest()[:32]}"'.encode())
