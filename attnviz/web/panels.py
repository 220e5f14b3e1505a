"""What opens from the row of pages: Share (link, QR code, kept links, presenting) and the keys of the pages."""

from __future__ import annotations

from html import escape
from pathlib import Path

BOARD = "Attention, Compare"
KEYS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Every page",
        (
            ("?", "Show these keys"),
            ("Enter", "In the sentence: read it"),
            ("Enter", "On a word with dots below: its meaning"),
            ("F", "Present: larger, on the whole screen"),
            ("Esc", "Close what is open"),
        ),
    ),
    (
        BOARD,
        (
            ("← →", "In the sentence: move over the words"),
            ("Shift ← → ↑ ↓", "Choose another head"),
            ("Enter", "Select the word or the link"),
            ("Shift Enter", "Select one more"),
            ("X", "Looks at, or looked at by"),
            ("W", "Words or tokens"),
            ("S", "Special tokens: shown, left out, rescaled"),
            ("P", "Pin the head"),
            ("1 to 8", "Go to a pin"),
            ("D", "Difference of the first two pins"),
            ("T", "Pins side by side"),
            ("+ − 0", "Zoom the matrix of a long text, and back"),
            ("Esc", "Deselect the word"),
        ),
    ),
    ("Heads", (("← →", "Move over the words"), ("Enter", "Choose the source, then the target"), ("Delete", "Remove the link"))),
    ("Inside", (("← →", "One step back or forward"),)),
)
# The link to the tour of the board: what it says depends on what this browser remembers of it (tour.js).
TOUR = (
    '<span class="tour-taken">You took the tour of the board. </span><a href="./" data-tour>'
    '<span class="tour-new">Two minutes around the board</span><span class="tour-begun">Continue the tour of the board</span>'
    '<span class="tour-taken">Take it again</span></a>'
)
_HERE = Path(__file__).parent / "index_page"


def html() -> str:
    """Return both panels, and the card of the tour of the board, as HTML."""
    share, tour = ((_HERE / f"{name}.html").read_text("utf-8") for name in ("share", "tour"))
    return share + keys() + tour


def buttons() -> str:
    """Return the buttons that open them, for the end of the row of pages."""
    return (
        '<div class="tools" role="group" aria-label="This page"><small aria-hidden="true">This page</small><div>'
        '<button type="button" popovertarget="attnviz-share">Share</button>'
        '<button type="button" class="change" aria-expanded="false" hidden>Change sentence</button>'
        '<button type="button" class="present" aria-keyshortcuts="F" aria-pressed="false">Present<span></span></button>'
        '<button type="button" popovertarget="attnviz-keys" aria-keyshortcuts="?">'
        '<span aria-hidden="true" class="short">?</span><span class="long">Keys</span></button></div></div>'
    )


def keys() -> str:
    """Return the sheet of keys."""
    groups = "".join(f"<section><h2>{escape(pages)}</h2><dl>{''.join(map(_key, rows))}</dl></section>" for pages, rows in KEYS)
    return (
        '<div id="attnviz-keys" class="row-panel" popover role="dialog" aria-label="Keys">'
        '<div class="row-panel-head"><b>Keys</b>'
        '<button type="button" popovertarget="attnviz-keys" popovertargetaction="hide">Close</button></div>'
        f"<p>{TOUR}</p>"
        f'<div class="keys">{groups}</div></div>'
    )


def _key(row: tuple[str, str]) -> str:
    """Return one key with its meaning."""
    key, meaning = map(escape, row)
    return f"<div><dt><kbd>{key}</kbd></dt><dd>{meaning}</dd></div>"
