"""The probes of the shipped atlases against the models themselves: measured again, and counted slowly over eager weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from attnviz.engine import capture
from attnviz.linguistics import probe_report
from attnviz.linguistics.atlas import reader, workers
from attnviz.linguistics.probes import random_tokens, vocabulary
from attnviz.models import catalog
from attnviz.settings import Settings
from attnviz.types import HeadRef

START = {"minilm": (101,), "smollm2": (1,)}  # [CLS]; <|im_start|>, which the tokenizer names and does not put
END = {"minilm": (102,), "smollm2": ()}
FEW = {"minilm": 4, "smollm2": 2}  # sequences that are counted slowly


def slowly(model: torch.nn.Module, ids: tuple[int, ...]) -> np.ndarray:
    """[probe, layer, head] of one sequence by the library's eager weights: earlier copies are looked for by id."""
    with torch.inference_mode():
        layers = model(torch.tensor([ids]), output_attentions=True).attentions
    copies = {at: ids.index(one) for at, one in enumerate(ids) if one in ids[:at]}
    drawn = {*copies, *copies.values()}
    cells = (
        [(at, first + 1) for at, first in copies.items() if first + 1 not in copies],
        list(copies.items()),
        [(at, at - 1) for at in drawn if at - 1 in drawn],
    )
    return np.array([[[np.mean([float(h[q, k]) for q, k in some]) for h in layer[0]] for layer in layers] for some in cells])


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("model", ["minilm", "smollm2"])
def test_the_probes_are_those_of_a_slow_count_on_the_model_itself(model: str):
    measurer, known = workers.load_measurer(catalog.card(model), Settings.from_env()), reader.shipped(model)
    assert known is not None
    pool = vocabulary.whole_words(measurer.loaded.tokenizer, 10**6)
    facts = known.header.probes
    assert facts is not None
    assert len(pool) == facts.drawn_from
    eager = capture.shadow(measurer.loaded.model, "eager")
    rows = [
        (*START[model], *ids, *ids, *END[model]) for ids in random_tokens.random_sequences(pool, facts.length)[: FEW[model]]
    ]
    each = np.array([slowly(eager, ids) for ids in rows]).swapaxes(0, 1)  # probe sequence layer head
    spread = known.probes[1].max(0) * 4.0  # standard deviation of one sequence: its error times the root of 16
    mean = known.probes[0].mean(0)
    assert (np.abs(each.mean(1) - mean) <= 5 * spread / np.sqrt(len(rows)) + 0.005).all()
    for at, one in enumerate(probe_report.results(known)):
        if one.role:
            best = HeadRef(*map(int, np.unravel_index(each[at].mean(0).argmax(), mean[at].shape)))
            assert best in one.order[:2]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_probes_of_minilm_measured_again_are_those_that_are_shipped():
    known, again = reader.shipped("minilm"), workers.load_measurer(catalog.card("minilm"), Settings.from_env()).probe()
    assert known is not None
    assert again.scores is not None
    np.testing.assert_allclose(again.scores, known.probes, atol=1e-5)  # another number of threads adds in another order


def test_heads_are_called_by_the_probe_alone():
    decoder, encoder = (reader.shipped(model) for model in ("smollm2", "minilm"))
    assert decoder is not None
    assert encoder is not None
    induction = probe_report.result(decoder, "induction")
    assert len(induction.earned) >= 3
    assert all(head.layer >= 10 for head in induction.earned)  # they need an earlier layer that looks at the token before
    before = probe_report.result(decoder, "previous-token")
    assert min(head.layer for head in before.earned) < min(head.layer for head in induction.earned)
    assert probe_report.result(encoder, "induction").earned == ()
    assert probe_report.result(encoder, "previous-token").earned == (HeadRef(0, 2),)
