"""Models in folders that a program names: each is loaded once, and again when its files have changed."""

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


class FolderBackends:
    """A backend for each folder, the last few of them: as many as a server keeps models. Thread-safe.

    Traces are not cached: a folder may be written again at any moment, as in training.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.backend != "local:":
            raise BadInputError(
                f"A folder of your own is read by the models of this machine; the backend is {settings.backend}. "
                "Unset ATTNVIZ_BACKEND."
            )
        self.settings = settings
        self._lock = threading.Lock()
        self._backends: OrderedDict[str, tuple[Stamp, LocalBackend]] = OrderedDict()

    def backend(self, path: str | os.PathLike[str]) -> tuple[LocalBackend, str]:
        """Return the backend of a folder, and the id of its model there. Raises what `local_card` does."""
        card = load.local_card(Path(path))
        stamp = _stamp(Path(card.folder))
        with self._lock:
            found = self._backends.get(card.folder)
            if found is None or found[0] != stamp:
                found = stamp, LocalBackend(self.settings, folders=(card,))
                self._backends[card.folder] = found
            self._backends.move_to_end(card.folder)
            while len(self._backends) > self.settings.loaded_models:
                self._backends.popitem(last=False)
        return found[1], card.id


def _stamp(folder: Path) -> Stamp:
    """Return names, sizes and times of a folder's files; if any changes, the model is loaded again."""
    entries = [(entry.name, entry.stat()) for entry in os.scandir(folder) if entry.is_file()]
    return tuple(sorted((name, found.st_size, found.st_mtime_ns) for name, found in entries))
