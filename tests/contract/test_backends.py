"""One suite over every backend: the contract that all of them keep."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from transformers import AutoModel

import attnviz
from attnviz.backends import open_backend
from attnviz.backends.base import capabilities
from attnviz.backends.batched import BatchedBackend
from attnviz.backends.cached import CachedBackend
from attnviz.backends.local import LocalBackend
from attnviz.backends.remote import RemoteBackend
from attnviz.backends.scheduled import ScheduledBackend, Scheduling
from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError, BadInputError, EmptyTextError, PairError, TooLongError, UnknownModelError
from attnviz.models import catalog, load
from attnviz.settings import Settings
from attnviz.text import MASK
from attnviz.types import AttentionRequest
from tests.servers import running_server
from tests.small_models import random_model, saved, tokenizer
from tests.wires import same

MISSION = "The animal didn't cross the street because it was too tired"
SCHEDULING = Scheduling(2, 64, 64, 60.0, lambda: "a reader")
HERE = {
    "local": lambda: LocalBackend(Settings.from_env()),
    "cached": lambda: CachedBackend(LocalBackend(Settings.from_env()), 64 * 2**20),
    "scheduled": lambda: ScheduledBackend(LocalBackend(Settings.from_env()), SCHEDULING),
    "the app's": lambda: open_backend("local:", Settings.from_env(), scheduling=SCHEDULING),
    "batched": lambda: BatchedBackend(LocalBackend(Settings.from_env()), 8),
    "local:": lambda: open_backend("local:"),
}
THERE = {"remote": RemoteBackend, "http:": open_backend}


@pytest.fixture(scope="module")
def local() -> Iterator[LocalBackend]:
    """What every backend is compared with."""
    made = LocalBackend(Settings.from_env())
    yield made
    made.close()


@pytest.fixture(scope="module", params=[*HERE, *THERE])
def backend(request):
    if request.param in HERE:
        made = HERE[request.param]()
        yield made
        made.close()
        return
    with running_server(LocalBackend(Settings.from_env())) as url:
        made = THERE[request.param](url)
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


def test_rows_are_distributions_and_read_only(backend):
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
def test_an_invalid_request_raises_its_error(backend, request_, error):
    with pytest.raises(error):
        backend.attend(request_)
    assert backend.attend(AttentionRequest("minilm", MISSION)).layers == 6


def test_eight_threads_with_different_requests_get_the_single_threaded_answers_bit_for_bit(backend, local):
    """Those that were read in one pass say so, and are within 1e-5."""
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
    expected = {request: local.attend(request) for request in requests}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(backend.attend, requests * 4))
    for answer in answers:
        want = expected[answer.request]
        assert answer.tokens == want.tokens
        assert (answer.digest, answer.source, answer.causal) == (want.digest, want.source, want.causal)
        assert agrees(answer, want, 1, 2)
        assert not answer.batched or isinstance(backend, BatchedBackend)
    for answer in answers[: len(requests)]:
        want = expected[answer.request]
        for layer in range(0, want.layers, 3):
            assert agrees(answer, want, layer), (answer.request, layer)
    for request, want in expected.items():
        one = backend.attend(request)
        assert all(np.array_equal(one.weights(layer), want.weights(layer)) for layer in range(0, want.layers, 3)), request


def agrees(answer: Trace, want: Trace, *place: int) -> bool:
    """Bit for bit, or as far as numbers of a text that was read with others are promised to be the same."""
    mine, theirs = answer.weights(*place), want.weights(*place)
    return np.allclose(mine, theirs, rtol=0, atol=1e-5) if answer.batched else np.array_equal(mine, theirs)


def test_the_models_are_those_of_the_catalogue(backend):
    assert backend.models() == catalog.cards()


def test_the_full_trace_has_values_and_kernel_outputs(backend, local):
    request = AttentionRequest("minilm", MISSION)
    found = (capabilities(backend).full_trace or backend.attend)(request)

    want = local.attend(request)
    for mine, theirs in zip(found.block("self").calls, want.block("self").calls, strict=True):
        for part in ("query", "key", "value", "output"):
            assert np.array_equal(getattr(mine, part), getattr(theirs, part)), part
    assert backend.attend(request).block("self").difference(2, 3) == want.block("self").difference(2, 3)


def test_methods_have_the_names_of_the_first_version():
    opened = attnviz.open_backend()
    request = AttentionRequest("minilm", MISSION)
    assert opened.whole(request) is opened.full_trace(request)
    assert (opened.has("minilm"), opened.has("bert-base-uncased")) == (True, opened.has_weights("bert-base-uncased"))
    opened.close()


def test_an_address_opens_its_server_with_a_cache_of_its_own():
    with running_server(LocalBackend(Settings.from_env())) as url:
        opened = open_backend(url)
        request = AttentionRequest("minilm", MISSION)
        found = opened.attend(request)
        assert isinstance(opened.inner, RemoteBackend)
        assert opened.attend(request) is found
        assert (opened.capabilities.check, opened.has_weights("minilm"), opened.has_weights("gpt2")) == (None, True, False)
        with pytest.raises(BadInputError, match="no eager model to compare with"):
            opened.check(request)
        opened.close()
        opened.close()


@pytest.mark.parametrize("family", ["bert", "gpt2", "t5", "nllb-moe"])
def test_a_server_gives_the_same_trace_of_every_family(tmp_path, family: str):
    card = load.local_card(saved(tmp_path / "model", family))
    local = LocalBackend(Settings.from_env(), folders=(card,))
    with running_server(local) as url:
        remote = RemoteBackend(url)
        for text_b in (None, *(["it was tired"] if card.pairs else [])):
            request = AttentionRequest(card.id, "the animal did not cross", text_b)
            assert same(local.attend(request), remote.attend(request))
        remote.close()


def test_a_backend_of_three_methods_is_cached_like_any_other_and_offers_no_check():
    class Plain:
        inner = LocalBackend(Settings.from_env())
        models, attend, close = inner.models, inner.attend, inner.close

    plain, full = CachedBackend(Plain(), 2**20), CachedBackend(LocalBackend(Settings.from_env()), 2**20)

    assert plain.attend(AttentionRequest("minilm", "a")).layers == 6
    assert (plain.capabilities.check is None, full.capabilities.check is None) == (True, False)
    with pytest.raises(BadInputError, match="no eager model to compare with"):
        plain.check(AttentionRequest("minilm", "a"))


def test_every_head_agrees_with_the_eager_model(backend):
    check_heads = capabilities(backend).check
    if check_heads is None:
        pytest.skip("This backend has no eager model at hand; no page offers to compare with it.")
    for model in ("minilm", "smollm2"):
        check = check_heads(AttentionRequest(model, MISSION))
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


def test_a_folder_of_any_family_is_tried_before_it_is_trusted(tmp_path):
    card = load.local_card(saved(tmp_path / "mixed", "nllb-moe"))
    backend = LocalBackend(Settings.from_env(), folders=(card,))
    request = AttentionRequest(card.id, "the animal did not cross", "it was tired")

    trace = backend.attend(request)

    assert trace.source == "dense"
    assert (trace.blocks, trace.block("decoder").causal) == (("encoder", "decoder", "cross"), True)
    assert backend.check(request).ok


@pytest.mark.parametrize("family", ["t5", "nllb-moe"])
def test_a_target_that_the_model_wrote_is_read_and_named_in_the_note(tmp_path, family: str):
    card = load.local_card(saved(tmp_path / "writer", family))
    backend = LocalBackend(Settings.from_env(), folders=(card,))
    loaded, most = backend.load(card.id), min(40, card.max_tokens - 1)
    ids = loaded.model.generate(torch.tensor([[5, 6, 7]]), max_new_tokens=most, do_sample=False, num_beams=1)[0].tolist()

    trace = backend.attend(AttentionRequest(card.id, "the animal did"))

    read = ids[:-1] if ids[-1] == loaded.model.generation_config.eos_token_id else ids  # nothing is read after the end
    vocabulary = loaded.tokenizer.convert_ids_to_tokens(read)
    assert [token.piece for token in trace.block("decoder").queries] == vocabulary
    assert trace.request.text_b is None
    assert trace.written == " ".join(piece for piece in vocabulary if piece not in ("[PAD]", "[UNK]", "[MASK]"))
    assert trace.note == f"No target text was given, so the model wrote one itself: {trace.written}"
    given = backend.attend(AttentionRequest(card.id, "the animal did", "it was tired"))
    assert (given.written, given.note) == (None, "")
    assert backend.attend(AttentionRequest(card.id, "the animal did", "")).written == trace.written, "an empty target is none"


@pytest.mark.parametrize("family", ["t5", "nllb-moe"])
def test_a_model_that_cannot_write_asks_for_a_target(family: str):
    model = AutoModel.from_config(random_model(family).config).eval()

    with pytest.raises(BadInputError, match=r"cannot write one itself.*Give a target text as text_b"):
        attnviz.trace(model, tokenizer(), "the animal did")
    assert attnviz.trace(model, tokenizer(), "the animal did", "it was tired").blocks == ("encoder", "decoder", "cross")


def test_any_error_of_generation_asks_for_a_target():
    model = random_model("t5").eval()
    model.generation_config.decoder_start_token_id = model.config.decoder_start_token_id = 999  # no such token

    with pytest.raises(BadInputError, match="T5ForConditionalGeneration cannot write one itself"):
        attnviz.trace(model, tokenizer(), "the animal did")


def test_an_empty_second_text_counts_as_none(backend):
    assert AttentionRequest("minilm", "a", "") == AttentionRequest("minilm", "a")
    assert len(backend.attend(AttentionRequest("minilm", "a", "")).tokens) == 3
    assert (
        backend.attend(AttentionRequest("smollm2", "a", "")).tokens == backend.attend(AttentionRequest("smollm2", "a")).tokens
    )


def test_an_invalid_tokenizer_is_refused():
    with pytest.raises(BadInputError, match="A transformers tokenizer is needed beside the model; got NoneType"):
        attnviz.trace(random_model("bert"), None, "the animal")


def test_a_text_that_is_not_a_string_raises_our_own_error():
    """In a process of its own: here every signature is checked before a function of ours can say a word."""
    code = """
import attnviz
for call in (
    lambda: attnviz.attend(None), lambda: attnviz.attend(5), lambda: attnviz.attend("a", model=None),
    lambda: attnviz.attend("a", text_b=5), lambda: attnviz.AttentionRequest("minilm", b"a"),
):
    try:
        call()
    except attnviz.AttnvizError as error:
        print(error)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == [
        "A model reads a text, tokens or words, and one of them at a time; got none of them. Give one.",
        "text must be a text, a string; got int. Put it in quotes.",
        "model must be the name of a model, a string, or the path of a folder; got NoneType. "
        "A model in memory goes to attnviz.trace.",
        "text_b must be a text, a string; got int. Put it in quotes.",
        "text must be a text, a string; got bytes. Put it in quotes.",
    ]
