"""Model cards as JSON: what a server says of its models. Nothing about folders of this machine leaves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec import Meta, Struct

from attnviz.errors import AnswerError
from attnviz.types import ModelCard, quoted

Count = Annotated[int, Meta(ge=0)]
NAMES = tuple(field.name for field in fields(ModelCard))
STRICTER: dict[Any, Any] = {int: Count, tuple[int, int]: tuple[Count, Count]}  # than the card's own types
TYPES = {name: STRICTER.get(hint, hint) for name, hint in get_type_hints(ModelCard).items()}
TYPES |= {"kind": Literal["encoder", "decoder", "encoder-decoder"], "here": bool}
# Exactly the fields of a card, and whether its weights are there.
_Entry = msgspec.defstruct("_Entry", [(name, TYPES[name]) for name in (*NAMES, "here")], forbid_unknown_fields=True)


class _Answer(Struct):
    """The body of `GET /v1/models`."""

    models: list[Any]


def to_json(card: ModelCard, here: bool) -> dict[str, Any]:
    """Return a card as a JSON value, with whether its weights are `here`; the path of a local folder is left out."""
    return asdict(card if card.package else replace(card, folder="")) | {"here": here}


def from_json(data: bytes) -> Sequence[tuple[ModelCard, bool]]:
    """Return the cards of a list of models, each with whether its weights are there. Raises AnswerError for anything else."""
    try:
        entries = [msgspec.convert(entry, _Entry) for entry in msgspec.json.decode(data, type=_Answer).models]
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise AnswerError(
            f"A list of models has its fields in their types; got {quoted(str(error))}. Run the same attnviz at both ends."
        ) from error
    return [
        (ModelCard(**{name: values[name] for name in NAMES}), values["here"]) for values in map(msgspec.structs.asdict, entries)
    ]
