"""Environment in, one frozen Settings out: every default of the program stands here."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from attnviz.errors import BadInputError


@dataclass(frozen=True)
class Settings:
    """Where things are and how much is allowed.

    `backend` is a URL for `open_backend`; `models_dir` a folder of local models; `cache_dir` where converted weights
    live; `cache_bytes` bounds the results kept in memory; `max_bytes` bounds a text, and `text_bytes` what reading it
    may keep; `offline` forbids the hub.

    Of many who ask at the same time, `at_once` texts are read and `waiting` may wait; after `seconds` an answer is given
    up. A server takes `rate` requests a minute from one address, and answers only those who have its `key`, if it has one.
    """

    backend: str = "local:"
    models_dir: Path | None = None
    cache_dir: Path = Path.home() / ".cache" / "attnviz"
    cache_bytes: int = 512 * 2**20
    max_bytes: int = 200_000
    text_bytes: int = 1024 * 2**20
    loaded_models: int = 3
    offline: bool = False
    at_once: int = 2
    waiting: int = 128
    seconds: int = 60
    rate: int = 3000
    key: str = field(default="", repr=False)

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Settings from ATTNVIZ_* variables; a value that cannot be read raises BadInputError and names the variable."""
        env = os.environ if env is None else env
        home = env.get("XDG_CACHE_HOME", "")
        models = env.get("ATTNVIZ_MODELS_DIR", "")
        return cls(
            backend=env.get("ATTNVIZ_BACKEND", "") or "local:",
            # Of a user who does not exist, `~name` stays as it is, where `Path.expanduser` raises.
            models_dir=Path(os.path.expanduser(models)) if models else None,
            cache_dir=Path(
                os.path.expanduser(env.get("ATTNVIZ_CACHE_DIR", "") or (Path(home) / "attnviz" if home else cls.cache_dir))
            ),
            cache_bytes=_whole(env, "ATTNVIZ_CACHE_MB", 512, 1, 1_048_576) * 2**20,
            text_bytes=_whole(env, "ATTNVIZ_TEXT_MB", 1024, 1, 1_048_576) * 2**20,
            loaded_models=_whole(env, "ATTNVIZ_LOADED_MODELS", 3, 1, 64),
            offline=env.get("ATTNVIZ_OFFLINE", env.get("HF_HUB_OFFLINE", "")) not in ("", "0"),
            at_once=_whole(env, "ATTNVIZ_AT_ONCE", 2, 1, 64),
            waiting=_whole(env, "ATTNVIZ_WAITING", 128, 1, 10_000),
            seconds=_whole(env, "ATTNVIZ_SECONDS", 60, 1, 3600),
            rate=_whole(env, "ATTNVIZ_RATE", 3000, 1, 1_000_000),
            key=_key(env.get("ATTNVIZ_KEY", "")),
        )


def _whole(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    """The whole number that variable `name` holds, or `default` where it is unset."""
    raw = env.get(name, "")
    if not raw:
        return default
    if not raw.isdecimal() or not low <= int(raw) <= high:
        raise BadInputError(f"{name} is a whole number from {low} to {high}; got {raw!r}. Correct it or unset it.")
    return int(raw)


def _key(raw: str) -> str:
    """The key as it is, if it is one; it is not repeated in the message, which may be logged."""
    if raw and not re.fullmatch(r"[!-~]{16,256}", raw):
        raise BadInputError("ATTNVIZ_KEY has 16 to 256 letters, digits or marks, no blanks; the one given has not. Correct it.")
    return raw
