"""Security headers of every answer: which scripts may run, where a page may connect to, and which browser features are off.

Streamlit's page needs its own files, inline styles, and modules made from text (the `js` of our components, through `blob:`).
Inline scripts run only if the policy has their hash: those of the index page, and those of BertViz's views, whose frames
inherit this policy. Nothing else runs, whatever a text contains, and a page connects to no other server.
"""

from __future__ import annotations

import re

from attnviz.figures.bertviz.csp_hash import digest
from attnviz.figures.bertviz.scripts import digests
from attnviz.web import index_page

# Browser features that these pages never use.
DISABLED_FEATURES = (
    "accelerometer autoplay bluetooth browsing-topics camera display-capture geolocation gyroscope hid idle-detection "
    "local-fonts magnetometer microphone midi payment publickey-credentials-get screen-wake-lock serial usb "
    "xr-spatial-tracking"
).split()


def content_security_policy() -> str:
    """Return the content security policy of the pages."""
    inline = re.findall(r"<script>(.*?)</script>", index_page.html(), re.S)
    hashes = " ".join(map(digest, inline)) + " " + " ".join(digests())
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' blob: {hashes}",
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
    """Return the headers of every answer, as ASGI writes them."""
    return tuple(
        (name.encode(), value.encode())
        for name, value in (
            ("content-security-policy", content_security_policy()),
            ("referrer-policy", "no-referrer"),  # the address may contain a user's text
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("permissions-policy", ", ".join(f"{feature}=()" for feature in DISABLED_FEATURES)),
            ("x-robots-tag", "noindex"),  # search engines must not list addresses with users' texts
        )
    )
