"""QR codes of links to our pages, as SVG: `qr.svg?link=…` beside any page. No other server sees a link."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import parse_qs, urlsplit

import segno

NAME = "qr.svg"
MAX_BYTES = 1_000  # of a link: a phone still reads a code of this many from a projector
REFUSED = f"A QR code needs a link to these pages of at most {MAX_BYTES:,} bytes.\n"
HEADERS = [(b"cache-control", b"no-store")]  # the link has a user's text


def answer(query: bytes, request_headers: Mapping[bytes, bytes]) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Return status, headers and body for the link in `query`; 400 for a link to elsewhere or one that is too long."""
    link = parse_qs(query.decode("latin-1")).get("link", [""])[0]
    if not _is_ours(link, request_headers.get(b"host", b"").decode("latin-1")) or len(link.encode()) > MAX_BYTES:
        return 400, [(b"content-type", b"text/plain; charset=utf-8"), *HEADERS], REFUSED.encode()
    return 200, [(b"content-type", b"image/svg+xml"), *HEADERS], svg(link)


@lru_cache(maxsize=64)  # about 20 kB each
def svg(link: str) -> bytes:
    """Return the code of a link, black on white in both themes, as readers of codes expect it."""
    out = io.BytesIO()
    segno.make(link, error="l", micro=False, boost_error=False).save(
        out, kind="svg", border=4, dark="#000", light="#fff", xmldecl=False, omitsize=True
    )
    return out.getvalue()


def _is_ours(link: str, host: str) -> bool:
    """Return whether a link leads to this server."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and host != "" and parts.netloc.lower() == host.lower()
