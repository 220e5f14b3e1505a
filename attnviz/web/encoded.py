"""An answer's body as bytes, the same compressed once with gzip, and which of the two a browser gets."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

Headers = list[tuple[bytes, bytes]]
LEVEL = 6  # of gzip: level 9 takes twice as long for 1 % less


@dataclass(frozen=True)
class EncodedBody:
    """A body, the same bytes compressed with gzip, and the start of its ETags, which change with it."""

    body: bytes
    gzipped: bytes
    digest: str

    def answer(self, request_headers: Mapping[bytes, bytes]) -> tuple[int, Headers, bytes]:
        """Return status, headers and body for a request with these headers, whose names are in lower case.

        A browser that already has this form of the body gets 304 and no body.
        """
        zipped = accepts_gzip(request_headers)
        etag = f'"{self.digest}{"-gzip" if zipped else ""}"'.encode()
        headers = [(b"etag", etag), (b"vary", b"accept-encoding")]
        if etag in request_headers.get(b"if-none-match", b""):
            return 304, headers, b""
        body = self.gzipped if zipped else self.body
        headers += [(b"content-encoding", b"gzip")] * zipped
        return 200, [*headers, (b"content-length", str(len(body)).encode())], body


def encoded(body: bytes) -> EncodedBody:
    """Return a body with its compressed form."""
    return EncodedBody(body, gzip.compress(body, LEVEL, mtime=0), hashlib.sha256(body).hexdigest()[:32])


def accepts_gzip(request_headers: Mapping[bytes, bytes]) -> bool:
    """Return whether a request takes a body compressed with gzip: named, and not with a weight of 0."""
    for part in request_headers.get(b"accept-encoding", b"").lower().split(b","):
        name, _, weight = part.partition(b";")
        if name.strip() == b"gzip":
            return weight.replace(b" ", b"").rstrip(b"0") not in (b"q=", b"q=0.")
    return False
