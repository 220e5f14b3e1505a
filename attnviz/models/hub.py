"""Download the files of a card from the Hugging Face hub, or fail within seconds with the reason."""

from __future__ import annotations

import re
from pathlib import Path

from attnviz.errors import DamagedWeightsError, OutputError, UnavailableError
from attnviz.models import weights
from attnviz.models.locate import PATTERNS, command
from attnviz.progress import OnProgress, ProgressEvent
from attnviz.types import ModelCard

TIMEOUT = 5.0  # seconds until a hub that does not answer counts as unreachable


def fetched(card: ModelCard, remedy: str, report: OnProgress, *, again: bool = False) -> Path:
    """Return the folder in the hub's cache with the model's files; with `again`, existing files are downloaded again.

    Raises UnavailableError, with the remedy, if the hub does not send them, OutputError if they cannot be stored.
    """
    from huggingface_hub import HfApi, snapshot_download

    try:
        # A request of its own comes first: the download has no time limit until the hub has answered once.
        HfApi().model_info(card.hub, timeout=TIMEOUT)
        report(ProgressEvent(f"Fetching {card.name} from the hub, once; afterwards it stays on this machine."))
        return Path(snapshot_download(card.hub, allow_patterns=list(PATTERNS), etag_timeout=TIMEOUT, force_download=again))
    except Exception as error:  # errors of the hub, its HTTP library and the disk have no common base class
        if isinstance(error, OSError) and error.strerror:  # errors of the disk; those of the network have none
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
    """Raise DamagedWeightsError if a downloaded file is not the one on the hub.

    The hub's cache names each large file by its sha256; a link in the model's folder points to it.
    """
    for file in sorted(folder.iterdir()):
        named = file.resolve().name
        if re.fullmatch("[0-9a-f]{64}", named) and weights.sha256(file) != named:
            again = command(card, again=True)
            raise DamagedWeightsError(f"{file.name} of {card.name} came damaged from the hub. Fetch it again: {again}")


def _answer(error: Exception) -> str:
    """Return what the hub did instead of sending the files."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return "did not answer" if status is None else f"answered with code {status}"
