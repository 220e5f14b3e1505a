"""Models of the reader's own folders, for programs: each is loaded once, and anew when its files have changed."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from pathlib import Path

from attnviz.backends.local import LocalBackend
from attnviz.errors import BadInputError
from attnviz.models import load
from attnviz.settings import Settings

Stamp = tuple[tuple[str, int, int], ...]


class OwnFolders:
    """A backend for each folder, the last few of them: as many as a server keeps models. Thread-safe.

    Traces are not kept: a folder may be written again at any moment, as in training.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.backend != "local:":
            raise BadInputError(
                f"A folder of your own is read by the models of this machine; the backend is {settings.backend}. "
                "Unset ATTNVIZ_BACKEND."
            )
        self.settings = settings
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[Stamp, LocalBackend]] = OrderedDict()

    def backend(self, path: str | os.PathLike[str]) -> tuple[LocalBackend, str]:
        """The backend of a folder, and the id that its model has there. Raises what `local_card` does."""
        card = load.local_card(Path(path))
        stamp = _stamp(Path(card.folder))
        with self._lock:
            kept = self._kept.get(card.folder)
            if kept is None or kept[0] != stamp:
                kept = stamp, LocalBackend(self.settings, folders=(card,))
                self._kept[card.folder] = kept
            self._kept.move_to_end(card.folder)
            while len(self._kept) > self.settings.loaded_models:
                self._kept.popitem(last=False)
        return kept[1], card.id


def _stamp(folder: Path) -> Stamp:
    """Names, sizes and times of the files in a folder: another stamp is another model."""
    entries = [(entry.name, entry.stat()) for entry in os.scandir(folder) if entry.is_file()]
    return tuple(sorted((name, found.st_size, found.st_mtime_ns) for name, found in entries))
