"""Experiments from whatif.toml: their words with gaps for live numbers, and settings that validate every URL parameter."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from attnviz import charset
from attnviz.errors import BadInputError
from attnviz.types import joined, quoted

ARXIV = re.compile(r"arXiv:\d{4}\.\d{5}")
ALL = "all"
WHERE = {"layer": "This layer", ALL: "Every layer"}


@dataclass(frozen=True)
class Setting:
    """A setting of an experiment. `options` maps its ids to their names; without options it is a whole number from `low`
    to `high`, or, where `longest` is not 0, a text of at most that many characters. `start` is the initial value; ""
    where it depends on the text.
    """

    id: str
    label: str
    start: str
    options: Mapping[str, str]
    low: int
    high: int
    longest: int
    help: str | None

    def read(self, raw: str) -> str:
        """Return the checked value of a link or a field; raises BadInputError with rule, value and remedy."""
        if self.options:
            if raw not in self.options:
                raise BadInputError(f"{self.id} is {joined(list(self.options), 'or')}; got {quoted(raw)}. Choose one of these.")
            return raw
        if self.longest:
            if not raw.strip() or len(raw) > self.longest:
                raise BadInputError(
                    f"{self.id} is a text of 1 to {self.longest} characters; got {len(raw)}. Shorten or type it."
                )
            return raw
        if not (raw.isascii() and raw.isdigit() and len(raw) < 6 and self.low <= int(raw) <= self.high):
            rule = f"{self.id} is a whole number from {self.low} to {self.high}"
            raise BadInputError(f"{rule}; got {quoted(raw)}. Choose one of these.")
        return str(int(raw))


@dataclass(frozen=True)
class Experiment:
    """One experiment: its words by their names in whatif.toml, its settings, and the possible guesses."""

    id: str
    name: str
    title: str
    words: Mapping[str, str]
    options: tuple[str, ...] | str
    sources: tuple[str, ...]
    settings: tuple[Setting, ...]

    def text(self, part: str, *kinds: str) -> str:
        """Return one part of its words, in the version for these kinds: a family of models, or the value of a setting.

        The words for all kinds come last where they begin with a blank, and first elsewhere.
        """
        plain = self.words.get(part, "")
        own = [self.words[f"{part}_{kind}"] for kind in kinds if f"{part}_{kind}" in self.words]
        return "".join([*own, plain] if plain.startswith(" ") else [plain, *own])


@lru_cache(maxsize=1)
def content() -> dict[str, Any]:
    """Return the whole file."""
    return tomllib.loads(charset.read(resources.files("attnviz").joinpath("content", "whatif.toml")))


@lru_cache(maxsize=1)
def experiments() -> tuple[Experiment, ...]:
    """Return all experiments, in order."""
    return tuple(_experiment(raw) for raw in content()["experiment"])


def experiment(id: str) -> Experiment:
    """Return the experiment of this name; raises BadInputError with all names if there is none."""
    for one in experiments():
        if one.id == id:
            return one
    raise BadInputError(f"There is no experiment {quoted(id)}. There are {joined([one.id for one in experiments()])}.")


def sources(chosen: Experiment) -> tuple[str, ...]:
    """Return the sources, each paper once: of two mentions of one arXiv number, the one that names a section."""
    found: dict[str, str] = {}
    for source in (*chosen.sources, *content()["sources"]):
        paper = ARXIV.search(source)
        name = paper[0] if paper else source
        kept = found.setdefault(name, source)
        if len(source.partition(name)[2]) > len(kept.partition(name)[2]):
            found[name] = source
    return tuple(found.values())


def _experiment(raw: Mapping[str, Any]) -> Experiment:
    """Return one table of the file; every experiment except the shuffle has a setting for the changed layers."""
    settings = [_setting(one) for one in raw.get("setting", [])]
    if raw["id"] != "order":
        settings.append(_setting({"id": "where", "label": "Changed in", "start": "layer", "options": WHERE}))
    options = raw["options"]
    words = {name: part for name, part in raw.items() if isinstance(part, str)}
    return Experiment(
        raw["id"], raw["name"], raw["title"], words, options if isinstance(options, str) else tuple(options),
        tuple(raw["sources"]), tuple(settings),
    )  # fmt: skip


def _setting(raw: Mapping[str, Any]) -> Setting:
    """Return one setting of the file."""
    return Setting(
        raw["id"], raw["label"], raw["start"], raw.get("options", {}), raw.get("low", 0), raw.get("high", 0),
        raw.get("longest", 0), raw.get("help"),
    )  # fmt: skip
