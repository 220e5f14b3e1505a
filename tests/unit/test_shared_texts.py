"""Two models on the texts that both were asked about, on small atlases with counts made by hand."""

from __future__ import annotations

from pathlib import Path

from attnviz.linguistics import claims
from attnviz.linguistics.atlas import reader, shared_texts
from attnviz.types import HeadRef
from tests import atlases
from tests.atlases import Q


def made(path: Path, questions: list[Q], **more: object) -> reader.Atlas:
    return reader.read(atlases.write(path, atlases.members(questions=questions, head=atlases.header(path.stem, **more))))


def test_both_models_are_counted_on_the_texts_that_both_were_tested_on(tmp_path: Path):
    # One model is asked about 80 texts and right on the first 40; the other about the last 60 and right on all of these.
    wide = made(tmp_path / "wide.npz", [Q(at, 1, True, [(0, 1)] if at < 40 else []) for at in range(80)])
    narrow = made(tmp_path / "narrow.npz", [Q(at, 1, True, [(1, 2)]) for at in range(20, 80)], causal=True)
    alone, mine, theirs = (
        claims.best_head(wide, "gap"),
        shared_texts.best_head(wide, narrow, "gap"),
        shared_texts.best_head(narrow, wide, "gap"),
    )
    assert alone is not None
    assert mine is not None
    assert theirs is not None
    assert (alone.evidence.hits, alone.evidence.n) == (20, 40)
    assert (mine.head, mine.evidence.hits, mine.evidence.n) == (HeadRef(0, 1), 10, 30)
    assert (theirs.head, theirs.evidence.hits, theirs.evidence.n) == (HeadRef(1, 2), 30, 30)


def test_texts_of_other_files_are_not_common(tmp_path: Path):
    questions = [Q(at, 1, True) for at in range(10)]
    one, two = made(tmp_path / "one.npz", questions), made(tmp_path / "two.npz", questions)
    assert len(shared_texts.hits(one, two, "gap")) == 10
    corpora = [corpus | {"files": [{"name": "gap.txt", "sha256": "1" * 64}]} for corpus in atlases.header()["corpora"]]
    assert len(shared_texts.hits(one, made(tmp_path / "three.npz", questions, corpora=corpora), "gap")) == 0
    assert shared_texts.best_head(one, two, "winogender") is None
