"""What if, piece by piece: two readings subtracted by hand, settings that believe nothing, gaps filled, pictures drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from attnviz.engine.reference import AS_TRAINED, Intervention
from attnviz.engine.reference.intervened import InterventionResult, NextToken
from attnviz.engine.reference.word_order import Deviation, WordOrderResult
from attnviz.errors import BadInputError
from attnviz.figures import html_matrix
from attnviz.lessons.template import fill
from attnviz.pages.inside import lesson as inside_lesson
from attnviz.pages.whatif import analysis, figure, lesson, values
from attnviz.pages.whatif.analysis import BeforeAfter
from attnviz.pages.whatif.view import INSIDE_STEPS
from attnviz.selection import TEXT
from attnviz.types import AttentionRequest, HeadRef, Token

CLOSE = {"abs": 1e-6}
TOKENS = tuple(Token(text, text, place, place + 1, place) for place, text in enumerate("abc"))
EXPERIMENTS = [one.id for one in lesson.experiments() if one.id != "order"]


def reading(
    *layers: list, states: list, seen: list | None = None, next_: tuple[float, ...] = (), mix: list | None = None
) -> InterventionResult:
    """A reading of one head: its weights layer by layer, [query][key], and states of one number, [state][token]."""
    weights = tuple(np.array([layer], np.float32) for layer in layers)
    n = weights[0].shape[1]
    ones = np.ones((1, n), np.float32)
    return InterventionResult(
        "llama" if next_ else "bert", 1, AS_TRAINED, TOKENS[:n], TOKENS[:n], weights, np.array(states, np.float32)[..., None],
        np.array(states[-1], np.float32)[:, None], np.array(seen or np.ones((n, n)), bool), weights[0] * 2, ones,
        np.array(mix or [[[1.0]] * n], np.float32), ones, np.array(next_, np.float32),
        tuple(NextToken(n, str(n), share) for n, share in enumerate(next_)),
    )  # fmt: skip


PAIR = BeforeAfter(
    reading([[1, 0], [0.25, 0.75]], [[0.5, 0.5], [0.5, 0.5]], states=[[1, 2], [2, 4], [2, 2]], next_=(0.7, 0.2, 0.1)),
    reading(
        [[1, 0], [0.75, 0.25]], [[0.5, 0.5], [0.9, 0.1]], states=[[1, 2], [2, 5], [3, 2]], next_=(0.4, 0.5, 0.1),
        seen=[[1, 0], [1, 1]],
    ),
    0, 0,
)  # fmt: skip


def test_half_the_sum_of_differences_is_what_has_moved():
    np.testing.assert_allclose(analysis.total_variation(PAIR.weights_before, PAIR.weights_after), [0, 0.5])
    np.testing.assert_allclose(analysis.attention_change(PAIR), [0.25, 0.2])  # half of one row each, the other as it was


def test_the_key_that_gains_most_is_named_and_none_where_nothing_moves():
    assert [analysis.top_gain(PAIR, row) for row in (1, 0)] == [0, None]


def test_states_drift_by_a_part_of_their_length():
    np.testing.assert_allclose(analysis.state_change(PAIR), [[0, 0], [0, 0.25], [0.5, 0]])


def test_weight_outside_is_what_was_given_to_what_is_hidden_now():
    hidden = BeforeAfter(PAIR.before, reading([[1, 0], [1, 0]], states=[[1, 1]] * 2, seen=[[1, 1], [1, 0]]), 0, 0)
    np.testing.assert_allclose(analysis.newly_hidden(hidden), [0, 0.75])
    np.testing.assert_allclose(analysis.newly_visible(hidden), [0, 0])
    np.testing.assert_allclose(analysis.newly_visible(BeforeAfter(hidden.after, hidden.before, 0, 0)), [0, 0.75])


def test_scores_spread_among_those_that_may_be_seen():
    # The first row sees one key and has no spread; the second has scores 1.5 and 0.5: their deviation is 0.5.
    assert analysis.score_std(PAIR.after, 0) == pytest.approx(0.5)
    assert analysis.score_std(reading([[1]], states=[[1]]), 0) == 0


def test_probability_that_has_gone_elsewhere():
    assert analysis.next_token_change(PAIR) == pytest.approx(0.3, **CLOSE)


def test_the_slope_of_a_weight_is_steepest_in_the_middle():
    assert [analysis.softmax_slope(w) for w in (0.0, 0.5, 1.0)] == [0, 0.25, 0]


def test_what_a_head_passes_on_changes_by_a_part_of_its_length():
    pair = BeforeAfter(reading([[1]], states=[[1]], mix=[[[3.0, 4.0]]]), reading([[1]], states=[[1]], mix=[[[3.0, 1.0]]]), 0, 0)
    np.testing.assert_allclose(analysis.output_change(pair), [0.6])  # 3 of 5


def test_if_all_heads_are_joined_the_first_represents_each():
    many = reading([[1, 0], [0, 1]], states=[[1, 1]] * 2)
    assert BeforeAfter(many, many, 0, 0).head_after == 0
    two = replace(many, weights=(np.concatenate([many.weights[0]] * 2),))
    assert BeforeAfter(two, many, 0, 1).head_after == 0
    assert BeforeAfter(two, two, 0, 1).head_after == 1


@pytest.mark.parametrize(
    ("id", "values", "wanted"),
    [
        ("scale", {"divide": "off", "temperature": "2", "where": "layer"}, Intervention(scale=False, temperature=2.0, layer=3)),
        ("mask", {"where": "all"}, Intervention(causal=True)),
        ("order", {"positions": "off", "mask": "on"}, Intervention(positions=False, causal=True)),
        ("heads", {"pass": "keep", "where": "layer"}, Intervention(heads=(1,), layer=3)),
        ("heads", {"pass": "drop", "where": "all"}, Intervention(heads=(0, 2, 3))),
        ("heads", {"pass": "join", "where": "layer"}, Intervention(one_head=True, layer=3)),
        ("cross", {"other": "x", "where": "layer"}, Intervention(layer=3)),
        ("window", {"pattern": "window", "width": "3", "stride": "4", "where": "all"}, Intervention(window=3)),
        ("window", {"pattern": "stride", "width": "3", "stride": "4", "where": "all"}, Intervention(stride=4)),
        (
            "window",
            {"pattern": "both", "width": "3", "stride": "4", "where": "layer"},
            Intervention(window=3, stride=4, layer=3),
        ),
        ("zeroed", {"zeroed": "2", "where": "layer"}, Intervention(zeroed=(2,), layer=3)),
    ],
)
def test_settings_become_one_change(id: str, values: dict[str, str], wanted: Intervention):
    assert analysis.intervention(id, values, HeadRef(3, 1), 4, "bert") == wanted


def test_the_mask_is_switched_the_other_way_for_each_family():
    assert analysis.intervention("mask", {"where": "all"}, HeadRef(0, 0), 4, "llama") == Intervention(causal=False)


def test_guesses_that_are_right():
    assert analysis.correct_answer("scale", PAIR, 1) == 2  # 1/4 and 3/4 are as even as 3/4 and 1/4
    even = BeforeAfter(PAIR.before, reading([[1, 0], [0.5, 0.5]], states=[[1, 1]] * 2), 0, 0)
    assert analysis.correct_answer("scale", even, 1) == 0
    assert analysis.correct_answer("scale", BeforeAfter(even.after, even.before, 0, 0), 1) == 1
    assert (analysis.correct_answer("mask", PAIR, 1), analysis.correct_answer("mask", PAIR, 0)) == (0, 2)
    assert analysis.correct_answer("cross", PAIR, 1) == 0
    hidden = BeforeAfter(PAIR.before, reading([[1, 0], [1, 0]], states=[[1, 1]] * 2, seen=[[1, 1], [1, 0]]), 0, 0)
    assert [analysis.correct_answer("window", hidden, at) for at in (0, 1)] == [0, 3]
    assert analysis.correct_answer("zeroed", PAIR, 0) == 0


def test_a_paper_is_cited_once_and_by_its_section_and_every_experiment_is_a_step_elsewhere():
    vaswani = "Vaswani et al. 2017, arXiv:1706.03762, section 3.2.1"
    assert lesson.sources(lesson.experiment("scale")) == (vaswani,)
    assert len(lesson.sources(lesson.experiment("order"))) == 3
    for one in lesson.experiments():
        assert all(INSIDE_STEPS[one.id] in {step.id for step in inside_lesson.steps(family)} for family in ("bert", "llama"))


def shuffled(off: float, order: tuple[int, ...] = (1, 0)) -> WordOrderResult:
    return WordOrderResult(order, np.eye(2), np.eye(2), Deviation(off, off, 3), Deviation(1e-6, 1e-6, 0), 8)


@pytest.mark.parametrize(
    ("found", "positions", "mask", "wanted"),
    [
        (shuffled(1e-15), "off", "off", "set"), (shuffled(0.4), "off", "on", "mask"), (shuffled(0.4), "on", "off", "positions"),
        (shuffled(0.4), "on", "on", "both"), (shuffled(0.0, (0, 1)), "on", "on", "one"),
    ],
)  # fmt: skip
def test_why_the_weights_follow_the_words_or_not(found: WordOrderResult, positions: str, mask: str, wanted: str):
    assert analysis.order_explanation(found, {"positions": positions, "mask": mask}) == wanted


@pytest.mark.parametrize(
    ("id", "setting", "message"),
    [
        ("scale", "divide", "yes"), ("scale", "temperature", "1.0"), ("window", "width", "-1"), ("window", "width", "41"),
        ("window", "width", "²"), ("window", "stride", "9" * 30), ("cross", "other", "  "), ("cross", "other", "x" * 301),
        ("scale", "where", "somewhere"), ("order", "seed", "1.5"),
    ],
)  # fmt: skip
def test_what_a_setting_cannot_be_is_refused_with_rule_value_and_remedy(id: str, setting: str, message: str):
    found = next(one for one in lesson.experiment(id).settings if one.id == setting)
    with pytest.raises(BadInputError, match=rf"^{setting} is .*got .*\. (Choose one of these|Shorten or type it)\.$"):
        found.read(message)


def test_what_a_setting_may_be_is_read_and_starts_are_among_it():
    for one in lesson.experiments():
        for setting in one.settings:
            for value in (*setting.options, *([setting.start] if setting.start else ())):
                assert setting.read(value) == value
    assert next(s for s in lesson.experiment("window").settings if s.id == "width").read("007") == "7"


def settings_of(id: str, **own: str) -> dict[str, str]:
    return {setting.id: own.get(setting.id) or setting.start or "2" for setting in lesson.experiment(id).settings}


def pair(backend, model: str, id: str, text: str = TEXT, **own: str) -> tuple[BeforeAfter, dict[str, str]]:
    request, head, set_ = AttentionRequest(model, text), HeadRef(3, 1), settings_of(id, **own)
    before = backend.intervene(request, 3, AS_TRAINED)
    change = analysis.intervention(id, set_, head, len(before.adds), before.family)
    return BeforeAfter(before, backend.intervene(request, 3, change, set_.get("other", "")), 3, 1), set_


@pytest.mark.parametrize("model", ["minilm", pytest.param("smollm2", marks=pytest.mark.slow)])
@pytest.mark.parametrize("id", EXPERIMENTS)
def test_every_gap_of_every_text_is_filled_for_every_token(backend, model: str, id: str):
    chosen = lesson.experiment(id)
    for where in ("layer", "all"):
        found, set_ = pair(backend, model, id, where=where)
        formula = fill(chosen.text("formula", found.before.family, *set_.values()), values.formula(found, set_))
        assert formula
        assert "@" not in formula
        for at in range(len(found.before.tokens)):
            numbers = values.sentence(found, at, set_)
            for part in ("text", "finding", "look_for", "note", "question", "answer"):
                text = fill(chosen.text(part, found.before.family, *set_.values()), numbers)
                assert text
                assert "@" not in text
                assert "nan" not in text
            assert "@" not in fill(lesson.content()["outcome"][found.before.family], numbers)


@pytest.mark.parametrize("id", EXPERIMENTS)
def test_another_text_changes_the_message(backend, id: str):
    chosen = lesson.experiment(id)
    first, second = (pair(backend, "minilm", id, text) for text in (TEXT, "Every evening my neighbour waters the garden"))
    captions = [
        fill(chosen.text("finding", "bert", *set_.values()), values.sentence(found, 5, set_)) for found, set_ in (first, second)
    ]
    assert captions[0] != captions[1]


def test_very_small_numbers_are_written_with_their_power():
    assert [values.tiny(x) for x in (4.3e-15, 0.0, 0.25)] == ["4.3 × 10⁻¹⁵", "0", "0.250"]


def test_a_matrix_names_its_rows_and_columns_and_words_stay_words():
    cells = np.zeros((2, 3, 3), np.uint8)
    html = html_matrix.drawn(lambda _: cells, "live", ["<b>", "y"], ["p", "q", "r"], 1, "alt text")
    assert "<b>" not in html
    assert "&lt;b&gt;" in html
    assert html.count("selected") == 1
    assert "top:50.0000%;height:50.0000%" in html


def test_of_many_names_some_are_shown_and_always_the_selected_one():
    n = 60
    html = html_matrix.drawn(
        lambda _: np.zeros((n, n, 3), np.uint8),
        "light",
        [f"r{i}x" for i in range(n)],
        [f"c{i}x" for i in range(n)],
        31,
        "alt text",
    )
    assert "r31x" in html
    assert "r30x" not in html  # it would overlap the selected one
    assert 20 <= html.count(">c") <= html_matrix.CROWDED


def test_pictures_say_in_words_what_they_show():
    html = figure.page(
        figure.panel("a<b", "", figure.row(PAIR, 1, "light")), figure.layers(analysis.attention_change(PAIR), 0, "dark")
    )
    assert "a&lt;b" in html
    assert "+0.500" in html
    assert "\u22120.500" in html
    assert "2 columns, largest 25.0\u202f%, layer 0; 20.0\u202f% at the last" in html
    unchanged = np.zeros(2, np.float32)
    assert "nothing has changed" in figure.layers(unchanged, 0, "light", "start")
    assert "0.400" in figure.likely(PAIR.after.likely, "light")
