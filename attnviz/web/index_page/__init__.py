"""The index page: the HTML with which every address of the app answers, before Streamlit draws anything into it.

It is Streamlit's own index page, marked as English and not to be translated, with our scripts in its head. They are inline, so
that they run before Streamlit does and under any base path; the content security policy has their hash.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import streamlit

from attnviz.board import scripts
from attnviz.web.encoded import EncodedBody, Headers, encoded

_INDEX = Path(streamlit.__file__).with_name("static") / "index.html"
_HERE = Path(__file__).parent
SCRIPTS = ("history", "pending_input", "translation_notice", "translation_guard")  # the last calls what the third defines
# Google's and Microsoft's translators read the meta element and the class, all others the attribute.
_ROOT = '<html lang="en" translate="no" class="notranslate">'
_META = '<meta name="google" content="notranslate" />'
# The board's script, which a component imports (attnviz/board/scripts.py), comes together with Streamlit's own.
_PRELOAD = f'<link rel="modulepreload" crossorigin href="./static/{scripts.FOLDER}/{{}}">'
# Parts of an address that is no page: files, and what Streamlit itself requests.
_NO_PAGES = ("/static/", "/media/", "/component/", "/_stcore/")


def is_page(path: str) -> bool:
    """Return whether an address may be a page of the app, for which Streamlit answers with its index page."""
    return not any(part in path for part in _NO_PAGES)


def answer(request_headers: Mapping[bytes, bytes]) -> tuple[int, Headers, bytes]:
    """Return status, headers and body for a request with these headers, whose names are in lower case."""
    return body().answer(request_headers)


@cache
def html() -> str:
    """Return the page as text. Raises RuntimeError for an index page of Streamlit that is not laid out as expected."""
    text, roots = re.subn(r"<html\b[^>]*>", _ROOT, _INDEX.read_text("utf-8"), count=1)
    head = f"{_META}\n    <script>{script()}</script>\n    {_PRELOAD.format(next(iter(scripts.files())))}\n  "
    text, heads = re.subn(r"(?=</head>)", lambda _: head, text, count=1)
    if roots + heads != 2:
        raise RuntimeError(f"Streamlit's {_INDEX.name} should have one <html> and one </head>; found {roots} and {heads}.")
    return text


@cache
def script() -> str:
    """Return our scripts as one; each is a function of its own, so that none sees another's names."""
    return "\n".join((_HERE / f"{name}.js").read_text("utf-8") for name in SCRIPTS)


@cache
def body() -> EncodedBody:
    """Return the page as bytes."""
    return encoded(html().encode())
