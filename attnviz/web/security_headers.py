"""What a browser is told with every answer: which scripts may run, whom a page may call, and what stays off.

Streamlit's own page needs its own files, styles in place, and modules made of text (the `js` of our components, by way of
`blob:`). Scripts in place run only where their digest is known: those of the page shell, and those of BertViz's views, which
stand in frames that inherit this policy. Nothing else runs, whatever a text brings with it; nobody else is called.
"""

from __future__ import annotations

import re

from attnviz.figures.bertviz.csp_hash import digest
from attnviz.figures.bertviz.scripts import digests
from attnviz.web import index_page

# Powers of a page that this one never uses.
OFF = (
    "accelerometer autoplay bluetooth browsing-topics camera display-capture geolocation gyroscope hid idle-detection "
    "local-fonts magnetometer microphone midi payment publickey-credentials-get screen-wake-lock serial usb "
    "xr-spatial-tracking"
).split()


def content() -> str:
    """The content security policy of the pages."""
    inline = re.findall(r"<script>(.*?)</script>", index_page.html(), re.S)
    known = " ".join(map(digest, inline)) + " " + " ".join(digests())
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' blob: {known}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def headers() -> tuple[tuple[bytes, bytes], ...]:
    """The headers of every answer, as ASGI writes them."""
    return tuple(
        (name.encode(), value.encode())
        for name, value in (
            ("content-security-policy", content()),
            ("referrer-policy", "no-referrer"),  # a text may stand in the address
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("permissions-policy", ", ".join(f"{power}=()" for power in OFF)),
            ("x-robots-tag", "noindex"),  # an address with somebody's sentence is nothing to be found
        )
    )
