"""All texts that a content file shows to readers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any


def prose(part: Any, but: str, name: str = "") -> Iterator[str]:
    """Every text that is shown as prose: none of a list of sources, and none whose name is wholly matched by `but`."""
    if isinstance(part, str) and not re.fullmatch(but, name):
        yield part
    elif isinstance(part, list) and name != "sources":
        for one in part:
            yield from prose(one, but, name)
    elif isinstance(part, dict):
        for key, one in part.items():
            yield from prose(one, but, key)
