"""The tokenizer of a model that is on this machine, without its weights."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from attnviz.models import gguf
from attnviz.models.locate import find_weights
from attnviz.settings import Settings
from attnviz.types import ModelCard

FILE = "tokenizer.json"  # of a tokenizer that is read at once; other files take seconds
KEPT = 4  # tokenizers in memory, about 10 MB each


def tokenizer(card: ModelCard, settings: Settings) -> Any | None:
    """Return the tokenizer of a card's model; None where it is not here, or cannot be had at once."""
    folder = find_weights(card, settings).path
    if folder is not None and card.gguf:  # the GGUF file itself would take seconds: only its conversion is used
        pins = dict(card.sha256)
        folder = gguf.folder_of(settings.cache_dir, pins[card.gguf]) if card.gguf in pins else None
    return _read(folder) if folder is not None and (folder / FILE).is_file() else None


@lru_cache(maxsize=KEPT)
def _read(folder: Path) -> Any | None:
    """Return the tokenizer in a folder; None if its files are damaged, which loading the model reports."""
    try:
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception:  # noqa: BLE001  # tokenizers raises Exception itself
        return None
