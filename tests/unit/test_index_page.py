"""The index page: the answer at every address of a page, and answers that are unchanged."""

from __future__ import annotations

import asyncio
import gzip
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from starlette.routing import Route

from attnviz import board
from attnviz.board import scripts
from attnviz.board.choice import Choice
from attnviz.board.source import component_source
from attnviz.engine.block import Block
from attnviz.engine.layers import Dense
from attnviz.engine.trace import Trace
from attnviz.figures import bertviz
from attnviz.figures.bertviz.csp_hash import digest
from attnviz.types import AttentionRequest, HeadRef, Token
from attnviz.web import index_page, middleware, security_headers, static_files

INDEX = (Path(streamlit.__file__).parent / "static" / "index.html").read_text("utf-8")
REQUESTS: list[dict[bytes, bytes]] = []  # the headers of each request that reached the app behind the middleware


async def _index(request: Any) -> HTMLResponse:
    REQUESTS.append({name.lower(): value for name, value in request.scope["headers"]})
    return HTMLResponse(INDEX, headers={"etag": '"streamlit"', "last-modified": "x", "cache-control": "no-cache"})


async def _file(request: Any) -> HTMLResponse:
    return HTMLResponse("<html>a saved board</html>")


BEHIND = middleware.PageMiddleware(
    Starlette(
        routes=[
            Route("/media/{name}", _file),
            Route("/favicon.png", lambda _: PlainTextResponse("icon")),
            Route("/syntax/", lambda _: RedirectResponse("/syntax", 301)),
            Route("/{path:path}", _index),
        ]
    )
)


def respond(path: str = "/", method: str = "GET", query: bytes = b"", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of one request through the middleware."""
    sent: list[Any] = []
    pairs = [
        (b"host", b"school.example"),
        *((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()),
    ]
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query, "headers": pairs,
        "root_path": "",
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(BEHIND(scope, receive, send))
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, b"".join(message.get("body", b"") for message in sent[1:])


def test_the_root_of_the_page_is_english_and_not_to_be_translated():
    (root,) = re.findall(r"<html\b[^>]*>", index_page.html())
    assert 'lang="en"' in root
    assert 'translate="no"' in root
    assert 'class="notranslate"' in root
    assert '<meta name="google" content="notranslate" />' in index_page.html().partition("</head>")[0]


def test_our_scripts_are_in_the_head_and_the_rest_is_streamlits_page():
    head = index_page.html().partition("</head>")[0]
    assert f"<script>{index_page.script()}</script>" in head
    assert "</script" not in index_page.script()
    ours = re.sub(
        r"<meta name=\"google\".*?(?=</head>)|<style>[^<]*</style>\s*<nav id=.*</nav>", "", index_page.html(), flags=re.S
    )
    ours = re.sub(r"<div id=\"first-paint\".*?(?=<noscript>)", "", ours, count=1, flags=re.S)
    bare = re.sub(r"<html\b[^>]*>", "<html>", re.sub(r"<link\s[^>]*woff2[^>]*>", "", INDEX))  # a font that no page uses
    assert re.sub(r"\s+", "", re.sub(r"<html\b[^>]*>", "<html>", ours)) == re.sub(r"\s+", "", bare)


def test_below_the_row_stand_the_places_of_what_comes_and_holds_no_text_of_a_reader():
    body = index_page.html().partition("</nav>")[2].lstrip()
    assert body.startswith('<div id="first-paint" aria-hidden="true"')
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", index_page.html())


def test_scripts_that_a_page_needs_next_are_named_in_the_head():
    named = re.findall(r'<link rel="modulepreload" crossorigin href="\./static/([^"]+)">', index_page.html())
    assert f"attnviz/{next(iter(scripts.files()))}" in named
    assert any(name.startswith("js/BidiComponent.") for name in named)
    assert all(static_files.name_of(f"/static/{name}") for name in named)


def test_the_policy_has_the_hash_of_our_scripts():
    assert digest(index_page.script()) in security_headers.content_security_policy()


@pytest.mark.parametrize("path", ["/", "/syntax", "/no-such-page", "/under/a/base/path"])
def test_every_address_of_a_page_answers_with_the_index_page(path: str):
    status, headers, body = respond(path)
    assert (status, body) == (200, index_page.html().encode())
    assert headers["content-length"] == str(len(body))
    assert headers["cache-control"] == "no-cache"
    assert headers["etag"] != '"streamlit"'
    assert "last-modified" not in headers


def test_a_browser_that_accepts_gzip_gets_it_compressed():
    _, headers, body = respond(accept_encoding="gzip, br")
    assert headers["content-encoding"] == "gzip"
    assert headers["content-length"] == str(len(body))
    assert gzip.decompress(body) == index_page.html().encode()


def test_a_head_request_gets_no_body():
    _, headers, body = respond(method="HEAD")
    assert (headers["content-length"], body) == (str(len(index_page.html().encode())), b"")


def test_a_browser_with_our_etag_gets_no_body_and_one_with_streamlits_gets_our_page():
    _, headers, _ = respond()
    assert respond(if_none_match=headers["etag"])[::2] == (304, b"")
    assert respond(if_none_match=f'W/{headers["etag"]}, "other"')[::2] == (304, b"")
    status, _, body = respond(if_none_match='"streamlit"', if_modified_since="x", range="bytes=0-9")
    assert (status, body) == (200, index_page.html().encode())
    assert not {b"if-none-match", b"if-modified-since", b"range", b"accept-encoding"} & set(REQUESTS[-1])


def test_saved_files_icons_and_redirects_are_unchanged():
    assert respond("/media/a.html")[2] == b"<html>a saved board</html>"
    assert respond("/favicon.png")[2] == b"icon"
    status, headers, _ = respond("/syntax/")
    assert (status, headers["location"]) == (301, "/syntax")


def test_saved_pages_and_frames_of_bertviz_are_not_to_be_translated_either():
    """The words in them are what a model read; a script of theirs changes text in place."""
    tokens = (Token("a", "a", 0, 1, 0), Token("b", "b", 2, 3, 1))
    whole = Trace(AttentionRequest("m", "a b"), (Block("self", tokens, tokens, (Dense(np.full((1, 2, 2), 0.5, np.float32)),)),))
    saved = board.page(board.frame(whole, name="made"), Choice(HeadRef(0, 0)))
    views = [draw(whole, HeadRef(0, 0)) for draw in (bertviz.head_view, bertviz.model_view)]
    for page in (saved, *views):
        assert re.search(r'<html lang="en" translate="no"[^>]*>', page)


def test_each_component_is_marked_as_not_to_be_translated():
    """A translator that walks into shadow roots does not see the document's root from there."""
    for name in ("board", "compare", "links", "ranking", "start"):
        assert re.match(r'<div class="attnviz[^>]* translate="no"', component_source(name)[0])
