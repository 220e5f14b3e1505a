"""The steps through one head: numbers worked out again, and every gap of every sentence and formula filled."""

from __future__ import annotations

import io
from dataclasses import fields

import numpy as np
import pytest
from PIL import Image

from attnviz.backends import open_backend
from attnviz.backends.cached import size_in_bytes
from attnviz.engine.reference import bert
from attnviz.engine.reference.head_steps import MAX_TOKENS, HeadSteps, LayerSteps
from attnviz.errors import BadInputError, TooLongError
from attnviz.figures import encoding, html_matrix, units
from attnviz.lessons import template
from attnviz.pages.inside import analysis, figure, lesson, quiz, values
from attnviz.selection import TEXT
from attnviz.types import AttentionRequest, HeadRef

HEADS = {"minilm": HeadRef(3, 1), "smollm2": HeadRef(16, 5)}
OTHER = "Every evening my neighbour waters the small garden behind her house"
BOTH = pytest.mark.parametrize("model", ["minilm", pytest.param("smollm2", marks=pytest.mark.slow)])
AT = 8  # “street” in the first model, “it” in the second


@pytest.fixture
def one(backend, model: str) -> HeadSteps:
    return backend.step_trace(AttentionRequest(model, TEXT), HEADS[model])


def arrays(one: HeadSteps | LayerSteps) -> dict[str, np.ndarray]:
    return {field.name: found for field in fields(one) if isinstance(found := getattr(one, field.name), np.ndarray)}


@BOTH
def test_the_weights_of_the_steps_are_those_of_the_trace(one: HeadSteps, backend, model: str):
    trace = backend.attend(AttentionRequest(model, TEXT))
    head = HEADS[model]
    np.testing.assert_allclose(one.weights, trace.weights(head.layer, head.head), atol=1e-5)  # another kernel's rounding
    assert one.tokens == trace.tokens


@BOTH
def test_each_step_follows_from_the_one_before(one: HeadSteps, model: str):
    d = one.q.shape[1]
    close = {"rtol": 1e-4, "atol": 1e-4}  # sums of up to 576 float32 products
    np.testing.assert_allclose(one.scores, one.q_rotated @ one.k_rotated.T, **close)
    np.testing.assert_allclose(one.scaled, one.scores / np.sqrt(d), **close)
    np.testing.assert_allclose(one.q, one.projects @ one.query_map.T + one.query_bias, **close)
    powers = np.exp(one.masked)
    np.testing.assert_allclose(one.weights, powers / powers.sum(-1, keepdims=True), **close)
    np.testing.assert_allclose(one.mix, one.weights @ one.v, **close)
    np.testing.assert_allclose(one.joined[:, one.head.head * d : (one.head.head + 1) * d], one.mix, **close)
    np.testing.assert_allclose(one.added, one.input + one.projected, **close)
    np.testing.assert_allclose(analysis.contributions(one, AT).sum(0), one.mix[AT], **close)
    n = len(one.tokens)
    open_ = np.tril(np.ones((n, n), bool)) if model == "smollm2" else np.ones((n, n), bool)
    np.testing.assert_array_equal(np.isfinite(one.masked), open_)


@BOTH
def test_every_gap_is_filled_for_every_token_and_step(one: HeadSteps, model: str):
    for at in range(len(one.tokens)):
        for step in lesson.steps(one.family):
            numbers = values.sentence(one, at, step.id)
            for text in (step.title, step.text, step.picture, step.question, step.answer):
                assert "@" not in template.fill(text, numbers)
            assert template.fill(step.other, numbers | values.guess_values(one, at, 0)).count("@") == 0
            assert "@" not in template.fill(step.formula, values.formula(one, at, step.id))
            drawn = figure.render(analysis.picture(one, at, step.id), [t.text for t in one.tokens], at, 0, "light")
            assert not any(part in drawn for part in (">nan", ": nan", ":nan"))


@BOTH
def test_text_and_picture_are_each_complete_without_the_other(one: HeadSteps, model: str):
    """Both name the token; a number that the formula works out is named in the text, named above the picture, and framed."""
    for step in lesson.steps(one.family):
        numbers = values.sentence(one, AT, step.id)
        text, seen = template.fill(step.text, numbers), template.fill(step.picture, numbers)
        assert f"“{one.tokens[AT].text}”" in text, step.id
        assert f"“{one.tokens[AT].text}”" in seen, step.id
        shown = analysis.picture(one, AT, step.id)
        drawn = figure.render(shown, [token.text for token in one.tokens], AT, 0, "light")
        frames = drawn.count('class="framed') + drawn.count('<b style="left:')
        assert ("Framed" in seen) == bool(shown.framed) == (frames > 0), step.id
        if "component" in template.gap_names(step.formula):
            lane = analysis.component(one, AT, step.id)
            assert numbers["component"] == str(lane) == values.formula(one, AT, step.id)["component"]
            assert f"number {lane}" in text or f"numbers {lane} and" in text, step.id
            assert any(range(lane, lane + 1) in places for places in shown.framed), step.id


@BOTH
def test_a_framed_number_is_the_one_in_the_formula(one: HeadSteps, model: str):
    added = values.formula(one, AT, "added")
    shown = analysis.picture(one, AT, "added")
    place = shown.framed[2][0].start
    assert units.tex(shown.rows[2][1][place]) == added["a"]
    head = analysis.picture(one, AT, "heads")
    d = one.q.shape[1]
    np.testing.assert_allclose(head.rows[0][1][head.framed[0][0].start : head.framed[0][0].stop], one.mix[AT], atol=1e-4)
    assert len(head.framed[0][0]) == d


def test_a_frame_that_runs_over_the_end_of_a_row_is_two():
    shown = analysis.StepPicture("vectors", (("made", np.arange(192.0)),), ((range(60, 70),),))
    drawn = figure.render(shown, [], 0, 0, "light")
    assert "left:93.750%;width:6.250%;top:0.000%;height:33.333%" in drawn
    assert "left:0.000%;width:9.375%;top:33.333%;height:33.333%" in drawn
    assert drawn.count('<b style="left:') == 2


def test_only_negative_numbers_are_in_parentheses_and_nearly_all_is_not_all():
    assert (units.within(0.307), units.within(-2.02)) == ("0.307", "(-2.02)")
    assert values.weight_text(0.99996) == "more than 0.999"
    assert values.weight_text(1.0) == "1.000"
    assert values.weight_text(0.64) == "0.640"


@BOTH
def test_another_text_changes_every_formula_and_every_picture(backend, one: HeadSteps, model: str):
    other = backend.step_trace(AttentionRequest(model, OTHER), HEADS[model])
    for step in lesson.steps(one.family):
        if step.id == "mask":
            continue  # who may be seen is decided by length alone, which the next test changes
        first, second = (template.fill(step.formula, values.formula(found, AT, step.id)) for found in (one, other))
        assert first != second, step.id
        for (_, before), (_, after) in zip(
            analysis.picture(one, AT, step.id).rows, analysis.picture(other, AT, step.id).rows, strict=True
        ):
            constant = (
                model == "minilm" and step.id == "position" and before.shape == after.shape and np.array_equal(before, after)
            )
            assert constant or not np.array_equal(before, after), step.id
    shorter = backend.step_trace(AttentionRequest(model, "The animal slept on the very warm street"), HEADS[model])
    assert values.formula(shorter, 3, "mask") != values.formula(one, 3, "mask")


@BOTH
def test_the_formulas_work_out_to_their_digits(one: HeadSteps, model: str):
    norm = values.formula(one, AT, "norm")
    x, root, gain, after = (float(norm[name]) for name in ("x", "root", "gain", "after"))
    mean, shift = (0.0, 0.0) if model == "smollm2" else (float(norm["mean"]), float(norm["shift"]))
    assert (x - mean) / root * gain + shift == pytest.approx(after, rel=0.02)  # three digits each
    scaled = values.formula(one, AT, "scaled")
    assert float(scaled["score"]) / float(scaled["root"]) == pytest.approx(float(scaled["scaled"]), rel=0.01)
    added = values.formula(one, AT, "added")
    assert float(added["x"]) + float(added["o"]) == pytest.approx(float(added["a"]), rel=0.01)
    if model == "smollm2":
        rotary = values.formula(one, AT, "position")
        angle = AT * float(rotary["base"]) ** (-int(rotary["component"]) / int(rotary["half"]))
        assert angle % (2 * np.pi) == pytest.approx(float(rotary["angle"]), rel=0.01)
        by_hand = float(rotary["q"]) * np.cos(angle) - float(rotary["q_other"]) * np.sin(angle)
        assert by_hand == pytest.approx(float(rotary["rotated"]), abs=0.05)  # 3 digits of numbers around 5


def test_a_sum_of_products_names_the_largest_of_any_sign():
    found = analysis.dot_product(np.array([1.0, -4.0, 2.0, 0.5, 3.0]), np.array([1.0, 2.0, 2.0, 2.0, 3.0]))
    assert found.largest == (4, 1, 2)  # 9, -8, 4
    assert found.of_largest == 5.0
    assert found.total == 7.0


@BOTH
def test_a_guess_is_right_exactly_when_it_is(one: HeadSteps, model: str):
    steps = {step.id: step for step in lesson.steps(one.family)}
    for id in ("product", "mix"):
        best = int(np.argmax(one.masked[AT] if id == "product" else np.linalg.norm(one.weights[AT][:, None] * one.v, axis=1)))
        verdicts = [quiz.verdict(one, AT, steps[id], key) for key in range(len(one.tokens)) if np.isfinite(one.masked[AT, key])]
        assert [text.startswith("**✓ Right.**") for text in verdicts] == [key == best for key in range(len(verdicts))]
    share = one.weights[AT].max()
    right = [quiz.verdict(one, AT, steps["softmax"], n).startswith("**✓") for n in range(4)]
    assert right == [n / 4 <= share < (n + 1) / 4 for n in range(4)]


@BOTH
def test_nothing_can_be_written_and_little_is_kept(one: HeadSteps, backend, model: str):
    assert not any(array.flags.writeable for array in arrays(one).values())
    layer = backend.inner.step_trace(AttentionRequest(model, TEXT), HEADS[model].layer)
    assert not any(array.flags.writeable for array in (*layer.steps.values(), *layer.start.values(), *arrays(layer).values()))
    array_bytes = sum(array.nbytes for array in (*layer.steps.values(), *layer.start.values(), *arrays(layer).values()))
    assert array_bytes <= size_in_bytes(layer) < 2**22


def test_what_cannot_be_traced_by_step_is_refused_with_a_reason(backend):
    with pytest.raises(TooLongError, match=str(MAX_TOKENS)):
        backend.step_trace(AttentionRequest("minilm", "word " * 200), HeadRef(0, 0))
    with pytest.raises(BadInputError, match="has no head"):
        backend.step_trace(AttentionRequest("minilm", TEXT), HeadRef(99, 0))
    with pytest.raises(BadInputError, match="has no head L3·H12: it has heads 0 to 11"):
        backend.step_trace(AttentionRequest("minilm", TEXT), HeadRef(3, 12))
    with pytest.raises(BadInputError, match="has no head"):
        backend.step_trace(AttentionRequest("minilm", TEXT), HeadRef(0, 0, "cross"))
    with pytest.raises(BadInputError, match="no step “nothing”"):
        lesson.number(lesson.steps("bert"), "nothing")


def test_a_layer_is_read_once_for_all_of_its_heads_and_no_further_than_it(monkeypatch: pytest.MonkeyPatch):
    read: list[int] = []
    whole = bert.layer
    monkeypatch.setattr(bert, "layer", lambda w, number, *more: read.append(number) or whole(w, number, *more))
    made = open_backend()
    request = AttentionRequest("minilm", "A dog slept")

    first, second = made.step_trace(request, HeadRef(2, 3)), made.step_trace(request, HeadRef(2, 4))

    assert read == [0, 1, 2]
    assert (first.head, second.head) == (HeadRef(2, 3), HeadRef(2, 4))
    assert first.joined is second.joined
    made.close()


def test_both_families_take_every_step_once_and_in_an_order_that_is_true():
    bert, llama = ([step.id for step in lesson.steps(family)] for family in ("bert", "llama"))
    assert sorted(bert) == sorted(llama) == sorted(analysis.PICTURES) == sorted(values.FORMULAS)
    assert bert.index("position") < bert.index("norm") < bert.index("qkv")  # added to the word, then normed
    assert llama.index("norm") < llama.index("qkv") < llama.index("position") < llama.index("product")  # turned q and k


def test_digits_of_any_size():
    found = [encoding.digits(number) for number in (8.812, -0.0250, 0.0, 999.4, 162754.8, 1.0686e13, -0.0004)]
    assert found == ["8.81", "\u22120.0250", "0.000", "999", "162,755", "1.07e13", "0.000"]
    assert units.tex(1.0686e13) == r"1.07 \cdot 10^{13}"
    assert units.as_text(-1e7) == "\u22121.00 × 10^7"


def test_a_png_of_two_pixels_has_them():
    pixels = np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(html_matrix.png(pixels)))), pixels)


def test_who_may_be_seen_is_drawn_with_names_on_both_axes():
    html = figure.render(analysis.StepPicture("seen", (("may look", np.tri(3, dtype=bool)),)), ["a", "<i>", "c"], 1, 1, "dark")
    assert html.count("&lt;i&gt;") == 2
    assert "<i>" not in html
    assert "6 of 9 pairs are visible, 2 of them in row 1" in html


def test_words_of_a_reader_stay_words():
    shown = analysis.StepPicture("words", (("weight", np.array([1.0])),))
    assert "<b>x" not in figure.render(shown, ["<b>x"], 0, 0, "light")
