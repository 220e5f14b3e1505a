"""Results on other texts where an atlas shows no lead: its heads and offsets, counted on a corpus outside the atlas."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from attnviz.types import HeadRef


@dataclass(frozen=True)
class ExternalLead:
    """The lead in points of one head over its rule, with its 95 % interval by sentences and its corrected p-value."""

    relation: str
    direction: str
    head: HeadRef
    n: int
    hits: int
    points: float
    interval: tuple[float, float]
    p: float


@dataclass(frozen=True)
class ExternalCorpus:
    """A corpus outside the atlas of `model`: its file, how many of its texts were used, and the leads found.

    `tests` is the number of rows counted; each p-value is corrected for it.
    """

    model: str
    name: str
    file: str
    sha256: str
    texts: int
    used: int
    tests: int
    leads: tuple[ExternalLead, ...]


@cache
def corpora(model: str) -> tuple[ExternalCorpus, ...]:
    """Return the other corpora that were counted for a model, in the order of content/elsewhere.toml."""
    written = tomllib.loads(resources.files("attnviz").joinpath("content/elsewhere.toml").read_text("utf-8"))["corpus"]
    return tuple(
        ExternalCorpus(
            raw["model"], raw["name"], raw["file"], raw["sha256"], raw["texts"], raw["used"], raw["tests"],
            tuple(
                ExternalLead(
                    one["relation"], one["direction"], HeadRef.parse(one["head"]), one["n"], one["hits"], one["points"],
                    (one["low"], one["high"]), one["p"],
                )
                for one in raw["lead"]
            ),
        )
        for raw in written
        if raw["model"] == model
    )  # fmt: skip
