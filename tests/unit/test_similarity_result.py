"""The head that follows similarity of meaning: chosen on one half, reported on the other. Figures worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from attnviz.linguistics import habit_report
from attnviz.linguistics.atlas import reader
from attnviz.types import HeadRef
from tests import atlases


def made(folder: Path, texts: tuple[int, int] = (3, 2)) -> reader.Atlas:
    """An atlas of 2 layers of 5 heads in which L1·H3 leads on the even texts and L0·H2 on the odd ones."""
    figures = np.zeros((2, 2, 2, 2, 5), np.float32)  # mean or error, half, own or shuffled, layer, head
    figures[0, 0, 0, 1, 3], figures[0, 0, 0, 0, 2] = 0.5, 0.25
    figures[0, 1, 0, 1, 3], figures[0, 1, 0, 0, 2] = 0.375, 0.75
    figures[0, 1, 1, 1, 3], figures[0, 0, 1, 1, 0] = -0.125, 0.9  # shuffled: it chooses no head
    figures[1] = 0.125
    figures[1, 1, 0, 1, 3] = 0.0625
    header = atlases.header(meaning={"texts": list(texts), "words": [12, 4]})
    parts = atlases.members(head=header) | {"meaning.npy": atlases.stored(figures)}
    return reader.read(atlases.write(folder / "made-up.npz", parts))


def test_the_head_that_leads_on_the_even_texts_is_reported_on_the_odd_ones(tmp_path: Path):
    found = habit_report.best_similarity(made(tmp_path))
    assert found is not None
    held_out, chosen_on = found
    assert held_out.head == chosen_on.head == HeadRef(1, 3)
    assert (held_out.mean, held_out.shuffled, held_out.texts, held_out.words) == (0.375, -0.125, 2, 4)
    assert (chosen_on.mean, chosen_on.shuffled, chosen_on.texts, chosen_on.words) == (0.5, 0.0, 3, 12)


def test_intervals_are_students_over_texts(tmp_path: Path):
    found = habit_report.best_similarity(made(tmp_path))
    assert found is not None
    held_out, chosen_on = found
    # Tables: 97.5 % of Student's distribution lie below 12.7062 (1 degree of freedom) and 4.3027 (2).
    assert held_out.interval == pytest.approx((0.375 - 12.7062 / 16, 0.375 + 12.7062 / 16), abs=1e-5)
    assert held_out.shuffled_interval == pytest.approx((-0.125 - 12.7062 / 8, -0.125 + 12.7062 / 8), abs=1e-5)
    assert chosen_on.interval == pytest.approx((0.5 - 4.3027 / 8, 0.5 + 4.3027 / 8), abs=1e-5)


@pytest.mark.parametrize("texts", [(1, 9), (9, 1), (9, 0)])
def test_a_half_with_too_few_texts_tells_nothing(tmp_path: Path, texts: tuple[int, int]):
    assert habit_report.best_similarity(made(tmp_path, texts)) is None


def test_any_head_is_reported_on_the_odd_texts(tmp_path: Path):
    found = habit_report.similarity(made(tmp_path), HeadRef(0, 2))
    assert found is not None
    assert (found.mean, found.shuffled, found.texts) == (0.75, 0.0, 2)
