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
    client: Callable[[], str] = lambda: "",
) -> CachedBackend:
    """The backend behind `url`: `local:` runs models in this process, of the catalogue and of `folders`.

    `http://host:port` is a server on another machine (`attnviz serve`). `progress` gets a line before everything slow;
    `client` tells a server which of our readers asks now. Raises BadInputError for any other address, and for `folders`,
    which are on this machine, where the backend is on another one.
    """
    from attnviz.backends.cached import CachedBackend

    settings = settings or Settings.from_env()
    if url == "local:":
        from attnviz.backends.local import LocalBackend

        return CachedBackend(LocalBackend(settings, progress, folders), settings.cache_bytes)
    from attnviz.backends.remote import RemoteBackend

    found = RemoteBackend(url, settings, progress, client)
    if folders:
        raise BadInputError(
            f"A folder of your own is read by the models of this machine; the backend is {found.url}. Unset ATTNVIZ_BACKEND."
        )
    return CachedBackend(found, settings.cache_bytes)
