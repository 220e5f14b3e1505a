"""Selection of a reader, parsed from URL parameters and written back to them. Bad values become notices, never errors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote_plus

from attnviz import url_codec
from attnviz.charset import BYTE_ORDER_MARK
from attnviz.errors import BadInputError
from attnviz.models import catalog
from attnviz.types import AttentionRequest, HeadRef, Keep, Link, ModelCard, quoted
from attnviz.url_codec import PINS
from attnviz.view_state import BETWEEN, SPECIAL, Panel, Pin, TokenSelection, ViewOptions

__all__ = ["IN_URL", "PARAMETERS", "PINS", "SETS", "TEXT", "VIEWS", "Selection"]

MODEL = "minilm"
TEXT = "The animal didn't cross the street because it was too tired"
REQUEST, HEAD, AS_IT_IS, PRONOUN = (
    AttentionRequest(MODEL, TEXT),
    HeadRef(3, 1),
    ViewOptions(),
    TokenSelection(TEXT.index("it was")),
)
IN_URL = 8_000  # characters of text, as a link encodes it, that still pass common proxies
PARAMETERS = (
    "model", "text", "text_b", "head", "layer", "block", "words", "special", "keep", "between", "focus",
    "texts", "pins", "panels", "set", "view", "candidates", "meant", "links",
)  # fmt: skip
VIEWS = ("curves", "matrix")
CANDIDATES = 4
SETS = ("", "layer")  # ready sets that show more heads than may be pinned


@dataclass(frozen=True)
class Selection:
    """What the reader looks at: a request, a head, how it is shown, the selected word and the pinned heads.

    `panels` are pictures made of the pins; `shown` is a ready set that stands in their place ("" for the pins); `view` is
    the picture where there is room for one only; `candidates` are the words that a pronoun may mean, by where they start,
    and `meant` is the one that it does mean, None if the reader did not say;
    `links` are those that heads are ranked by, None if the reader chose none.
    """

    request: AttentionRequest = REQUEST
    head: HeadRef = HEAD
    options: ViewOptions = AS_IT_IS
    focus: TokenSelection | None = PRONOUN
    pins: tuple[Pin, ...] = field(default=())
    panels: tuple[Panel, ...] = field(default=())
    shown: str = ""
    view: str = "curves"
    candidates: tuple[int, ...] = ()
    links: tuple[Link, ...] | None = None
    meant: int | None = None

    @classmethod
    def parse(cls, params: Mapping[str, str], cards: Iterable[ModelCard] | None = None) -> tuple[Selection, tuple[str, ...]]:
        """Return the selection that URL parameters ask for, and a notice for each value that could not be used.

        Never raises: what is missing or wrong falls back to a default, and the notice says which.
        """
        known = {card.id: card for card in (catalog.cards() if cards is None else cards)}
        notices: list[str] = []
        model = params.get("model", MODEL)
        if model not in known:
            notices.append(f"There is no model {quoted(model)}: showing {known[MODEL].name}.")
            model = MODEL
        card = known[model]
        text, text_b = (
            params.get(name, start).removeprefix(BYTE_ORDER_MARK) for name, start in (("text", TEXT), ("text_b", ""))
        )
        text_b = text_b or None
        if text_b is not None and not card.pairs:
            notices.append(f"{card.name} takes no second text: it is left out.")
            text_b = None
        head = _head(params, card, notices)
        words = _choice(params, "words", ("1", "0"), notices) == "1"
        special = _choice(params, "special", SPECIAL, notices)
        options = ViewOptions(words, special, _keep(params, notices), _choice(params, "between", BETWEEN, notices))
        request = AttentionRequest(model, text, text_b)
        focus = _focus(params, request, notices)
        requests = url_codec.texts(params.get("texts", ""), known, notices)
        pins, places = url_codec.pins(params.get("pins", ""), request, requests, known, notices)
        panels = url_codec.panels(params.get("panels", ""), places, notices)
        shown, view = _choice(params, "set", SETS, notices), _choice(params, "view", VIEWS, notices)
        candidates = _candidates(params, text, notices)
        links = url_codec.links(params["links"], text, notices) if "links" in params else None
        meant = _meant(params, candidates, notices)
        return cls(request, head, options, focus, pins, panels, shown, view, candidates, links, meant), tuple(notices)

    def params(self) -> dict[str, str]:
        """Return the URL parameters that `parse` turns back into this selection. Long texts stay out: see `fits`."""
        found = {"model": self.request.model}
        if self.fits:
            found["text"] = self.request.text
            if self.request.text_b is not None:
                found["text_b"] = self.request.text_b
        found |= {"layer": str(self.head.layer), "head": str(self.head.head)}
        if self.head.block != "self":
            found["block"] = self.head.block
        if not self.options.words:
            found["words"] = "0"
        if self.options.special != "show":
            found["special"] = self.options.special
        if self.options.keep is not None:
            found["keep"] = str(self.options.keep)
        if self.options.between:
            found["between"] = self.options.between
        found["focus"] = "" if self.focus is None else str(self.focus)
        if self.fits and (others := url_codec.others(self.request, self.pins)):
            found["texts"] = url_codec.written_texts(others)
        pins = tuple(pin for pin in self.pins if self.fits or pin.request == self.request)
        if pins:
            found["pins"] = url_codec.written_pins(self.request, pins)
        if self.panels and pins == self.pins:
            found["panels"] = ",".join(str(panel) for panel in self.panels)
        if self.shown:
            found["set"] = self.shown
        if self.view != VIEWS[0]:
            found["view"] = self.view
        if self.candidates:
            found["candidates"] = ",".join(map(str, self.candidates))
        if self.meant in self.candidates:
            found["meant"] = str(self.meant)
        if self.links is not None and self.fits:
            found["links"] = url_codec.written_links(self.links)
        return found

    @property
    def fits(self) -> bool:
        """Whether all the texts are short enough to live in a link."""
        requests = (self.request, *url_codec.others(self.request, self.pins))
        texts = "".join(request.text + (request.text_b or "") for request in requests)
        return len(quote_plus(texts, errors="replace")) <= IN_URL


def _choice(params: Mapping[str, str], name: str, allowed: tuple[str, ...], notices: list[str]) -> str:
    """Return one of a few words; the first where it is missing or wrong."""
    value = params.get(name, allowed[0])
    if value in allowed:
        return value
    using = f"using {allowed[0]}" if allowed[0] else "it is left out"
    notices.append(f"“{name}” is one of {', '.join(filter(None, allowed))}; got {quoted(value)}: {using}.")
    return allowed[0]


def _head(params: Mapping[str, str], card: ModelCard, notices: list[str]) -> HeadRef:
    """Return the head asked for, each part within what the model has."""
    block = params.get("block", card.blocks[0])
    if block not in card.blocks:
        notices.append(f"{card.name} has no block {quoted(block)}: showing {card.blocks[0]}.")
        block = card.blocks[0]
    parts = []
    for name, count, default in (("layer", card.layers, card.head[0]), ("head", card.heads, card.head[1])):
        raw = params.get(name, str(default))
        if raw.isascii() and raw.isdecimal() and len(raw) < 7 and int(raw) < count:
            parts.append(int(raw))
            continue
        notices.append(
            f"{name.capitalize()} {quoted(raw)} does not exist ({card.name} has 0 to {count - 1}): showing {name} 0."
        )
        parts.append(0)
    return HeadRef(parts[0], parts[1], block)


def _focus(params: Mapping[str, str], request: AttentionRequest, notices: list[str]) -> TokenSelection | None:
    """Return the selected word; on the default text, the pronoun."""
    raw = params.get("focus")
    if raw is None:
        return Selection.focus if request.text == TEXT else None
    if not raw:
        return None
    try:
        focus = TokenSelection.parse(raw)
    except BadInputError as error:
        notices.append(f"No word is selected: {error}.")
        return None
    for one in (focus, *focus.also):
        text = (request.text_b if one.segment else request.text) or ""
        if not one.special and one.start >= len(text):
            which = "second text" if one.segment else "text"
            notices.append(f"No word is selected: the {which} has {len(text)} characters, and none at {one.start}.")
            return None
    return focus


def _candidates(params: Mapping[str, str], text: str, notices: list[str]) -> tuple[int, ...]:
    """Return the words that a pronoun may mean, e.g. `candidates=4,32`."""
    raw = params.get("candidates", "")
    if not raw:
        return ()
    parts = raw.split(",")
    if len(parts) > CANDIDATES or not all(re.fullmatch(r"\d{1,7}", part, re.ASCII) and int(part) < len(text) for part in parts):
        notices.append(
            f"Candidates are at most {CANDIDATES} words by the characters where they start, e.g. 4,32; got {quoted(raw)}: "
            "they are left out."
        )
        return ()
    return tuple(dict.fromkeys(map(int, parts)))


def _meant(params: Mapping[str, str], candidates: tuple[int, ...], notices: list[str]) -> int | None:
    """Return which of the candidates the pronoun means, by where it starts, e.g. `meant=4`."""
    raw = params.get("meant", "")
    found = next((start for start in candidates if str(start) == raw), None)
    if raw and found is None:
        notices.append(f"What a pronoun means is one of its candidates; got {quoted(raw)}: nothing is right or wrong.")
    return found


def _keep(params: Mapping[str, str], notices: list[str]) -> Keep | None:
    """Return which weak weights are left out; none where it is missing or wrong."""
    raw = params.get("keep", "")
    if not raw:
        return None
    try:
        return Keep.parse(raw)
    except BadInputError as error:
        notices.append(f"Every weight is shown: {error}")
        return None
