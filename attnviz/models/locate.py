"""Locate the weights of a card without network: package, local folder, hub cache, hub, or missing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from attnviz.errors import BadInputError
from attnviz.models import packages
from attnviz.settings import Settings
from attnviz.types import ModelCard

KINDS = ("package", "folder", "cache", "hub", "missing")
CONFIG = "config.json"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"

# The files of its repository that a model needs; not pickles, pictures and copies for other programs.
PATTERNS = ("*.json", "*.txt", "*.model", "*.spm", "model*.safetensors")


@dataclass(frozen=True)
class WeightLocation:
    """Where a model's weights are: `path` is their folder, None while they are not on this machine.

    `remedy` is the command that downloads them, or downloads them again if they are damaged; "" for a user's own folder,
    which no command can restore.
    """

    kind: str
    path: Path | None
    remedy: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS or (self.path is None) != (self.kind in ("hub", "missing")):
            raise BadInputError(
                f"A place is one of {', '.join(KINDS)}, with a path unless hub or missing; got {self.kind}, {self.path}."
            )


def find_weights(card: ModelCard, settings: Settings) -> WeightLocation:
    """Return the first place with the weights: an installed package, a local folder, the hub cache; else the hub, or none."""
    if card.folder and not card.package:
        return WeightLocation("folder", Path(card.folder), "")
    for package in packages.folders(card.package, card.requirement, settings.cache_dir):
        if os.path.isfile(package / card.folder / (card.gguf or WEIGHTS)):
            return WeightLocation("package", package / card.folder, command(card, again=True))
    own = _own_folder(card, settings)
    if own is not None:
        return WeightLocation("folder", own, "")
    cached = _cached(card)
    if cached is not None:
        return WeightLocation("cache", cached, command(card, again=True))
    return WeightLocation("hub" if card.hub and not settings.offline else "missing", None, command(card))


def command(card: ModelCard, *, again: bool = False) -> str:
    """Return the command that downloads a model, or downloads it again."""
    return f"attnviz models get {card.id}{' --again' if again else ''}"


def _own_folder(card: ModelCard, settings: Settings) -> Path | None:
    """Return the user's own copy: `models_dir/<id>`, or `models_dir/<hub name with "/" as "--">`.

    If the folder exists, it is used even without a model in it: otherwise other weights would be shown without a warning.
    """
    if settings.models_dir is None:
        return None
    named = [settings.models_dir / name for name in (card.id, card.hub.replace("/", "--")) if name]
    # If `Path.is_file` raises (a name too long, a folder without permission), these return False.
    complete = next((folder for folder in named if os.path.isfile(folder / (card.gguf or CONFIG))), None)
    if complete is not None or card.gguf:
        return complete
    return next((folder for folder in named if os.path.exists(folder)), None)  # loading reports what is wrong with it


def _cached(card: ModelCard) -> Path | None:
    """Return the snapshot in the hub's cache on this machine, also under the short name that older programs used."""
    if not card.hub:
        return None
    from huggingface_hub import try_to_load_from_cache

    for repository in (card.hub, card.hub.rpartition("/")[2]):
        config = try_to_load_from_cache(repository, CONFIG)
        if isinstance(config, str):
            folder = Path(config).parent
            if (folder / WEIGHTS).exists() or (folder / INDEX).exists():
                return folder
    return None
