"""Any text, through HTTP and a real model, is read completely or refused with the same error as without HTTP."""

from __future__ import annotations

import json
import unicodedata

import httpx
import numpy as np
import pytest
from hypothesis import strategies as st

from attnviz.backends import wire
from attnviz.backends.local import LocalBackend
from attnviz.errors import AttnvizError
from attnviz.settings import Settings
from attnviz.types import AttentionRequest
from tests.fuzz import amounts, check_promise, no_faults
from tests.servers import running_server

LIMITS = Settings(max_bytes=200, rate=1_000_000)
ODD = st.sampled_from(
    [
        "\x00", "\ud800", "\udfff\ud800", "\ufeff", "\u200b\u200d\u2060", "\u202e\u2066abc\u2069", "\u2028", "\x85", "\r\n",
        "\t", "e" + "\u0301" * 40, "👩‍👩‍👧‍👦", "🇩🇪🇫", "ﷺ", "ẞ", "İ", "\U0010ffff", "\U000e0041", "中文", "จำ", "9" * 30, "١٢",
        "[MASK]", "[CLS]", "[SEP]", "##s", "<|endoftext|>", "<|im_start|>", "</s>", "Ġ", "▁", "<script>alert(1)</script>",
        '"}', "\\u0000", "{{7*7}}", "a" * 120,
    ]
)  # fmt: skip
TEXTS = st.lists(ODD | st.text(st.characters(exclude_categories=()), max_size=12) | st.just(" "), max_size=6).map("".join)
QUESTIONS = st.builds(AttentionRequest, st.sampled_from(["minilm"] * 5 + ["smollm2"]), TEXTS, st.none() | st.none() | TEXTS)


@pytest.fixture(scope="module")
def backend():
    made = LocalBackend(LIMITS)
    yield made
    made.close()


@pytest.fixture(scope="module")
def url(backend: LocalBackend):
    with no_faults(), running_server(backend, LIMITS) as found:
        yield found


@pytest.fixture(scope="module")
def client():
    with httpx.Client(timeout=60, trust_env=False) as made:
        yield made


def answered(client: httpx.Client, url: str, asked: AttentionRequest) -> httpx.Response:
    """The answer to a question; JSON writes halves of characters as it writes all others."""
    body = json.dumps({"model": asked.model, "text": asked.text, "text_b": asked.text_b})
    return client.post(f"{url}/v1/attention", content=body, headers={"content-type": "application/json"})


@pytest.mark.slow
@amounts(50, 2500)
def test_any_text_is_read_or_refused_as_without_http(url: str, backend: LocalBackend, client, examples: int):
    seen = set()

    def promise(asked: AttentionRequest) -> None:
        answer = answered(client, url, asked)
        seen.add(answer.status_code)
        if answer.status_code != 200:
            with pytest.raises(AttnvizError) as found:
                backend.attend(asked)
            error = answer.json()["error"]
            assert answer.status_code in (413, 422)
            assert (error["kind"], error["message"]) == (type(found.value).__name__, str(found.value))
            return
        trace = wire.loads(answer.content)
        assert trace.request == asked
        for token in trace.tokens:
            text = (asked.text_b if token.segment else asked.text) or ""
            assert 0 <= token.start <= token.end <= len(text)
        for layer in (0, trace.layers - 1):
            np.testing.assert_allclose(trace.weights(layer).sum(-1), 1.0, atol=1e-5)

    promise(AttentionRequest("minilm", "word " * 600))  # more tokens than it reads: few texts are, and one shall be
    check_promise(examples, QUESTIONS, promise)
    assert {200, 413, 422} <= seen


def test_a_text_of_a_megabyte_is_too_large_and_one_of_blanks_is_empty(url: str, client: httpx.Client):
    long = answered(client, url, AttentionRequest("minilm", "word " * 200_000))  # more than a body may have
    blank = answered(client, url, AttentionRequest("minilm", "\u2003\u00a0\n"))
    assert (long.status_code, long.json()["error"]["kind"]) == (413, "TooLongError")
    assert (blank.status_code, blank.json()["error"]["kind"]) == (422, "EmptyTextError")


def test_the_odd_texts_have_every_kind_of_character():
    found = set()
    check_promise(400, TEXTS, lambda text: found.update(unicodedata.category(one) for one in text))
    assert {"Cs", "Cc", "Cf", "Mn", "So", "Lo", "Zl", "Nd", "Cn", "Co"} <= found
