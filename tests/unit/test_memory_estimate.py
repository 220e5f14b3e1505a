"""What a text would keep is known before it is read, and too much is refused with the numbers."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from attnviz.backends.local import LocalBackend
from attnviz.engine import memory_estimate
from attnviz.errors import TooLongError
from attnviz.progress import ProgressEvent
from attnviz.settings import Settings
from attnviz.types import AttentionRequest


def test_projections_grow_with_the_tokens_and_dense_weights_with_their_square():
    config = SimpleNamespace(hidden_size=15, num_attention_heads=5, num_key_value_heads=1)  # 3 numbers a head
    assert memory_estimate.bytes_needed(config, 2, 5, 7) == 4 * 2 * 3 * (2 * 5 * 7 + 2 * 1 * 7)
    assert memory_estimate.bytes_needed(config, 2, 5, 7, dense=True) == 4 * 2 * 5 * 7 * 7
    assert memory_estimate.bytes_needed(config, 2, 5, 7, 4, dense=True) == 4 * 2 * 5 * (7 * 7 + 4 * 4 + 4 * 7)


def test_a_config_may_name_its_heads_width_itself():
    config = SimpleNamespace(hidden_size=15, head_dim=8)
    assert memory_estimate.bytes_needed(config, 1, 5, 7) == 4 * 8 * (2 * 5 * 7 + 2 * 5 * 7)


def test_what_is_expected_is_what_a_trace_keeps():
    backend = LocalBackend()
    loaded = backend.load("minilm")
    trace = backend.attend(AttentionRequest("minilm", "One head, one text, one number."))
    kept = sum(part.nbytes for part in trace.parts)
    expected = memory_estimate.bytes_needed(loaded.model.config, loaded.card.layers, loaded.card.heads, len(trace.tokens))
    assert 0.95 < kept / expected < 1.05


@pytest.mark.parametrize(("dense", "fits"), [(False, 250), (True, 500)], ids=["projections", "dense"])
def test_too_much_is_refused_with_what_would_fit(dense: bool, fits: int):
    with pytest.raises(
        TooLongError, match=f"about 400 MB of these 1,000 tokens, and 100 MB are allowed. .* about {fits} tokens"
    ):
        memory_estimate.check("This model", 400_000_000, 1000, 100_000_000, dense=dense)
    memory_estimate.check("This model", 100_000_000, 1000, 100_000_000, dense=dense)


def test_a_backend_refuses_before_it_reads():
    backend = LocalBackend(replace(Settings.from_env(), text_bytes=200_000))
    assert backend.attend(AttentionRequest("minilm", "x")).heads == 12
    with pytest.raises(TooLongError, match="ATTNVIZ_TEXT_MB"):
        backend.attend(AttentionRequest("minilm", "word " * 20))


def test_each_layer_of_a_long_text_is_reported_only_to_its_caller():
    events: list[ProgressEvent] = []
    backend = LocalBackend(on_progress=events.append)
    backend.load("minilm")
    events.clear()
    backend.attend(AttentionRequest("minilm", "a short text"))
    assert events == []
    backend.attend(AttentionRequest("minilm", "word " * 510))
    assert events == [ProgressEvent(f"Encoding 512 tokens: layer {done} of 6.", "progress", done / 6) for done in range(1, 7)]
