"""Every setting of the program, its default, and the environment variable that sets it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from attnviz.errors import BadInputError

Megabytes = Annotated[int, Meta(ge=1, le=1_048_576)]
Count = Annotated[int, Meta(ge=1, le=64)]


class _Variables(msgspec.Struct, frozen=True):
    """The whole numbers in the environment, each an `int` with both ends of its range, which the message names.

    A number that may be absent has a default such as 0 for that: `int | None` has no range in the schema.
    """

    cache_mb: Megabytes = msgspec.field(name="ATTNVIZ_CACHE_MB", default=512)
    text_mb: Megabytes = msgspec.field(name="ATTNVIZ_TEXT_MB", default=1024)
    loaded_models: Count = msgspec.field(name="ATTNVIZ_LOADED_MODELS", default=3)
    at_once: Count = msgspec.field(name="ATTNVIZ_AT_ONCE", default=2)
    waiting: Annotated[int, Meta(ge=1, le=10_000)] = msgspec.field(name="ATTNVIZ_WAITING", default=128)
    seconds: Annotated[int, Meta(ge=1, le=3600)] = msgspec.field(name="ATTNVIZ_SECONDS", default=60)
    rate: Annotated[int, Meta(ge=1, le=1_000_000)] = msgspec.field(name="ATTNVIZ_RATE", default=3000)
    upload_kb: Annotated[int, Meta(ge=0, le=2048)] = msgspec.field(name="ATTNVIZ_UPLOAD_KB", default=2048)


@dataclass(frozen=True)
class Settings:
    """Where things are, and how much is allowed.

    `backend` is a URL for `open_backend`; `models_dir` a folder of local models; `cache_dir` where converted weights
    are kept; `cache_bytes` bounds the results kept in memory; `max_bytes` bounds a text, and `text_bytes` the memory that
    reading it may take; `offline` forbids the hub.

    `at_once` texts are read at the same time and `waiting` may wait; after `seconds` a request is given up. A server
    takes `rate` requests a minute from one address, and, if it has a `key`, answers only clients that send it.

    A file that a user gives to a page has at most `upload_bytes` (`.streamlit/config.toml` allows no more than 2 MB); 0 if
    pages take none.
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
    upload_bytes: int = 2048 * 2**10
    key: str = field(default="", repr=False)

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Return the settings of the ATTNVIZ_* variables. Raises BadInputError, which names the variable, for a bad value."""
        env = os.environ if env is None else env
        numbers = _numbers(env)
        home = env.get("XDG_CACHE_HOME", "")
        models = env.get("ATTNVIZ_MODELS_DIR", "")
        return cls(
            backend=env.get("ATTNVIZ_BACKEND", "") or "local:",
            # `~name` of a user who does not exist is kept as it is, where `Path.expanduser` raises.
            models_dir=Path(os.path.expanduser(models)) if models else None,
            cache_dir=Path(
                os.path.expanduser(env.get("ATTNVIZ_CACHE_DIR", "") or (Path(home) / "attnviz" if home else cls.cache_dir))
            ),
            cache_bytes=numbers.cache_mb * 2**20,
            text_bytes=numbers.text_mb * 2**20,
            loaded_models=numbers.loaded_models,
            offline=env.get("ATTNVIZ_OFFLINE", env.get("HF_HUB_OFFLINE", "")) not in ("", "0"),
            at_once=numbers.at_once,
            waiting=numbers.waiting,
            seconds=numbers.seconds,
            rate=numbers.rate,
            upload_bytes=numbers.upload_kb * 2**10,
            key=_key(env.get("ATTNVIZ_KEY", "")),
        )


def _numbers(env: Mapping[str, str]) -> _Variables:
    """Return the whole numbers of the environment; a variable that is set to nothing counts as unset."""
    names = _Variables.__struct_encode_fields__
    values = {name: env[name] for name in names if env.get(name)}
    # Digits alone are a number: no sign, no "4.0", no "1e1". Anything else stays text and fails the check.
    parsed = {name: int(value) if value.isdecimal() and len(value) < 20 else value for name, value in values.items()}
    try:
        return msgspec.convert(parsed, _Variables)
    except msgspec.ValidationError as error:
        name = str(error).rpartition("$.")[2].rstrip("`")
        limits = msgspec.json.schema_components([_Variables])[1]["_Variables"]["properties"][name]
        raise BadInputError(
            f"{name} is a whole number from {limits['minimum']} to {limits['maximum']}; got {values[name]!r}. "
            "Correct it or unset it."
        ) from error


def _key(raw: str) -> str:
    """Check the key. It is not repeated in the message, which may be logged."""
    if raw and not re.fullmatch(r"[!-~]{16,256}", raw):
        raise BadInputError(
            "ATTNVIZ_KEY has 16 to 256 ASCII letters, digits or punctuation marks and no spaces; the given key does not fit. "
            "Correct it."
        )
    return raw
