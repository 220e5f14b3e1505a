"""Static files: which are sent compressed, and what browsers may keep."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path
from typing import Any

import pytest
import streamlit

from attnviz.board import scripts
from attnviz.web import middleware, static_files
from attnviz.web.encoded import accepts_gzip

OURS = f"/static/attnviz/{next(iter(scripts.files()))}"
THEIRS = next((Path(streamlit.__file__).parent / "static/static/js").glob("TextInput*.js"))
ADDRESS = f"/static/js/{THEIRS.name}"


async def behind(scope: Any, receive: Any, send: Any) -> None:
    """What stands in for Streamlit."""
    await send({"type": "http.response.start", "status": 206, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"Streamlit"})


def respond(path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of one request through the middleware."""
    sent: list[Any] = []
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": pairs}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(middleware.PageMiddleware(behind)(scope, receive, send))
    return sent[0]["status"], {a.decode(): b.decode() for a, b in sent[0]["headers"]}, sent[1]["body"]


@pytest.mark.parametrize(("path", "whole"), [(OURS, next(iter(scripts.files().values()))), (ADDRESS, THEIRS.read_bytes())])
def test_a_file_is_sent_compressed_and_kept_for_a_year(path: str, whole: bytes):
    status, headers, body = respond(path, accept_encoding="gzip, deflate, br")
    assert (status, gzip.decompress(body)) == (200, whole)
    assert len(body) < 0.5 * len(whole)
    assert headers["content-length"] == str(len(body))
    assert headers["content-encoding"] == "gzip"
    assert headers["vary"] == "accept-encoding"
    assert headers["content-type"].startswith("text/javascript")
    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "script-src 'self'" in headers["content-security-policy"]

    status, plain, body = respond(path)
    assert (status, body) == (200, whole)
    assert "content-encoding" not in plain
    assert plain["etag"] != headers["etag"]


def test_under_a_base_path_files_are_the_same():
    assert respond(f"/school/attnviz{OURS}")[2] == respond(OURS)[2]


def test_a_head_request_gets_no_body_and_a_browser_that_has_the_file_neither():
    _, headers, body = respond(OURS, method="HEAD", accept_encoding="gzip")
    assert (body, headers["content-length"]) == (b"", str(len(respond(OURS, accept_encoding="gzip")[2])))
    assert respond(OURS, accept_encoding="gzip", if_none_match=headers["etag"])[::2] == (304, b"")
    assert respond(OURS, if_none_match=headers["etag"])[0] == 200, "the etag is of the other form"


def test_a_part_of_a_file_comes_from_streamlit_and_ours_come_whole():
    assert respond(ADDRESS, accept_encoding="gzip", range="bytes=0-9")[::2] == (206, b"Streamlit")
    assert respond(OURS, range="bytes=0-9")[::2] == (200, next(iter(scripts.files().values())))


def test_other_files_and_addresses_are_streamlits():
    for path in ("/static/js/none.js", "/static/../secret.js", "/static/attnviz/board.js", "/static/media/a.woff2", "/heads"):
        assert static_files.name_of(path) is None


@pytest.mark.parametrize(
    ("header", "accepted"),
    [("gzip", True), ("br, GZIP;q=0.5", True), ("gzip;q=0", False), ("gzip; q=0.0", False), ("br", False), ("x-gzip", False)],
)
def test_gzip_is_sent_only_where_it_is_accepted(header: str, accepted: bool):
    assert accepts_gzip({b"accept-encoding": header.encode()}) is accepted
