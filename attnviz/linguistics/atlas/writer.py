"""Write an atlas file from finished parts: a ZIP of arrays, member by member, so that the corpus may have any length.

Its dates are fixed and its order is that of the corpora: equal parts give equal bytes.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from attnviz.errors import BadInputError, OutputError
from attnviz.linguistics.atlas import contexts
from attnviz.linguistics.atlas.shards import Part
from attnviz.linguistics.probes import habits, similarity, untrained_control
from attnviz.linguistics.probes.random_tokens import ProbeScores

DATE = (1980, 1, 1, 0, 0, 0)  # the earliest date that a ZIP can have
LARGE = 2**31 - 2**16  # bytes of a member from which a ZIP needs ZIP64
NAMES = 255  # relations and corpora, each counted in a byte
MEASURE = (
    "Spearman rank correlation of a word's attention with the cosine similarity of input embeddings: mean over the words of "
    "the even and of the odd texts, as it is and with the words shuffled; then their standard errors, over texts."
)

Parts = Callable[[], Iterable[tuple[int, Part]]]


@dataclass
class Totals:
    """Sums over all parts, needed before a member can be written."""

    links: int = 0
    questions: int = 0
    relations: set[str] = field(default_factory=set)
    habits: Any = 0.0
    rows: Any = 0
    meaning: Any = 0.0
    tally: Any = 0
    texts: Counter[int] = field(default_factory=Counter)
    used: Counter[int] = field(default_factory=Counter)
    left_out: dict[int, Counter[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, parts: Iterable[tuple[int, Part]]) -> Totals:
        """Add up every part, in order."""
        found = cls()
        for corpus, part in parts:
            found.links += len(part.links["text"])
            found.questions += len(part.questions["text"])
            found.relations |= set(part.links["relation"].tolist())
            found.habits = found.habits + part.habits
            found.rows = found.rows + part.rows
            found.meaning = found.meaning + part.meaning
            found.tally = found.tally + part.tally
            found.texts[corpus] += part.texts
            found.used[corpus] += part.used
            found.left_out.setdefault(corpus, Counter()).update(part.left_out)
        return found


def write_atlas(
    path: Path, header: dict[str, Any], broken: Counter[int], parts: Parts, probed: ProbeScores | None = None
) -> dict[str, Any]:
    """Write the atlas, whole or not at all; return its header.

    `header` has what is known before any part, with the corpora described; `broken` counts the lines of each corpus that
    could not be read; `parts` yields all parts each time it is called; `probed` is optional, and an atlas without it
    states that the probes are missing.
    """
    totals = Totals.of(parts())
    relations = sorted(totals.relations)
    for what, many in (("relations", len(relations)), ("corpora", len(header["corpora"]))):
        if many > NAMES:
            raise BadInputError(f"An atlas holds at most {NAMES} {what}; these files have {many}. Build from fewer files.")
    tally = np.zeros((2, 3), np.int64) + totals.tally
    complete_header = header | {
        "corpora": [_counted(one, at, totals, broken[at]) for at, one in enumerate(header["corpora"])],
        "relations": relations,
        "habits": list(habits.NAMES),
        "meaning": {"measure": MEASURE, "texts": tally[:, 0].tolist(), "words": tally[:, 1].tolist()},
    }
    if probed is not None:
        complete_header |= {"probes": probed.facts}
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        with zipfile.ZipFile(unfinished, "w") as archive:
            with _member(archive, "header.json") as member:
                member.write(json.dumps(complete_header, ensure_ascii=False, indent=1).encode())
            for name, kind, shape, arrays in _members(complete_header, totals, parts):
                _stream(archive, name, np.dtype(kind), shape, arrays)
            if probed is not None and probed.scores is not None:
                _stream(archive, "probes", np.dtype(np.float32), probed.scores.shape, [probed.scores])
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise OutputError(f"“{path}” cannot be written ({error.strerror}). Name another file with -o.") from error
    return complete_header


def _counted(corpus: dict[str, Any], at: int, totals: Totals, broken: int) -> dict[str, Any]:
    """Return a corpus with its number of texts, how many were measured, and what was left out, by reason."""
    left_out = Counter(totals.left_out.get(at, {}))
    if broken:
        left_out["lines that cannot be read"] = broken
    return corpus | {"texts": totals.texts[at], "used": totals.used[at], "left_out": dict(sorted(left_out.items()))}


def _members(
    header: dict[str, Any], totals: Totals, parts: Parts
) -> Iterator[tuple[str, type, tuple[int, ...], Iterable[np.ndarray]]]:
    """Yield name, type, shape and contents of every array, with one pass over the parts for each."""
    relations, size = header["relations"], (header["layers"], header["heads"])
    number = {name: at for at, name in enumerate(relations)}
    width = -(-size[0] * size[1] // 8)
    many, questions = totals.links, totals.questions

    def column(group: str, name: str) -> Iterator[np.ndarray]:
        return (getattr(part, group)[name] for _, part in parts())

    def context(group: str) -> np.ndarray:
        return contexts.distance_to_first(np.concatenate([np.zeros(0, np.uint64), *column(group, "context")]))

    def corpus(group: str) -> Iterator[np.ndarray]:
        return (np.full(len(getattr(part, group)["text"]), at) for at, part in parts())

    yield "links.text", np.int32, (many,), column("links", "text")
    yield "links.corpus", np.uint8, (many,), corpus("links")
    named = (np.array([number[name] for name in names.tolist()], np.uint8) for names in column("links", "relation"))
    yield "links.relation", np.uint8, (many,), named
    yield "links.direction", np.uint8, (many,), column("links", "direction")
    yield "links.offset", np.int16, (many,), column("links", "offset")
    yield "links.others", np.uint16, (many,), column("links", "others")
    yield "links.context", np.int32, (many,), [context("links")]
    yield "links.hits", np.uint8, (many, width), column("links", "hits")
    yield "questions.text", np.int32, (questions,), column("questions", "text")
    yield "questions.corpus", np.uint8, (questions,), corpus("questions")
    yield "questions.nearest", np.bool_, (questions,), column("questions", "nearest")
    yield "questions.answer", np.uint8, (questions,), column("questions", "answer")
    yield "questions.mentioned", np.float32, (questions,), column("questions", "mentioned")
    yield "questions.context", np.int32, (questions,), [context("questions")]
    yield "questions.hits", np.uint8, (questions, width), column("questions", "hits")
    kinds = len(habits.NAMES)
    sums, rows = np.zeros((kinds, *size)) + totals.habits, np.zeros(kinds, np.int64) + totals.rows
    yield "habits", np.float32, (kinds, *size), [habits.means(sums, rows)]
    found = similarity.means(np.zeros((2, 3, 2, *size)) + totals.meaning, np.zeros((2, 3), np.int64) + totals.tally)
    yield "meaning", np.float32, (2, 2, 2, *size), [found]
    if header["control"] is not None:
        links = untrained_control.links((part.control for _, part in parts()), relations, size)
        yield "control.links", np.uint32, links.shape, [links]
        answers = untrained_control.questions(((at, part.control) for at, part in parts()), len(header["corpora"]), size)
        yield "control.questions", np.uint32, answers.shape, [answers]


def _stream(archive: zipfile.ZipFile, name: str, kind: np.dtype, shape: tuple[int, ...], arrays: Iterable[np.ndarray]) -> None:
    """Write one array as an .npy member, piece by piece."""
    large = int(np.prod(shape, dtype=np.int64)) * kind.itemsize > LARGE
    with _member(archive, f"{name}.npy", large=large) as member:
        described = {"descr": kind.newbyteorder("<").str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(member, described)
        for array in arrays:
            member.write(np.ascontiguousarray(array, kind.newbyteorder("<")).tobytes())


def _member(archive: zipfile.ZipFile, name: str, *, large: bool = False) -> Any:
    """Open a member to write to, deflated, with a fixed date, the same on every system."""
    info = zipfile.ZipInfo(name, DATE)
    info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
    return archive.open(info, "w", force_zip64=large)
