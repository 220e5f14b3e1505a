"""Check the claims in the prose of the experiments on the real models."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from attnviz.engine import reference
from attnviz.engine.reference import AS_TRAINED, Intervention
from attnviz.engine.reference.intervened import InterventionResult
from attnviz.engine.reference.llama import apply_rotary
from attnviz.pages.whatif import analysis, lesson
from attnviz.pages.whatif.analysis import BeforeAfter
from attnviz.selection import TEXT
from attnviz.types import AttentionRequest, HeadRef
from tests.content.prose import prose

pytestmark = pytest.mark.slow
LAYERS = {"minilm": 3, "smollm2": 16}
BOTH = pytest.mark.parametrize("model", list(LAYERS))
OTHER = "The hungry dog ran over the wide road and slept"


def intervene(backend, model: str, change: Intervention = AS_TRAINED, other: str = "") -> InterventionResult:
    return backend.intervene(AttentionRequest(model, TEXT), LAYERS[model], change, other)


def test_digits_are_written_only_where_live_numbers_cannot_be():
    texts = [
        re.sub(r"@\{\w+\}|float64|float32|Mistral 7B|Michel et al. 2019|\(Kazemnejad et al. 2023\)", "", text)
        for text in prose(lesson.content(), but=r"id|start|sources|steps|formula.*")
    ]
    found = {number for text in texts for number in re.findall(r"\d+(?:\.\d+)?", text)}
    options = set(lesson.experiment("scale").settings[1].options)
    # A row's whole, w(1 - w), "the sum of 1", 2w - 1, and place 3 as an example of a place; what temperatures may be.
    assert found == {"1", "2", "3"} | options


@pytest.mark.parametrize("dim", [16, 64])
def test_sums_of_more_products_spread_further_by_the_root(dim: int):
    chance = np.random.default_rng(1)
    q, k = chance.standard_normal((2, 20_000, dim))
    assert (q * k).sum(-1).std() == pytest.approx(np.sqrt(dim), rel=0.03)  # 20,000 draws: half a percent of noise


def test_a_weight_follows_its_score_with_the_stated_slope():
    scores = torch.tensor([0.3, 1.2, -0.5], dtype=torch.float64, requires_grad=True)
    weights = torch.softmax(scores, -1)
    weights[1].backward()
    assert scores.grad is not None
    assert scores.grad[1].item() == pytest.approx(analysis.softmax_slope(weights[1].item()))


def test_a_rotation_changes_no_length():
    x = torch.randn(1, 9, 8, generator=torch.Generator().manual_seed(2))
    np.testing.assert_allclose(apply_rotary(x, 100.0).norm(dim=-1), x.norm(dim=-1), rtol=1e-5)


@BOTH
def test_without_the_root_rows_are_nearer_to_a_single_1_and_with_a_high_temperature_even(backend, model: str):
    plain = intervene(backend, model)
    sharp = intervene(backend, model, Intervention(scale=False, layer=LAYERS[model]))
    even = intervene(backend, model, Intervention(temperature=100.0, layer=LAYERS[model]))
    for head in range(len(plain.weights[0])):
        rows = [analysis.entropies(one.weights[LAYERS[model]][head]).mean() for one in (sharp, plain, even)]
        assert rows[0] < rows[1] < rows[2]
        assert analysis.score_std(sharp, head) > analysis.score_std(plain, head) > analysis.score_std(even, head)
    most = np.log2(even.seen.sum(-1))
    assert (analysis.entropies(even.weights[LAYERS[model]][0]) >= 0.99 * most).all()


def test_behind_a_mask_the_first_row_is_one_1_and_the_last_is_as_it_was(backend):
    layer = LAYERS["minilm"]
    plain, masked = intervene(backend, "minilm"), intervene(backend, "minilm", Intervention(causal=True, layer=layer))
    assert (masked.weights[layer][:, 0, 0] == 1).all()
    np.testing.assert_allclose(masked.weights[layer][:, -1], plain.weights[layer][:, -1], atol=1e-6)


def test_without_a_mask_the_upper_right_half_fills(backend):
    layer = LAYERS["smollm2"]
    free = intervene(backend, "smollm2", Intervention(causal=False, layer=layer))
    assert (free.weights[layer][:, np.triu(np.ones((12, 12), bool), 1)] > 0).all()


@BOTH
def test_over_many_shuffles_the_weights_follow_the_words_to_rounding(backend, model: str):
    request, change = AttentionRequest(model, TEXT), Intervention(positions=False, causal=False)
    found = [
        backend.compare_orders(request, HeadRef(LAYERS[model], 1), change, seed)
        for seed in range(20 if model == "minilm" else 4)
    ]
    assert max(one.double.weights for one in found) < 1e-12
    assert max(one.single.weights for one in found) < 1e-5
    assert len({one.order for one in found}) == len(found)


@BOTH
@pytest.mark.parametrize(
    "change", [Intervention(positions=False, causal=True), Intervention(causal=False)], ids=["mask", "positions"]
)
def test_each_of_them_alone_shows_the_order(backend, model: str, change: Intervention):
    assert backend.compare_orders(AttentionRequest(model, TEXT), HeadRef(0, 0), change, 1).double.weights > 0.5


@BOTH
def test_heads_look_at_several_things_and_what_they_add_is_a_sum(backend, model: str):
    layer, plain = LAYERS[model], intervene(backend, model)
    it = next(at for at, token in enumerate(plain.tokens) if token.text == "it")
    assert len(set(plain.weights[layer][:, it].argmax(-1).tolist())) > 2
    loaded = backend.inner.load(model)
    w, ids = reference.read(loaded.model), loaded.tokenizer(TEXT)["input_ids"]

    def projected(heads: tuple[int, ...]) -> np.ndarray:
        return reference.run(w, ids, change=Intervention(heads=heads, layer=layer), keep=(layer,)).layers[layer]["projected"]

    none, whole = projected(()), projected(tuple(range(w.heads)))
    np.testing.assert_allclose(none + sum(projected((h,)) - none for h in range(w.heads)), whole, atol=1e-4)


def test_a_decoders_head_shares_its_keys_and_values_with_others(backend):
    assert (intervene(backend, "smollm2").groups, len(intervene(backend, "smollm2").adds)) == (3, 9)
    assert (intervene(backend, "minilm").groups, len(intervene(backend, "minilm").adds)) == (12, 12)


@BOTH
def test_ones_own_sentence_as_the_second_text(backend, model: str):
    layer, plain = LAYERS[model], intervene(backend, model)
    own = intervene(backend, model, Intervention(layer=layer), TEXT)
    last = own.weights[layer][:, -1]
    np.testing.assert_allclose(last, plain.weights[layer][:, -1], atol=1e-5)
    if model == "minilm":
        np.testing.assert_allclose(own.weights[layer], plain.weights[layer], atol=1e-5)
        np.testing.assert_allclose(intervene(backend, model, Intervention(), TEXT).output, plain.output, atol=1e-4)
    else:
        assert (own.weights[layer][:, np.triu(np.ones((12, 12), bool), 1)] > 0).all()


def test_a_place_has_the_same_mark_in_both_texts(backend):
    w = reference.read(backend.inner.load("minilm").model)
    one, two = (
        reference.run(w, backend.inner.load("minilm").tokenizer(text)["input_ids"], keep=()).embedding for text in (TEXT, OTHER)
    )
    np.testing.assert_array_equal(one["positions"][3], two["positions"][3])


def test_what_is_out_of_reach_comes_one_window_further_with_each_layer(backend):
    loaded = backend.inner.load("minilm")
    w, ids = reference.read(loaded.model), loaded.tokenizer(TEXT)["input_ids"]
    runs = [reference.run(w, [start, *ids[1:]], change=Intervention(window=2)) for start in (ids[0], ids[3])]
    for number, (one, two) in enumerate(zip(*(run.layers for run in runs), strict=True)):
        reached = np.flatnonzero(np.abs(one["output"] - two["output"]).max(-1) > 0)
        assert reached.max() == number + 1


@BOTH
def test_a_window_keeps_the_row_of_a_head_that_looks_near_and_removes_that_of_one_that_looks_far(backend, model: str):
    layer = LAYERS[model]
    plain, near = intervene(backend, model), intervene(backend, model, Intervention(window=3, layer=layer))
    lost = [analysis.newly_hidden(BeforeAfter(plain, near, layer, head)).mean() for head in range(len(plain.adds))]
    away = np.abs(np.arange(len(plain.tokens))[:, None] - np.arange(len(plain.tokens)))
    reach = [(head * away).sum(-1).mean() for head in plain.weights[layer]]
    assert np.corrcoef(lost, reach)[0, 1] > 0.7
    assert near.seen.sum() == sum(near.seen.diagonal(k).sum() for k in (-2, -1, 0, 1, 2))
    assert near.seen.sum(-1).max() == (2 * 3 - 1 if model == "minilm" else 3)  # to both sides, or back only


@BOTH
def test_most_heads_rest_and_where_they_rest_values_are_short(backend, model: str):
    resting = ("[CLS]", "[SEP]") if model == "minilm" else ("The",)
    plain = intervene(backend, model)
    at = [i for i, token in enumerate(plain.tokens) if token.text in resting]
    words = [i for i in range(len(plain.tokens)) if i not in at]
    first = np.stack([layer[:, words].argmax(-1) for layer in plain.weights])  # [layer, head, word]
    assert (np.isin(first, at).mean(-1) > 0.5).mean() > 0.5
    values = [backend.intervene(AttentionRequest(model, TEXT), layer, AS_TRAINED).values for layer in range(len(plain.weights))]
    shorter = np.stack([one[:, at].mean(-1) < one[:, words].mean(-1) for one in values])
    assert shorter.mean() > 0.8
    narrow = intervene(backend, model, replace(AS_TRAINED, window=3))
    assert narrow.seen[np.ix_(words, at)].any(-1).mean() < 0.5


@BOTH
def test_weights_of_the_layer_stay_the_same_and_later_ones_change(backend, model: str):
    layer = LAYERS[model]
    plain = intervene(backend, model)
    for change in (Intervention(zeroed=(2,), layer=layer), Intervention(heads=(1,), layer=layer)):
        moved = analysis.attention_change(BeforeAfter(plain, intervene(backend, model, change), layer, 1))
        assert (moved[: layer + 1] == 0).all()
        assert (moved[layer + 1 :] > 0).all()
