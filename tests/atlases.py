"""Small atlas files, written as the format says and by nothing of the project, so that what reads them is tested alone."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LAYERS, HEADS = 2, 5
RELATIONS = ("det", "obj", "nsubj")
LIKENED = {"texts": [3, 2], "words": [12, 4]}
HABITS = ("previous", "next", "entropy")
PROBES = {
    "version": 1, "names": ["induction", "duplicate-token", "previous-token"], "even_look": [0.125, 0.125, 0.25],
    "rule": "made up", "seed": 7, "length": 9, "sequences": [3, 2], "drawn_from": 40, "start": ["<s>"], "end": [],
}  # fmt: skip
Heads = Iterable[tuple[int, int]]  # (layer, head)


@dataclass(frozen=True)
class L:
    """One link; `right` are the heads that hit it."""

    text: int
    relation: int
    direction: int
    offset: int
    others: int
    right: Heads = ()
    corpus: int = 0
    back: int = 0  # how many links before it the first one stands that looks the same to the model


@dataclass(frozen=True)
class Q:
    """One question; `right` are the heads that hit it, `answer` is the right candidate's place in the text."""

    text: int
    corpus: int
    nearest: bool
    right: Heads = ()
    mentioned: float = 0.5
    answer: int = 0
    back: int = 0


def header(model: str = "made-up", causal: bool = False, **more: object) -> dict:
    """A header that fits the arrays."""
    names = {"conllu": "Trees", "gap": "Names", "winogender": "Jobs"}
    corpora = [
        {
            "kind": kind, "name": name, "files": [{"name": f"{kind}.txt", "sha256": "0" * 64}], "source": "nowhere",
            "licence": "none", "texts": 100, "used": 90, "left_out": {"too long": 10},
        }
        for kind, name in names.items()
    ]  # fmt: skip
    return {
        "format": 3, "model": model, "digest": "abc", "layers": LAYERS, "heads": HEADS, "causal": causal, "rule": "made up",
        "corpora": corpora, "relations": list(RELATIONS), "habits": list(HABITS), "meaning": LIKENED,
        "control": None,
    } | more  # fmt: skip


def packed(found: Sequence[L] | Sequence[Q]) -> np.ndarray:
    """Ten heads as two bytes each, the last six bits empty."""
    hits = np.zeros((len(found), LAYERS, HEADS), bool)
    for at, one in enumerate(found):
        for layer, head in one.right:
            hits[at, layer, head] = True
    return np.packbits(hits.reshape(len(found), LAYERS * HEADS), axis=-1)


def members(
    links: Sequence[L] = (), questions: Sequence[Q] = (), head: dict | None = None, control: dict[str, np.ndarray] | None = None
) -> dict[str, bytes]:
    """The members of an atlas file; `control` are the counts of an untrained twin, by member."""
    arrays = {
        "links.text": np.array([one.text for one in links], np.int32),
        "links.corpus": np.array([one.corpus for one in links], np.uint8),
        "links.relation": np.array([one.relation for one in links], np.uint8),
        "links.direction": np.array([one.direction for one in links], np.uint8),
        "links.offset": np.array([one.offset for one in links], np.int16),
        "links.others": np.array([one.others for one in links], np.uint16),
        "links.context": np.array([one.back for one in links], np.int32),
        "links.hits": packed(links),
        "questions.text": np.array([one.text for one in questions], np.int32),
        "questions.corpus": np.array([one.corpus for one in questions], np.uint8),
        "questions.nearest": np.array([one.nearest for one in questions], bool),
        "questions.answer": np.array([one.answer for one in questions], np.uint8),
        "questions.mentioned": np.array([one.mentioned for one in questions], np.float32),
        "questions.context": np.array([one.back for one in questions], np.int32),
        "questions.hits": packed(questions),
        "habits": np.arange(len(HABITS) * LAYERS * HEADS, dtype=np.float32).reshape(len(HABITS), LAYERS, HEADS) / 30,
        "meaning": np.arange(8 * LAYERS * HEADS, dtype=np.float32).reshape(2, 2, 2, LAYERS, HEADS) / 80,
    }
    arrays |= {} if control is None else control
    head = head or header()
    if "names" in head.get("probes", {}):
        shape = 2, 2, len(head["probes"]["names"]), LAYERS, HEADS
        arrays["probes"] = np.arange(np.prod(shape), dtype=np.float32).reshape(shape) / 200
    return {"header.json": json.dumps(head).encode()} | {f"{k}.npy": stored(v) for k, v in arrays.items()}


def stored(array: np.ndarray) -> bytes:
    """An array as its member has it."""
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version=(1, 0), allow_pickle=False)
    return file.getvalue()


def write(path: Path, parts: dict[str, bytes]) -> Path:
    """An archive with these members."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return path
