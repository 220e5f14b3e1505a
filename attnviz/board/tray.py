"""The reader's pins in, what a tray shows out; what the reader did with the tray in, pins and panels out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from attnviz.errors import BadInputError
from attnviz.types import AttentionRequest, HeadRef
from attnviz.url_codec import NAME, PINS
from attnviz.view_state import Panel, Pin

OVER = ("", "sum", "mean")
KEY = 12  # hexadecimal digits of a pin's key
NO_TRAY = "A tray holds at most eight pins, each a key or a head, and a name. The board sent something else."


@dataclass(frozen=True)
class Kept:
    """One pin as the browser has it: an old one by its `key`, or else a head, (layer, head), of the shown text.

    `over` makes a new one stand for all heads of its layer, as a Pin's does.
    """

    key: str
    head: tuple[int, int] | None
    name: str
    over: str = ""

    @classmethod
    def parse(cls, value: Any) -> Kept:
        """The pin that a browser sent; raises BadInputError where it is not one."""
        try:
            key, head, name, over = value["key"], value["head"], value["name"], value.get("over", "")
            place = None if head is None else (head[0], head[1])
        except (TypeError, KeyError, IndexError, AttributeError) as error:
            raise BadInputError(NO_TRAY) from error
        numbers = place is None or all(isinstance(n, int) and not isinstance(n, bool) and 0 <= n < 10_000 for n in place)
        if not numbers or not (key is None or isinstance(key, str)) or not isinstance(name, str) or over not in OVER:
            raise BadInputError(NO_TRAY)
        return cls(key or "", place, name[:NAME], over)


@dataclass(frozen=True)
class Tray:
    """The tray as the browser has it: pins in order, and the panels made of them (None where it says nothing of those)."""

    kept: tuple[Kept, ...]
    panels: tuple[Panel, ...] | None = None

    @classmethod
    def parse(cls, pins: Any, panels: Any = None) -> Tray | None:
        """The pins and panels that a browser sent; None where it sent no pins."""
        if pins is None:
            return None
        if not isinstance(pins, list) or len(pins) > PINS or not isinstance(panels, list | None) or len(panels or ()) > PINS:
            raise BadInputError(NO_TRAY)
        return cls(tuple(Kept.parse(one) for one in pins), None if panels is None else tuple(_panel(one) for one in panels))


def _panel(value: Any) -> Panel:
    """One panel that a browser sent."""
    try:
        kind, of = value["kind"], tuple(value["of"])
    except (TypeError, KeyError) as error:
        raise BadInputError(NO_TRAY) from error
    places = all(isinstance(at, int) and not isinstance(at, bool) and 0 <= at < PINS for at in of)
    if not places or not isinstance(kind, str):
        raise BadInputError(NO_TRAY)
    return Panel(kind, of)


def key(pin: Pin) -> str:
    """A short name of what is pinned, the same whatever the reader calls it and wherever it stands."""
    parts = [pin.request.model, pin.request.text, pin.request.text_b, pin.head.block, pin.head.layer]
    text = json.dumps([*parts, pin.over or pin.head.head], ensure_ascii=True)
    return hashlib.blake2s(text.encode("ascii")).hexdigest()[:KEY]


def listed(pins: Sequence[Pin], shown: AttentionRequest, block: str, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Pins as JSON has them; `here` says that it is of the text and block shown. `names` are the models'."""
    return [
        {
            "key": key(pin),
            "head": [pin.head.layer, pin.head.head],
            "over": pin.over,
            "name": pin.name,
            "here": pin.request == shown and pin.head.block == block,
            "model": names[pin.request.model],
            "text": pin.request.text + (f" / {pin.request.text_b}" if pin.request.text_b else ""),
        }
        for pin in pins
    ]


def rebuilt(
    tray: Tray, pins: Sequence[Pin], panels: Sequence[Panel], shown: AttentionRequest, block: str
) -> tuple[tuple[Pin, ...], tuple[Panel, ...]]:
    """Pins in the reader's new order, and the panels whose pins are all still there, counted anew.

    A pin that is neither an old one nor a head is left out; so is one that stands in the list already.
    """
    old = {key(pin): pin for pin in reversed(pins)}
    found: dict[str, Pin] = {}
    places: list[str] = []
    for one in tray.kept:
        pin = old.get(one.key)
        if pin is None and one.head is not None:
            pin = Pin(shown, HeadRef(one.head[0], 0 if one.over else one.head[1], block), over=one.over)
        places.append("" if pin is None else key(pin))
        if pin is not None:
            found.setdefault(key(pin), replace(pin, name=one.name))
    if tray.panels is None:
        places = [key(pin) for pin in pins]
    numbers = {name: number for number, name in enumerate(found)}
    kept = []
    for panel in panels if tray.panels is None else tray.panels:
        of = [numbers.get(places[at]) if at < len(places) else None for at in panel.of]
        there = tuple(number for number in of if number is not None)
        if len(set(there)) == len(of):
            kept.append(Panel(panel.kind, there))
    return tuple(found.values()), tuple(dict.fromkeys(kept))
