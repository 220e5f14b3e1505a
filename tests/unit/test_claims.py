"""Heads chosen on even texts and reported on odd ones, and a claim tested, on a small atlas with counts made by hand."""

from __future__ import annotations

from collections.abc import Callable
from math import isnan, sqrt
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from attnviz.analysis.statistics import wilson
from attnviz.errors import BadInputError, UnknownHeadError
from attnviz.linguistics import claims, fixed_rules
from attnviz.linguistics.atlas import reader
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
def made(tmp_path_factory: pytest.TempPathFactory) -> reader.Atlas:
    file = tmp_path_factory.mktemp("atlas") / "made-up.npz"
    return reader.read(atlases.write(file, atlases.members(LINKS, QUESTIONS)))


def test_the_head_is_chosen_on_even_texts_and_reported_on_odd_ones(made: reader.Atlas):
    found = claims.best_head(made, "det")
    assert found is not None
    assert (found.head, found.offset) == (HeadRef(*LUCKY), 1)
    assert (found.chosen_on.hits, found.chosen_on.n) == (38, 40)
    assert (found.evidence.hits, found.evidence.n) == (20, 50)
    assert dict(found.evidence.baselines) == pytest.approx({"offset": 30 / 50, "chance": 1 / 4})
    assert dict(found.chosen_on.baselines)["offset"] == 30 / 40
    assert found.points == pytest.approx(-20.0)
    assert not found.beats
    assert found.evidence.chosen == "the best of 10 heads on the even half of the texts"


def test_a_head_that_a_reader_names_is_tested_on_all_texts(made: reader.Atlas):
    found = claims.claim(made, HeadRef(*STEADY), "det")
    assert (found.evidence.hits, found.evidence.n, found.held_out.hits, found.held_out.n) == (81, 90, 45, 50)
    assert dict(found.evidence.baselines) == pytest.approx({"offset": 60 / 90, "chance": 1 / 4})
    assert (found.rank, found.heads) == (1, 10)
    # Even: the head is right in the first 36 of 40, the offset in the first 30; odd: 45 and 30 of 50. So the head alone is
    # right in 6 + 15 = 21 sentences and the offset alone in none: all of 21 flips, and 2^-21 is less than the normal curve.
    chance = float(norm.sf((21 - 1) / sqrt(21)))
    assert chance > 2**-21
    assert found.p == pytest.approx(chance, rel=1e-9)
    assert found.p_corrected == pytest.approx(10 * chance, rel=1e-9)
    assert found.points == pytest.approx(100 * (81 / 90 - 60 / 90))
    lead, spread = 21 / 90, 21 * (1 - 21 / 90) ** 2 + 69 * (21 / 90) ** 2
    reach = 1.96 * sqrt(90 / 89 * spread) / 90
    assert found.interval == pytest.approx((100 * (lead - reach), 100 * (lead + reach)), abs=0.01)
    assert found.verdict == "clear"
    assert found.significant
    assert (found.evidence.source, found.evidence.scheme) == ("Trees", claims.LINKS)


def test_equal_heads_share_a_rank(made: reader.Atlas):
    assert claims.claim(made, HeadRef(*LUCKY), "det").rank == 2
    assert {claims.claim(made, HeadRef(0, head), "det").rank for head in (1, 2, 3, 4)} == {3}
    assert claims.claim(made, HeadRef(0, 1), "det").verdict == "none"


def test_pronouns_have_the_nearer_candidate_and_a_half_as_baselines(made: reader.Atlas):
    found = claims.claim(made, HeadRef(1, 2), "gap")
    assert (found.evidence.hits, found.evidence.n) == (9, 12)
    assert dict(found.evidence.baselines) == pytest.approx({"nearest": 4 / 12, "chance": 0.5})
    assert found.evidence.baseline == ("chance", 0.5)
    assert (found.direction, found.offset, found.verdict) == ("", None, "few")
    everything = claims.claim(made, HeadRef(1, 2), "coreference").evidence
    assert (everything.hits, everything.n, everything.source) == (15, 18, "Names and Jobs")


def test_corpora_that_are_counted_together_are_counted_one_by_one_too(made: reader.Atlas):
    names, jobs = claims.claim(made, HeadRef(1, 2), "coreference").parts
    assert (names.source, names.hits, names.n) == ("Names", 9, 12)
    assert (jobs.source, jobs.hits, jobs.n) == ("Jobs", 6, 6)
    assert claims.claim(made, HeadRef(1, 2), "gap").parts == ()
    assert claims.claim(made, HeadRef(*STEADY), "det").parts == ()


def wordings(tmp_path: Path, hits: dict[tuple[int, int], Callable[[int], bool]]) -> reader.Atlas:
    """40 sentences in six wordings each; `hits` says for each head in which of the 240 it is right."""
    found = [Q(at, 2, at % 2 == 0, [head for head, right in hits.items() if right(at)]) for at in range(240)]
    return reader.read(atlases.write(tmp_path / "wordings.npz", atlases.members(questions=found)))


def test_wordings_of_a_sentence_count_as_one(tmp_path: Path):
    # Right in all wordings of 24 of 40 sentences: as good as 40 coins, less one for the mean that they are spread around.
    found = claims.claim(wordings(tmp_path, {(0, 1): lambda at: at // 6 % 5 < 3}), HeadRef(0, 1), "winogender")
    assert (found.evidence.hits, found.evidence.n, found.evidence.groups) == (144, 240, 40)
    assert found.evidence.interval == pytest.approx(wilson(0.6 * 39, 39))
    # 24 sentences are 3 above chance and 16 are 3 below: a lead of 24 wordings, less 1, over the root of 40 x 9.
    assert found.p == pytest.approx(float(norm.sf(23 / sqrt(360))))
    assert found.verdict == "none", "as 240 coins it would be a chance of 0.001"
    assert not found.significant
    assert (found.held_out.n, found.held_out.groups) == (120, 40)


def test_a_head_chosen_on_other_wordings_of_the_same_sentences_is_corrected_for_all_heads(tmp_path: Path):
    # Odd wordings are three of each sentence, each 1.5 above chance or below. 30 of 40 sentences: a lead of 30, less a half,
    # over the root of 40 x 2.25: p is 0.001, corrected for ten heads 0.01; 27 of 40: 20.5 over that root, 0.015 and 0.15.
    best = claims.best_head(wordings(tmp_path, {(0, 1): lambda at: at // 6 % 4 < 3}), "winogender")
    assert best is not None
    assert best.p_corrected is not None
    assert best.p_corrected < 0.05
    assert best.beats
    lucky = claims.best_head(wordings(tmp_path, {(0, 1): lambda at: at // 6 % 40 < 27}), "winogender")
    assert lucky is not None
    assert lucky.p == pytest.approx(float(norm.sf(20.5 / sqrt(90))))
    assert lucky.p < 0.025
    assert lucky.p_corrected is not None
    assert lucky.p_corrected > 0.05
    assert not lucky.beats


def test_pronouns_have_one_direction(made: reader.Atlas):
    with pytest.raises(BadInputError, match=r"“gap” lead from a pronoun to a candidate .* got “hd”"):
        claims.claim(made, HeadRef(0, 0), "gap", "hd")


def test_a_relation_that_one_half_lacks_has_no_best_head(made: reader.Atlas):
    assert claims.best_head(made, "nsubj") is None
    assert claims.best_head(made, "winogender") is None


def test_nothing_to_count_is_no_rate(made: reader.Atlas):
    found = claims.claim(made, HeadRef(0, 0), "nsubj", "hd")
    assert (found.evidence.n, found.evidence.interval, found.verdict, found.p) == (0, (0.0, 1.0), "unseen", 1.0)
    assert isnan(found.points)
    assert isnan(claims.scores(made, "nsubj", "hd").values[0, 0])


def test_a_head_that_the_model_does_not_have_is_refused(made: reader.Atlas):
    for head in (HeadRef(2, 0), HeadRef(0, 5), HeadRef(0, 0, "cross")):
        with pytest.raises(UnknownHeadError, match="layers 0 to 1 with heads 0 to 4"):
            claims.claim(made, head, "det")


def test_every_heads_rate_over_all_texts(made: reader.Atlas):
    found = claims.scores(made, "det").values
    assert found[STEADY] == pytest.approx(81 / 90)
    assert found[LUCKY] == pytest.approx(58 / 90)
    assert found.sum() == pytest.approx(139 / 90)


def offsets(tmp_path: Path, *found: tuple[int, int]) -> int | None:
    """The best offset of det links, each (text, offset)."""
    parts = atlases.members([L(text, 0, 0, offset, 5) for text, offset in found])
    return fixed_rules.best_offset(reader.read(atlases.write(tmp_path / "offsets.npz", parts)).links("det"))


def test_the_offset_is_the_commonest_of_the_even_texts_and_of_equals_the_nearer(tmp_path: Path):
    assert offsets(tmp_path, (0, 3), (2, 3), (4, 1), (1, 1), (3, 1)) == 3
    assert offsets(tmp_path, (0, 3), (2, -2)) == -2
    assert offsets(tmp_path, (0, 1), (2, -1)) == -1
    assert offsets(tmp_path, (1, 1)) is None


def test_chance_is_the_mean_over_links_of_one_in_so_many_words(tmp_path: Path):
    parts = atlases.members([L(0, 0, 0, 1, 2), L(2, 0, 0, 5, 10)])
    found = reader.read(atlases.write(tmp_path / "few.npz", parts)).links("det")
    assert fixed_rules.baselines(found, 1) == pytest.approx({"offset": 0.5, "chance": (1 / 2 + 1 / 10) / 2})


def test_the_table_has_every_kind_of_link_with_both_halves_the_commonest_first(made: reader.Atlas):
    assert [(one.relation, one.direction) for one in claims.best_heads(made)] == [
        ("det", "dh"), ("obj", "hd"), ("coreference", ""), ("gap", ""),
    ]  # fmt: skip


def test_relations_on_which_a_head_is_shown_to_beat_the_rule_and_those_on_which_none_is(tmp_path: Path):
    # det: the best head hits all of 80, the offset half of them. obj: no head hits. nsubj: 10 on odd texts, too few to count.
    links = [
        *(L(at, 0, 0, 1 + at // 2 % 2, 5, [(1, 1)]) for at in range(80)),
        *(L(at, 1, 0, 1, 5) for at in range(80)),
        *(L(at, 1, 1, 1, 5) for at in range(80)),
        *(L(at, 2, 0, 1, 5) for at in range(20)),
    ]
    made = reader.read(atlases.write(tmp_path / "table.npz", atlases.members(links)))
    found = {one.relation: one for one in claims.leads(made)}
    assert {name: one.significant for name, one in found.items()} == {"obj": False, "det": True}
    assert next(one for one in claims.best_heads(made) if one.relation == "det").points == pytest.approx(50.0)
    assert (found["det"].head, found["det"].direction) == (HeadRef(1, 1), "dh")
    # On 40 odd sentences the head is ahead in 20: z = 19 over the root of 20. Half of the error is for the chosen head.
    assert found["det"].p_corrected == pytest.approx(2 * float(norm.sf(19 / sqrt(20))))
    assert (found["det"].n, found["det"].points) == (40, 50.0)
    # Twice: z of 0.025 is 1.960 and z of 0.8 is 0.842; of 40 sentences head and rule differ in 20.
    assert found["det"].detectable == pytest.approx(100 * ((1.960 + 0.842) * sqrt(20) + 1) / 40, abs=0.02)


def test_every_head_is_tested_on_the_odd_half_and_not_only_the_one_that_leads_on_the_even_half(tmp_path: Path):
    # The lucky head hits all even texts and the odd ones where the offset does; the steady one is ahead on the odd ones.
    def right(at: int) -> list[tuple[int, int]]:
        ones = at // 2 % 2 == 0
        return [LUCKY] * (at % 2 == 0 or ones) + [STEADY] * (at % 2 == 1)

    links = [L(at, 0, 0, 1 if at // 2 % 2 == 0 else 3, 9, right(at)) for at in range(120)]
    made = reader.read(atlases.write(tmp_path / "both.npz", atlases.members(links)))
    best, found = claims.best_head(made, "det"), claims.lead(made, "det")
    assert best is not None
    assert found is not None
    assert (best.head, best.beats) == (HeadRef(*LUCKY), False)
    assert (found.head, found.significant) == (HeadRef(*STEADY), True)
    # Ahead in 30 of 60 odd sentences; half of the error is for all ten heads.
    assert found.p_corrected == pytest.approx(20 * max(float(norm.sf(29 / sqrt(30))), 2.0**-30))


def test_many_links_of_one_sentence_show_no_lead(tmp_path: Path):
    # 40 odd links, all won by the head, but in two sentences: two flips allow no chance below a quarter.
    links = [L(2 + 2 * (at % 2) - at // 40, 0, 0, 1 + (at // 40 == 0) * at % 2 + (at // 40), 9, [(0, 2)]) for at in range(80)]
    made = reader.read(atlases.write(tmp_path / "two.npz", atlases.members(links)))
    found = claims.best_head(made, "det")
    assert found is not None
    assert found.evidence.n == 40
    assert found.p >= 0.25
    assert not found.beats


def test_a_relation_and_its_subtypes_have_each_their_own_offset_and_chance(tmp_path: Path):
    # 60 plain ones at +2 among 4 others, 60 possessors at +1 among 8; the head finds the possessors and 20 of the plain ones.
    links = [
        *(L(at, 0, 0, 2, 4, [(0, 1)] if at < 20 else []) for at in range(60)),
        *(L(60 + at, 1, 0, 1, 8, [(0, 1)]) for at in range(60)),
        L(0, 1, 0, 1, 8), L(1, 0, 0, 2, 4),
    ]  # fmt: skip
    head = atlases.header(relations=["nmod", "nmod:poss"])
    made = reader.read(atlases.write(tmp_path / "poss.npz", atlases.members(links, head=head)))
    pooled, plain, owner = (claims.claim(made, HeadRef(0, 1), name) for name in ("nmod", "nmod:", "nmod:poss"))
    assert (pooled.evidence.hits, plain.evidence.hits, owner.evidence.hits) == (80, 20, 60)
    assert (pooled.evidence.n, plain.evidence.n, owner.evidence.n) == (122, 61, 61)
    assert (plain.offset, owner.offset) == (2, 1)
    assert dict(owner.evidence.baselines) == pytest.approx({"offset": 1.0, "chance": 1 / 8})
    assert dict(plain.evidence.baselines) == pytest.approx({"offset": 1.0, "chance": 1 / 4})
    assert pooled.pooled == {"nmod:": 61, "nmod:poss": 61}
    assert plain.pooled == owner.pooled == {}
    assert [one.relation for one in claims.best_heads(made)] == ["nmod", "nmod:", "nmod:poss"]
    assert {one.relation for one in claims.leads(made)} == {"nmod:", "nmod:poss"}  # separate subtypes are not counted twice


def test_no_head_that_reads_left_to_right_separates_texts_that_are_the_same_up_to_the_pronoun(tmp_path: Path):
    # 30 pairs that look the same and differ in the answer, and 20 questions that look like no other. The best any head can do
    # is 30 + 20 of 80; this one always says candidate 0, and is right in 12 of the 20.
    pairs = [Q(at, 1, True, [(0, 2)] if at % 2 == 0 else [], answer=at % 2, back=at % 2) for at in range(60)]
    others = [Q(60 + at, 1, True, [(0, 2)] if at < 12 else [], answer=int(at >= 12)) for at in range(20)]
    head = atlases.header(causal=True)
    made = reader.read(atlases.write(tmp_path / "pairs.npz", atlases.members(questions=[*pairs, *others], head=head)))
    found = claims.claim(made, HeadRef(0, 2), "gap")
    assert (found.evidence.hits, found.evidence.n) == (42, 80)
    assert found.evidence.ceiling == 50 / 80
    assert found.decidable is not None
    assert (found.decidable.hits, found.decidable.n, found.decidable.ceiling) == (12, 20, 1.0)
    assert found.held_out.ceiling == 1.0, "the odd half has one of each pair"
    assert claims.claim(made, HeadRef(0, 2), "coreference").evidence.ceiling == 50 / 80


def test_the_name_mentioned_more_often_is_a_rule_where_names_differ_in_that(tmp_path: Path):
    questions = [Q(at, 1, True, [(0, 0)], mentioned=1.0 if at % 4 < 3 else 0.0) for at in range(80)]
    jobs = [Q(at, 2, True, [(0, 0)]) for at in range(80)]  # each name once: the rule says nothing
    made = reader.read(atlases.write(tmp_path / "often.npz", atlases.members(questions=[*questions, *jobs])))
    found = claims.claim(made, HeadRef(0, 0), "gap").evidence
    assert dict(found.baselines) == {"nearest": 1.0, "mentioned": 0.75, "chance": 0.5}
    assert "mentioned" not in dict(claims.claim(made, HeadRef(0, 0), "winogender").evidence.baselines)


def test_of_equal_rules_chance_is_named(tmp_path: Path):
    made = reader.read(atlases.write(tmp_path / "even.npz", atlases.members(questions=[Q(0, 1, True), Q(1, 1, False)])))
    assert claims.claim(made, HeadRef(0, 0), "gap").evidence.baseline == ("chance", 0.5)


def control(links: int, questions: int = 3) -> dict[str, np.ndarray]:
    """Counts of a twin without a hit, to be filled in."""
    size = (2, atlases.LAYERS, atlases.HEADS)
    return {
        "control.links": np.zeros((links, 2, *size), np.uint32), "control.questions": np.zeros((questions, *size), np.uint32),
    }  # fmt: skip


def test_the_untrained_twin_has_its_own_best_head_chosen_on_even_texts_and_counted_on_odd_ones(tmp_path: Path):
    counts = control(len(atlases.RELATIONS))
    counts["control.links"][0, 0, :, 0, 4] = (21, 7)  # det dh: 21 of 40 even links, 7 of 50 odd ones
    counts["control.links"][0, 0, :, 1, 1] = (20, 40)
    counts["control.questions"][1, :, 1, 0] = (5, 2)
    head = atlases.header(control={"seed": 0})
    made = reader.read(atlases.write(tmp_path / "twin.npz", atlases.members(LINKS, QUESTIONS, head, counts)))
    found = claims.claim(made, HeadRef(*STEADY), "det").control
    assert found is not None
    assert (found.head, found.evidence.hits, found.evidence.n) == (HeadRef(0, 4), 7, 50)
    assert found.evidence.interval == wilson(7, 50)
    twin = claims.control(made, "gap")
    assert twin is not None
    assert (twin.head, twin.evidence.hits, twin.evidence.n) == (HeadRef(1, 0), 2, 4)


def test_counts_of_a_twin_are_pooled_as_its_models_are(tmp_path: Path):
    counts = control(2)
    counts["control.links"][:, 0, :, 0, 0] = [(3, 4), (5, 6)]
    links = [L(at, at % 4 // 2, 0, 1, 9) for at in range(40)]
    head = atlases.header(relations=["nmod", "nmod:poss"], control={"seed": 0})
    made = reader.read(atlases.write(tmp_path / "pool.npz", atlases.members(links, (), head, counts)))
    hits = {name: found.evidence.hits for name in made.names if (found := claims.control(made, name))}
    assert hits == {"nmod": 10, "nmod:": 4, "nmod:poss": 6}


def test_without_a_twin_there_is_no_control(made: reader.Atlas):
    assert claims.control(made, "det") is None
    assert claims.claim(made, HeadRef(*STEADY), "det").control is None
