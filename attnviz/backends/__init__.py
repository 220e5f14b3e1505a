"""Where attention comes from: models in this process, or a server on another machine, behind one function."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from attnviz.errors import BadInputError
from attnviz.progress import OnProgress, ignore
from attnviz.settings import Settings

if TYPE_CHECKING:
    from attnviz.backends.base import Backend
    from attnviz.backends.cached import CachedBackend
    from attnviz.backends.scheduled import Scheduling
    from attnviz.types import ModelCard


def open_backend(
    url: str = "local:",
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
    folders: tuple[ModelCard, ...] = (),
    client: Callable[[], str] = lambda: "",
    scheduling: Scheduling | None = None,
) -> CachedBackend:
    """Open the backend at `url`: `local:` runs models in this process, of the catalogue and of `folders`.

    `http://host:port` is a server on another machine (`attnviz serve`). `on_progress` gets an event before each slow step;
    `client` names the reader whose request goes to a server; `scheduling` puts a queue before the backend. Raises
    BadInputError for any other address, and for `folders`, which are on this machine, with a server.
    """
    from attnviz.backends.cached import CachedBackend
    from attnviz.backends.scheduled import ScheduledBackend

    settings = settings or Settings.from_env()
    inner: Backend
    if url == "local:":
        from attnviz.backends.local import LocalBackend

        inner = LocalBackend(settings, on_progress, folders)
    else:
        from attnviz.backends.remote import RemoteBackend

        inner = found = RemoteBackend(url, settings, on_progress, client)
        if folders:
            raise BadInputError(
                f"A folder of your own is read by the models of this machine; the backend is {found.url}. "
                "Unset ATTNVIZ_BACKEND."
            )
    if scheduling is not None:
        inner = ScheduledBackend(inner, scheduling, on_progress or ignore)
    return CachedBackend(inner, settings.cache_bytes, on_progress or ignore)
