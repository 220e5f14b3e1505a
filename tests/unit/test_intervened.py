"""One thing changed in the forward pass: what is kept of it, beside what the pass itself says; and words out of order."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from attnviz.backends import open_backend
from attnviz.backends.cached import size_in_bytes
from attnviz.engine import reference
from attnviz.engine.reference import AS_TRAINED, Intervention
from attnviz.engine.reference.intervened import MAX_TOKENS, NAMED, InterventionResult
from attnviz.engine.reference.word_order import Float64Tensors, shuffled_order
from attnviz.errors import BadInputError, EmptyTextError, TooLongError
from attnviz.models import load
from attnviz.selection import TEXT
from attnviz.types import AttentionRequest, HeadRef, Token
from tests.small_models import saved

LAYERS = {"minilm": 3, "smollm2": 16}
BOTH = pytest.mark.parametrize("model", ["minilm", pytest.param("smollm2", marks=pytest.mark.slow)])
OPEN = Intervention(positions=False, causal=False)


@pytest.fixture
def plain(backend, model: str) -> InterventionResult:
    return backend.intervene(AttentionRequest(model, TEXT), LAYERS[model], AS_TRAINED)


@BOTH
def test_with_nothing_changed_it_is_the_model_itself(backend, plain: InterventionResult, model: str):
    trace = backend.attend(AttentionRequest(model, TEXT))

    assert plain.tokens == plain.keys == trace.tokens
    for layer, weights in enumerate(plain.weights):
        np.testing.assert_allclose(weights, trace.weights(layer), atol=1e-5)  # another kernel's rounding
    n = len(plain.tokens)
    np.testing.assert_array_equal(plain.seen, np.tri(n, dtype=bool) if model == "smollm2" else np.ones((n, n), bool))


@BOTH
def test_the_kept_steps_of_the_layer_are_those_of_the_reference(backend, plain: InterventionResult, model: str):
    inner = backend.inner.load(model)
    w, layer = reference.read(inner.model), LAYERS[model]
    ids = inner.tokenizer(TEXT)["input_ids"]
    steps = reference.run(w, ids, keep=(layer,)).layers[layer]

    np.testing.assert_array_equal(plain.mix, steps["mix"])
    np.testing.assert_array_equal(plain.scaled, steps["scaled"])
    np.testing.assert_array_equal(plain.states[layer + 1], steps["output"])
    head, at = w.heads - 1, 5
    np.testing.assert_allclose(plain.values[head], np.linalg.norm(steps["v"][w.group(head)], axis=-1), rtol=1e-5)
    alone = reference.run(w, ids, change=Intervention(heads=(head,), layer=layer), keep=(layer,)).layers[layer]["projected"]
    none = reference.run(w, ids, change=Intervention(heads=(), layer=layer), keep=(layer,)).layers[layer]["projected"]
    assert plain.adds[head, at] == pytest.approx(np.linalg.norm(alone[at] - none[at]), rel=1e-3)  # the bias is no head's


@pytest.mark.slow
def test_what_comes_next_is_what_the_decoder_says(backend):
    found = backend.intervene(AttentionRequest("smollm2", "The capital of France is"), 0, AS_TRAINED)

    assert found.likely[0].text == " Paris"
    assert found.next.sum() == pytest.approx(1.0, abs=1e-4)
    assert [one.share for one in found.likely] == sorted((float(found.next[one.id]) for one in found.likely), reverse=True)
    assert len(found.likely) == NAMED
    assert backend.intervene(AttentionRequest("minilm", TEXT), 0, AS_TRAINED).likely == ()


@BOTH
def test_a_change_in_one_layer_does_not_change_earlier_layers(backend, plain: InterventionResult, model: str):
    layer = LAYERS[model]
    found = backend.intervene(AttentionRequest(model, TEXT), layer, Intervention(zeroed=(2,), layer=layer))

    assert all(np.array_equal(a, b) for a, b in zip(found.weights[: layer + 1], plain.weights[: layer + 1], strict=True))
    assert not np.array_equal(found.weights[layer + 1], plain.weights[layer + 1])
    assert (found.values[:, 2] == 0).all()
    assert (found.values[:, 3] > 0).all()


@BOTH
def test_a_window_says_what_may_be_seen(backend, model: str):
    found = backend.intervene(AttentionRequest(model, TEXT), 0, Intervention(window=2, layer=0))
    n = len(found.tokens)
    near = np.abs(np.arange(n)[:, None] - np.arange(n)) < 2

    np.testing.assert_array_equal(found.seen, near & np.tri(n, dtype=bool) if model == "smollm2" else near)
    assert (found.weights[0][:, ~found.seen] == 0).all()


@BOTH
def test_joined_heads_are_one(backend, model: str):
    layer = LAYERS[model]
    found = backend.intervene(AttentionRequest(model, TEXT), layer, Intervention(one_head=True, layer=layer))

    assert (len(found.weights[layer]), len(found.adds), len(found.values)) == (1, 1, 1)
    assert len(found.weights[layer - 1]) > 1


@BOTH
def test_keys_of_another_text_are_its_tokens(backend, model: str):
    layer = LAYERS[model]
    found = backend.intervene(AttentionRequest(model, TEXT), layer, Intervention(layer=layer), "A dog slept")

    assert "".join(token.text for token in found.keys if not token.special) == "Adogslept"
    assert found.weights[layer].shape[1:] == (len(found.tokens), len(found.keys))
    assert found.seen.all()
    np.testing.assert_allclose(found.weights[layer].sum(-1), 1.0, atol=1e-5)
    assert found.weights[layer - 1].shape[1:] == (len(found.tokens), len(found.tokens))


@BOTH
def test_nothing_can_be_written_and_it_is_kept_once(backend, plain: InterventionResult, model: str):
    arrays = [found for field in fields(plain) if isinstance(found := getattr(plain, field.name), np.ndarray)]

    assert not any(array.flags.writeable for array in (*arrays, *plain.weights))
    assert backend.intervene(AttentionRequest(model, TEXT), LAYERS[model], Intervention(layer=None)) is plain
    assert sum(array.nbytes for array in (*arrays, *plain.weights)) <= size_in_bytes(plain) < 2**22


@BOTH
def test_positions_and_mask_away_the_weights_follow_the_words(backend, model: str):
    found = backend.compare_orders(AttentionRequest(model, TEXT), HeadRef(LAYERS[model], 1), OPEN, 3)

    assert found.double.weights < 1e-12  # sums in another order round otherwise
    assert found.double.states < 1e-12
    assert found.double.many == 0
    assert found.single.weights < 1e-4
    assert sorted(found.order) == list(range(len(found.plain)))
    assert found.order != tuple(range(len(found.plain)))
    assert found.plain.dtype == np.float64
    np.testing.assert_array_equal(found.undone[np.ix_(found.order, found.order)], found.mixed)
    np.testing.assert_allclose(found.undone, found.plain, atol=1e-12)


@BOTH
@pytest.mark.parametrize("change", [replace(OPEN, causal=True), replace(OPEN, positions=True)], ids=["mask", "positions"])
def test_a_mask_or_a_position_tells_the_order(backend, model: str, change: Intervention):
    found = backend.compare_orders(AttentionRequest(model, TEXT), HeadRef(LAYERS[model], 1), change, 3)

    assert found.double.weights > 0.05
    assert found.double.states > 0.05
    own = np.abs(found.undone - found.plain) > 0.01  # of one head; the count is of all
    assert own.sum() <= found.double.many < found.compared


def test_pieces_of_a_word_and_special_tokens_keep_together():
    tokens = (
        Token("[CLS]", "[CLS]", 0, 0, None), Token("an", "an", 0, 2, 0), Token("i", "i", 2, 3, 0), Token("b", "b", 4, 5, 1),
        Token("c", "c", 6, 7, 2), Token("[SEP]", "[SEP]", 7, 7, None), Token("d", "d", 0, 1, 0, 1),
    )  # fmt: skip
    found = {shuffled_order(tokens, seed) for seed in range(20)}

    assert len(found) > 5
    for places in found:
        assert places[0] == 0
        assert places[5] == 5
        assert places != tuple(range(7))
        assert [place for place in places if place != 5].index(2) == [place for place in places if place != 5].index(1) + 1
    assert shuffled_order(tokens, 4) == shuffled_order(tokens, 4)
    assert shuffled_order(tokens[:3], 0) == (0, 1, 2)


def test_tensors_become_float64_only_on_access():
    wide = Float64Tensors({"a": torch.ones(2)})

    assert wide["a"].dtype == torch.float64
    assert dict.__getitem__(wide, "a").dtype == torch.float32


def test_an_impossible_intervention_is_refused_with_the_reason(backend, tmp_path):
    minilm = AttentionRequest("minilm", TEXT)
    with pytest.raises(TooLongError, match=f"at most {MAX_TOKENS} tokens; this text has 82"):
        backend.intervene(AttentionRequest("minilm", "word " * 80), 0, AS_TRAINED)
    with pytest.raises(TooLongError, match="at most"):
        backend.compare_orders(AttentionRequest("minilm", "word " * 80), HeadRef(0, 0), OPEN, 0)
    with pytest.raises(TooLongError, match="the other text has 82"):
        backend.intervene(minilm, 0, Intervention(layer=0), "word " * 80)
    with pytest.raises(EmptyTextError):
        backend.intervene(minilm, 0, Intervention(layer=0), " ")
    with pytest.raises(BadInputError, match="has no head"):
        backend.intervene(minilm, 6, AS_TRAINED)
    with pytest.raises(BadInputError, match="tokens 0 to 14"):
        backend.intervene(minilm, 0, Intervention(zeroed=(15,)))
    card = load.local_card(saved(tmp_path / "other", "gpt2"))
    other = open_backend(folders=(card,))
    with pytest.raises(BadInputError, match="family 'gpt2'"):
        other.intervene(AttentionRequest(card.id, "the animal"), 0, AS_TRAINED)
