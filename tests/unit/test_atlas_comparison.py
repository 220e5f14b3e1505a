"""Two atlases side by side, by hand: which links are the same, and how far apart the best heads are on them."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from attnviz.errors import BadInputError
from attnviz.linguistics.atlas import reader
from attnviz.linguistics.atlas.comparison import compare, difference, matched, shared_corpora
from attnviz.types import HeadRef
from tests import atlases
from tests.atlases import L, Q

_number = count()


def made(path: Path, links: list[L], questions: list[Q] | None = None, **more: object) -> reader.Atlas:
    head = atlases.header(**more)
    for at, corpus in enumerate(head["corpora"]):  # files of their own, or all would be the same
        corpus["files"][0]["sha256"] = str(at + 1) * 64
    return reader.read(atlases.write(path / f"made-{next(_number)}.npz", atlases.members(links, questions or [], head)))


def elsewhere(path: Path, links: list[L]) -> reader.Atlas:
    """An atlas of other files."""
    return reader.read(atlases.write(path / f"made-{next(_number)}.npz", atlases.members(links)))


ALL = [L(at, 0, 0, -1, 4, [(0, 1)] if at % 5 else []) for at in range(100)]  # L0·H1 is right on 80
FEWER = [L(at, 0, 0, -1, 2, [(1, 2)] if at % 10 == 0 else [(1, 2), (0, 1)]) for at in range(90)]  # L1·H2 is right on all 90


def test_only_links_that_both_have_are_counted(tmp_path: Path):
    found = compare(made(tmp_path, ALL), made(tmp_path, FEWER), ("det", "dh"))
    (one,) = found.pairs
    assert (found.same, found.only, found.same_rule) == (("Trees", "Names", "Jobs"), ((), ()), True)
    assert (one.common, one.totals) == (True, (100, 90))
    assert (one.first.head, one.first.evidence.hits, one.first.evidence.n) == (HeadRef(0, 1), 36, 45)
    assert (one.second.head, one.second.evidence.hits, one.second.evidence.n) == (HeadRef(1, 2), 45, 45)
    assert one.difference is not None
    assert one.difference[0] == pytest.approx(-20.0)


def test_links_are_matched_by_text_and_distance_and_left_out_where_one_has_more(tmp_path: Path):
    first = made(tmp_path, [L(0, 0, 0, 1, 4), L(0, 0, 0, 2, 4), L(0, 0, 0, 2, 4), L(1, 0, 0, 3, 4), L(2, 0, 0, 1, 4)])
    second = made(tmp_path, [L(0, 0, 0, 2, 4), L(0, 0, 0, 1, 4), L(2, 0, 0, 1, 4), L(3, 0, 0, 1, 4)])
    mine, theirs = matched(first.links("det"), second.links("det"), shared_corpora(first, second))
    assert mine.offset is not None
    assert theirs.offset is not None
    assert list(zip(mine.text.tolist(), mine.offset.tolist(), strict=True)) == [(0, 1), (2, 1)]
    assert list(zip(theirs.text.tolist(), theirs.offset.tolist(), strict=True)) == [(0, 1), (2, 1)]


def test_corpora_are_the_same_by_their_files_and_not_by_their_place(tmp_path: Path):
    first = made(tmp_path, [L(0, 0, 0, 1, 4, corpus=0), L(1, 0, 0, 1, 4, corpus=1)])
    head = first.header
    reordered = replace(first, header=replace(head, corpora=(head.corpora[2], head.corpora[0])))
    assert shared_corpora(first, reordered) == {0: 1, 2: 0}
    hits = replace(first.links("det"), corpus=np.array([1, 0], np.uint8))  # the same texts, as the other one numbers them
    mine, theirs = matched(first.links("det"), hits, shared_corpora(first, reordered))
    assert (mine.text.tolist(), theirs.text.tolist()) == ([0], [0])
    assert compare(first, reordered, ("det", "dh")).only == (("Names",), ())


def test_atlases_of_other_texts_are_shown_side_by_side_without_a_difference(tmp_path: Path):
    found = compare(made(tmp_path, ALL), elsewhere(tmp_path, FEWER), ("det", "dh"))
    (one,) = found.pairs
    assert (found.same, found.only[0]) == ((), ("Trees", "Names", "Jobs"))
    assert (one.common, one.difference) == (False, None)
    assert (one.first.evidence.n, one.second.evidence.n) == (50, 45)


def test_kinds_with_few_common_links_are_named(tmp_path: Path):
    few = [L(at, 1, 0, 1, 4) for at in range(20)]
    found = compare(made(tmp_path, [*ALL, *few]), made(tmp_path, [*FEWER, *few]))
    assert [(one.relation, one.direction) for one in found.pairs] == [("det", "dh")]
    assert found.few == (("obj", "dh"),)


def test_an_atlas_beside_itself_differs_by_nothing(tmp_path: Path):
    one = made(tmp_path, ALL, [Q(at, 1, True, [(1, 1)] if at % 3 else []) for at in range(80)])
    assert [(pair.relation, pair.difference) for pair in compare(one, one).pairs] == [
        ("det", (0.0, 0.0, 0.0)), ("coreference", (0.0, 0.0, 0.0)), ("gap", (0.0, 0.0, 0.0)),
    ]  # fmt: skip


def test_a_relation_that_one_of_them_lacks_is_refused_with_its_nearest_name(tmp_path: Path):
    with pytest.raises(BadInputError, match="Did you mean det"):
        compare(made(tmp_path, ALL), made(tmp_path, FEWER), ("dett", "dh"))


def test_the_interval_of_a_difference_takes_texts_as_what_is_independent(tmp_path: Path):
    # Odd texts 1, 3, 5, 7 with two links each; first minus second is 2, 1, 0, 0 hits.
    first = made(tmp_path, [L(at, 0, 0, at2, 4, [(0, 0)] if (at, at2) in {(1, 1), (1, 2), (3, 1)} else [])
                            for at in range(9) for at2 in (1, 2)])  # fmt: skip
    second = made(tmp_path, [L(at, 0, 0, at2, 4) for at in range(9) for at2 in (1, 2)])
    hits = first.links("det"), second.links("det")
    mean, low, high = difference(*hits, HeadRef(0, 0), HeadRef(0, 0))
    m = 3 / 8
    error = (4 / 3 * sum((d - 2 * m) ** 2 for d in (2, 1, 0, 0))) ** 0.5 / 8
    reach = 3.182446305284263 * error  # Student's 97.5 % with 3 degrees of freedom
    assert (mean, low, high) == pytest.approx((100 * m, 100 * (m - reach), 100 * min(1.0, m + reach)))
