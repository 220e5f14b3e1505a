"""Environment in, one frozen Settings out: every default of the program stands here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from attnviz.errors import BadInputError


@dataclass(frozen=True)
class Settings:
    """Where things are and how much is allowed.

    `backend` is a URL for `open_backend`; `models_dir` a folder of local models; `cache_dir` where converted weights
    live; `cache_bytes` bounds the results kept in memory; `max_bytes` bounds a text, and `text_bytes` what reading it
    may keep; `offline` forbids the hub.
    """

    backend: str = "local:"
    models_dir: Path | None = None
    cache_dir: Path = Path.home() / ".cache" / "attnviz"
    cache_bytes: int = 512 * 2**20
    max_bytes: int = 200_000
    text_bytes: int = 1024 * 2**20
    loaded_models: int = 3
    offline: bool = False

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
        )


def _whole(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    """The whole number that variable `name` holds, or `default` where it is unset."""
    raw = env.get(name, "")
    if not raw:
        return default
    if not raw.isdecimal() or not low <= int(raw) <= high:
        raise BadInputError(f"{name} is a whole number from {low} to {high}; got {raw!r}. Correct it or unset it.")
    return int(raw)
