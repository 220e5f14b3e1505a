"""Heads by one kind of link, counted by hand: who is first on the even texts, and what each does on the odd ones."""

from __future__ import annotations

from math import erfc
from pathlib import Path

import pytest

from attnviz.analysis.statistics import wilson
from attnviz.linguistics import claims
from attnviz.linguistics.atlas import reader
from attnviz.linguistics.head_ranking import rank_heads
from attnviz.types import HeadRef
from tests import atlases
from tests.atlases import L, Q


def made(path: Path, links: list[L], questions: list[Q] | None = None, **more: object) -> reader.Atlas:
    return reader.read(atlases.write(path / "made.npz", atlases.members(links, questions or [], atlases.header(**more))))


def right(text: int) -> list[tuple[int, int]]:
    """L0·H1 hits texts below 48, L1·H4 the even ones below 60 and no odd one, L0·H0 and L1·H0 every fourth text."""
    heads = [(0, 1)] if text < 48 else []
    heads += [(1, 4)] if text % 2 == 0 and text < 60 else []
    return heads + ([(0, 0), (1, 0)] if text % 4 == 0 else [])


@pytest.fixture
def found(tmp_path: Path) -> reader.Atlas:
    """80 determiners, 40 in texts of either half; every fourth is at -2, all others at -1; 4 words to choose from."""
    return made(tmp_path, [L(at, 0, 0, -2 if at % 4 == 3 else -1, 4, right(at)) for at in range(80)])


def test_heads_are_ordered_by_the_even_half_and_reported_on_the_odd_one(found: reader.Atlas):
    one = rank_heads(found, "det")
    assert (one.relation, one.direction, one.offset, one.held_out, one.shared) == ("det", "dh", -1, True, False)
    assert [(str(head.head), head.rank) for head in one.heads[:5]] == [
        ("L1·H4", 1), ("L0·H1", 2), ("L0·H0", 3), ("L1·H0", 3), ("L0·H2", 5),
    ]  # fmt: skip
    assert len(one.heads) == 10
    best, second = one.heads[:2]
    assert (best.chosen_on.hits, best.chosen_on.n, best.evidence.hits, best.evidence.n) == (30, 40, 0, 40)
    assert (second.chosen_on.hits, second.evidence.hits) == (24, 24)
    assert second.evidence.interval == wilson(24, 40)
    assert dict(second.evidence.baselines) == {"offset": 20 / 40, "chance": 0.25}
    assert second.points == pytest.approx(10.0)


def test_the_chance_of_a_lead_is_paired_by_texts_and_corrected_for_all_heads(found: reader.Atlas):
    second = rank_heads(found, "det").heads[1]  # right on the odd texts below 48: 24, where the offset is right on 12 of them
    z = (24 - 20 - 1) / 20**0.5  # of 40 odd texts the two differ on 12 below 48 and 8 above
    assert second.p_corrected == pytest.approx(min(1.0, 10 * 0.5 * erfc(z / 2**0.5)))
    assert not second.beats
    low, high = second.interval
    assert low < second.points < high


def test_where_one_half_has_no_links_heads_are_chosen_and_reported_on_all(tmp_path: Path):
    one = rank_heads(made(tmp_path, [L(at, 0, 0, 1, 4, [(1, 1)]) for at in (1, 3, 5)]), "det")
    assert (one.held_out, one.offset) == (False, 1)
    assert (one.heads[0].head, one.heads[0].evidence.n, one.heads[0].chosen_on.n) == (HeadRef(1, 1), 3, 3)


def test_no_links_are_no_heads_and_the_other_way_is_counted(tmp_path: Path):
    one = rank_heads(made(tmp_path, [L(0, 0, 1, 1, 4)]), "det")
    assert (one.heads, one.other_way) == ((), 1)


def test_wordings_of_one_sentence_in_both_halves_are_reported(tmp_path: Path):
    one = rank_heads(made(tmp_path, [], [Q(at, 2, at % 2 == 0, [(0, 3)]) for at in range(12)]), "winogender")
    assert (one.shared, one.direction, one.offset) == (True, "", None)
    assert one.heads[0].evidence.groups == 2


@pytest.mark.parametrize("model", ["minilm", "smollm2"])
def test_the_first_head_of_a_shipped_atlas_is_its_best_one(model: str):
    known = reader.shipped(model)
    assert known is not None
    for relation, direction in (("obj", "dh"), ("nsubj", "hd"), ("gap", "dh")):
        best, mine = claims.best_head(known, relation, direction), rank_heads(known, relation, direction).heads
        assert best is not None
        assert (mine[0].head, mine[0].evidence.hits, mine[0].evidence.n) == (best.head, best.evidence.hits, best.evidence.n)
        assert sorted(one.rank for one in mine) == [one.rank for one in mine]
        counts = [one.chosen_on.hits for one in mine]
        assert counts == sorted(counts, reverse=True)
