"""attnviz: see every attention head of a real transformer on a text of your own.

The public face. Heavy libraries are imported when first needed, so that `attnviz --help` answers at once.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from attnviz.engine import display
from attnviz.errors import AttnvizError
from attnviz.types import AttentionRequest, HeadRef, Link

if TYPE_CHECKING:
    from attnviz.backends.cached import CachedBackend
    from attnviz.engine.trace import Trace
    from attnviz.models.load import LoadedModel

__all__ = [
    "AttentionRequest", "AttnvizError", "HeadRef", "Link", "Trace",
    "attend", "capture", "capture_batch", "load", "open_backend", "trace",
]  # fmt: skip
__version__ = "0.1.0"

_default: list[CachedBackend] = []
_lock = threading.Lock()


def open_backend(url: str = "local:") -> CachedBackend:
    """A backend of one's own: `local:` runs models in this process."""
    from attnviz import backends

    return backends.open_backend(url)


def _backend() -> CachedBackend:
    """The backend that `load` and `attend` share, opened when first needed."""
    with _lock:
        if not _default:
            from attnviz import backends
            from attnviz.settings import Settings

            settings = Settings.from_env()
            _default.append(backends.open_backend(settings.backend, settings))
        return _default[0]


def load(model: str = "minilm") -> LoadedModel:
    """The very model that `attend` uses: `.model`, `.tokenizer` and `.card`. Raises UnknownModelError and UnavailableError."""
    from attnviz.backends.local import LocalBackend

    inner = _backend().inner
    if not isinstance(inner, LocalBackend):
        raise AttnvizError("Models are loaded by the local backend only. Unset ATTNVIZ_BACKEND.")
    return inner.loaded(model)


def attend(text: str, model: str = "minilm", text_b: str | None = None) -> Trace:
    """The trace of `text` read by a catalogued model. `text_b`: the second sentence, or an encoder-decoder's target."""
    return _backend().attend(AttentionRequest(model, text, text_b))


def trace(model: Any, tokenizer: Any, text: str, text_b: str | None = None) -> Trace:
    """The trace of `text` read by any loaded transformers model with its tokenizer. The model is left as it was.

    What holds a model is opened where that changes nothing: torch.compile, DataParallel, a PeftModel, a pipeline, a
    SentenceTransformer; with None for the tokenizer its own is taken. `trace.note` says what matters of it.
    """
    from attnviz.backends.local import traced

    return traced(model, tokenizer, text, text_b)


def capture(model: Any, **inputs: Any) -> Trace:
    """The trace of one row of input tensors; its tokens may be unlabelled."""
    from attnviz.engine import capture as engine

    return engine.capture(model, **inputs)


def capture_batch(model: Any, **inputs: Any) -> tuple[Trace, ...]:
    """One trace for each row of the input tensors, with padding cut away."""
    from attnviz.engine import capture as engine

    return engine.capture_batch(model, **inputs)


def _board(trace: Trace) -> str:
    """The trace as a notebook shows it."""
    from attnviz.figures.board import notebook

    return notebook.cell(trace)


display.pictures.append(_board)


def __getattr__(name: str) -> Any:
    """`Trace`, imported when first named: it brings torch with it."""
    if name == "Trace":
        from attnviz.engine.trace import Trace

        return Trace
    raise AttributeError(f"module 'attnviz' has no attribute {name!r}")
