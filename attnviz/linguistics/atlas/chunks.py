"""Read corpus files as one stream of chunks, with their facts for an atlas: name, licence, hashes."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib import resources
from itertools import chain, islice
from pathlib import Path
from typing import Any

from attnviz import charset
from attnviz.errors import BadInputError
from attnviz.linguistics import corpora
from attnviz.linguistics.atlas.shards import Chunk
from attnviz.linguistics.corpora.types import AnnotatedQuestion, BrokenLine, ParsedSentence

READERS = {"conllu": corpora.conllu, "gap": corpora.gap, "winogender": corpora.winogender, "toml": corpora.own}
MARKS = {"conllu": b"\n1\t", "gap": b"\n", "winogender": b"\n", "toml": b"[["}  # about one per text, for the progress bar
TEXTS = 256  # in a chunk: enough for passes of similar length, few enough that a killed build loses little

OnBroken = Callable[[BrokenLine], None]


@dataclass(frozen=True)
class CorpusFiles:
    """One corpus: all files of a kind, read one after the other, with one numbering of texts and a hash for each file."""

    kind: str
    paths: tuple[Path, ...]
    hashes: tuple[str, ...]
    estimated_texts: int

    @classmethod
    def of(cls, kind: str, paths: Sequence[str | Path]) -> CorpusFiles:
        """Read the files once, for their hashes and their approximate number of texts."""
        found = [_looked(Path(path), MARKS[kind]) for path in paths]
        return cls(kind, tuple(map(Path, paths)), tuple(one for one, _ in found), sum(many for _, many in found))

    def texts(self, broken: OnBroken) -> Iterator[ParsedSentence | AnnotatedQuestion]:
        """Return an iterator over every text of every file, in order."""
        return chain.from_iterable(READERS[self.kind](path, broken) for path in self.paths)

    @property
    def files(self) -> list[dict[str, str]]:
        """Return the files by name and hash, without their paths, which mean nothing elsewhere."""
        return [{"name": path.name, "sha256": digest} for path, digest in zip(self.paths, self.hashes, strict=True)]

    def header(self) -> dict[str, Any]:
        """Return kind, name, files, source and licence."""
        known = _known(self.kind, [path.name for path in self.paths])
        return {
            "kind": self.kind,
            "name": known["name"],
            "files": self.files,
            "source": known["source"],
            "licence": known["licence"],
        }


def chunks(sources: Sequence[CorpusFiles], broken: Callable[[int, BrokenLine], None], size: int = TEXTS) -> Iterator[Chunk]:
    """Yield the texts of all corpora in order, `size` at a time; `broken` gets the corpus's number and the line."""
    for corpus, source in enumerate(sources):
        texts = source.texts(lambda line, corpus=corpus: broken(corpus, line))
        number = 0
        while some := tuple(islice(texts, size)):
            yield Chunk(corpus, number, number * size, some)
            number += 1


def _looked(path: Path, mark: bytes) -> tuple[str, int]:
    """Return the sha256 of a file, read piece by piece, and how often `mark` occurs in it."""
    digest, many, end = hashlib.sha256(), 0, b"\n"[: len(mark) - 1]
    if path.exists() and not path.is_file() and not path.is_dir():
        raise BadInputError(f"A corpus is read twice, so it is a file; {path} is a pipe. Write it to a file first.")
    try:
        with path.open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
                many += (end + block).count(mark)
                end = block[-(len(mark) - 1) :] if len(mark) > 1 else b""
    except OSError as error:
        raise BadInputError(f"A corpus is a file that can be read; {path}: {error.strerror}. Name another file.") from error
    return digest.hexdigest(), many


def _known(kind: str, names: Sequence[str]) -> dict[str, str]:
    """Return the facts of content/corpora.toml on a corpus, by its files' names; for other files only their names."""
    listed = tomllib.loads(charset.read(resources.files("attnviz").joinpath("content/corpora.toml")))["corpus"]
    for one in listed:
        if one["kind"] == kind and all(any(fnmatch(name, form) for form in one["files"]) for name in names):
            return one
    return {"name": ", ".join(names), "source": "not stated", "licence": "not stated"}
