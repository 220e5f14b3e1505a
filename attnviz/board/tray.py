"""The tray: write the reader's pins as JSON for the board, and parse and check those that the browser sends back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, structs

from attnviz.board.message import Index, checked
from attnviz.types import AttentionRequest, HeadRef
from attnviz.url_codec import NAME, PINS
from attnviz.view_state import Panel, Pin

KEY = 12  # hexadecimal digits of a pin's key
NO_TRAY = f"A tray holds at most {PINS} pins, each a key or a head, and a name. The board sent something else."


class TrayPin(Struct, frozen=True):
    """One pin as the browser has it: an old one by its `key`, a new one as (layer, head) of the shown text.

    With `over`, a new one means all heads of its layer, as in a Pin.
    """

    key: str | None
    head: tuple[Index, Index] | None
    name: str
    over: Literal["", "sum", "mean"] = ""


class _Panel(Struct):
    """A panel that combines pins, counted from 0."""

    kind: str
    of: tuple[Annotated[int, Meta(ge=0, lt=PINS)], ...]


class _Message(Struct):
    """Pins and panels as the browser sends them."""

    pins: Annotated[tuple[TrayPin, ...], Meta(max_length=PINS)]
    panels: Annotated[tuple[_Panel, ...], Meta(max_length=PINS)] | None


@dataclass(frozen=True)
class Tray:
    """The tray as the browser has it: pins in order, and the panels made of them (None if it sends none)."""

    pins: tuple[TrayPin, ...]
    panels: tuple[Panel, ...] | None = None

    @classmethod
    def parse(cls, pins: Any, panels: Any = None) -> Tray | None:
        """Return the pins and panels that a browser sent; None if it sent no pins, BadInputError for anything else."""
        if pins is None:
            return None
        sent = checked({"pins": pins, "panels": panels}, _Message, NO_TRAY)
        made = None if sent.panels is None else tuple(Panel(panel.kind, panel.of) for panel in sent.panels)
        return cls(tuple(structs.replace(pin, name=pin.name[:NAME]) for pin in sent.pins), made)


def key(pin: Pin) -> str:
    """Return a short key of the pinned head, independent of its name and place in the tray."""
    parts = [pin.request.model, pin.request.text, pin.request.text_b, pin.head.block, pin.head.layer]
    text = json.dumps([*parts, pin.over or pin.head.head], ensure_ascii=True)
    return hashlib.blake2s(text.encode("ascii")).hexdigest()[:KEY]


def listed(pins: Sequence[Pin], request: AttentionRequest, block: str, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return pins as JSON for the board: `here` is true for a pin of the text and block shown; `names` are the models'."""
    return [
        {
            "key": key(pin),
            "head": [pin.head.layer, pin.head.head],
            "over": pin.over,
            "name": pin.name,
            "here": pin.request == request and pin.head.block == block,
            "model": names[pin.request.model],
            "text": pin.request.text + (f" / {pin.request.text_b}" if pin.request.text_b else ""),
        }
        for pin in pins
    ]


def rebuilt(
    tray: Tray, pins: Sequence[Pin], panels: Sequence[Panel], request: AttentionRequest, block: str
) -> tuple[tuple[Pin, ...], tuple[Panel, ...]]:
    """Return pins in the reader's new order, and the panels whose pins all remain, with the new numbers of these pins.

    A pin that is neither an old one nor a head is left out; so is a pin that is in the list already.
    """
    old = {key(pin): pin for pin in reversed(pins)}
    found: dict[str, Pin] = {}
    places: list[str] = []
    for one in tray.pins:
        pin = old.get(one.key or "")
        if pin is None and one.head is not None:
            pin = Pin(request, HeadRef(one.head[0], 0 if one.over else one.head[1], block), over=one.over)
        places.append("" if pin is None else key(pin))
        if pin is not None:
            found.setdefault(key(pin), replace(pin, name=one.name))
    if tray.panels is None:
        places = [key(pin) for pin in pins]
    numbers = {name: number for number, name in enumerate(found)}
    remaining = []
    for panel in panels if tray.panels is None else tray.panels:
        of = [numbers.get(places[at]) if at < len(places) else None for at in panel.of]
        there = tuple(number for number in of if number is not None)
        if len(set(there)) == len(of):
            remaining.append(Panel(panel.kind, there))
    return tuple(found.values()), tuple(dict.fromkeys(remaining))
