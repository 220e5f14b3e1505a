"""Both embedded models, from scratch, against the library's eager attention, and heads whose numbers are known."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from attnviz.engine import capture, verify
from attnviz.engine.layers import Projections
from attnviz.models import catalog, load
from attnviz.models.load import LoadedModel
from attnviz.settings import Settings
from attnviz.types import HeadRef

TIRED = "The animal didn't cross the street because it was too tired"
TEXTS = (TIRED, "A", "Ein Übergang, 東京, and \U0001f642 — all in one line.", " ".join(["The cat sat on the mat."] * 12))


@pytest.fixture(scope="module", params=["minilm", pytest.param("smollm2", marks=pytest.mark.slow)])
def loaded(request: pytest.FixtureRequest) -> LoadedModel:
    """A model as a reader gets it; the first smollm2 on a machine converts for 20 seconds."""
    found = load.load(catalog.card(request.param), Settings.from_env())
    capture.prepare(found.model)
    return found


def read(loaded: LoadedModel, *texts: str, side: str = "right") -> dict[str, torch.Tensor]:
    """Input tensors; several texts are padded on one side with a token that the mask hides."""
    rows = [loaded.tokenizer(text)["input_ids"] for text in texts]
    longest = max(map(len, rows))
    fill = [[0] * (longest - len(row)) for row in rows]
    right = side == "right"
    joined = [[*row, *blank] if right else [*blank, *row] for row, blank in zip(rows, fill, strict=True)]
    shown = [[1] * len(row) + [0] * len(blank) for row, blank in zip(rows, fill, strict=True)]
    return {"input_ids": torch.tensor(joined), "attention_mask": torch.tensor([m if right else m[::-1] for m in shown])}


@pytest.mark.parametrize("text", TEXTS, ids=["sentence", "one letter", "other scripts", "long"])
def test_every_head_equals_the_eager_model(loaded: LoadedModel, text: str):
    given = read(loaded, text)
    trace = capture.capture(loaded.model, **given)

    check = verify.against_eager(loaded.model, trace, given)

    assert check.ok, check.note
    assert check.heads == loaded.card.layers * loaded.card.heads
    every = [HeadRef(layer, head) for layer in range(trace.layers) for head in range(trace.heads)]
    quick = verify.against_kernel(trace, every)
    assert quick.ok, quick.note
    assert quick.heads == check.heads


def test_a_text_of_one_token_looks_at_itself(loaded: LoadedModel):
    trace = capture.capture(loaded.model, input_ids=torch.tensor([[777]]))

    np.testing.assert_array_equal(trace.weights(), np.ones((loaded.card.layers, loaded.card.heads, 1, 1)))
    assert trace.causal == loaded.card.causal


@pytest.mark.parametrize("side", ["right", "left"])
def test_each_row_of_a_padded_batch_equals_the_eager_model(loaded: LoadedModel, side: str):
    given = read(loaded, *TEXTS[:3], side=side)

    wanted = capture.eager_traces(loaded.model, **given)
    found = capture.capture_batch(loaded.model, **given)

    for ours, theirs in zip(found, wanted, strict=True):
        assert ours.tokens == theirs.tokens
        assert ours.causal == (loaded.card.causal and len(ours.tokens) > 1)  # one token alone, its mask cut away, cannot tell
        np.testing.assert_allclose(ours.weights(), theirs.weights(), atol=1e-5, rtol=0)


def test_the_model_run_by_our_attention_ends_in_the_same_hidden_state(loaded: LoadedModel):
    given = read(loaded, TIRED)

    ours = capture.forward_from_scratch(loaded.model, **given).last_hidden_state
    with torch.inference_mode():
        theirs = capture.shadow(loaded.model, "eager")(**given).last_hidden_state

    # Last states are not shares: smollm2's reach about 20, so the bound is 1e-5 of the largest.
    assert (ours - theirs).abs().max() <= 1e-5 * max(1.0, float(theirs.abs().max()))


def test_eight_threads_answer_as_one_does(loaded: LoadedModel):
    given = [read(loaded, " ".join(TIRED.split()[:words])) for words in range(1, 10)]

    alone = [capture.capture(loaded.model, **one) for one in given]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda one: capture.capture(loaded.model, **one), given * 2))

    for index, trace in enumerate(together):
        for mine, theirs in zip(trace.parts[0].calls, alone[index % len(given)].parts[0].calls, strict=True):
            assert isinstance(mine, Projections)
            assert isinstance(theirs, Projections)
            for field in ("query", "key", "value", "output"):
                np.testing.assert_array_equal(getattr(mine, field), getattr(theirs, field))


@pytest.fixture(scope="module")
def minilm() -> LoadedModel:
    return load.load(catalog.card("minilm"), Settings.from_env())


@pytest.mark.parametrize(
    ("word", "layer", "head", "share"),
    [("tired", 3, 1, 0.640), ("wide", 3, 1, 0.266), ("tired", 5, 11, 0.647), ("wide", 5, 11, 0.503)],
)
def test_it_looks_at_the_animal_as_published(minilm: LoadedModel, word: str, layer: int, head: int, share: float):
    given = read(minilm, TIRED.replace("tired", word))
    pieces = minilm.tokenizer.convert_ids_to_tokens(given["input_ids"][0].tolist())

    weights = capture.capture(minilm.model, **given).weights(layer, head)

    assert weights[pieces.index("it"), pieces.index("animal")] == pytest.approx(share, abs=0.005)


def test_sentence_pairs_equal_the_eager_model(minilm: LoadedModel):
    given = dict(minilm.tokenizer("The cat sat.", "It was tired.", return_tensors="pt"))
    assert given["token_type_ids"].unique().tolist() == [0, 1]

    trace = capture.capture(minilm.model, **given)

    check = verify.against_eager(minilm.model, trace, given)
    assert check.ok, check.note
    one_segment = capture.capture(minilm.model, **{**given, "token_type_ids": given["token_type_ids"] * 0})
    assert np.abs(trace.weights() - one_segment.weights()).max() > 0.01  # the segments do matter
