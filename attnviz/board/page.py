"""Write the board as one HTML file that needs no server and no network."""

from __future__ import annotations

import base64
import html
import json

from attnviz.board.choice import Choice
from attnviz.board.source import script, source
from attnviz.figures import encoding
from attnviz.figures.bertviz.csp_hash import digest

# Nothing may be fetched: the page is complete, and a text cannot make it call out. One script runs, ours.
POLICY = "default-src 'none'; script-src {}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(
    frame: bytes,
    selection: Choice,
    *,
    sheet: bytes | None = None,
    title: str = "attnviz",
    theme: str = "",
    meta: str = "",
    beneath: str = "",
    tall: int = 0,
) -> str:
    """Return the board as a page of its own.

    `theme` is "light", "dark", or "" for the reader's own setting. `title` is escaped; the text itself is in base64.
    `tall` is a height in pixels to arrange the pictures by, where the window's own follows the page's: in a frame that is as
    tall as its page. `meta` goes into the head of the page and `beneath` below the board, both as HTML.
    """
    body, css = source()
    tokens = json.loads(encoding.as_json())
    start = json.dumps(
        {"selection": selection.as_dict(), "theme": theme} | ({"tall": tall} if tall else {}), ensure_ascii=True
    ).replace("<", "\\u003c")
    data = [base64.b64encode(part).decode("ascii") for part in (frame, sheet) if part]
    ground = (
        _ground(tokens, theme)
        if theme
        else _ground(tokens, "light") + f"@media (prefers-color-scheme: dark) {{ {_ground(tokens, 'dark')} }}"
    )
    run = f"\n(() => {{\n{script()}$main.show(document, TOKENS);\n}})();\n"
    return (
        '<!doctype html>\n<html lang="en" translate="no" class="notranslate">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY.format(digest(run))}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"{meta}\n<title>{html.escape(title)}</title>\n<style>\n{css}\n{ground}</style>\n</head>\n"
        f'<body class="attnviz-page">\n<main>\n<h1 class="attnviz-page-title">{html.escape(title)}</h1>\n'
        f"{body}\n{beneath}</main>\n"
        f'<script type="application/json" id="attnviz-start">{start}</script>\n'
        + "".join(f'<script type="application/octet-stream" class="attnviz-data">{part}</script>\n' for part in data)
        + f"<script>{run}</script>\n</body>\n</html>\n"
    )


def _ground(tokens: dict, name: str) -> str:
    """Return background and ink of the page itself, so that nothing flashes before the script runs."""
    colours = tokens[name]
    return f"body.attnviz-page {{ background: {colours['page']}; color: {colours['ink']}; color-scheme: {name}; }}\n"
