"""Chunks of a corpus, their finished parts as values and as files, and the folder from which a killed build continues."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from attnviz.errors import OutputError
from attnviz.linguistics.corpora.types import AnnotatedQuestion, ParsedSentence, Span
from attnviz.progress import OnProgress, ProgressEvent
from attnviz.types import Link

HEADER, UNFINISHED = "header.json", ".unfinished"
SUMS = ("habits", "rows", "meaning", "tally")


@dataclass(frozen=True)
class Chunk:
    """Neighbouring texts of one corpus, measured and finished as a whole. `first` is their first ordinal."""

    corpus: int
    number: int
    first: int
    texts: tuple[ParsedSentence | AnnotatedQuestion, ...]

    def to_bytes(self) -> bytes:
        """Return the whole chunk as JSON, for another machine: plain fields, which cannot run code where they are read."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> Chunk:
        """Return the inverse of `to_bytes`."""
        raw = json.loads(content)
        return cls(**raw | {"texts": tuple(map(_text, raw["texts"]))})


@dataclass(frozen=True, eq=False)
class Part:
    """The results of one chunk.

    `links` has an array for each of text, relation (labels), direction, offset, others, context and hits [link, layer, head]
    as packed bits; `questions` text, nearest, answer, mentioned, context and hits. Instances of one `context` (a hash) look
    the same to the model. `control` has the hits of the untrained twin, empty if there is none: for each relation,
    direction and half its counts [layer, head], and `answers` [half, layer, head].

    `habits` are sums [kind, layer, head] over `rows` [kind] tokens; `meaning` has sums [half, moment, own or shuffled, layer,
    head] over texts, `tally` [half, number] their size (see `similarity.sums` and `WordSimilarity.tally`); sums are
    float64. `texts` were in the chunk, `used` were measured, and `left_out` counts the reasons for others, or single links.
    """

    links: dict[str, np.ndarray]
    questions: dict[str, np.ndarray]
    control: dict[str, np.ndarray]
    habits: np.ndarray
    rows: np.ndarray
    meaning: np.ndarray
    tally: np.ndarray
    texts: int
    used: int
    left_out: dict[str, int] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the whole part, for a file or for another process."""
        counts = json.dumps({"texts": self.texts, "used": self.used, "left_out": self.left_out})
        arrays = {f"links.{name}": array for name, array in self.links.items()}
        arrays |= {f"questions.{name}": array for name, array in self.questions.items()}
        arrays |= {f"control.{name}": array for name, array in self.control.items()}
        arrays |= {name: getattr(self, name) for name in SUMS} | {"counts": np.array(counts)}
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, **arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Part:
        """Return the inverse of `to_bytes`."""
        with np.load(io.BytesIO(content), allow_pickle=False) as found:
            arrays = dict(found)
        counts = json.loads(str(arrays["counts"]))
        kinds = {
            kind: {name.removeprefix(f"{kind}."): array for name, array in arrays.items() if name.startswith(f"{kind}.")}
            for kind in ("links", "questions", "control")
        }
        return cls(kinds["links"], kinds["questions"], kinds["control"], *(arrays[name] for name in SUMS), **counts)


def _text(raw: dict[str, Any]) -> ParsedSentence | AnnotatedQuestion:
    """Return one annotated text from its fields."""
    if "words" in raw:
        links = tuple(Link(_span(link["source"]), _span(link["target"]), link["kind"]) for link in raw["links"])
        return ParsedSentence(raw["id"], raw["text"], tuple(map(_span, raw["words"])), links)
    return AnnotatedQuestion(raw["id"], raw["text"], _span(raw["pronoun"]), tuple(map(_span, raw["candidates"])), raw["answer"])


def _span(raw: list[int]) -> Span:
    """Return where something begins and ends."""
    start, end = raw
    return start, end


class PartStore:
    """A folder with a file for each finished part, and a header that identifies them. Files are written whole or not at all.

    A build that is killed finds all earlier parts again, as long as the header is the same.
    """

    def __init__(self, folder: Path, header: dict[str, Any], on_progress: OnProgress) -> None:
        """Open the folder; empty it, with a message, where its parts are of another model, corpus or rule."""
        self.folder = folder
        wanted = json.dumps(header, indent=1, sort_keys=True).encode()
        try:
            there = [file for file in folder.iterdir() if file.suffix != UNFINISHED] if folder.exists() else []
            if there and not self._holds(wanted):
                if not (folder / HEADER).is_file():  # a folder of other files must not be emptied
                    raise OutputError(f"Parts are kept in “{folder}”, and it has other files. Name another file with -o.")
                on_progress(ProgressEvent(f"{folder.name} holds parts of another model, corpus or rule: starting again."))
                shutil.rmtree(folder)
            folder.mkdir(parents=True, exist_ok=True)
            for left in folder.glob(f"*{UNFINISHED}"):
                left.unlink()
            self._write(HEADER, wanted)
        except OSError as error:
            raise OutputError(
                f"Parts are kept in “{folder}”, which cannot be written ({error.strerror}). Name another file."
            ) from error

    def _holds(self, wanted: bytes) -> bool:
        """Return whether the folder's header is the expected one."""
        file = self.folder / HEADER
        return file.is_file() and file.read_bytes() == wanted

    def has(self, corpus: int, number: int) -> bool:
        """Return whether a chunk is finished."""
        return self._file(corpus, number).is_file()

    def put(self, corpus: int, number: int, content: bytes) -> None:
        """Keep a finished part."""
        try:
            self._write(self._file(corpus, number).name, content)
        except OSError as error:
            raise OutputError(
                f"Parts are kept in “{self.folder}”, which cannot be written ({error.strerror}). Make room, and build again: "
                "what is finished is kept."
            ) from error

    def parts(self, counts: Sequence[int]) -> Iterator[tuple[int, Part]]:
        """Yield every part with the number of its corpus, in order; `counts` is how many chunks each corpus has."""
        for corpus, count in enumerate(counts):
            for number in range(count):
                yield corpus, Part.from_bytes(self._file(corpus, number).read_bytes())

    def clear(self) -> None:
        """Delete the folder: its parts are in the atlas now."""
        shutil.rmtree(self.folder)

    def _file(self, corpus: int, number: int) -> Path:
        return self.folder / f"{corpus}-{number:07}.npz"

    def _write(self, name: str, content: bytes) -> None:
        """Write a file whole or not at all, even if the machine stops."""
        unfinished = self.folder / f"{name}{UNFINISHED}"
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self.folder / name)
