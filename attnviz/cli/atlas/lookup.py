"""Find the atlas of a command, shipped for a model or in a file, and check whether it fits the model's weights."""

from __future__ import annotations

import os
from pathlib import Path

from attnviz.cli import io
from attnviz.errors import BadInputError, UnknownModelError
from attnviz.linguistics.atlas import reader
from attnviz.linguistics.atlas.reader import Atlas
from attnviz.models import catalog
from attnviz.types import joined, quoted


def by_name(name: str) -> Atlas:
    """Return the atlas shipped for a model of the catalogue, or the one in a file. Raises BadInputError for others."""
    ids = [card.id for card in catalog.cards()]
    if name in ids:
        return shipped(name)
    path = os.path.expanduser(name)
    if os.path.isdir(path):
        raise BadInputError(
            f"An atlas is one file; {quoted(name)} is a folder. Measure a model's folder with `attnviz atlas build --model "
            "FOLDER --conllu FILE -o FILE`, then name that file."
        )
    if os.path.isfile(path):
        return reader.read(path)
    if os.sep in name or name.startswith(("~", ".")) or Path(name).suffix:
        return reader.read(name)  # raises: there is no such file
    near = reader.nearest(name, ids)
    raise BadInputError(
        "An atlas is named by a model that one is shipped for, or by a file that `attnviz atlas build` wrote; "
        f"{quoted(name)} is neither.{near} Shipped are those of {joined(shipped_models())}."
    )


def in_file(file: str, model: str | None) -> Atlas:
    """Return the atlas in a file. Raises BadInputError if it is of another model than `model`."""
    atlas = reader.read(file)
    if model not in (None, atlas.model):
        raise BadInputError(
            f"An atlas answers for its own model; {quoted(file)} is of {quoted(atlas.model)}, and --model says "
            f"{quoted(model or '')}. Leave --model out, or name another atlas."
        )
    return atlas


def shipped(model: str, then: str = "name that file") -> Atlas:
    """Return the atlas shipped for a model; raises BadInputError, with how to build one and `then` use it."""
    card = io.card(model)
    atlas = reader.shipped(card.id)
    if atlas is None:
        raise BadInputError(
            f"An atlas is shipped for {joined(shipped_models())}, and none for {quoted(card.id)}. Build one with `attnviz "
            f"atlas build --model {model} --conllu FILE --gap FILE -o FILE`, then {then}."
        )
    return atlas


def shipped_models() -> tuple[str, ...]:
    """Return the models that an atlas is shipped for and can be read."""
    models = []
    for card in catalog.cards():
        try:
            models += [card.id] if reader.shipped(card.id) else []
        except BadInputError:
            continue
    return tuple(models)


def weights_warning(atlas: Atlas) -> str:
    """Return a warning if the atlas was counted on weights other than the catalogue's; "" if not, or unknown."""
    try:
        pins = [digest for _, digest in catalog.card(atlas.model).sha256]
    except UnknownModelError:
        return ""
    if not pins or atlas.header.digest in pins:
        return ""
    return (
        f"Counted on other weights than those that attnviz brings as {atlas.model}: sha256 {atlas.header.digest[:12]}…, not "
        f"{pins[0][:12]}…. It says nothing about the heads of the latter."
    )
