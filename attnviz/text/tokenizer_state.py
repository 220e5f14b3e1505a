"""Use a tokenizer safely: a tokenizer keeps truncation, padding and its language as switches on one shared object."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from attnviz.errors import BadTextError

_LOCKS: WeakKeyDictionary[Any, threading.Lock] = WeakKeyDictionary()
_LOCKS_LOCK = threading.Lock()


@contextmanager
def locked(tokenizer: Any) -> Iterator[None]:
    """Keep other threads of this process from using the tokenizer until the block ends."""
    with _LOCKS_LOCK:
        lock = _LOCKS.setdefault(tokenizer, threading.Lock())
    with lock:
        yield


@contextmanager
def reading_side(tokenizer: Any, target: bool) -> Iterator[None]:
    """Set the tokenizer to read source text or target text; afterwards it reads source text, as after any of its calls."""
    wanted = getattr(tokenizer, "tgt_lang", "")
    if target and wanted is None and hasattr(tokenizer, "lang_code_to_token"):  # else M2M100 fails with an unclear message
        raise BadTextError(
            "This tokenizer must know the language of the target text. Set it, e.g. tokenizer.tgt_lang = "
            f"{next(iter(tokenizer.lang_code_to_token), 'fr')!r}."
        )
    for switch in ("_switch_to_input_mode", *(("_switch_to_target_mode",) if target else ())):
        getattr(tokenizer, switch, lambda: None)()
    try:
        yield
    finally:
        getattr(tokenizer, "_switch_to_input_mode", lambda: None)()
        if wanted is None:  # mBART's tokenizer takes the source language as the target language, and keeps it
            tokenizer.tgt_lang = None


@contextmanager
def untruncated(backend: Any) -> Iterator[None]:
    """Switch the backend's truncation and padding off; all its settings are restored afterwards."""
    truncation, padding, split = backend.truncation, backend.padding, backend.encode_special_tokens
    try:
        backend.no_truncation()
        backend.no_padding()
        yield
    finally:
        backend.encode_special_tokens = split
        if truncation is not None:
            backend.enable_truncation(**truncation)
        if padding is not None:
            backend.enable_padding(**padding)
