"""Read the steps through one head from inside.toml: order, words and formulas, with gaps for live numbers."""

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

    `picture` describes its picture and makes sense alone. `question` asks for a prediction before the step; "" if there is
    none. `answer` gives the right answer with its reason, `other` a comment on a wrong guess ("" if there is none).
    """

    id: str
    name: str
    title: str
    text: str
    formula: str
    picture: str
    question: str = ""
    answer: str = ""
    other: str = ""


@lru_cache(maxsize=1)
def content() -> dict[str, Any]:
    """Return the whole file."""
    return tomllib.loads(charset.read(resources.files("attnviz").joinpath("content", "inside.toml")))


@lru_cache(maxsize=8)
def steps(family: str, first: bool = False) -> tuple[Step, ...]:
    """Return the steps of a model family, in order; `first`: in its first layer."""
    raws = {raw["id"]: raw for raw in content()["step"]}
    return tuple(_step(raws[id], family, first) for id in content()["orders"][family])


def _step(raw: Mapping[str, str], family: str, first: bool) -> Step:
    """Return one step in the words for this family."""
    text = raw.get("text_first", raw["text"]) if first and "text" in raw else raw.get("text", "")
    return Step(
        raw["id"], raw["name"], raw.get(f"title_{family}", raw["title"]),
        " ".join(filter(None, (text, raw.get(family, "")))), raw.get(f"formula_{family}") or raw["formula"],
        raw.get(f"picture_{family}") or raw["picture"], raw.get("question", ""), raw.get("answer", ""), raw.get("other", ""),
    )  # fmt: skip


def number(found: tuple[Step, ...], id: str) -> int:
    """Return the number of the step with this id, from 0; raises BadInputError with all ids if there is none."""
    for at, step in enumerate(found):
        if step.id == id:
            return at
    raise BadInputError(f"There is no step {quoted(id)}. The steps are {joined([step.id for step in found])}.")
