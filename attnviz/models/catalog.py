"""A model's id in, its card out: what the catalogue in content/models.toml says, without torch or transformers."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from attnviz import charset
from attnviz.errors import UnknownModelError
from attnviz.types import ModelCard

FILE = Path(__file__).parent.parent / "content" / "models.toml"


@cache
def cards() -> tuple[ModelCard, ...]:
    """Every model of the catalogue, in its order: the first is the default."""
    return tuple(_card(entry) for entry in tomllib.loads(charset.read(FILE))["model"])


def card(id: str) -> ModelCard:
    """The card with exactly this id; raises UnknownModelError and lists what there is. An id is never a path."""
    for found in cards():
        if found.id == id:
            return found
    asked = ascii(id if len(id) <= 60 else f"{id[:60]}…")
    raise UnknownModelError(f"There is no model {asked}. Choose one of {', '.join(found.id for found in cards())}.")


def _card(entry: dict) -> ModelCard:
    """One table of the file as a card: pins become pairs, the default head a pair."""
    pins = tuple(entry.pop("sha256", {}).items())
    layer, head = entry.pop("head", (0, 0))
    return ModelCard(**entry, sha256=pins, head=(layer, head))
