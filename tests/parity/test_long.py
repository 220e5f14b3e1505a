"""The long forms: texts as long as the models read, and many threads for many rounds."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import attnviz
from attnviz.backends.local import LocalBackend
from attnviz.engine import verify
from attnviz.types import AttentionRequest, HeadRef

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1200)]
WORDS = "the animal did not cross a wide street because it was tired and night fell over every quiet house".split(" ")


def running(words: int, seed: int) -> str:
    """So many words in an order of their own."""
    return " ".join(random.Random(seed).choices(WORDS, k=words))


@pytest.mark.parametrize(("model", "words"), [("minilm", 500), ("smollm2", 2000)])
def test_at_full_length_every_head_gives_what_the_fused_kernel_gave(model: str, words: int):
    trace = attnviz.attend(running(words, 1), model)
    every = [HeadRef(layer, head) for layer in range(trace.layers) for head in range(trace.heads)]

    check = verify.against_kernel(trace, every)

    assert len(trace.tokens) > 0.9 * words
    assert check.ok, check.note
    assert check.heads == len(every)


def test_for_many_rounds_eight_threads_answer_as_one_does():
    requests = [
        AttentionRequest(model, running(5 + 7 * i, i), running(6, -i) if model == "minilm" and i % 3 == 0 else None)
        for i in range(24)
        for model in ("minilm", "smollm2")
    ]
    backend = LocalBackend()  # without a cache: every answer is computed
    alone = [backend.attend(request) for request in requests]
    shuffled = random.Random(3).choices(range(len(requests)), k=400)

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda i: backend.attend(requests[i]), shuffled))

    for i, trace in zip(shuffled, together, strict=True):
        assert trace.tokens == alone[i].tokens
        np.testing.assert_array_equal(trace.weights(2, 3), alone[i].weights(2, 3))
