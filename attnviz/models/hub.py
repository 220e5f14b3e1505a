"""A card in; the folder of its files out, fetched from the Hugging Face hub, or within seconds an error that says why not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from attnviz.errors import OutputError, UnavailableError
from attnviz.models.locate import PATTERNS
from attnviz.types import ModelCard

PATIENCE = 5.0  # seconds until a hub that does not answer counts as out of reach


def fetched(card: ModelCard, remedy: str, progress: Callable[[str], None]) -> Path:
    """The folder in the hub's cache that holds the model's files.

    Raises UnavailableError with the remedy where the hub does not give them, OutputError where this machine cannot keep them.
    """
    from huggingface_hub import HfApi, snapshot_download

    try:
        # Asked first and by itself: the download has no time limit of its own until the hub has answered once.
        HfApi().model_info(card.hub, timeout=PATIENCE)
        progress(f"Fetching {card.name} from the hub, once; afterwards it stays on this machine.")
        return Path(snapshot_download(card.hub, allow_patterns=list(PATTERNS), etag_timeout=PATIENCE))
    except Exception as error:  # the hub's errors, its HTTP library's and the disk's have no common base
        if isinstance(error, OSError) and error.strerror:  # the disk's own; those of the network carry none
            raise OutputError(
                f"{card.name} cannot be kept in the hub's cache on this machine ({error.strerror}). "
                "Set HF_HOME to a folder that can be written, with room for it."
            ) from error
        raise UnavailableError(
            f"{card.name} is not on this machine and could not be fetched from the hub, which {_answer(error)}. "
            f"Where there is a network, run: {remedy}"
        ) from error


def _answer(error: Exception) -> str:
    """What the hub did instead of giving the files."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return "did not answer" if status is None else f"answered with code {status}"
