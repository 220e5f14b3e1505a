"""Pinned heads, their texts, the panels made of them, and links from word to word: as an address writes them, and back.

Nothing here raises: what cannot be used is left out, with a notice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote, unquote

from attnviz.errors import BadInputError
from attnviz.types import AttentionRequest, HeadRef, Link, ModelCard, quoted
from attnviz.view_state import Panel, Pin

PINS = 8
NAME = 40  # characters of a pin's name
LINKS = 64  # from word to word, at most
_PIN = re.compile(
    r"(?:([1-8]):)?(\d{1,6})\.(?:(\d{1,6})|(sum|mean))(?:/(encoder|decoder|cross))?(?:=(.*))?", re.ASCII | re.DOTALL
)
_LINK = re.compile(r"(\d{1,7})-(\d{1,7}):(\d{1,7})-(\d{1,7})", re.ASCII)


def others(own: AttentionRequest, pins: Sequence[Pin]) -> tuple[AttentionRequest, ...]:
    """Return the requests of pins for other texts or models, in order of first use."""
    return tuple(request for request in dict.fromkeys(pin.request for pin in pins) if request != own)


def written_texts(requests: Sequence[AttentionRequest]) -> str:
    """Return requests as one JSON list of [model, text] or [model, text, text_b]."""
    rows = [[r.model, r.text] + ([] if r.text_b is None else [r.text_b]) for r in requests]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


def written_pins(own: AttentionRequest, pins: Sequence[Pin]) -> str:
    """Pins as `3.1`, `1:5.11/cross=a name`, `2:4.mean`, by commas; a number and colon count the other requests from 1."""
    numbers = {request: f"{n}:" for n, request in enumerate(others(own, pins), start=1)}
    return ",".join(
        f"{numbers.get(pin.request, '')}{pin.head.layer}.{pin.over or pin.head.head}"
        + ("" if pin.head.block == "self" else f"/{pin.head.block}")
        + (f"={quote(pin.name, safe='', errors='replace')}" if pin.name else "")
        for pin in pins
    )


def texts(raw: str, known: Mapping[str, ModelCard], notices: list[str]) -> tuple[AttentionRequest | None, ...]:
    """Return the requests of a `texts` parameter; None in the place of one that cannot be used."""
    if not raw:
        return ()
    try:
        rows = json.loads(raw)
    except (ValueError, RecursionError):
        rows = None
    if not isinstance(rows, list) or len(rows) > PINS:
        notices.append(f"The texts of pinned heads are a JSON list of at most {PINS}; got {quoted(raw)}: they are left out.")
        return ()
    return tuple(_text(row, known, notices) for row in rows)


def _text(row: object, known: Mapping[str, ModelCard], notices: list[str]) -> AttentionRequest | None:
    """Return one row of a `texts` parameter."""
    if not isinstance(row, list) or len(row) not in (2, 3) or not all(isinstance(part, str) for part in row):
        notices.append(f"A pinned head's text is written [model, text]; got {quoted(str(row))}: it is left out.")
    elif row[0] not in known:
        notices.append(f"There is no model {quoted(row[0])}: its pinned heads are left out.")
    elif len(row) == 3 and not known[row[0]].pairs:
        notices.append(f"{known[row[0]].name} takes no second text: its pinned heads are left out.")
    else:
        return AttentionRequest(*row)
    return None


def pins(
    raw: str,
    own: AttentionRequest,
    requests: Sequence[AttentionRequest | None],
    known: Mapping[str, ModelCard],
    notices: list[str],
) -> tuple[tuple[Pin, ...], tuple[int | None, ...]]:
    """The pins of a `pins` parameter, and for each one written there its place among them, None if it was left out."""
    found: list[Pin] = []
    places: list[int | None] = []
    parts = [part for part in raw.split(",") if part]
    for part in parts[:PINS]:
        pin = _pin(part, own, requests, known, notices)
        places.append(None if pin is None else len(found))
        found += [] if pin is None else [pin]
    if len(parts) > PINS:
        notices.append(f"At most {PINS} heads are kept: the rest is left out.")
    return tuple(found), tuple(places)


def _pin(
    raw: str,
    own: AttentionRequest,
    requests: Sequence[AttentionRequest | None],
    known: Mapping[str, ModelCard],
    notices: list[str],
) -> Pin | None:
    """Return one pin, or None and a notice."""
    match = _PIN.fullmatch(raw)
    if not match:
        notices.append(f"A pin is left out: a head is written 3.1 (layer, head, counted from 0); got {quoted(raw)}.")
        return None
    number = int(match[1] or 0)
    if number > len(requests):
        notices.append(f"A pin is left out: the link carries no text number {number}.")
        return None
    request = requests[number - 1] if number else own
    if request is None:  # a notice for it exists already
        return None
    card = known[request.model]
    head = HeadRef(int(match[2]), int(match[3] or 0), match[5] or card.blocks[0])
    if head.layer >= card.layers or head.head >= card.heads or head.block not in card.blocks:
        notices.append(f"A pin is left out: {card.name} has no {head}{f' in block {head.block}' if match[5] else ''}.")
        return None
    return Pin(request, head, unquote(match[6] or "")[:NAME], match[4] or "")


def panels(raw: str, places: Sequence[int | None], notices: list[str]) -> tuple[Panel, ...]:
    """Return the panels of a `panels` parameter; those of pins that were left out are left out with them."""
    found: list[Panel] = []
    parts = [part for part in raw.split(",") if part]
    for part in parts[:PINS]:
        try:
            panel = Panel.parse(part)
        except BadInputError as error:
            notices.append(f"A panel is left out: {error}")
            continue
        of = [places[number] if number < len(places) else None for number in panel.of]
        kept = tuple(place for place in of if place is not None)
        if len(kept) == len(of):
            found.append(Panel(panel.kind, kept))
        else:
            notices.append(f"The panel {part} is left out: it needs a pin that is not there.")
    if len(parts) > PINS:
        notices.append(f"At most {PINS} panels are kept: the rest is left out.")
    return tuple(dict.fromkeys(found))


def written_links(links: Sequence[Link]) -> str:
    """Return links as `43-45:4-10`, the source's characters before the target's, by commas."""
    return ",".join("{}-{}:{}-{}".format(*link.source, *link.target) for link in links)


def links(raw: str, text: str, notices: list[str]) -> tuple[Link, ...]:
    """Return the links of a `links` parameter that stand in `text`; one notice for all that do not."""
    parts = [part for part in raw[: LINKS * 40].split(",") if part]
    read = [_link(part, len(text)) for part in parts[:LINKS]]
    wrong = [part for part, link in zip(parts, read, strict=False) if link is None]
    if wrong:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        notices.append(
            f"A link is written 43-45:4-10, two different places within the {len(text):,} characters of the text; "
            f"got {quoted(wrong[0])}{more}: left out."
        )
    if len(parts) > LINKS:
        notices.append(f"At most {LINKS} links are kept: the rest is left out.")
    return tuple(dict.fromkeys(link for link in read if link is not None))


def _link(raw: str, end: int) -> Link | None:
    """Return one link between two places of a text that ends at `end`, or None."""
    match = _LINK.fullmatch(raw)
    if not match:
        return None
    a, b, c, d = map(int, match.groups())
    return Link((a, b), (c, d)) if a < b <= end and c < d <= end and (a, b) != (c, d) else None
