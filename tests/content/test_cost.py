"""What the prose of “What it costs” says by itself, in digits or words, held against the code that does it."""

from __future__ import annotations

import re

from attnviz.pages.cost import flops as paper
from attnviz.pages.cost import growth, lesson
from attnviz.pages.cost.bench import algorithms
from attnviz.pages.cost.bench.plan import REACHES
from tests.content.prose import prose


def test_digits_stand_only_where_live_numbers_do_not_reach():
    texts = (
        re.sub(r"@\{\w+\}|\$[^$]*\$|all-MiniLM-L6-v2|SmolLM2", "", text)
        for text in prose(lesson.content(), but=r"id|sources|formula|first|next")
    )
    found = {number for text in texts for number in re.findall(r"\d[\d,]*", text)}
    # The two lengths in a field, powers, a number's bytes, the share of an interval and the system's signal are held below.
    assert found == {"2,048", "8,192", "1", "2", "95", "4"}
    assert REACHES == (2048, 8192)
    assert "2,048" in lesson.text("measure", "quick")
    assert "8,192" in lesson.text("measure", "long")
    assert growth.SURE == 0.95
    assert paper.Layer(1, 1, 1).number == 4


def test_every_way_that_is_measured_is_described_in_order():
    assert [way.id for way in lesson.ways()] == list(algorithms.WAYS)
    assert "Five ways" in lesson.content()["page"]["lead"].replace("five ways", "Five ways")
    assert len(algorithms.WAYS) == 5
    assert [way.id for way in lesson.ways() if way.same] == ["matrix", "tiled", "fused"]  # tests/unit/test_algorithms.py


def test_words_for_numbers_are_the_numbers_that_are_used():
    assert "four times the pairs" in lesson.content()["page"]["lead"]
    layer = paper.Layer(3, 5, 3)
    assert paper.matrix(20, layer).products == 4 * paper.matrix(10, layer).products
    assert "a quarter of the longest" in lesson.content()["slopes"]["lead"]
    assert growth.REACH == 4
    assert "compare, subtract, exponential, add up, divide" in lesson.sums()[2].text
    assert paper.SHARE == 5
    assert "two square matrices a token" in next(one.text for one in lesson.sums() if one.id == "recurrent")


def test_the_formulas_are_those_of_the_arithmetic():
    """Each formula's numbers, put in and worked out by Python, are the result that stands below it."""
    n, heads, dim, groups, layers = 1000, 9, 64, 3, 30
    layer = paper.Layer(heads, dim, groups)
    width, shared, side = layer.width, layer.shared, paper.TILE
    assert paper.matrix(n, layer).held == 2 * 4 * heads * n**2
    assert paper.matrix(n, layer).operations == heads * n**2 * (2 * 2 * dim + paper.SHARE)
    assert paper.tiled(n, layer).held == 4 * (n * width + heads * side * 2 * (side + 2 + dim))
    assert paper.remembered(n, layer, layers) == 2 * 4 * n * groups * dim * layers
    assert paper.recurrent(n, layer).operations == n * (2 * 2 * width**2 + 3 * width)
    even = paper.even_length(layer)
    assert 4 * even**2 * width == 4 * even * width * (width + shared)


def test_no_step_wants_a_number_that_is_not_worked_out():
    from attnviz.pages.cost.estimate import worked
    from attnviz.pages.cost.sizes import Sizes

    numbers = worked(128_000, Sizes("made", paper.Layer(9, 64, 3), 30, 12))
    for step in lesson.sums():
        assert set(lesson.walk.gaps(step.text) + lesson.walk.gaps(step.formula)) <= set(numbers)
