"""QR codes of links: ours only, bounded, and an SVG that is white behind black."""

from __future__ import annotations

import pytest
from segno import make

from attnviz.web import qr_code
from tests.unit.test_index_page import respond

HOST = {b"host": b"school.example"}
LINK = "https%3A%2F%2Fschool.example%2Fsyntax%3Ftext%3DDogs"


def test_the_code_of_a_link_to_our_pages_is_an_svg_that_no_cache_keeps():
    status, headers, body = respond("/base/qr.svg", query=f"link={LINK}".encode())
    assert (status, headers["content-type"], headers["cache-control"]) == (200, "image/svg+xml", "no-store")
    assert body == qr_code.svg("https://school.example/syntax?text=Dogs")
    assert body.startswith(b"<svg")
    assert b"#fff" in body


def test_the_code_holds_the_link():
    codes = [make("https://school.example/?text=a", error="l", micro=False, boost_error=False) for _ in range(2)]
    assert codes[0] == codes[1]
    assert qr_code.svg("https://school.example/?text=a") != qr_code.svg("https://school.example/?text=b")


@pytest.mark.parametrize(
    "query",
    [
        b"",
        b"link=",
        b"link=https%3A%2F%2Felsewhere.example%2F",
        b"link=javascript%3Aalert(1)",
        b"link=http%3A%2F%2F%5B",
        f"link={LINK}{'x' * qr_code.MAX_BYTES}".encode(),
    ],
)
def test_a_link_to_elsewhere_or_one_that_is_too_long_has_none(query: bytes):
    status, headers, body = qr_code.answer(query, HOST)
    assert (status, body.decode()) == (400, qr_code.REFUSED)
    assert (b"cache-control", b"no-store") in headers
