"""Heatmap: exact weights, a bent colour scale, labels that cannot be merged or run, and words for what cannot be seen."""

from __future__ import annotations

import numpy as np
import pytest

from attnviz.errors import BadInputError
from attnviz.figures import encoding, heatmap
from attnviz.figures.geometry import LABELLED, Geometry, pixels
from attnviz.types import Keep, Pattern, Unit

CROSS = Pattern(
    ("das", "Haus"), ("the", "the", "house"), np.array([[0.7, 0.2, 0.1], [0.04, 0.32, 0.64]], np.float32), np.zeros(2)
)
CAUSAL = Pattern(
    ("a", "b", "c"),
    ("a", "b", "c"),
    np.array([[1, 0, 0], [0.5, 0.5, 0], [0, 0.25, 0.75]], np.float32),
    np.zeros(3),
    causal=True,
)


def long_pattern(rows: int, columns: int) -> Pattern:
    weights = np.random.default_rng(0).dirichlet(np.ones(columns), rows).astype(np.float32)
    return Pattern(tuple(f"q{i}" for i in range(rows)), tuple(f"k{i}" for i in range(columns)), weights, np.zeros(rows))


def interpolated(scale: list[tuple[float, str]], at: np.ndarray) -> np.ndarray:
    """What plotly draws: straight lines in sRGB between stops."""
    places, colours = zip(*scale, strict=True)
    table = np.array([encoding.rgb(colour) for colour in colours], float)
    return np.stack([np.interp(at, places, channel) for channel in table.T], -1)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_colour_stops_draw_every_weight_in_the_colour_of_the_encoding(theme: str):
    weights = np.linspace(0, 1, 2001)
    drawn = interpolated(heatmap.colorscale(theme), weights)
    assert np.abs(drawn - encoding.weight_rgb(weights, theme).astype(float)).max() <= 1.5  # a step, and half a step of rounding


def test_the_figure_holds_the_exact_weights_on_a_scale_from_zero_to_one():
    cells = heatmap.figure(CROSS).data[0]
    assert cells.z.dtype == np.float32
    assert np.array_equal(cells.z, CROSS.weights)
    assert (cells.zmin, cells.zmax, cells.hoverongaps) == (0.0, 1.0, False)
    assert cells.hovertemplate == "\u2068%{y}\u2069 → \u2068%{x}\u2069 %{z:.3f}<extra></extra>"


def test_the_same_word_twice_stays_two_columns():
    drawn = heatmap.figure(CROSS)
    assert list(drawn.data[0].x) == ["0", "1", "2"]
    assert drawn.layout.xaxis.labelalias == {"0": "the", "1": "the", "2": "house"}
    assert drawn.layout.xaxis.type == "category"


def test_queries_are_rows_and_keys_are_on_top():
    layout = heatmap.figure(CROSS).layout
    assert layout.yaxis.range == (1.5, -0.5)
    assert layout.xaxis.range == (-0.5, 2.5)
    assert layout.xaxis.side == "top"


def test_markup_in_a_label_or_title_is_shown_and_not_obeyed():
    hostile = "<b>&lt;</b><a href='//x'>"
    pattern = Pattern((hostile,), ("k",), np.ones((1, 1), np.float32), np.zeros(1))
    drawn = heatmap.figure(pattern, selected_rows=0, title=hostile)
    shown = "&lt;b&gt;&amp;lt;&lt;/b&gt;&lt;a href"
    assert drawn.layout.yaxis.labelalias["0"].startswith(shown)
    texts = [note.text for note in drawn.layout.annotations if "href" in note.text]
    assert len(texts) == 2
    assert all("<a" not in text and shown in text for text in texts)


def test_what_a_causal_head_cannot_see_is_blank_and_says_so_on_hover():
    drawn = heatmap.figure(CAUSAL)
    cells, blanks = drawn.data[0], drawn.data[1]
    assert np.isnan(cells.z[np.triu_indices(3, 1)]).all()
    assert cells.z[2, 0] == 0.0  # seen, and given nothing: a zero, not a blank
    assert np.array_equal(np.isfinite(blanks.z), np.triu(np.ones((3, 3), bool), 1))
    assert "cannot look at" in blanks.hovertemplate


def test_an_encoder_keeps_its_upper_triangle_even_where_it_is_zero():
    pattern = Pattern(("a", "b"), ("a", "b"), np.array([[1, 0], [0.5, 0.5]], np.float32), np.zeros(2))
    assert np.array_equal(heatmap.figure(pattern).data[0].z, pattern.weights)


def test_the_selected_row_is_outlined_and_its_numbers_written_from_five_percent_up():
    drawn = heatmap.figure(CROSS, "dark", selected_rows=1)
    halo, outline = drawn.layout.shapes
    assert (outline.line.color, halo.line.color) == (encoding.DARK.accent, encoding.DARK.page)
    assert halo.line.width > outline.line.width
    assert (outline.y0, outline.y1) == (0.5, 0.0)  # second of two rows, as shares of the height
    numbers = next(trace for trace in drawn.select_traces({"mode": "text"}))
    assert list(zip(numbers.x, numbers.y, numbers.text, strict=True)) == [("1", "1", "0.320"), ("2", "1", "0.640")]
    assert [note.text for note in drawn.layout.annotations].count("<b>Haus</b>") == 1


def test_keys_that_the_selected_row_looks_at_are_bold_and_special_tokens_muted():
    units = (Unit("the", 0, 3, (0,), special=True), Unit("the", 4, 7, (1,)), Unit("house", 8, 13, (2,)))
    pattern = Pattern(CROSS.queries, CROSS.keys, CROSS.weights, CROSS.hidden, key_units=units)
    alias = heatmap.figure(pattern, selected_rows=1).layout.xaxis.labelalias
    assert alias == {"0": f'<span style="color:{encoding.LIGHT.mute}">the</span>', "1": "<b>the</b>", "2": "<b>house</b>"}


@pytest.mark.parametrize("row", [-1, 2])
def test_a_row_that_does_not_exist_cannot_be_selected(row: int):
    with pytest.raises(BadInputError, match="rows 0 to 1"):
        heatmap.figure(CROSS, selected_rows=row)


def test_hidden_shares_are_in_a_column_beside_the_labels():
    pattern = Pattern(("a", "b"), ("a", "b", "c"), CROSS.weights / 2, np.full(2, 0.5))
    texts = [note.text for note in heatmap.figure(pattern).layout.annotations]
    assert texts.count("50\u202f%") == 2
    assert "hidden" in texts
    assert any("1 less what is hidden" in line for line in heatmap.reading(pattern))


def test_the_legend_is_even_in_colour_and_uneven_in_weight():
    marker = heatmap.figure(CROSS).data[-1].marker
    assert marker.colorbar.ticktext == ("0", "0.1", "0.3", "0.6", "1")
    assert marker.colorbar.tickvals == pytest.approx([0, 0.1**0.7, 0.3**0.7, 0.6**0.7, 1])
    assert marker.colorscale[3] == (0.5, encoding.LIGHT.sequential[3])
    places = [place for place, _ in marker.colorscale]
    np.testing.assert_allclose(np.diff(places), 1 / 6)


def test_nothing_to_show_is_stated_in_words():
    empty = Pattern((), (), np.zeros((0, 0), np.float32), np.zeros(0))
    drawn = heatmap.figure(empty)
    assert len(drawn.data) == 0
    assert "No words are left to show" in drawn.layout.annotations[0].text
    assert "0 rows look at 0 columns" in heatmap.description(empty)


def test_a_shortened_label_is_written_in_full_on_hover():
    word = "Donaudampfschifffahrtsgesellschaftskapitän"
    pattern = Pattern(("a", word), ("a", "b", "c"), CROSS.weights, np.zeros(2))
    drawn = heatmap.figure(pattern)
    assert drawn.layout.yaxis.labelalias["1"] == "Donaudampfschifffahrtsg…"
    assert drawn.data[0].customdata[1, 2] == f"\u2068{word}\u2069 → \u2068c\u2069"
    assert drawn.data[0].hovertemplate == "%{customdata} %{z:.3f}<extra></extra>"


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (5, 9), (LABELLED, LABELLED)])
def test_cells_are_square_while_every_row_has_its_label(rows: int, columns: int):
    pattern = long_pattern(rows, columns)
    layout = heatmap.figure(pattern).layout
    margin = layout.margin
    cell = (layout.height - margin.t - margin.b) / rows
    assert 18 - 1e-9 <= cell <= 30
    assert layout.width - margin.l - margin.r == pytest.approx(cell * columns, abs=1)
    assert layout.yaxis.scaleanchor == "x"


def test_a_long_text_keeps_a_bounded_picture_into_which_one_zooms():
    layout = heatmap.figure(long_pattern(500, 70), selected_rows=3).layout
    assert layout.height < 1000
    assert layout.width < 1000
    assert layout.xaxis.tickmode == "auto"  # plotly thins the labels, and shows more of them on zooming
    assert not layout.xaxis.fixedrange
    assert layout.dragmode == "zoom"


def test_short_keys_are_upright_and_long_ones_slanted():
    assert not Geometry.of(("a",), ("it", "is")).slanted
    assert Geometry.of(("a",), ("it", "animal")).slanted


def test_wide_characters_get_more_room_than_narrow_ones():
    assert pixels("日本", 10) > pixels("WW", 10) > pixels("aa", 10) > pixels("il", 10)
    assert pixels("e\u0301", 10) == pixels("e", 10)


def test_the_description_names_the_strongest_link_of_each_row():
    text = heatmap.description(CROSS, "L3·H1")
    assert (
        text == "Attention of L3·H1: 2 rows look at 3 columns. das looks most at the, 0.700; Haus looks most at house, 0.640."
    )


def test_a_long_description_stops_and_says_so():
    text = heatmap.description(long_pattern(LABELLED + 7, 3))
    assert text.count(" looks most at ") == LABELLED
    assert "other 7 rows are left out" in text


def test_there_is_no_bar_of_buttons():
    assert heatmap.CONFIG["displayModeBar"] is False


def test_what_a_filter_leaves_out_is_blank_and_not_a_weight_of_nothing():
    kept = np.array([[0.7, 0.0, 0.0], [0.0, 0.32, 0.64]], np.float32)
    pattern = Pattern(CROSS.queries, CROSS.keys, kept, np.array([0.3, 0.04]), keep=Keep("least", 0.3))
    drawn = heatmap.figure(pattern)
    assert np.isnan(drawn.data[0].z).tolist() == [[False, True, True], [True, False, False]]
    assert len(drawn.data) == 2, "no dots: what is left out could be seen"
    shares = [note.text for note in drawn.layout.annotations if "%" in note.text]
    assert shares == ["30\u202f%", "4\u202f%"]


def test_of_a_causal_head_what_cannot_be_seen_stays_apart_from_what_is_left_out():
    kept = np.array([[1, 0, 0], [0, 0, 0], [0, 0, 0.75]], np.float32)
    pattern = Pattern(CAUSAL.queries, CAUSAL.keys, kept, np.array([0, 1, 0.25]), causal=True, keep=Keep("least", 0.6))
    assert heatmap.unseen(pattern).tolist() == [[False, True, True], [False, False, True], [False, False, False]]
    assert heatmap.left_out(pattern).tolist() == [[False, False, False], [True, True, False], [True, True, False]]
    assert "of b nothing is shown" in heatmap.description(pattern)


def test_several_selected_rows_are_outlined_and_what_any_looks_at_is_bold():
    drawn = heatmap.figure(CROSS, selected_rows=(0, 1))
    assert len([shape for shape in drawn.layout.shapes if shape.line.width == 2]) == 2
    assert [drawn.layout.xaxis.labelalias[at] for at in "012"] == ["<b>the</b>", "<b>the</b>", "<b>house</b>"]


def height_at(pattern: Pattern, width: float) -> float:
    """What the style sheet's height comes to in a container of this width."""
    found = heatmap.height(pattern).replace("px", "").replace("100cqw", str(width)).replace("calc", "")
    return eval(found, {"clamp": lambda least, wanted, most: max(least, min(wanted, most))})


def test_in_a_narrow_container_a_figure_is_as_tall_as_its_square_cells():
    words = tuple("one two three four five six".split())
    pattern = Pattern(words[:4], words, np.full((4, 6), 1 / 6, np.float32), np.zeros(4))
    natural = Geometry.of(pattern.queries, pattern.keys)
    beside = natural.left + natural.right
    assert height_at(pattern, 5000) == natural.height
    # 20 pixels a column instead of 30: four rows are 40 lower.
    assert height_at(pattern, beside + 6 * 20) == natural.height - 40
    assert height_at(pattern, 10) == natural.height - 4 * 29
    many = Pattern(("a",) * 50, ("b",) * 50, np.full((50, 50), 0.02, np.float32), np.zeros(50))
    assert height_at(many, 300) == Geometry.of(many.queries, many.keys).height  # cells of a long text need not be square
