"""Every label that can be met is explained, and what the table says of its corpus name is true of both schemes."""

from __future__ import annotations

from pathlib import Path

import pytest

from attnviz.errors import BadInputError
from attnviz.linguistics import parse, relations
from attnviz.linguistics.relations import CORPUS, FITS, PARSER, relation


@pytest.mark.slow  # the parser takes seconds to load
def test_each_label_of_the_parser_is_there_and_no_other():
    assert set(relations.relations(PARSER)) == set(parse.labels()) | {"ROOT"}


def test_each_relation_of_the_corpus_is_there(corpora: Path):
    rows = (line.split("\t") for line in (corpora / "ewt-dev.conllu").read_text("utf-8").splitlines() if "\t" in line)
    met = {row[7] for row in rows} - {"_"}
    assert met - set(relations.relations(CORPUS)) == set()


@pytest.mark.parametrize("scheme", [CORPUS, PARSER])
def test_each_label_has_a_name_and_one_line_of_explanation(scheme: str):
    for one in relations.relations(scheme).values():
        assert one.plain, one.name
        assert one.explains.endswith("."), one.name
        assert len(one.explains) < 160, one.name
        assert "\n" not in one.explains + one.differs
        assert one.fit in FITS


def test_a_counterpart_is_a_relation_of_the_corpus_and_what_has_none_says_why():
    for one in relations.relations(PARSER).values():
        if one.fit == "none":
            assert one.corpus == "", one.name
            assert one.counted == ""
            assert one.differs, one.name
        else:
            assert one.corpus in relations.relations(CORPUS), one.name
        if one.fit == "part":
            assert one.differs, one.name
        if ":" in one.corpus:
            assert one.fit == "same", f"{one.name} is counted by itself"
            assert "Figures" not in one.differs


@pytest.mark.parametrize(
    ("name", "scheme", "corpus_name", "counted"),
    [
        ("dobj", PARSER, "UD obj", "obj:"),
        ("nsubjpass", PARSER, "UD nsubj:pass", "nsubj:pass"),
        ("poss", PARSER, "UD nmod:poss", "nmod:poss"),
        ("neg", PARSER, "in UD advmod", "advmod"),
        ("pobj", PARSER, "no UD counterpart", ""),
        ("prep", PARSER, "no UD counterpart", ""),
        ("cc", PARSER, "no UD counterpart", ""),
        ("obj", CORPUS, "UD obj", "obj:"),
        ("nmod", CORPUS, "UD nmod", "nmod:"),
        ("nmod:poss", CORPUS, "UD nmod:poss", "nmod:poss"),
        ("nmod:lmod", CORPUS, "UD nmod:lmod", "nmod:lmod"),
        ("punct", CORPUS, "no UD counterpart", ""),
    ],
)
def test_labels_and_their_corpus_names(name: str, scheme: str, corpus_name: str, counted: str):
    found = relation(name, scheme)
    assert (found.corpus_name, found.counted) == (corpus_name, counted)


def test_an_unknown_subtype_is_explained_as_its_relation_and_an_unknown_label_is_refused():
    assert relation("obl:arg", CORPUS).plain == relation("obl", CORPUS).plain
    with pytest.raises(BadInputError, match="There is no relation “blob”"):
        relation("blob", CORPUS)
    with pytest.raises(BadInputError, match="A scheme is corpus or parser"):
        relation("obj", "stanford")
