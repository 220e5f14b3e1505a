"""The rank of a head on annotated texts for a link that a reader looks at: counted by hand, and known only where it is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from attnviz.engine.trace import Trace
from attnviz.linguistics import corpus_rank, gold_sentences
from attnviz.linguistics.atlas import reader
from attnviz.linguistics.corpora.types import ParsedSentence
from attnviz.types import AttentionRequest, HeadRef, Link
from tests import atlases
from tests.atlases import L, Q

TIRED = "The animal didn't cross the street because it was too tired"
IT, ANIMAL, BECAUSE, WAS = (43, 45), (4, 10), (35, 42), (46, 49)


def made(path: Path, links: list[L], questions: list[Q] | None = None) -> reader.Atlas:
    return reader.read(atlases.write(path / "made.npz", atlases.members(links, questions or [])))


def test_heads_are_ranked_by_how_often_they_are_right_on_the_held_out_half(tmp_path: Path):
    # Of 80 texts, the odd 40 count: L1·H4 is right on 30 of them, L0·H1 and L1·H2 on 20 each; L0·H0 on even ones alone.
    def right(text: int) -> list[tuple[int, int]]:
        if text % 2 == 0:
            return [(0, 0)]
        return [*([(1, 4)] if text < 60 else []), *([(0, 1), (1, 2)] if text < 40 else [])]

    one = corpus_rank.ranks(made(tmp_path, [L(at, 0, 0, -1, 4, right(at)) for at in range(80)]), "det")
    assert one is not None
    assert (one.n, one.source, one.half, one.relation, one.direction) == (40, "Trees", "held-out", "det", "dh")
    assert one.hits.tolist() == [[0, 20, 0, 0, 0], [0, 0, 20, 0, 30]]
    assert one.ranks.tolist() == [[4, 2, 4, 4, 4], [4, 4, 2, 4, 1]]
    assert one.sentence(HeadRef(1, 2)) == "2nd of 10 heads on determiner → head noun, Trees held-out"
    assert one.as_dict() == {
        "relation": "det", "direction": "dh", "on": "determiner → head noun, Trees held-out", "n": 40, "heads": 10,
        "source": "Trees", "half": "held-out",
    }  # fmt: skip


def test_the_other_direction_and_pronouns_have_names_of_their_own(tmp_path: Path):
    known = made(tmp_path, [L(at, 0, 1, 1, 4, [(0, 3)]) for at in range(80)], [Q(at, 1, True, [(1, 0)]) for at in range(62)])
    back, pronoun = corpus_rank.ranks(known, "det", "hd"), corpus_rank.ranks(known, "gap")
    assert back is not None
    assert pronoun is not None
    assert back.sentence(HeadRef(0, 3)) == "1st of 10 heads on head noun → determiner, Trees held-out"
    assert pronoun.sentence(HeadRef(1, 0)) == "1st of 10 heads on pronoun → antecedent, GAP held-out"
    assert (pronoun.n, pronoun.direction) == (31, "")


def test_too_few_links_are_no_rank_and_few_odd_ones_are_counted_with_the_even(tmp_path: Path):
    assert corpus_rank.ranks(made(tmp_path, [L(at, 0, 0, 1, 4) for at in range(29)]), "det") is None
    few = corpus_rank.ranks(made(tmp_path, [L(at, 0, 0, 1, 4) for at in range(40)]), "det")
    assert few is not None
    assert (few.n, few.half) == (40, "all texts")


@pytest.mark.parametrize(
    ("number", "says"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (13, "13th"), (21, "21st"), (112, "112th")],
)
def test_a_rank_is_written_as_an_ordinal(number: int, says: str):
    assert corpus_rank.ordinal(number) == says


def test_a_pronoun_and_an_earlier_word_are_coreference_but_not_any_two_words():
    assert corpus_rank.kind(TIRED, Link(IT, ANIMAL)) == ("gap", "dh")
    own = "My neighbour called because she was late."
    she, neighbour, because, was = (28, 31), (3, 12), (20, 27), (32, 35)
    assert corpus_rank.kind(own, Link(she, neighbour)) == ("gap", "dh")
    assert corpus_rank.kind(own, Link(she, because)) is None
    assert corpus_rank.kind(own, Link(she, was)) is None
    assert corpus_rank.kind(own, Link(neighbour, she)) is None
    assert corpus_rank.kind(own, Link(was, because)) is None


def test_the_kind_of_a_grammatical_link_comes_from_gold_or_from_a_parse():
    gold = gold_sentences.sentences()[0]
    known = next(link for link in gold.parsed.links if link.kind == "nsubj")
    assert corpus_rank.kind(gold.text, known) in (("nsubj:", "dh"), ("nsubj", "dh"))
    assert corpus_rank.kind(gold.text, Link(known.target, known.source)) in (("nsubj:", "hd"), ("nsubj", "hd"))
    text = "Cats chase them"
    parse = ParsedSentence(
        "parse", text, ((0, 4), (5, 10), (11, 15)), (Link((11, 15), (5, 10), "dobj"), Link((0, 4), (5, 10), "nsubj"))
    )
    assert corpus_rank.kind(text, Link((11, 15), (5, 10)), parse) == ("obj:", "dh"), "not the pronoun's antecedent"
    assert corpus_rank.kind(text, Link((5, 10), (0, 4)), parse) == ("nsubj:", "hd")


def test_shipped_ranks_agree_with_the_counts_of_the_atlas():
    known = reader.shipped("minilm")
    assert known is not None
    found, hits = corpus_rank.ranks(known, "gap"), known.questions("gap")
    assert found is not None
    counts = hits.hits[hits.text % 2 == 1].sum(0)
    assert found.n == int((hits.text % 2 == 1).sum())
    for layer, head in np.ndindex(counts.shape):
        assert found.rank(HeadRef(layer, head)) == 1 + int((counts > counts[layer, head]).sum())


def test_the_board_gets_the_ranks_of_all_heads_in_a_few_hundred_bytes_and_only_for_a_text_with_a_pronoun():
    def read(model: str, text: str) -> Trace:
        digest = shipped.header.digest if (shipped := reader.shipped(model)) else ""
        return Trace(AttentionRequest(model, text), (), digest)

    for model, heads in (("minilm", 72), ("smollm2", 270)):
        found, known = corpus_rank.for_board(read(model, TIRED), "self"), reader.shipped(model)
        assert found is not None
        assert known is not None
        ranks = corpus_rank.ranks(known, "gap")
        assert ranks is not None
        assert [int(found["ranks"][at : at + 2], 36) for at in range(0, 2 * heads, 2)] == ranks.ranks.ravel().tolist()
        assert (found["pronouns"], found["of"], found["short"]) == ([IT[0]], heads, "GAP")
        assert len(json.dumps(found)) < 2 * heads + 200
        assert corpus_rank.for_board(read(model, "The animal was tired"), "self") is None
        assert corpus_rank.for_board(read(model, TIRED), "cross") is None
    assert corpus_rank.for_board(Trace(AttentionRequest("minilm", TIRED), (), "other weights"), "self") is None
