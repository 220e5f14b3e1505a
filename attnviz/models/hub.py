"""Fetch the files of a card from the Hugging Face hub, or fail within seconds with the reason."""

from __future__ import annotations

import re
from pathlib import Path

from attnviz.errors import DamagedWeightsError, OutputError, UnavailableError
from attnviz.models import weights
from attnviz.models.locate import PATTERNS, command
from attnviz.progress import OnProgress, ProgressEvent
from attnviz.types import ModelCard

TIMEOUT = 5.0  # seconds until a hub that does not answer counts as out of reach


def fetched(card: ModelCard, remedy: str, report: OnProgress, *, again: bool = False) -> Path:
    """The folder in the hub's cache that holds the model's files; with `again`, each file is fetched also where it is there.

    Raises UnavailableError with the remedy where the hub does not give them, OutputError where this machine cannot keep them.
    """
    from huggingface_hub import HfApi, snapshot_download

    try:
        # Asked first and by itself: the download has no time limit of its own until the hub has answered once.
        HfApi().model_info(card.hub, timeout=TIMEOUT)
        report(ProgressEvent(f"Fetching {card.name} from the hub, once; afterwards it stays on this machine."))
        return Path(snapshot_download(card.hub, allow_patterns=list(PATTERNS), etag_timeout=TIMEOUT, force_download=again))
    except Exception as error:  # the hub's errors, its HTTP library's and the disk's have no common base
        if isinstance(error, OSError) and error.strerror:  # the disk's own; those of the network carry none
            raise OutputError(
                f"{card.name} cannot be kept in the hub's cache on this machine ({error.strerror}). "
                "Set HF_HOME to a folder that can be written, with room for it."
            ) from error
        raise UnavailableError(
            f"{card.name} is not on this machine and could not be fetched from the hub, which {_answer(error)}. "
            f"Where there is a network, run: {remedy}",
            command=remedy,
        ) from error


def check(folder: Path, card: ModelCard) -> None:
    """Raise DamagedWeightsError where a fetched file is not the one that the hub has.

    The hub's cache names each large file by its sha256; a link in the model's folder leads there.
    """
    for file in sorted(folder.iterdir()):
        named = file.resolve().name
        if re.fullmatch("[0-9a-f]{64}", named) and weights.sha256(file) != named:
            again = command(card, again=True)
            raise DamagedWeightsError(f"{file.name} of {card.name} came damaged from the hub. Fetch it again: {again}")


def _answer(error: Exception) -> str:
    """What the hub did instead of giving the files."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return "did not answer" if status is None else f"answered with code {status}"
