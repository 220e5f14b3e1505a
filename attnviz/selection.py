"""URL parameters in, a Selection out, and back: everything a link carries. Bad values become notices, never errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from attnviz.errors import BadInputError
from attnviz.models import catalog
from attnviz.types import SPECIAL, AttentionRequest, Focus, HeadRef, ModelCard, Pin, ViewOptions, quoted

MODEL = "minilm"
TEXT = "The animal didn't cross the street because it was too tired"
PINS = 8
REQUEST, HEAD, AS_IT_IS, PRONOUN = AttentionRequest(MODEL, TEXT), HeadRef(3, 1), ViewOptions(), Focus(TEXT.index("it was"))
IN_URL = 8_000  # bytes of encoded text that still fit a link through common proxies
PARAMETERS = ("model", "text", "text_b", "head", "layer", "block", "words", "special", "pins", "focus")


@dataclass(frozen=True)
class Selection:
    """What the reader looks at: a request, a head, how it is shown, the held word and the pinned heads."""

    request: AttentionRequest = REQUEST
    head: HeadRef = HEAD
    options: ViewOptions = AS_IT_IS
    focus: Focus | None = PRONOUN
    pins: tuple[Pin, ...] = field(default=())

    @classmethod
    def parse(cls, params: Mapping[str, str], cards: Iterable[ModelCard] | None = None) -> tuple[Selection, tuple[str, ...]]:
        """The selection that URL parameters ask for, and a notice for each value that could not be used.

        Never raises: what is missing or wrong falls back to a default, and the notice says which.
        """
        known = {card.id: card for card in (catalog.cards() if cards is None else cards)}
        notices: list[str] = []
        model = params.get("model", MODEL)
        if model not in known:
            notices.append(f"There is no model {quoted(model)}: showing {known[MODEL].name}.")
            model = MODEL
        card = known[model]
        text, text_b = params.get("text", TEXT), params.get("text_b") or None
        if text_b is not None and not card.pairs:
            notices.append(f"{card.name} takes no second text: it is left out.")
            text_b = None
        head = _head(params, card, notices)
        words = _choice(params, "words", ("1", "0"), notices) == "1"
        special = _choice(params, "special", SPECIAL, notices)
        request = AttentionRequest(model, text, text_b)
        focus = _focus(params, text, notices)
        return cls(request, head, ViewOptions(words, special), focus, _pins(params, request, card, notices)), tuple(notices)

    def params(self) -> dict[str, str]:
        """The URL parameters that `parse` turns back into this selection. Long texts stay out: see `fits`."""
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
        if self.pins:
            found["pins"] = ",".join(f"{pin.head.layer}.{pin.head.head}" for pin in self.pins)
        found["focus"] = "" if self.focus is None else str(self.focus)
        return found

    @property
    def fits(self) -> bool:
        """Whether the texts are short enough to live in a link."""
        texts = self.request.text + (self.request.text_b or "")
        return len(texts.encode("utf-8", "surrogatepass")) <= IN_URL


def _choice(params: Mapping[str, str], name: str, allowed: tuple[str, ...], notices: list[str]) -> str:
    """One of a few words; the first where it is missing or wrong."""
    value = params.get(name, allowed[0])
    if value in allowed:
        return value
    notices.append(f"“{name}” is one of {', '.join(allowed)}; got {quoted(value)}: using {allowed[0]}.")
    return allowed[0]


def _head(params: Mapping[str, str], card: ModelCard, notices: list[str]) -> HeadRef:
    """The head asked for, each part within what the model has."""
    block = params.get("block", card.blocks[0])
    if block not in card.blocks:
        notices.append(f"{card.name} has no block {quoted(block)}: showing {card.blocks[0]}.")
        block = card.blocks[0]
    named = "layer" in params or "head" in params
    parts = []
    for name, count, default in (("layer", card.layers, card.head[0]), ("head", card.heads, card.head[1])):
        raw = params.get(name, "0" if named else str(default))
        if raw.isascii() and raw.isdecimal() and len(raw) < 7 and int(raw) < count:
            parts.append(int(raw))
            continue
        notices.append(
            f"{name.capitalize()} {quoted(raw)} does not exist ({card.name} has 0 to {count - 1}): showing {name} 0."
        )
        parts.append(0)
    return HeadRef(parts[0], parts[1], block)


def _focus(params: Mapping[str, str], text: str, notices: list[str]) -> Focus | None:
    """The held word; on the text we open with, the pronoun."""
    raw = params.get("focus")
    if raw is None:
        return Selection.focus if text == TEXT else None
    if not raw:
        return None
    try:
        return Focus.parse(raw)
    except BadInputError as error:
        notices.append(f"Nothing is held: {error}.")
        return None


def _pins(params: Mapping[str, str], request: AttentionRequest, card: ModelCard, notices: list[str]) -> tuple[Pin, ...]:
    """Heads kept beside the first, e.g. `pins=5.11,3.2`, of the same text and model."""
    pins: list[Pin] = []
    for raw in filter(None, params.get("pins", "").split(",")):
        try:
            head = HeadRef.parse(raw)
        except BadInputError as error:
            notices.append(f"A pin is left out: {error}")
            continue
        if head.layer >= card.layers or head.head >= card.heads:
            notices.append(f"A pin is left out: {card.name} has no {head}.")
        elif len(pins) == PINS:
            notices.append(f"At most {PINS} heads are kept: the rest is left out.")
            break
        else:
            pins.append(Pin(request, HeadRef(head.layer, head.head, card.blocks[0])))
    return tuple(pins)
