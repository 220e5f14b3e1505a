"""Drawings of pages for print: rates, maps of heads, sentences, forks and arcs, places computed by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from attnviz.engine.layers import Projections
from attnviz.errors import ShapeError
from attnviz.figures import encoding, evidence
from attnviz.figures.page_figure import FigureSource
from attnviz.figures.rates_figure import rates_figure
from attnviz.figures.vector import document, head_map, intervals, paper, sentence
from attnviz.figures.vector.marks import Box, Drawing, Field, Stroke, Words
from attnviz.figures.vector.placing import PAGE, Frame, framed
from attnviz.pages.coreference import fork_print
from attnviz.pages.coreference.fork_figure import Branch
from attnviz.pages.cost import curve_print, growth, tile_print
from attnviz.pages.cost.bench.algorithms import Measurement
from attnviz.pages.cost.bench.tile_trace import trace_tiles
from attnviz.pages.inside import step_print
from attnviz.pages.inside.analysis import StepPicture
from attnviz.pages.syntax import arc_print
from attnviz.pages.syntax.arc_figure import ArcDiagram, LinkArc, PredictionArc
from attnviz.types import Evidence, HeadRef, HeadScores, ModelCard

FRAME = Frame("A name")
CARD = ModelCard("tiny", "Tiny", "encoder", 2, 3, 64, "MIT", "nowhere")


def words(drawing: Drawing, role: str) -> list[str]:
    return [mark.text for mark in drawing.marks if isinstance(mark, Words) and mark.role == role]


def boxes(drawing: Drawing) -> list[Box]:
    return [mark for mark in drawing.marks if isinstance(mark, Box) and mark.facts]


def strokes(drawing: Drawing) -> list[Stroke]:
    return [mark for mark in drawing.marks if isinstance(mark, Stroke)]


def rate(hits: int, n: int, baseline: float, interval: tuple[float, float], ceiling: float = 1.0) -> Evidence:
    return Evidence(hits, n, (("chance", baseline),), interval, "named", "UD", "texts", None, ceiling)


def test_an_interval_is_as_long_as_its_share_and_blue_only_above_the_baseline():
    rows = [
        ("good", rate(80, 100, 0.5, (0.7, 0.9))),
        ("bad", rate(55, 100, 0.5, (0.45, 0.65))),
        ("none", rate(0, 0, 0.5, (0.0, 1.0))),
    ]
    drawn = intervals.drawing(rows, FRAME)
    good, bad = boxes(drawn)
    assert (good.width, bad.width) == pytest.approx((0.2 * intervals.WIDTH, 0.2 * intervals.WIDTH))
    assert good.fill == encoding.LIGHT.sequential[4]
    assert bad.fill == encoding.LIGHT.mute
    assert good.height > bad.height, "also without colour"
    assert words(drawn, "rate") == [encoding.percent(0.8, 1), encoding.percent(0.55, 1)]
    assert words(drawn, "row")[-1] == "none: nothing counted"


def test_a_doubted_lead_is_grey():
    rows = [("good", rate(80, 100, 0.5, (0.7, 0.9)))]
    assert boxes(intervals.drawing(rows, FRAME, doubted=["good"]))[0].fill == encoding.LIGHT.mute


def test_rates_have_every_count_as_data_and_in_the_caption():
    found = rates_figure("rates", "Rates", "Counted.", FigureSource(CARD), [("a", rate(80, 100, 0.5, (0.7, 0.9), 0.95))])
    row = dict(zip(found.table().columns, found.table().rows[0], strict=True))
    assert (row["hits"], row["n"], row["rate"], row["interval low"], row["interval high"]) == (80, 100, 0.8, 0.7, 0.9)
    assert (row["baseline"], row["baseline rate"], row["ceiling"]) == ("chance", 0.5, 0.95)
    assert evidence.description([("a", rate(80, 100, 0.5, (0.7, 0.9), 0.95))], doubted=()) in found.caption
    assert "(significant lead)" in found.caption


def test_a_map_has_a_cell_for_each_head_with_a_number_and_a_ring_for_the_chosen_one():
    scores = HeadScores("x", np.array([[0.0, 0.5, 1.0], [np.nan, 0.25, 0.75]], np.float32), "", 0.0, 1.0)
    drawn = head_map.drawing(scores, FRAME, HeadRef(1, 2))
    assert [one.facts for one in boxes(drawn)][3] == (("layer", "1"), ("head", "1"), ("value", "0.25"))
    assert len(boxes(drawn)) == 5
    assert words(drawn, "value") == ["0.000", "0.500", "1.000", "0.250", "0.750"]
    ring = [one for one in drawn.marks if isinstance(one, Box) and one.edge == encoding.LIGHT.accent]
    assert len(ring) == 1
    assert ring[0].x == pytest.approx(head_map.MARGIN + 2 * head_map.CELL - head_map.GAP)


def test_a_sentence_breaks_into_lines_of_the_page_and_keeps_its_order():
    many = [sentence.TintedWord(f"word{at}", 0.5) for at in range(60)]
    marks, width, height = sentence.marks(many, FRAME)
    found = [mark for mark in marks if isinstance(mark, Words)]
    assert [mark.text for mark in found] == [one.text for one in many]
    assert max(mark.x for mark in found) < width <= PAGE
    assert height == sentence.LINE * len({mark.y for mark in found})


def test_a_sentence_from_right_to_left_begins_at_the_right():
    marks, _, _ = sentence.marks([sentence.TintedWord("שלום"), sentence.TintedWord("עולם")], FRAME)
    first, second = (mark.x for mark in marks if isinstance(mark, Words))
    assert first > second


def test_a_candidate_has_a_line_and_the_cue_a_frame():
    marks, _, _ = sentence.marks(
        [sentence.TintedWord("a", line="solid"), sentence.TintedWord("b", line="dotted", boxed=True)], FRAME
    )
    solid, dotted = (mark for mark in marks if isinstance(mark, Stroke))
    assert not solid.dash
    assert dotted.dash
    assert [mark.edge for mark in marks if isinstance(mark, Box)] == [encoding.LIGHT.mute]


def test_a_special_token_stands_apart_and_a_frame_at_the_end_is_whole():
    many = [sentence.TintedWord("[CLS]", 0.5, special=True), sentence.TintedWord("The", 0.5, touches=True)]
    marks, _, _ = sentence.marks(many, FRAME)
    first, second = (mark for mark in marks if isinstance(mark, Box))
    assert second.x - (first.x + first.width) == pytest.approx(sentence.SPACE)
    marks, width, _ = sentence.marks([sentence.TintedWord("a", boxed=True), sentence.TintedWord("b", boxed=True)], FRAME)
    frames = [mark for mark in marks if isinstance(mark, Box)]
    assert min(mark.x - mark.line / 2 for mark in frames) >= -1e-6
    assert max(mark.x + mark.width + mark.line / 2 for mark in frames) <= width + 1e-6


def test_the_line_to_a_candidate_is_as_thick_as_its_weight_and_solid_to_the_right_one():
    branches = [Branch("animal", 0.5, 0.5, right=True), Branch("street", 0.25, 0.2), Branch("car", 0.0, late=True)]
    marks, _, _ = fork_print.marks("it", branches, FRAME, True)
    right, other, late = (mark for mark in marks if isinstance(mark, Stroke) and mark.title)
    assert right.thick == pytest.approx(0.6 * (1.5 + 8.5 * 0.5))
    assert other.thick == pytest.approx(0.6 * (1.5 + 8.5 * 0.25))
    assert (right.dash, bool(other.dash), late.title) == ((), True, "car comes too late to be seen")
    values = [mark.text for mark in marks if isinstance(mark, Words) and mark.role == "value"]
    assert values == ["0.500", "✓ hit", "0.250", "largest piece 0.200", "too late to be seen"]


def diagram(*words: str) -> ArcDiagram:
    return ArcDiagram(
        words, (LinkArc(0, 1, "det"),), (PredictionArc(0, 1, 0.5, True, "det"), PredictionArc(1, 0, 0.25, False)), (1,)
    )


def test_arcs_have_every_word_and_link_a_check_for_a_hit_and_dashes_for_a_miss():
    drawn = arc_print.drawing(diagram("The", "cat"), FRAME)
    assert words(drawn, "word") == ["The", "cat"]
    assert (words(drawn, "relation"), words(drawn, "hit"), words(drawn, "miss")) == (["det"], ["det 0.500"], ["0.250"])
    link, hit, miss = (one for one in strokes(drawn) if one.title)
    assert (link.dash, hit.dash, bool(miss.dash)) == ((), (), True)
    assert hit.thick == pytest.approx(0.75 * (1.5 + 3.0 * 0.5))
    assert drawn.width <= PAGE


def test_an_arc_to_a_missing_word_is_refused():
    with pytest.raises(ShapeError):
        arc_print.drawing(ArcDiagram(("a",), (LinkArc(0, 3, "x"),)), FRAME)


def test_hostile_words_are_words_in_each_drawing_and_file():
    texts = ("</svg><script>", ']]>&"', "a\x00\ud83d", "=1+1")
    for coded in (False, True):
        frame = Frame(texts[0], texts[2], (texts[1],), coded=coded)
        for drawn in (
            arc_print.drawing(diagram(*texts), frame),
            framed(*sentence.marks([sentence.TintedWord(text) for text in texts], frame), frame),
            framed(*fork_print.marks(texts[0], [Branch(text, 0.5) for text in texts], frame, None), frame),
        ):
            written = paper.pdf(drawn, "{}") if coded else document.svg(drawn, "{}").encode("utf-8", "replace")
            assert written.startswith(b"%PDF" if coded else b"<?xml")
            assert coded or b"<script" not in written


LENGTHS = (256, 512, 1024, 2048)
FOUND = [Measurement(one, n, 1e-9 * n**power, 100 * n) for one, power in (("matrix", 2), ("tiled", 1)) for n in LENGTHS]


def curves(found: list[Measurement] = FOUND) -> Drawing:
    names = {"matrix": "whole matrix", "tiled": "tiles"}
    fits = {one: fit for one in names if (fit := growth.fit_algorithm(found, one, "seconds"))}
    return curve_print.drawing(found, "seconds", LENGTHS, names, fits, FRAME)


def test_a_power_is_a_straight_line_as_steep_as_its_slope():
    by_name = {
        one.title: [places for _, places in one.parts] for one in strokes(curves()) if one.title in ("whole matrix", "tiles")
    }
    quadratic, linear = by_name["whole matrix"], by_name["tiles"]
    steps = [b[1] - a[1] for a, b in itertools.pairwise(quadratic)]
    assert steps == pytest.approx([steps[0]] * 3), "even steps: lengths double"
    assert steps[0] == pytest.approx(2 * (linear[1][1] - linear[0][1]))


def test_each_name_has_its_slope_with_the_interval():
    assert words(curves(), "curve") == ["tiles, slope 1.00 (1.00 to 1.00)", "whole matrix, slope 2.00 (2.00 to 2.00)"]
    assert words(curves(FOUND[:2]), "curve") == ["whole matrix"], "too few lengths for a slope"


def test_each_algorithm_has_a_marker_of_its_own_at_every_length():
    marks = [one for one in strokes(curves()) if one.fill]
    assert len(marks) == len(FOUND)
    assert len({len(one.parts) for one in marks} | {one.fill for one in marks}) > 2


def test_the_current_tile_has_its_cells_and_the_row_its_outline():
    chance = np.random.default_rng(0)
    layer = Projections(*(chance.normal(size=(1, 5, 4)).astype(np.float32) for _ in range(3)), 0.5, False, None)
    found = trace_tiles(layer, 0, 2, 64)
    drawn = tile_print.drawing(found, ["a", "b", "c", "d", "=e"], 1, 1, FRAME)
    cells = [tuple(int(value) for _, value in one.facts[:2]) for one in boxes(drawn)]
    assert cells == [(0, 2), (0, 3), (1, 2), (1, 3)]
    row = next(one for one in drawn.marks if isinstance(one, Box) and one.edge == encoding.LIGHT.accent)
    assert row.width == pytest.approx(5 * row.height)
    assert words(drawn, "query") == ["a", "b", "c", "d", "=e"]


def test_a_vector_has_one_pixel_for_each_number_and_frames_where_the_formula_looks():
    picture = StepPicture(
        "vectors", (("q", np.linspace(-1, 1, 100, dtype=np.float32)), ("k", np.ones(8, np.float32))), ((range(62, 66),), ())
    )
    drawn = step_print.drawing(picture, ["a"], 0, 0, FRAME)
    first, second = (one for one in drawn.marks if isinstance(one, Field))
    assert (first.pixels.shape, second.pixels.shape) == ((2, 64, 3), (1, 8, 3))
    frames = [one for one in drawn.marks if isinstance(one, Box) and one.edge]
    assert [round(one.width / PAGE * 64) for one in frames] == [2, 2], "over the end of a line"


def test_a_hidden_score_has_no_bar_and_says_so():
    picture = StepPicture("bars", (("score", np.array([2.0, -np.inf])), ("share", np.array([1.0, 0.0]))))
    drawn = step_print.drawing(picture, ["a", "b"], 0, 0, FRAME)
    assert words(drawn, "value") == ["2.00", "hidden", "1.000", "0.000"]


def test_the_mask_has_a_cell_for_each_visible_pair():
    drawn = step_print.drawing(StepPicture("seen", (("visible", np.tri(3, dtype=bool)),)), ["a", "b", "c"], 1, 0, FRAME)
    assert [tuple(int(value) for _, value in one.facts) for one in boxes(drawn)] == [
        (0, 0),
        (1, 0),
        (1, 1),
        (2, 0),
        (2, 1),
        (2, 2),
    ]
    assert [one.fill for one in boxes(drawn)][1] == encoding.LIGHT.accent


def test_letters_without_a_font_are_named_where_they_stand_by_their_code_points():
    for word, coded, count in (("\ue000", True, 1), ("\ue000", False, 0), ("cat", True, 0)):
        frame = Frame("A name", coded=coded)
        drawn = framed(*sentence.marks([sentence.TintedWord(word)], frame), frame)
        assert len([one for one in words(drawn, "note") if "code points" in one]) == count, (word, coded)
