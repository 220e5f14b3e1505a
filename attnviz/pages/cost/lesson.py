"""Read the words of the cost page from cost.toml and fill their gaps with live numbers."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from attnviz import charset
from attnviz.errors import BadInputError
from attnviz.lessons import template


@dataclass(frozen=True)
class Algorithm:
    """An algorithm that reads a text: what it does, and whether it gives the `same` answer as attention."""

    id: str
    name: str
    what: str
    same: bool


@dataclass(frozen=True)
class EstimateStep:
    """One step of the arithmetic: a sentence, and a formula with numbers."""

    id: str
    text: str
    formula: str


@lru_cache(maxsize=1)
def content() -> dict[str, Any]:
    """Return the whole file."""
    return tomllib.loads(charset.read(resources.files("attnviz").joinpath("content", "cost.toml")))


def text(part: str, name: str, numbers: Mapping[str, str] | None = None) -> str:
    """Return a sentence of one part of the page with its numbers, e.g. `text("page", "lead")`."""
    found = content()[part][name]
    if not isinstance(found, str):
        raise BadInputError(f"“{name}” of {part} is not a sentence.")
    return template.fill(found, numbers or {})


@lru_cache(maxsize=1)
def algorithms() -> tuple[Algorithm, ...]:
    """Return every algorithm, in the order of the file."""
    return tuple(Algorithm(**raw) for raw in content()["algorithm"])


def names() -> dict[str, str]:
    """Return the name of each algorithm by its id."""
    return {algorithm.id: algorithm.name for algorithm in algorithms()}


@lru_cache(maxsize=1)
def estimate_steps() -> tuple[EstimateStep, ...]:
    """Return the steps of the arithmetic for a long text."""
    return tuple(EstimateStep(raw["id"], raw["text"], raw["formula"]) for raw in content()["estimate"]["step"])
