"""Probe scores as results: who is first on one half of the sequences, what is reported, and who earns which name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from attnviz.errors import BadInputError
from attnviz.linguistics import probe_report
from attnviz.linguistics.atlas import reader
from attnviz.linguistics.probe_report import ProbeResult, method, result, results
from attnviz.linguistics.probes import random_tokens
from attnviz.types import HeadRef
from tests import atlases


def made(path: Path, figures: np.ndarray, *, causal: bool = True, **facts: object) -> reader.Atlas:
    head = atlases.header(causal=causal, probes=atlases.PROBES | {"sequences": [16, 16]} | facts)
    parts = atlases.members(head=head) | {"probes.npy": atlases.stored(figures.astype(np.float32))}
    return reader.read(atlases.write(path / "made.npz", parts))


def scored(even: dict[tuple[int, int], float], odd: dict[tuple[int, int], float], error: float = 0.01) -> np.ndarray:
    """[figure, half, probe, layer, head]: induction scores of some heads, all others 0."""
    figures = np.zeros((2, 2, 3, 2, 5))
    figures[1] = error
    for half, heads in enumerate((even, odd)):
        for (layer, head), score in heads.items():
            figures[0, half, 0, layer, head] = score
    return figures


def test_heads_are_ordered_by_the_even_half_and_reported_on_the_odd_one(tmp_path: Path):
    found = made(tmp_path, scored({(1, 2): 0.9, (0, 3): 0.6}, {(1, 2): 0.4, (0, 3): 0.8}))
    one = result(found, "induction")
    assert one.order[:3] == (HeadRef(1, 2), HeadRef(0, 3), HeadRef(0, 0))
    assert (one.head, one.rank(HeadRef(0, 3)), one.rank(HeadRef(1, 4))) == (HeadRef(1, 2), 2, 3)
    assert one.at(one.head) == pytest.approx(0.4)
    reach = 2.131449545559323 * 0.01  # Student's 97.5 % with 15 degrees of freedom
    assert one.interval(one.head) == pytest.approx((0.4 - reach, 0.4 + reach), abs=1e-6)
    assert one.interval(HeadRef(0, 0))[0] == 0.0
    assert one.uniform == 0.125


def test_a_head_earns_the_name_by_both_halves_and_with_its_whole_interval(tmp_path: Path):
    even = {(0, 0): 0.7, (0, 1): 0.7, (0, 2): 0.4, (0, 3): 0.51}
    odd = {(0, 0): 0.7, (0, 1): 0.51, (0, 2): 0.7, (0, 3): 0.53}
    assert result(made(tmp_path, scored(even, odd)), "induction").earned == (HeadRef(0, 0), HeadRef(0, 3))


def test_a_model_that_reads_both_ways_has_no_induction_heads(tmp_path: Path):
    figures = scored({(0, 0): 0.9}, {(0, 0): 0.9})
    figures[:, :, 1] = figures[:, :, 0]
    found = made(tmp_path, figures, causal=False)
    assert (result(found, "induction").role, result(found, "induction").earned) == ("", ())
    duplicates: ProbeResult = result(found, "duplicate-token")
    assert (duplicates.role, duplicates.earned) == ("duplicate-token head", (HeadRef(0, 0),))


def test_a_probe_that_is_not_there_is_refused_and_an_unknown_one_is_left_out(tmp_path: Path):
    found = made(tmp_path, scored({}, {}), names=["induction", "something-new", "previous-token"])
    assert [one.key for one in results(found)] == ["induction", "previous-token"]
    with pytest.raises(BadInputError, match=r"no probe “duplicates”\. There are induction and previous-token\."):
        result(found, "duplicates")


def test_the_method_is_reported_with_its_numbers(tmp_path: Path):
    sentence = method(made(tmp_path, scored({}, {}), start=["<s>"], end=["</s>"], drawn_from=1234, length=50))
    assert sentence == (
        "32 sequences: <s> first, then 50 different tokens, drawn at random from the 1,234 that are letters only and stand "
        "alone, then the same tokens again, then </s>. Chosen on 16 of the sequences, reported on the other 16."
    )


def test_every_probe_that_is_measured_is_described(tmp_path: Path):
    assert tuple(probe_report.known()) == random_tokens.NAMES
