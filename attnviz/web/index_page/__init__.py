"""The index page: the HTML with which every address of the app answers, before Streamlit draws anything into it.

It is Streamlit's own index page, marked as English and not to be translated, with our scripts and the row of pages. They are
inline, so that they are there before Streamlit is and under any base path; the content security policy has the scripts' hash.
Below the row stand the reader's words and the places of what comes (`first_paint`), until Streamlit has drawn the page.
"""

from __future__ import annotations

import html as markup
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import streamlit

from attnviz.board import scripts
from attnviz.figures import encoding
from attnviz.selection import TEXT
from attnviz.web import navigation, panels, terms
from attnviz.web.encoded import EncodedBody, Headers, encoded

_INDEX = Path(streamlit.__file__).with_name("static") / "index.html"
_HERE = Path(__file__).parent
SCRIPTS = (
    "theme",
    "history",
    "steps",
    "wide",
    "navigation",
    "panels",
    "paper",
    "tour",
    "pending_input",
    "translation_notice",
    "translation_guard",
)  # the last calls what the one before it defines
# Google's and Microsoft's translators read the meta element and the class, all others the attribute.
_ROOT = '<html lang="en" translate="no" class="notranslate">'
_META = '<meta name="google" content="notranslate" />'
# Scripts that a page needs after Streamlit's first ones come together with them: the board's, and those of its elements.
_PRELOAD = '<link rel="modulepreload" crossorigin href="./static/{}">'
_ELEMENTS = (
    "BidiComponent", "Button", "ButtonGroup", "Checkbox", "Html", "NumberInput", "Selectbox", "Spinner",
    "StreamlitMarkdown", "TextInput",
)  # fmt: skip
_FONT = re.compile(r"<link\s[^>]*?woff2[^>]*>\s*")  # these pages use the reader's own fonts
_IMPORTED = re.compile(r'\b(?:from|import)"\./([\w.-]+\.js)"')
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
    text, roots = re.subn(r"<html\b[^>]*>", _ROOT, _FONT.sub("", _INDEX.read_text("utf-8")), count=1)
    head = f"{_META}\n    {style()}\n    <script>{script()}</script>\n    {_preloads()}\n  "
    text, heads = re.subn(r"(?=</head>)", lambda _: head, text, count=1)
    paper = '<header id="attnviz-paper-head"></header>'
    frame = "\n    ".join(("", _frame(), navigation.html(), _first_paint(), panels.html(), terms.html(), paper))
    text, bodies = re.subn(r"(?<=<body>)", lambda _: frame, text, count=1)
    if (roots, heads, bodies) != (1, 1, 1):
        found = f"{roots}, {heads} and {bodies}"
        raise RuntimeError(f"Streamlit's {_INDEX.name} should have one <html>, one </head> and one <body>; found {found}.")
    return text


def _frame() -> str:
    """Return the style of every page. It stands in the body, behind Streamlit's own styles in the head, and so over them."""
    frame, paper = ((_HERE / f"{name}.css").read_text("utf-8") for name in ("frame", "paper"))
    return f"<style>{frame}\n{terms.css()}\n{paper}</style>"


def _first_paint() -> str:
    """Return what is seen first; its script stands behind it, so that it has the reader's words when it is painted."""
    return (
        f'<div id="first-paint" aria-hidden="true" data-text="{markup.escape(TEXT)}">'
        f'<p class="lead">{markup.escape(navigation.LEAD)}</p><p class="field"></p><p class="wait"></p>'
        '<p class="words"></p><div class="rooms"><i></i><i></i></div></div>\n    '
        f"<script>{(_HERE / 'first_paint.js').read_text('utf-8')}</script>"
    )


def _preloads() -> str:
    """Return the links that have a browser fetch scripts before they are asked for, with all that these import."""
    folder, index = _INDEX.parent / "static" / "js", _INDEX.read_text("utf-8")
    coming = [file.name for name in _ELEMENTS for file in sorted(folder.glob(f"{name}.*.js"))]
    names: list[str] = []
    while coming:
        name = coming.pop()
        if name not in names and f"/{name}" not in index:
            names.append(name)
            coming += _IMPORTED.findall((folder / name).read_text("utf-8"))
    files = [f"{scripts.FOLDER}/{next(iter(scripts.files()))}", *(f"js/{name}" for name in sorted(names))]
    return "\n    ".join(map(_PRELOAD.format, files))


@cache
def style() -> str:
    """Return the style sheet of the row and of what is seen first, in the colours of both themes."""
    first = f"#first-paint{{--serif:{encoding.SENTENCE_FONT}}}"
    rules = (_HERE / "first_paint.css").read_text("utf-8")
    return f"<style>{encoding.live_css()}\n{navigation.css()}\n{first}\n{rules}</style>"


@cache
def script() -> str:
    """Return our scripts as one; each is a function of its own, so that none sees another's names."""
    return "\n".join((_HERE / f"{name}.js").read_text("utf-8") for name in SCRIPTS)


@cache
def body() -> EncodedBody:
    """Return the page as bytes."""
    return encoded(html().encode())
