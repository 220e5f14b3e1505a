"""Cards of the models in content/models.toml, looked up by id, without torch or transformers."""

from __future__ import annotations

import difflib
import os
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from attnviz import charset
from attnviz.errors import UnknownModelError
from attnviz.types import ModelCard

FILE = Path(__file__).parent.parent / "content" / "models.toml"


@cache
def cards() -> tuple[ModelCard, ...]:
    """Return every model of the catalogue, in its order: the first is the default."""
    return tuple(_card(entry) for entry in _entries())


def language(id: str) -> str:
    """Return the language of almost all texts that a model was trained on; "" for one of several, or one that is not here."""
    return next((str(entry.get("language", "")) for entry in _entries() if entry["id"] == id), "")


def multilingual() -> tuple[ModelCard, int] | None:
    """Return the first model that was trained on many languages, and on how many; None without one."""
    found = next((entry for entry in _entries() if "languages" in entry), None)
    return None if found is None else (card(found["id"]), int(found["languages"]))


@cache
def _entries() -> tuple[dict[str, Any], ...]:
    """Return the tables of all models."""
    return tuple(tomllib.loads(charset.read(FILE))["model"])


@dataclass(frozen=True)
class Paper:
    """A paper that cards cite, with its authors as BibTeX writes names; `cited` is the part of `source` that names it."""

    cited: str
    title: str
    authors: str


def paper(card: ModelCard) -> Paper | None:
    """Return the paper that a card cites; None if the catalogue does not have it."""
    return next((one for one in papers() if one.cited in card.source), None)


@cache
def papers() -> tuple[Paper, ...]:
    """Return every paper of the catalogue."""
    return tuple(msgspec.convert(tomllib.loads(charset.read(FILE))["paper"], list[Paper]))


def is_path(name: object) -> bool:
    """Return whether a model's name is a folder: a path object, or a string that begins unlike any id, e.g. `./my-model`."""
    return isinstance(name, os.PathLike) or (isinstance(name, str) and name.startswith((".", "/", "~")))


def card(id: str, folder: str = "") -> ModelCard:
    """Return the card with exactly this id. Raises UnknownModelError, which lists all ids. An id is never a path.

    `folder` is how a caller on this machine writes a folder, e.g. `--model {}`. Only with it does the error check whether a
    folder with this name exists.
    """
    for found in cards():
        if found.id == id:
            return found
    asked = ascii(id if len(id) <= 60 else f"{id[:60]}…")
    if folder and id and os.path.isdir(id):
        raise UnknownModelError(
            f"There is no model {asked} in the catalogue, and a folder of that name stands here. "
            f"To read the folder, write {folder.format(f'./{id}')}."
        )
    near = _near(id)
    meant = f" Did you mean {near}?" if near else ""
    own = ""
    if folder and "/" in id:
        own = " Another model of the hub is read from a folder: hf download its name with --local-dir my-model, "
        own += f"then write {folder.format('./my-model')}."
    raise UnknownModelError(f"There is no model {asked}.{meant} Choose one of {', '.join(found.id for found in cards())}.{own}")


def _near(id: str) -> str:
    """Return the id of the model that is probably meant: its id or its name on the hub is similar; "" if there is none."""
    known = {name.casefold(): found.id for found in cards() for name in (found.hub, found.name, found.id) if name}
    near = difflib.get_close_matches(id[:100].casefold(), known, n=1, cutoff=0.75)
    return known[near[0]] if near else ""


def _card(entry: dict[str, Any]) -> ModelCard:
    """Return one table of the file as a card, with checked types; the pinned hashes become pairs."""
    return msgspec.convert(entry | {"sha256": list(entry.get("sha256", {}).items())}, ModelCard)
