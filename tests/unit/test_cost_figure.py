"""The pictures of what it costs: lines of what was measured, names that never cover each other, tiles of a head."""

from __future__ import annotations

import base64
import re

import numpy as np
import pytest

from attnviz.engine.layers import Projections
from attnviz.figures import encoding
from attnviz.pages.cost import figure as costs
from attnviz.pages.cost import lesson, tile_figure
from attnviz.pages.cost.bench.algorithms import ALGORITHMS, Measurement
from attnviz.pages.cost.bench.tile_trace import trace_tiles

LENGTHS = (128, 181, 256)
FOUND = [
    Measurement(algorithm, n, 1e-5 * n * (at + 1), 100 * n) for n in LENGTHS[:2] for at, algorithm in enumerate(ALGORITHMS)
]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_way_has_its_own_line_mark_and_name(theme: str):
    drawn = costs.figure(FOUND, "seconds", LENGTHS, theme, lesson.names())
    lines = [line for line in drawn.data if line.name]
    assert [line.name for line in lines] == list(lesson.names().values())
    assert [list(line.x) for line in lines] == [[128, 181]] * 5
    assert list(lines[1].y) == pytest.approx([2e-5 * 128, 2e-5 * 181])
    assert len({line.marker.symbol for line in lines}) == 5
    assert len({(line.line.color, line.line.dash) for line in lines}) == 5
    page = encoding.luminance(encoding.theme(theme).page)
    for line in lines:
        bright, dark = sorted((page, encoding.luminance(line.line.color)), reverse=True)
        assert (bright + 0.05) / (dark + 0.05) >= 3
    assert lines[0].text[1] == f"whole matrix, 181 tokens: {1e3 * 1e-5 * 181:.2f}\u202fms"


def test_a_way_that_ended_long_before_has_its_name_at_its_end():
    long = [Measurement("tiled", n, 1e-5 * n, n) for n in (128, 1024)]
    drawn = costs.figure([*FOUND, *long], "seconds", (128, 1024), "light", lesson.names())
    places = {one.text: one.x for one in drawn.layout.annotations}
    assert 10 ** places["tiles"] == pytest.approx(1024)
    assert 10 ** places["whole matrix"] == pytest.approx(181)


def test_both_axes_are_of_powers_and_the_axis_of_lengths_waits_for_all():
    drawn = costs.figure(FOUND[:1], "peak_bytes", LENGTHS, "light", lesson.names())
    assert (drawn.layout.xaxis.type, drawn.layout.yaxis.type) == ("log", "log")
    assert 10 ** drawn.layout.xaxis.range[1] > 256
    # 12,800 bytes lie between 10 kB and 100 kB; two decades at least.
    assert list(drawn.layout.yaxis.range) == [4, 6]
    assert [text.replace("\u202f", " ") for text in drawn.layout.yaxis.ticktext] == ["10 kB", "100 kB", "1 MB"]


def test_the_dotted_lines_have_the_slopes_that_they_are_called_by():
    drawn = costs.figure(FOUND, "peak_bytes", (128, 256), "light", lesson.names())
    linear, quadratic = (line for line in drawn.data if not line.name)
    assert linear.y[1] / linear.y[0] == pytest.approx(2)
    assert quadratic.y[1] / quadratic.y[0] == pytest.approx(4)


def test_names_are_apart_in_order_and_within_the_picture():
    found = costs.spread_labels({"a": 1.0, "b": 1.001, "c": 0.5, "d": 2.0, "e": 1.999}, 0.0, 2.0)
    order = sorted(found, key=lambda algorithm: found[algorithm])
    assert order == ["c", "a", "b", "e", "d"]
    places = [found[algorithm] for algorithm in order]
    assert min(np.diff(places)) >= costs.LABEL_GAP * 2 - 1e-9
    assert max(places) <= 2.0
    assert found["c"] == pytest.approx(0.5, abs=0.2)


def test_the_picture_in_words():
    description = costs.description(FOUND, "peak_bytes", lesson.names()).replace("\u202f", " ")
    assert description.startswith("Memory by length. whole matrix: 12.8 kB at 128 tokens, 18.1 kB at 181 tokens; tiles:")
    assert costs.description([], "seconds", lesson.names()) == "Time by length. Nothing measured yet."


def head(queries: int = 6, keys: int = 6) -> Projections:
    chance = np.random.default_rng(3)
    shapes = ((2, queries, 4), (2, keys, 4), (2, keys, 4))
    return Projections(*(chance.normal(size=shape).astype(np.float32) for shape in shapes), 0.5, False, None)


def svg(picture: str) -> str:
    found = re.search(r"base64,([^\"]*)", picture)
    assert found is not None
    return base64.b64decode(found[1]).decode()


def test_one_tile_is_filled_by_what_softmax_has_of_it_and_those_before_are_empty():
    found = trace_tiles(head(), 0, side=4, most=9)
    drawn = svg(tile_figure.drawn(found, list("abcde<"), 1, 2, "light"))
    filled = found.tiles[1].exponentials
    assert filled.shape == (4, 2)
    for grown in filled.ravel():
        assert encoding.weight_colour(grown, "light") in drawn
    assert drawn.count(f'fill="{encoding.LIGHT.field}"') == 1  # the first tile is done, two have not begun
    assert "&lt;" in drawn
    assert drawn.count(encoding.LIGHT.accent) == 1
    assert tile_figure.describe(found, 1, 2) == "A matrix of 6 by 6. Tile 2 of 4: rows 0 to 3, columns 4 to 5. Row 2 is in it."


def test_a_row_in_a_tile_is_written_key_by_key():
    found = trace_tiles(head(), 1, side=4, most=9)
    row = found.row(5)[1]
    written = tile_figure.numbers(found, row, list("abcde<"), "dark")
    assert "<span dir='auto'>e</span>" in written or "<span class='most' dir='auto'>e</span>" in written
    assert "&lt;" in written
    assert encoding.digits(row.scores[0]) in written
    assert encoding.three(np.exp(row.scores[1] - row.maximum[1])) in written


def test_a_text_that_looks_at_another_is_a_rectangle():
    found = trace_tiles(head(queries=3, keys=6), 0, side=4, most=9)
    drawn = svg(tile_figure.drawn(found, list("abc"), 0, 0, "light"))
    assert re.search(r'viewBox="-2 -2 500\.00 204\.00"', drawn)  # 96 for names and 400 for 6 keys, 200 for 3 rows
