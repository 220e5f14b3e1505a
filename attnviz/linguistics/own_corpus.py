"""Read a file of one's own, in whichever format of annotated texts it is, with each line that cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from attnviz.errors import BadInputError
from attnviz.linguistics import corpora
from attnviz.linguistics.atlas.header import NAMES
from attnviz.linguistics.corpora.lines import CorpusFile, FileInMemory, lines
from attnviz.linguistics.corpora.types import AnnotatedQuestion, BrokenLine, ParsedSentence
from attnviz.types import joined, quoted

MAX_TEXTS = 3_000
MAX_LINES = 200_000  # the longest file that pages take has some 60,000
LISTED = 20  # broken lines that are shown; the others are counted
CONLLU, GAP, WINOGENDER, TOML = "conllu", "gap", "winogender", "toml"
FORMATS = {CONLLU: "CoNLL-U", GAP: "GAP", WINOGENDER: "Winogender", TOML: "TOML"}
Text = ParsedSentence | AnnotatedQuestion
_READERS: dict[str, Callable[[CorpusFile, Callable[[BrokenLine], None]], Iterator[Text]]] = {
    CONLLU: corpora.conllu, GAP: corpora.gap, WINOGENDER: corpora.winogender, TOML: corpora.own,
}  # fmt: skip


@dataclass(frozen=True)
class OwnCorpus:
    """The texts of a file, in order; the first broken lines, and how many there are in all.

    `beyond` says how many texts were left out because a file has at most MAX_TEXTS.
    """

    name: str
    format: str
    texts: tuple[Text, ...]
    broken: tuple[BrokenLine, ...] = ()
    faults: int = 0
    beyond: int = 0


def own_corpus(name: str, content: bytes) -> OwnCorpus:
    """Return the texts of a file. Raises BadInputError for an unknown format, no text, or too many labels."""
    if (count := content.count(b"\n")) > MAX_LINES:
        raise BadInputError(f"A file has at most {MAX_LINES:,} lines; {quoted(name)} has {count:,}. Divide it.")
    file = FileInMemory(name, content)
    kind = found_format(file)
    broken: list[BrokenLine] = []
    faults = beyond = 0
    texts: list[Text] = []

    def on_broken(line: BrokenLine) -> None:
        nonlocal faults
        faults += 1
        if len(broken) < LISTED:
            broken.append(line)

    for text in _READERS[kind](file, on_broken):
        if len(texts) < MAX_TEXTS:
            texts.append(text)
        else:
            beyond += 1
    labels = {link.kind for text in texts if isinstance(text, ParsedSentence) for link in text.links}
    if len(labels) > NAMES:
        raise BadInputError(f"A file has at most {NAMES} relations; {quoted(name)} has {len(labels):,}. Use fewer labels.")
    if not texts and not faults:
        raise BadInputError(f"A file has at least one text; {quoted(name)} has none. Look at the example file of its format.")
    return OwnCorpus(name, kind, tuple(texts), tuple(broken), faults, beyond)


def found_format(file: FileInMemory) -> str:
    """Return the format of a file by its first line that has something, or by its name. Raises BadInputError for neither."""
    first = next((line for line in lines(file) if line.fault or _tells(line.text)), None)
    if first is None:
        raise BadInputError(f"A file has at least one text; {quoted(file.name)} is empty. Choose another file.")
    if first.fault:
        raise BadInputError(f"Line {first.number}: {first.fault}")
    cells = first.text.split("\t")
    if {"Text", "Pronoun-offset"} <= {*cells}:
        return GAP
    if {"sentid", "sentence"} <= {*cells}:
        return WINOGENDER
    if first.text.lstrip().startswith("[["):
        return TOML
    if len(cells) > 5:
        return CONLLU
    ends = {".conllu": CONLLU, ".conll": CONLLU, ".tsv": GAP, ".toml": TOML}
    by_name = next((kind for end, kind in ends.items() if file.name.lower().endswith(end)), "")
    if not by_name:
        raise BadInputError(
            f"A file is {joined(tuple(FORMATS.values()), 'or')}; line {first.number} of {quoted(file.name)} fits none: "
            f"{quoted(first.text)}. Look at the example files. Sentences without annotation go into “A class's sentences”."
        )
    return by_name


def _tells(text: str) -> bool:
    """Return whether a line tells the format: it is neither blank nor a comment."""
    return bool(text.strip()) and not text.startswith("#")


def line_message(line: BrokenLine) -> str:
    """Return a broken line as a page shows it: `Line 12: rule; value. Remedy.`"""
    return f"Line {line.line}: {line.reason}"
