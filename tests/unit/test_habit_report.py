"""Habits of heads out of an atlas whose numbers are made by hand: who has most, what all heads have, and the baseline."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from attnviz.linguistics.atlas import reader
from attnviz.linguistics.habit_report import HabitResult, missing, results
from attnviz.linguistics.probes import habits
from attnviz.types import HeadRef
from tests import atlases


def made(tmp_path: Path, **members: np.ndarray) -> reader.Atlas:
    """The small atlas, with some members exchanged."""
    parts = atlases.members() | {f"{name}.npy": atlases.stored(array) for name, array in members.items()}
    return reader.read(atlases.write(tmp_path / "made.npz", parts))


@pytest.fixture
def found(tmp_path: Path) -> dict[str, HabitResult]:
    """Previous is 0 to 9 thirtieths, next 10 to 19, entropy 20 to 29; meaning 0 to 9 eightieths on even texts."""
    return {one.key: one for one in results(made(tmp_path))}


def test_the_head_that_has_most_of_a_habit_is_named_with_what_all_heads_have(found: dict[str, HabitResult]):
    assert list(found) == ["previous", "next", "entropy", "meaning"]
    one = found["previous"]
    assert (one.name, one.head, one.n, one.counted) == ("previous token", HeadRef(1, 4), 90, "texts")
    assert (one.value, one.mean) == (pytest.approx(9 / 30), pytest.approx(4.5 / 30))
    assert one.baseline is None
    assert one.order[:3] == (HeadRef(1, 4), HeadRef(1, 3), HeadRef(1, 2))
    assert (one.rank(HeadRef(1, 4)), one.rank(HeadRef(0, 0))) == (1, 10)


def test_of_entropy_the_least_is_named(found: dict[str, HabitResult]):
    one = found["entropy"]
    assert (one.head, one.value) == (HeadRef(0, 0), pytest.approx(20 / 30))
    assert one.order[:2] == (HeadRef(0, 0), HeadRef(0, 1))
    assert one.rank(HeadRef(1, 4)) == 10


def test_meaning_is_shown_beside_its_value_with_shuffled_words(found: dict[str, HabitResult]):
    one = found["meaning"]  # on odd texts 20 to 29 eightieths, shuffled 30 to 39
    assert (one.head, one.n, one.counted) == (HeadRef(1, 4), 4, "words")
    assert (one.value, one.baseline) == (pytest.approx(29 / 80), pytest.approx(39 / 80))


def test_the_head_of_meaning_is_chosen_on_one_half_and_reported_on_the_other(tmp_path: Path):
    figures = np.zeros((2, 2, 2, 2, 5), np.float32)  # mean or error, half, own or shuffled, layer, head
    figures[0, 0, 0, 1, 1], figures[0, 0, 0, 0, 2] = 0.5, 0.25
    figures[0, 1, 0, 1, 1], figures[0, 1, 0, 0, 2] = 0.25, 0.75
    one = {one.key: one for one in results(made(tmp_path, meaning=figures))}["meaning"]
    assert one.held_out is not None
    assert (one.head, one.value, one.held_out.interval, one.held_out.texts) == (HeadRef(1, 1), 0.25, (0.25, 0.25), 2)
    assert one.order[:2] == (HeadRef(1, 1), HeadRef(0, 2))  # as they are chosen
    assert (one.rank(HeadRef(0, 2)), one.rank(HeadRef(1, 1))) == (1, 2)  # as reported


def test_one_text_in_a_half_tells_nothing_of_meaning(tmp_path: Path):
    parts = atlases.members(head=atlases.header(meaning={"texts": [3, 1], "words": [12, 4]}))
    found = results(reader.read(atlases.write(tmp_path / "made.npz", parts)))
    assert [one.key for one in found] == ["previous", "next", "entropy"]


def test_equal_heads_share_the_best_of_their_places(tmp_path: Path):
    numbers = np.zeros((3, 2, 5), np.float32)
    numbers[0, 0, 3] = 1.0
    (one, *_) = results(made(tmp_path, habits=numbers))
    assert [one.rank(HeadRef(*at)) for at in ((0, 3), (0, 0), (1, 4))] == [1, 2, 2]


def test_what_a_model_cannot_have_is_left_out_and_named(tmp_path: Path):
    numbers = np.zeros((3, 2, 5), np.float32)
    numbers[1] = np.nan
    known = made(tmp_path, habits=numbers)
    assert [one.key for one in results(known)] == ["previous", "entropy", "meaning"]
    assert missing(known) == ("next token",)


def test_every_habit_that_is_measured_has_a_name():
    written = tomllib.loads(resources.files("attnviz").joinpath("content/habits.toml").read_text("utf-8"))
    assert list(written["habit"]) == [*habits.NAMES, "meaning"]
