"""Load the tokenizer of a model on this machine, without its weights."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from attnviz.models import gguf
from attnviz.models.locate import find_weights
from attnviz.settings import Settings
from attnviz.types import ModelCard

FILE = "tokenizer.json"  # of a tokenizer that loads at once; other files take seconds
KEPT = 4  # tokenizers in memory, about 10 MB each


def tokenizer(card: ModelCard, settings: Settings) -> Any | None:
    """Return the tokenizer of a card's model; None if it is not on this machine, or slow to load."""
    folder = find_weights(card, settings).path
    if folder is not None and card.gguf:  # the GGUF file itself would take seconds, so only its conversion is used
        pins = dict(card.sha256)
        folder = gguf.folder_of(settings.cache_dir, pins[card.gguf]) if card.gguf in pins else None
    return _read(folder) if folder is not None and (folder / FILE).is_file() else None


@lru_cache(maxsize=KEPT)
def _read(folder: Path) -> Any | None:
    """Return the tokenizer in a folder; None if its files are damaged, which is reported when the model is loaded."""
    try:
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception:  # noqa: BLE001  # tokenizers raises Exception itself
        return None
