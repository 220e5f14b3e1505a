"""attnviz: see every attention head of a real transformer on a text of your own.

Start with `attend(text)`, which reads a text with a model of the catalogue, or `trace(model, tokenizer, text)` for a model
that you have loaded. Both return a `Trace`. Heavy libraries are imported on first use, so `import attnviz` is quick.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload

from attnviz.engine import notebook_hook
from attnviz.errors import AttnvizError, BadInputError, UnknownModelError
from attnviz.types import AttentionRequest, HeadRef, Link

if TYPE_CHECKING:
    from attnviz.backends.base import Capabilities
    from attnviz.backends.cached import CachedBackend
    from attnviz.backends.model_folders import FolderBackends
    from attnviz.engine.trace import Trace
    from attnviz.models.load import LoadedModel

__all__ = [
    "AttentionRequest", "AttnvizError", "HeadRef", "Link", "Trace",
    "attend", "capture", "capture_batch", "load", "open_backend", "trace",
]  # fmt: skip
__version__ = "0.1.0"

T = TypeVar("T")
_default: list[CachedBackend] = []
_folder_backends: list[FolderBackends] = []
_lock = threading.Lock()


def open_backend(url: str = "local:") -> CachedBackend:
    """Open a separate backend: `local:` runs models in this process, an http(s) address asks an `attnviz serve` server."""
    from attnviz import backends

    return backends.open_backend(url)


def _backend() -> CachedBackend:
    """Return the backend that `load` and `attend` share, opened when first needed."""
    with _lock:
        if not _default:
            from attnviz import backends
            from attnviz.settings import Settings

            settings = Settings.from_env()
            _default.append(backends.open_backend(settings.backend, settings))
        return _default[0]


def _folders() -> FolderBackends:
    """Return the models of folders that `load` and `attend` share, opened when first needed."""
    with _lock:
        if not _folder_backends:
            from attnviz.backends.model_folders import FolderBackends
            from attnviz.settings import Settings

            _folder_backends.append(FolderBackends(Settings.from_env()))
        return _folder_backends[0]


def _local(model: Any, purpose: str, choose: Callable[[Capabilities], T | None]) -> tuple[T, str]:
    """Return a capability of the backend that has a model, and the model's id there. AttnvizError if a server lacks it."""
    from attnviz.models import catalog

    folder, name = _folders().backend(model) if catalog.is_path(model) else (None, "")
    chosen = choose((folder or _backend()).capabilities)
    if chosen is None:
        raise AttnvizError(f"{purpose} by the local backend only. Unset ATTNVIZ_BACKEND.")
    return chosen, name or _name(model)


def _name(model: object) -> str:
    """Return the id of a model as it is given, if it can be one."""
    if not isinstance(model, str):
        raise BadInputError(
            f"model must be the name of a model, a string, or the path of a folder; got {type(model).__name__}. "
            "A model in memory goes to attnviz.trace."
        )
    return model


def _named(model: Any) -> None:
    """Raise UnknownModelError for no model of the catalogue, with what a caller on this machine may have meant."""
    from attnviz.models import catalog

    catalog.card(_name(model), folder='model="{}"')


def load(model: str | os.PathLike[str] = "minilm") -> LoadedModel:
    """Return the model that `attend` uses: `.model`, `.tokenizer` and `.card`.

    `model` is an id of the catalogue or a folder (`./my-model`, or any path object). Raises UnknownModelError and
    UnavailableError.
    """
    load_model, name = _local(model, "Models are loaded", lambda can: can.load)
    try:
        return load_model(name)
    except UnknownModelError:
        _named(model)
        raise


Messages = Sequence[Mapping[str, str]]


@overload
def attend(
    text: str | None = None, model: str | os.PathLike[str] = "minilm", text_b: str | None = None, *,
    tokens: Any = None, words: Iterable[str] | None = None, chat: bool = False,
) -> Trace: ...  # fmt: skip
@overload
def attend(
    text: Iterable[str] | Messages, model: str | os.PathLike[str] = "minilm", text_b: Iterable[str | None] | None = None, *,
    chat: bool = False,
) -> Any: ...  # fmt: skip
def attend(
    text: Any = None, model: str | os.PathLike[str] = "minilm", text_b: Any = None, *,
    tokens: Any = None, words: Any = None, chat: bool = False,
) -> Any:  # fmt: skip
    """Read `text` with a model of the catalogue or of a folder (`./my-model`, or any path object); return its Trace.

    `text_b` is the second sentence, or an encoder-decoder's target. Several texts, as a list or a column of a table, give
    a tuple of traces: each is read by itself, as in a call of its own.

    In place of `text`: `tokens` are ids or pieces of the tokenizer, read as given, with no special token added;
    `words` is a text that is already split into words, by which pieces are grouped and labelled. With `chat` the text is a
    user's message inside the tokenizer's chat template; it may also be a list of messages (`role` and `content`).
    """
    from attnviz.backends import program_input
    from attnviz.models import catalog

    if tokens is None and words is None and program_input.is_batch(text, chat=chat):
        return program_input.for_each(text, text_b, lambda one, other: attend(one, model, other, chat=chat))
    given = program_input.ProgramInput(text, text_b, tokens, words, chat)
    try:
        if given.plain and not catalog.is_path(model):
            return _backend().attend(AttentionRequest(_name(model), text, text_b, chat))
        attend_input, name = _local(model, "Tokens, words and conversations are read", lambda can: can.attend_input)
        return attend_input(name, given)
    except UnknownModelError:
        _named(model)
        raise


@overload
def trace(
    model: Any, tokenizer: Any, text: str | None = None, text_b: str | None = None, *,
    tokens: Any = None, words: Iterable[str] | None = None, chat: bool = False,
) -> Trace: ...  # fmt: skip
@overload
def trace(
    model: Any, tokenizer: Any, text: Iterable[str] | Messages, text_b: Iterable[str | None] | None = None, *,
    chat: bool = False,
) -> Any: ...  # fmt: skip
def trace(
    model: Any, tokenizer: Any, text: Any = None, text_b: Any = None, *,
    tokens: Any = None, words: Any = None, chat: bool = False,
) -> Any:  # fmt: skip
    """Read `text` with any loaded transformers model and its tokenizer; return its Trace. The model is not changed.

    Texts, `tokens`, `words` and `chat` are those of `attend`. A wrapper around a model is unwrapped if that changes nothing:
    torch.compile, DataParallel, a PeftModel, a pipeline, a SentenceTransformer; pass None as the tokenizer to use its own.
    `trace.note` says what was unwrapped and what that means.
    """
    from attnviz.backends import program_input
    from attnviz.backends.local import trace_model

    if tokens is None and words is None and program_input.is_batch(text, chat=chat):
        return program_input.for_each(text, text_b, lambda one, other: trace(model, tokenizer, one, other, chat=chat))
    return trace_model(model, tokenizer, text, text_b, tokens=tokens, words=words, chat=chat)


def capture(model: Any, **inputs: Any) -> Trace:
    """Run a model on one row of input tensors and return its Trace. Tokens are labelled by number where no text is known.

    Raises BadInputError for more than one row: use `capture_batch`.
    """
    from attnviz.engine import capture as engine

    return engine.capture(model, **inputs)


def capture_batch(model: Any, **inputs: Any) -> tuple[Trace, ...]:
    """Run a model on a batch of input tensors and return one Trace per row, without padding (`attention_mask` 0)."""
    from attnviz.engine import capture as engine

    return engine.capture_batch(model, **inputs)


def _board(trace: Trace) -> str:
    """Return the trace as a notebook shows it."""
    from attnviz.board import notebook

    return notebook.cell(trace)


def _table(kind: str) -> Callable[..., Any]:
    """Return the function that makes a table of a trace, imported when first needed."""

    def made(trace: Trace, layer: int | None, head: int | None, **options: Any) -> Any:
        from attnviz.analysis import tables as frames

        return {"frame": frames.frame, "xarray": frames.array}[kind](trace, layer, head, **options)

    return made


notebook_hook.pictures.append(_board)
notebook_hook.tables.update({kind: _table(kind) for kind in ("frame", "xarray")})


def __getattr__(name: str) -> Any:
    """Return `Trace`, imported on first use because it loads torch."""
    if name == "Trace":
        from attnviz.engine.trace import Trace

        return Trace
    raise AttributeError(f"module 'attnviz' has no attribute {name!r}")
