"""Our own sentences with gold links, from content/syntax.toml, each with what it teaches."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from attnviz import charset
from attnviz.linguistics import corpora
from attnviz.linguistics.corpora.types import ParsedSentence


@dataclass(frozen=True)
class GoldSentence:
    """A ready sentence: its words and gold links, its topic, and the one thing that it teaches."""

    parsed: ParsedSentence
    topic: str
    teaches: str

    @property
    def id(self) -> str:
        """Its id in the file."""
        return self.parsed.id

    @property
    def text(self) -> str:
        """The text."""
        return self.parsed.text


@cache
def sentences() -> tuple[GoldSentence, ...]:
    """Return all ready sentences, in the order of the file. Raises BadInputError for a file that cannot be read."""
    with resources.as_file(resources.files("attnviz").joinpath("content/syntax.toml")) as file:
        raw = {entry["id"]: entry for entry in tomllib.loads(charset.read(file))["sentence"]}
        found = [entry for entry in corpora.own(file, corpora.strict) if isinstance(entry, ParsedSentence)]
    return tuple(GoldSentence(one, raw[one.id]["title"], raw[one.id]["teaches"]) for one in found)


def readings(text: str) -> tuple[GoldSentence, ...]:
    """Return the gold sentences of a text: none, one, or several where it is ambiguous."""
    return tuple(one for one in sentences() if one.text == text)
