"""One suite over every backend: whatever stands behind the door, these promises hold."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from attnviz.backends import open_backend
from attnviz.backends.cached import CachedBackend
from attnviz.backends.local import LocalBackend
from attnviz.errors import AttnvizError, EmptyTextError, PairError, TooLongError, UnknownModelError
from attnviz.models import load
from attnviz.settings import Settings
from attnviz.text import MASK
from attnviz.types import AttentionRequest
from tests.small_models import saved

MISSION = "The animal didn't cross the street because it was too tired"
MAKERS = {
    "local": lambda: LocalBackend(Settings.from_env()),
    "cached": lambda: CachedBackend(LocalBackend(Settings.from_env()), 64 * 2**20),
    "local:": lambda: open_backend("local:"),
}


@pytest.fixture(scope="module", params=list(MAKERS))
def backend(request):
    made = MAKERS[request.param]()
    yield made
    made.close()


def test_a_trace_is_labelled_with_what_was_typed(backend):
    trace = backend.attend(AttentionRequest("minilm", MISSION))
    assert trace.request == AttentionRequest("minilm", MISSION)
    assert [t.text for t in trace.tokens if not t.special] == [
        "The",
        "animal",
        "didn",
        "'",
        "t",
        "cross",
        "the",
        "street",
        "because",
        "it",
        "was",
        "too",
        "tired",
    ]
    assert [t.text for t in trace.tokens if t.special] == ["[CLS]", "[SEP]"]
    assert (trace.layers, trace.heads, trace.causal, trace.source, trace.blocks) == (6, 12, False, "projections", ("self",))
    assert len(trace.digest) == 64


def test_the_animal_head_of_the_mission_is_as_published(backend):
    trace = backend.attend(AttentionRequest("minilm", MISSION))
    names = [t.text for t in trace.tokens]
    it, animal = names.index("it"), names.index("animal")
    assert trace.weights(3, 1)[it, animal] == pytest.approx(0.640, abs=0.005)
    assert trace.weights(5, 11)[it, animal] == pytest.approx(0.647, abs=0.005)
    wide = backend.attend(AttentionRequest("minilm", MISSION.replace("tired", "wide")))
    assert wide.weights(3, 1)[it, animal] == pytest.approx(0.266, abs=0.005)
    assert wide.weights(5, 11)[it, animal] == pytest.approx(0.503, abs=0.005)


def test_rows_are_distributions_and_nobody_can_write_to_them(backend):
    trace = backend.attend(AttentionRequest("minilm", MISSION, "It slept."))
    everything = trace.weights()
    n = len(trace.tokens)
    assert everything.shape == (6, 12, n, n)
    np.testing.assert_allclose(everything.sum(-1), 1.0, atol=1e-4)
    with pytest.raises(ValueError, match="read-only"):
        trace.weights(0, 0)[0, 0] = 1.0


def test_a_causal_trace_is_exactly_zero_above_the_diagonal(backend):
    trace = backend.attend(AttentionRequest("smollm2", MISSION))
    assert trace.causal
    assert (trace.layers, trace.heads) == (30, 9)
    for layer in range(trace.layers):
        assert not np.triu(trace.weights(layer), 1).any()


def test_a_later_cue_cannot_change_a_causal_row(backend):
    tired = backend.attend(AttentionRequest("smollm2", MISSION))
    wide = backend.attend(AttentionRequest("smollm2", MISSION.replace("tired", "wide")))
    it = [t.text for t in tired.tokens].index("it")
    for layer in range(tired.layers):
        np.testing.assert_allclose(tired.weights(layer)[:, it], wide.weights(layer)[:, it], atol=1e-5)


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (AttentionRequest("minilm", ""), EmptyTextError),
        (AttentionRequest("minilm", " \n\t "), EmptyTextError),
        (AttentionRequest("minilm", "word " * 600), TooLongError),
        (AttentionRequest("minilm", "x" * 1_000_000), TooLongError),
        (AttentionRequest("smollm2", "a", "b"), PairError),
        (AttentionRequest("../../etc/passwd", "a"), UnknownModelError),
        (AttentionRequest("no-such-model", "a"), UnknownModelError),
        (AttentionRequest("minilm", "broken \ud800 text"), AttnvizError),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(backend, request_, error):
    with pytest.raises(error):
        backend.attend(request_)
    assert backend.attend(AttentionRequest("minilm", MISSION)).layers == 6


def test_eight_threads_with_different_requests_get_the_single_threaded_answers_bit_for_bit(backend):
    requests = [
        AttentionRequest("minilm", MISSION),
        AttentionRequest("minilm", "One [SEP] two [MASK] three", "A second <|endoftext|> text"),
        AttentionRequest("minilm", f"The cat {MASK} on the mat"),
        AttentionRequest("smollm2", "Typing <|endoftext|> and [CLS] is text"),
        AttentionRequest("minilm", "x"),
        AttentionRequest("smollm2", "مرحبا بالعالم 你好，世界 👩‍👩‍👧 é"),
        AttentionRequest("smollm2", MISSION * 5),
        AttentionRequest("minilm", MISSION * 9, "short"),
    ]
    alone = LocalBackend(Settings.from_env())
    expected = {request: alone.attend(request) for request in requests}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(backend.attend, requests * 4))
    for answer in answers:
        want = expected[answer.request]
        assert answer.tokens == want.tokens
        for mine, theirs in zip(answer.block("self").calls, want.block("self").calls, strict=True):
            for part in ("query", "key", "value", "output"):
                assert np.array_equal(getattr(mine, part), getattr(theirs, part)), (answer.request, part)
        assert np.array_equal(answer.weights(1, 2), want.weights(1, 2))


def test_every_head_agrees_with_the_eager_model(backend):
    for model in ("minilm", "smollm2"):
        check = backend.check(AttentionRequest(model, MISSION))
        assert check.ok
        assert check.difference <= 1e-5


def test_special_tokens_as_typed_are_text_and_only_the_mark_is_a_mask(backend):
    typed = backend.attend(AttentionRequest("minilm", "a [MASK] b"))
    marked = backend.attend(AttentionRequest("minilm", f"a {MASK} b"))
    assert sum(t.special for t in typed.tokens) == 2
    assert [t.text for t in marked.tokens] == ["[CLS]", "a", "[MASK]", "b", "[SEP]"]


def test_closing_twice_is_harmless():
    made = open_backend("local:")
    made.close()
    made.close()


def test_a_folder_of_any_family_is_looked_at_before_it_is_trusted(tmp_path):
    card = load.local_card(saved(tmp_path / "mixed", "nllb-moe"))
    backend = LocalBackend(Settings.from_env(), folders=(card,))
    request = AttentionRequest(card.id, "the animal did not cross", "it was tired")

    trace = backend.attend(request)

    assert trace.source == "dense"
    assert (trace.blocks, trace.block("decoder").causal) == (("encoder", "decoder", "cross"), True)
    assert backend.check(request).ok
