"""A model's card as JSON, and back: what a server says of its models. Nothing of this machine's folders leaves it."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from typing import Any

from attnviz.errors import AnswerError
from attnviz.types import ModelCard

KINDS = ("encoder", "decoder", "encoder-decoder")


def told(card: ModelCard, here: bool) -> dict[str, Any]:
    """The card, and whether its weights are `here`; a folder of one's own stays unsaid."""
    return asdict(card if card.package else replace(card, folder="")) | {"here": here}


def read(entry: Any) -> tuple[ModelCard, bool]:
    """The same again. Raises AnswerError for anything else."""
    names = {field.name: field.type for field in fields(ModelCard)}
    if not isinstance(entry, dict) or entry.keys() != {*names, "here"} or not isinstance(entry["here"], bool):
        raise AnswerError("A model of a backend has the entries of a card, and whether it is here.")
    made = {name: _value(entry[name], str(kind)) for name, kind in names.items()}
    if made["kind"] not in KINDS:
        raise AnswerError(f"A model is one of {', '.join(KINDS)}.")
    return ModelCard(**made), entry["here"]


def _value(value: Any, kind: str) -> Any:
    """One entry as the card has it."""
    if kind == "str" and isinstance(value, str):
        return value
    if kind == "int" and type(value) is int and value >= 0:
        return value
    if kind.startswith("tuple") and isinstance(value, list):
        return tuple(_pair(one) if isinstance(one, list) else _value(one, "int") for one in value)
    raise AnswerError("An entry of a card is a text, a number from 0, or pairs of texts.")


def _pair(value: list[Any]) -> tuple[str, str]:
    """A file and its hash."""
    match value:
        case [str(one), str(other)]:
            return one, other
    raise AnswerError("A pair is two texts.")
