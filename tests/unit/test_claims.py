"""Heads chosen on even texts and reported on odd ones, and a claim tested, on a small atlas with counts made by hand."""

from __future__ import annotations

from collections.abc import Callable
from math import comb, isnan
from pathlib import Path

import numpy as np
import pytest

from attnviz.analysis.evidence import tails, wilson
from attnviz.errors import BadInputError, UnknownHeadError
from attnviz.linguistics import atlas, claims
from attnviz.types import HeadRef
from tests import atlases
from tests.atlases import L, Q

STEADY, LUCKY = (0, 0), (1, 3)


def determiners(even: bool, n: int, ones: int, steady: int, lucky: int) -> list[L]:
    """`n` links, of which `ones` have offset +1 and the rest +2; each head hits the first so many."""
    right = [[head for head, hits in ((STEADY, steady), (LUCKY, lucky)) if at < hits] for at in range(n)]
    return [L(2 * at + (not even), 0, 0, 1 if at < ones else 2, 4, right[at]) for at in range(n)]


# Even: 40 links, 30 at +1; the lucky head hits 38 and the steady one 36. Odd: 50 links, 30 at +1; 20 and 45.
LINKS = (
    *determiners(True, 40, ones=30, steady=36, lucky=38),
    *determiners(False, 50, ones=30, steady=45, lucky=20),
    *(L(at, 1, 1, -3, 8, [(0, 2)]) for at in range(10)),  # obj hd
    *(L(2 * at, 2, 0, 1, 8) for at in range(3)),  # nsubj dh, on even texts only
)
# 12 questions of gap, all texts even but 4; 6 of winogender, all odd.
QUESTIONS = (
    *(Q(2 * at if at < 8 else 2 * at + 1, 1, at % 3 == 0, [(1, 2)] if at % 4 else []) for at in range(12)),
    *(Q(2 * at + 1, 2, True, [(1, 2)]) for at in range(6)),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> atlas.Atlas:
    file = tmp_path_factory.mktemp("atlas") / "made-up.npz"
    return atlas.read(atlases.write(file, atlases.members(LINKS, QUESTIONS)))


def test_the_head_is_chosen_on_even_texts_and_reported_on_odd_ones(made: atlas.Atlas):
    found = claims.best(made, "det")
    assert found is not None
    assert (found.head, found.offset) == (HeadRef(*LUCKY), 1)
    assert (found.chosen_on.hits, found.chosen_on.n) == (38, 40)
    assert (found.evidence.hits, found.evidence.n) == (20, 50)
    assert dict(found.evidence.baselines) == pytest.approx({"offset": 30 / 50, "chance": 1 / 4})
    assert dict(found.chosen_on.baselines)["offset"] == 30 / 40
    assert found.points == pytest.approx(-20.0)
    assert not found.beats
    assert found.evidence.chosen == "the best of 10 heads on the even half of the texts"


def test_a_head_that_a_reader_names_is_tested_on_all_texts(made: atlas.Atlas):
    found = claims.claim(made, HeadRef(*STEADY), "det")
    assert (found.evidence.hits, found.evidence.n, found.held_out.hits, found.held_out.n) == (81, 90, 45, 50)
    assert dict(found.evidence.baselines) == pytest.approx({"offset": 60 / 90, "chance": 1 / 4})
    assert (found.rank, found.heads) == (1, 10)
    chance = sum(comb(90, k) * (2 / 3) ** k * (1 / 3) ** (90 - k) for k in range(81, 91))
    assert found.p == pytest.approx(chance, rel=1e-9)
    assert found.p_corrected == pytest.approx(10 * chance, rel=1e-9)
    assert found.points == pytest.approx(100 * (81 / 90 - 60 / 90))
    assert found.verdict == "clear"
    assert found.stands
    assert (found.evidence.source, found.evidence.scheme) == ("Trees", claims.LINKS)


def test_equal_heads_share_a_rank(made: atlas.Atlas):
    assert claims.claim(made, HeadRef(*LUCKY), "det").rank == 2
    assert {claims.claim(made, HeadRef(0, head), "det").rank for head in (1, 2, 3, 4)} == {3}
    assert claims.claim(made, HeadRef(0, 1), "det").verdict == "none"


def test_pronouns_have_the_nearer_candidate_and_a_half_as_baselines(made: atlas.Atlas):
    found = claims.claim(made, HeadRef(1, 2), "gap")
    assert (found.evidence.hits, found.evidence.n) == (9, 12)
    assert dict(found.evidence.baselines) == pytest.approx({"nearest": 4 / 12, "chance": 0.5})
    assert found.evidence.baseline == ("chance", 0.5)
    assert (found.direction, found.offset, found.verdict) == ("", None, "few")
    everything = claims.claim(made, HeadRef(1, 2), "coreference").evidence
    assert (everything.hits, everything.n, everything.source) == (15, 18, "Names and Jobs")


def test_corpora_that_are_counted_together_are_counted_one_by_one_too(made: atlas.Atlas):
    names, jobs = claims.claim(made, HeadRef(1, 2), "coreference").parts
    assert (names.source, names.hits, names.n) == ("Names", 9, 12)
    assert (jobs.source, jobs.hits, jobs.n) == ("Jobs", 6, 6)
    assert claims.claim(made, HeadRef(1, 2), "gap").parts == ()
    assert claims.claim(made, HeadRef(*STEADY), "det").parts == ()


def wordings(tmp_path: Path, hits: dict[tuple[int, int], Callable[[int], bool]]) -> atlas.Atlas:
    """40 sentences in six wordings each; `hits` says for each head in which of the 240 it is right."""
    found = [Q(at, 2, at % 2 == 0, [head for head, right in hits.items() if right(at)]) for at in range(240)]
    return atlas.read(atlases.write(tmp_path / "wordings.npz", atlases.members(questions=found)))


def test_wordings_of_a_sentence_count_as_one(tmp_path: Path):
    # Right in all wordings of 24 of 40 sentences: as good as 40 coins, less one for the mean that they are spread around.
    found = claims.claim(wordings(tmp_path, {(0, 1): lambda at: at // 6 % 5 < 3}), HeadRef(0, 1), "winogender")
    assert (found.evidence.hits, found.evidence.n, found.evidence.groups) == (144, 240, 40)
    assert found.evidence.interval == pytest.approx(wilson(0.6 * 39, 39))
    assert found.p == pytest.approx(float(tails(np.array(144), 240, 0.5, np.array(39.0))))
    assert found.verdict == "none", "as 240 coins it would be a chance of 0.001"
    assert not found.stands
    assert (found.held_out.n, found.held_out.groups) == (120, 40)


def test_a_head_chosen_on_other_wordings_of_the_same_sentences_must_stand_the_correction(tmp_path: Path):
    # 30 of 40 sentences, as 39 coins: p is about 0.001, corrected for ten heads 0.01; 28 of 40: 0.008, corrected 0.08.
    best = claims.best(wordings(tmp_path, {(0, 1): lambda at: at // 6 % 4 < 3}), "winogender")
    assert best is not None
    assert best.p_corrected is not None
    assert best.p_corrected < 0.05
    assert best.beats
    lucky = claims.best(wordings(tmp_path, {(0, 1): lambda at: at // 6 % 10 < 7}), "winogender")
    assert lucky is not None
    assert lucky.evidence.interval[0] > 0.5
    assert lucky.p_corrected is not None
    assert lucky.p_corrected > 0.05
    assert not lucky.beats


def test_pronouns_have_one_direction(made: atlas.Atlas):
    with pytest.raises(BadInputError, match=r"“gap” lead from a pronoun to a candidate .* got “hd”"):
        claims.claim(made, HeadRef(0, 0), "gap", "hd")


def test_a_relation_that_one_half_lacks_has_no_best_head(made: atlas.Atlas):
    assert claims.best(made, "nsubj") is None
    assert claims.best(made, "winogender") is None


def test_nothing_to_count_is_no_rate(made: atlas.Atlas):
    found = claims.claim(made, HeadRef(0, 0), "nsubj", "hd")
    assert (found.evidence.n, found.evidence.interval, found.verdict, found.p) == (0, (0.0, 1.0), "unseen", 1.0)
    assert isnan(found.points)
    assert isnan(claims.scores(made, "nsubj", "hd").values[0, 0])


def test_a_head_that_the_model_does_not_have_is_refused(made: atlas.Atlas):
    for head in (HeadRef(2, 0), HeadRef(0, 5), HeadRef(0, 0, "cross")):
        with pytest.raises(UnknownHeadError, match="layers 0 to 1 with heads 0 to 4"):
            claims.claim(made, head, "det")


def test_every_heads_rate_over_all_texts(made: atlas.Atlas):
    found = claims.scores(made, "det").values
    assert found[STEADY] == pytest.approx(81 / 90)
    assert found[LUCKY] == pytest.approx(58 / 90)
    assert found.sum() == pytest.approx(139 / 90)


def offsets(tmp_path: Path, *found: tuple[int, int]) -> int | None:
    """The best offset of det links, each (text, offset)."""
    parts = atlases.members([L(text, 0, 0, offset, 5) for text, offset in found])
    return claims.best_offset(atlas.read(atlases.write(tmp_path / "offsets.npz", parts)).links("det"))


def test_the_offset_is_the_commonest_of_the_even_texts_and_of_equals_the_nearer(tmp_path: Path):
    assert offsets(tmp_path, (0, 3), (2, 3), (4, 1), (1, 1), (3, 1)) == 3
    assert offsets(tmp_path, (0, 3), (2, -2)) == -2
    assert offsets(tmp_path, (0, 1), (2, -1)) == -1
    assert offsets(tmp_path, (1, 1)) is None


def test_chance_is_the_mean_over_links_of_one_in_so_many_words(tmp_path: Path):
    parts = atlases.members([L(0, 0, 0, 1, 2), L(2, 0, 0, 5, 10)])
    found = atlas.read(atlases.write(tmp_path / "few.npz", parts)).links("det")
    assert claims.baselines(found, 1) == pytest.approx({"offset": 0.5, "chance": (1 / 2 + 1 / 10) / 2})


def test_the_table_has_every_kind_of_link_with_both_halves_the_commonest_first(made: atlas.Atlas):
    assert [(one.relation, one.direction) for one in claims.table(made)] == [
        ("det", "dh"), ("obj", "hd"), ("coreference", ""), ("gap", ""),
    ]  # fmt: skip


def test_relations_on_which_no_head_beats_a_fixed_rule(tmp_path: Path):
    # det: the best head hits all of 80, the offset half of them. obj: no head hits. nsubj: 10 on odd texts, too few to count.
    links = [
        *(L(at, 0, 0, 1 + at // 2 % 2, 5, [(1, 1)]) for at in range(80)),
        *(L(at, 1, 0, 1, 5) for at in range(80)),
        *(L(at, 1, 1, 1, 5) for at in range(80)),
        *(L(at, 2, 0, 1, 5) for at in range(20)),
    ]
    found = claims.table(atlas.read(atlases.write(tmp_path / "table.npz", atlases.members(links))))
    assert claims.unbeaten(found) == (("obj",), ("det", "obj"))
    assert next(one for one in found if one.relation == "det").points == pytest.approx(50.0)
