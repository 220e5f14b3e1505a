"""Check the numbers, in digits or words, in the prose of the cost page against the code."""

from __future__ import annotations

import re

from attnviz.lessons import template
from attnviz.pages.cost import flops, growth, lesson
from attnviz.pages.cost.bench import algorithms
from attnviz.pages.cost.bench.plan import REACHES
from tests.content.prose import prose


def test_digits_are_written_only_where_live_numbers_cannot_be():
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
    assert growth.CONFIDENCE == 0.95
    assert flops.LayerSizes(1, 1, 1).bytes_per_number == 4


def test_every_way_that_is_measured_is_described_in_order():
    assert [algorithm.id for algorithm in lesson.algorithms()] == list(algorithms.ALGORITHMS)
    assert "five ways" in lesson.content()["page"]["lead"]
    assert len(algorithms.ALGORITHMS) == 5
    assert [algorithm.id for algorithm in lesson.algorithms() if algorithm.same] == [
        "matrix",
        "tiled",
        "fused",
    ]  # tests/unit/test_algorithms.py


def test_words_for_numbers_are_the_numbers_that_are_used():
    assert "four times the pairs" in lesson.content()["page"]["lead"]
    layer = flops.LayerSizes(3, 5, 3)
    assert flops.matrix(20, layer).products == 4 * flops.matrix(10, layer).products
    assert "a quarter of the longest" in lesson.content()["slopes"]["lead"]
    assert growth.LENGTH_RANGE == 4
    assert "compare, subtract, exponential, add up, divide" in lesson.estimate_steps()[2].text
    assert flops.SHARE == 5
    assert "two square matrices for each token" in next(one.text for one in lesson.estimate_steps() if one.id == "recurrent")


def test_the_formulas_are_those_of_the_arithmetic():
    """Each formula's numbers, put in and worked out by Python, are the result that stands below it."""
    n, heads, dim, groups, layers = 1000, 9, 64, 3, 30
    layer = flops.LayerSizes(heads, dim, groups)
    width, shared, side = layer.width, layer.kv_width, flops.TILE
    assert flops.matrix(n, layer).peak_bytes == 2 * 4 * heads * n**2
    assert flops.matrix(n, layer).operations == heads * n**2 * (2 * 2 * dim + flops.SHARE)
    assert flops.tiled(n, layer).peak_bytes == 4 * (n * width + heads * side * 2 * (side + 2 + dim))
    assert flops.kv_cache_bytes(n, layer, layers) == 2 * 4 * n * groups * dim * layers
    assert flops.recurrent(n, layer).operations == n * (2 * 2 * width**2 + 3 * width)
    even = flops.break_even_length(layer)
    assert 4 * even**2 * width == 4 * even * width * (width + shared)


def test_no_step_wants_a_number_that_is_not_worked_out():
    from attnviz.pages.cost.estimate import step_values
    from attnviz.pages.cost.sizes import ModelSizes

    numbers = step_values(128_000, ModelSizes("made", flops.LayerSizes(9, 64, 3), 30, 12))
    for step in lesson.estimate_steps():
        assert set(template.gap_names(step.text) + template.gap_names(step.formula)) <= set(numbers)
