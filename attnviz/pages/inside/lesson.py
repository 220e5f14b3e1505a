"""walk.toml in; the steps through one head out: their order, their words and formulas, with gaps for live numbers."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from attnviz import charset
from attnviz.errors import BadInputError
from attnviz.types import joined, quoted


@dataclass(frozen=True)
class Step:
    """One step of one family of models.

    `picture` says what its picture shows, for those who look at that alone. `guess` is what a reader may predict before it;
    "" where there is nothing to predict. `answer` says what is right and why, `other` what became of a wrong guess ("" where
    the answer says all).
    """

    id: str
    name: str
    title: str
    text: str
    formula: str
    picture: str
    guess: str = ""
    answer: str = ""
    other: str = ""


@lru_cache(maxsize=1)
def content() -> dict[str, Any]:
    """The whole file."""
    return tomllib.loads(charset.read(resources.files("attnviz").joinpath("content", "walk.toml")))


@lru_cache(maxsize=8)
def steps(family: str, first: bool = False) -> tuple[Step, ...]:
    """The steps as a family takes them, in order; `first`: in its first layer."""
    raws = {raw["id"]: raw for raw in content()["step"]}
    return tuple(_step(raws[id], family, first) for id in content()["orders"][family])


def _step(raw: Mapping[str, str], family: str, first: bool) -> Step:
    """One step, in the words for this family."""
    text = raw.get("text_first", raw["text"]) if first and "text" in raw else raw.get("text", "")
    return Step(
        raw["id"], raw["name"], raw.get(f"title_{family}", raw["title"]),
        " ".join(filter(None, (text, raw.get(family, "")))), raw.get(f"formula_{family}") or raw["formula"],
        raw.get(f"picture_{family}") or raw["picture"], raw.get("guess", ""), raw.get("answer", ""), raw.get("other", ""),
    )  # fmt: skip


def number(found: tuple[Step, ...], id: str) -> int:
    """Which step is called so, from 0; raises BadInputError and names all where none is."""
    for at, step in enumerate(found):
        if step.id == id:
            return at
    raise BadInputError(f"There is no step {quoted(id)}. The steps are {joined([step.id for step in found])}.")
