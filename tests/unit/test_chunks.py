"""Corpus files as one stream of chunks, and what is said of them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from attnviz.errors import BadInputError
from attnviz.linguistics.atlas import chunks as sources
from attnviz.linguistics.atlas.chunks import CorpusFiles
from attnviz.linguistics.corpora.types import BrokenLine

HEADER = "ID\tText\tPronoun\tPronoun-offset\tA\tA-offset\tA-coref\tB\tB-offset\tB-coref\tURL\n"


def row(name: str) -> str:
    return f"{name}\tAnn met Eve and she left.\tshe\t16\tAnn\t0\tTRUE\tEve\t8\tFALSE\tnowhere\n"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Three and two questions, with a broken row in the second file."""
    one, two = tmp_path / "gap-development.tsv", tmp_path / "gap-validation.tsv"
    one.write_text(HEADER + row("d1") + row("d2") + row("d3"))
    two.write_text(HEADER + row("v1") + "half a row\n" + row("v2"))
    return [one, two]


def test_texts_of_all_files_are_counted_through(files: list[Path]):
    heard: list[tuple[int, BrokenLine]] = []
    found = list(sources.chunks([CorpusFiles.of("gap", files)], lambda corpus, line: heard.append((corpus, line)), size=2))
    assert [(chunk.number, chunk.first, [text.id for text in chunk.texts]) for chunk in found] == [
        (0, 0, ["d1", "d2"]), (1, 2, ["d3", "v1"]), (2, 4, ["v2"]),
    ]  # fmt: skip
    assert [(corpus, line.line) for corpus, line in heard] == [(0, 3)]


def test_each_corpus_has_chunks_of_its_own(files: list[Path]):
    both = [CorpusFiles.of("gap", files[:1]), CorpusFiles.of("gap", files[1:])]
    found = list(sources.chunks(both, lambda corpus, line: None, size=2))
    assert [(chunk.corpus, chunk.number, len(chunk.texts)) for chunk in found] == [(0, 0, 2), (0, 1, 1), (1, 0, 2)]


def test_a_known_corpus_is_named_with_its_licence_and_files_without_a_path(files: list[Path]):
    assert CorpusFiles.of("gap", files).header() == {
        "kind": "gap",
        "name": "GAP coreference",
        "files": [{"name": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()} for file in files],
        "source": "Webster et al. 2018, Mind the GAP (arXiv:1810.05201)",
        "licence": "Apache-2.0",
    }


def test_of_an_unknown_file_nothing_is_stated(files: list[Path], tmp_path: Path):
    other = files[0].rename(tmp_path / "mine.tsv")
    found = CorpusFiles.of("gap", [other, files[1]]).header()
    assert (found["name"], found["source"], found["licence"]) == ("mine.tsv, gap-validation.tsv", "not stated", "not stated")


def test_about_how_many_texts_there_are_is_counted_for_the_progress_bar(files: list[Path], tmp_path: Path):
    assert CorpusFiles.of("gap", files).estimated_texts == 3 + 1 + 3 + 1
    (tmp_path / "two.conllu").write_bytes(b"# text = a\n1\ta\n\n" + b"#" * (2**20 - 17) + b"\n1\tb\n")  # across two blocks
    assert CorpusFiles.of("conllu", [tmp_path / "two.conllu"]).estimated_texts == 2


def test_a_file_that_is_not_there_is_reported(tmp_path: Path):
    with pytest.raises(BadInputError, match="No such file"):
        CorpusFiles.of("gap", [tmp_path / "nothing.tsv"])
