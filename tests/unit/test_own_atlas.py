"""A file of one's own, measured: what each head chose, claims by the rules of the atlases, and the table of cases."""

from __future__ import annotations

import csv
import gc
import io
import json
import weakref
from importlib import resources

import numpy as np
import pytest

from attnviz.backends.local import LocalBackend
from attnviz.engine.block import Block
from attnviz.engine.layers import Dense
from attnviz.engine.trace import Trace
from attnviz.linguistics import claim_text, claims, own_atlas, own_cases
from attnviz.linguistics.atlas.hits import unpacked
from attnviz.linguistics.atlas.measure import Measurer
from attnviz.linguistics.atlas.shards import Chunk
from attnviz.linguistics.corpora.types import AnnotatedQuestion, ParsedSentence
from attnviz.linguistics.own_corpus import OwnCorpus, own_corpus
from attnviz.settings import Settings
from attnviz.text import words
from attnviz.types import AttentionRequest, HeadRef, Link, Token

H = HeadRef(1, 2)  # of 2 layers with 3 heads
TEXT = "the cat saw dogs"
THE, CAT, SAW, DOGS = words(TEXT)
LINKS = (Link(THE, CAT, "det"), Link(CAT, SAW, "nsubj"), Link(DOGS, SAW, "obj"))
PARSED = ParsedSentence("s1", TEXT, (THE, CAT, SAW, DOGS), LINKS)
WHO = "Ann saw Bea and she left"
QUESTION = AnnotatedQuestion("q1", WHO, (16, 19), ((0, 3), (8, 11)), 0)


def trace(text: str, looks: dict[int, int]) -> Trace:
    """A trace with a token for each word; in L1·H2 word `source` looks most at word `target`, all other heads look evenly."""
    places = words(text)
    tokens = tuple(Token(text[a:b], text[a:b], a, b, at) for at, (a, b) in enumerate(places))
    n = len(tokens)
    even = np.full((3, n, n), 1 / n, np.float32)
    chosen = even.copy()
    for source, target in looks.items():
        chosen[2, source] = 0.5 / n
        chosen[2, source, target] += 0.5
    return Trace(AttentionRequest("made", text), (Block("self", tokens, tokens, (Dense(even), Dense(chosen))),), "c0ffee")


SEEN = trace(TEXT, {0: 1, 1: 3, 3: 2, 2: 3})  # the → cat, cat → dogs, dogs → saw, saw → dogs


def test_what_each_head_chose_is_kept_and_even_heads_tie():
    found = own_atlas.measured(PARSED, SEEN)
    det = next(case for case in found.cases if (case.relation, case.direction) == ("det", 0))
    assert found.hits(det).tolist() == [[False] * 3, [False, False, True]]
    assert (found.choice(det, H), found.choice(det, HeadRef(0, 0))) == (CAT, None)
    nsubj = next(case for case in found.cases if (case.relation, case.direction) == ("nsubj", 0))
    assert (found.hits(nsubj).any(), found.choice(nsubj, H)) == (False, DOGS)
    assert (det.offset, det.others) == (1, 3)


def test_a_question_is_decided_between_its_candidates():
    found = own_atlas.measured(QUESTION, trace(WHO, {4: 0}))
    (case,) = found.cases
    assert found.hits(case)[1].tolist() == [False, False, True]
    assert found.choice(case, H) == (0, 3)
    assert not case.nearest


def corpus(texts: list[own_atlas.MeasuredText]) -> own_atlas.OwnAtlas:
    return own_atlas.own_atlas(OwnCorpus("mine.conllu", "conllu", tuple(one.text for one in texts)), texts, SEEN)


def test_a_claim_goes_by_the_rules_of_the_atlases():
    found = corpus([own_atlas.measured(PARSED, SEEN)] * 40)
    claim = claims.claim(found, H, "det")
    assert (claim.evidence.hits, claim.evidence.n, claim.held_out.n, claim.rank, claim.heads) == (40, 40, 20, 1, 6)
    assert dict(claim.evidence.baselines) == pytest.approx({"offset": 1.0, "chance": 1 / 3})
    assert claim.evidence.source == "mine.conllu"
    assert "On 40 determiners of mine.conllu, L1·H2 of made looks most at the head noun in 100" in claim_text.sentence(claim)
    best = claims.best_head(found, "det")
    assert best is not None
    assert (best.head, best.evidence.n, best.control) == (H, 20, None)
    assert claims.claim(found, H, "nsubj").evidence.hits == 0
    assert claims.claim(found, H, "obj", "hd").evidence.hits == 40


def test_few_cases_are_no_claim():
    found = corpus([own_atlas.measured(PARSED, SEEN)] * 3)
    assert claims.claim(found, H, "det").verdict == "few"


def test_questions_count_as_their_kind_and_all_together():
    measured = own_atlas.measured(QUESTION, trace(WHO, {4: 0}))
    found = own_atlas.own_atlas(OwnCorpus("mine.tsv", "gap", (QUESTION,)), [measured], SEEN)
    assert found.kinds == {"coreference": 1, "gap": 1}
    assert claims.claim(found, H, "gap").evidence.hits == 1


def test_what_is_not_measured_is_counted_by_reason():
    short = ParsedSentence("s2", "a cat", ((0, 1), (2, 5)), ())
    unanswered = AnnotatedQuestion("q2", WHO, (16, 19), ((0, 3), (8, 11)), None)
    assert not own_atlas.worth_reading(short)
    assert not own_atlas.worth_reading(unanswered)
    found = corpus([own_atlas.skipped(short), own_atlas.skipped(unanswered), own_atlas.measured(PARSED, SEEN)])
    (described,) = found.header.corpora
    assert dict(described.left_out) == {
        "sentences of fewer than 4 or more than 60 words": 1, "questions without a right candidate": 1,
    }  # fmt: skip
    assert (described.texts, described.used) == (3, 1)


def test_every_case_is_a_row_of_a_table_that_no_spreadsheet_runs():
    hostile = ParsedSentence("=cmd()", "=the cat saw dogs", ((0, 4), (5, 8), (9, 12), (13, 17)), (Link((0, 4), (5, 8), "det"),))
    found = corpus([own_atlas.measured(PARSED, SEEN), own_atlas.measured(hostile, trace(hostile.text, {0: 2}))])
    rows = own_cases.cases(found, H, "det")
    assert [(row["word"], row["right_word"], row["looks_at"], row["right"], row["half"]) for row in rows] == [
        ("the", "cat", "cat", True, "chosen on"),
        ("=the", "cat", "saw", False, "held out"),
    ]
    table = list(csv.DictReader(io.StringIO(own_cases.as_csv(rows).decode())))
    assert (table[1]["id"], table[1]["word"], table[0]["right"]) == ("'=cmd()", "'=the", "True")
    written = json.loads(own_cases.as_json({"model": "made"}, rows))
    assert (written["model"], written["cases"][1]["word"]) == ("made", "=the")


def test_the_measurements_are_gone_with_the_session():
    found = corpus([own_atlas.measured(PARSED, SEEN)] * 4)
    claims.claim(found, H, "det")
    claims.best_head(found, "det")
    gone = weakref.ref(found)
    del found
    gc.collect()
    assert gone() is None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["example.conllu", "example.tsv", "example.toml"])
@pytest.mark.parametrize("model", ["minilm", "smollm2"])
def test_heads_are_right_on_the_same_cases_as_in_a_built_atlas(model: str, name: str):
    content = own_corpus(name, resources.files("attnviz").joinpath("content/own", name).read_bytes())
    backend = LocalBackend(Settings.from_env())
    load = backend.capabilities.load
    assert load is not None
    part = Measurer.of(load(model)).measure(Chunk(0, 0, 0, content.texts))
    texts = [own_atlas.measured(text, backend.attend(AttentionRequest(model, text.text))) for text in content.texts]
    backend.close()
    size = next(one.choices.shape[1:] for one in texts if one.choices is not None)
    for table, cases in (
        (part.links, [(at, one, case) for at, one in enumerate(texts) for case in one.cases if case.relation]),
        (part.questions, [(at, one, case) for at, one in enumerate(texts) for case in one.cases if not case.relation]),
    ):
        assert table["text"].tolist() == [at for at, _, _ in cases]
        mine = np.array([one.hits(case) for _, one, case in cases], bool).reshape(-1, *size)
        assert np.array_equal(mine, unpacked(table["hits"], (int(size[0]), int(size[1]))))
