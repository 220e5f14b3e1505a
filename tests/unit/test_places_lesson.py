"""The words of "One mechanism, many places", the picture made of arithmetic, and attention over its patches."""

from __future__ import annotations

import base64
import re

import numpy as np
import pytest

from attnviz.backends.local import trace_model
from attnviz.engine.parameter_free import self_attention
from attnviz.errors import ShapeError
from attnviz.figures import encoding
from attnviz.lessons import template
from attnviz.models import untrained
from attnviz.pages.places import analysis, figure, lesson
from attnviz.pages.places.modalities import count


def test_every_place_can_be_counted_from_its_own_fields():
    for place in lesson.media():
        for end in ("low", "value", "high"):
            sizes = {field.id: getattr(field, end) for field in place.fields}
            assert count(place.id, sizes, 9) >= 0
        assert all(field.low <= field.value <= field.high for field in place.fields)
        assert set(template.gap_names(place.start)) <= {field.id for field in place.fields}


def test_four_myths_and_five_places_each_with_a_source():
    assert [one.id for one in lesson.myths()] == ["near", "explanation", "text", "faster"]
    assert [one.id for one in lesson.media()] == ["text", "image", "sound", "video", "protein"]
    assert all(one.sources for one in (*lesson.myths(), *lesson.media()))


def test_like_looks_at_like_and_rows_sum_to_one():
    vectors = np.array([[1.0, 0.0, 2.0], [1.0, 0.1, 2.0], [-1.0, 5.0, -2.0], [-1.0, 5.0, -2.2]], np.float32)
    weights = self_attention(vectors)
    assert weights.sum(-1) == pytest.approx(np.ones(4), abs=1e-6)
    assert weights[0, 1] > weights[0, 2]
    assert weights[2, 3] > weights[2, 0]
    assert weights == pytest.approx(weights[::-1, ::-1][::-1, ::-1])


def test_weights_are_softmax_of_scaled_products_of_vectors_of_one_length():
    vectors = np.random.default_rng(5).normal(size=(6, 4)).astype(np.float32)
    even = (vectors - vectors.mean(0)) / vectors.std(0)
    even *= 2.0 / np.linalg.norm(even, axis=-1, keepdims=True)  # sqrt(4)
    raw = np.exp(even @ even.T / 2.0)
    assert self_attention(vectors) == pytest.approx(raw / raw.sum(-1, keepdims=True), abs=1e-5)


def test_vectors_that_are_all_alike_look_evenly():
    assert self_attention(np.ones((3, 4), np.float32)) == pytest.approx(np.full((3, 3), 1 / 3))


def test_a_picture_is_cut_row_by_row():
    image = np.arange(4 * 6 * 1, dtype=np.float32).reshape(4, 6, 1)
    cut = analysis.patches(image, 2)
    assert cut.shape == (6, 4)
    assert cut[0].tolist() == [0, 1, 6, 7]
    assert cut[1].tolist() == [2, 3, 8, 9]
    assert cut[3].tolist() == [12, 13, 18, 19]
    with pytest.raises(ShapeError, match="Choose a divisor"):
        analysis.patches(image, 4)


def test_each_part_of_the_scene_is_what_it_is_called():
    colours = {
        name: analysis.scene().reshape(8, 5, 8, 5, 3).mean((1, 3))[at]
        for name, at in (("sun", analysis.SUN), ("sky", analysis.SKY), ("sea", analysis.SEA), ("boat", analysis.BOAT))
    }
    assert colours["sun"].argmin() == 2
    assert colours["sky"].argmax() == 2
    assert colours["sea"].max() < colours["sky"].min() + 0.1
    assert colours["boat"].argmax() == 0


def test_the_drawing_has_every_pixel_every_weight_and_two_rings():
    image, weights = np.zeros((4, 4, 3), np.float32), np.array([0.1, 0.2, 0.3, 0.4], np.float32)
    made = figure.render(image, weights, (1, 0), "light", 'a "picture"')
    assert 'alt="a &quot;picture&quot;"' in made
    found = re.search(r"base64,([^\"]+)", made)
    assert found is not None
    svg = base64.b64decode(found[1]).decode()
    assert svg.count("#000000") == 16
    assert [svg.count(encoding.weight_colour(weight, "light")) for weight in weights.tolist()] == [1, 1, 1, 1]
    assert svg.count(encoding.LIGHT.accent) == 2


def test_an_untrained_model_reads_both_texts_and_is_the_same_each_time():
    source, target = "The animal didn't cross", "Das Tier, müde!"
    first, second = (trace_model(*untrained.encoder_decoder(source, target), source, target) for _ in range(2))
    assert first.blocks == ("encoder", "decoder", "cross")
    assert [token.text for token in first.block("cross").keys] == ["The", "animal", "didn", "'", "t", "cross"]
    assert [token.text for token in first.block("cross").queries] == ["<start>", "Das", "Tier", ",", "müde", "!"]
    assert first.block("decoder").causal
    assert not first.block("encoder").causal
    for part in first.parts:
        assert part.weights().sum(-1) == pytest.approx(np.ones((2, 4, 6)), abs=1e-5)
        assert np.array_equal(part.weights(), second.block(part.name).weights())
    assert len({round(float(weight), 4) for weight in first.block("cross").weights(0, 0).ravel()}) > 20
