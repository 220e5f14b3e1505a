"""Where attention comes from: one door, whatever stands behind it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from attnviz.errors import BadInputError
from attnviz.settings import Settings

if TYPE_CHECKING:
    from attnviz.backends.cached import CachedBackend
    from attnviz.types import ModelCard


def open_backend(
    url: str = "local:",
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
    folders: tuple[ModelCard, ...] = (),
) -> CachedBackend:
    """The backend behind `url`: `local:` runs models in this process, of the catalogue and of `folders`.

    `progress` gets a line before everything slow. Raises BadInputError for any other address.
    """
    if url != "local:":
        raise BadInputError(f"A backend's address is `local:` (models in this process); got {url!r}.")
    from attnviz.backends.cached import CachedBackend
    from attnviz.backends.local import LocalBackend

    settings = settings or Settings.from_env()
    return CachedBackend(LocalBackend(settings, progress, folders), settings.cache_bytes)
