"""A Trace in a notebook: one cell, packed, bounded, and words that stay when a notebook is cleaned of frames."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
import zlib

import numpy as np
import pytest

import attnviz
from attnviz.board import frame, notebook
from attnviz.board.roles import roles
from attnviz.engine import notebook_hook
from attnviz.engine.block import Block
from attnviz.engine.layers import Dense
from attnviz.engine.trace import Trace
from attnviz.types import AttentionRequest, Token


def trace(words: tuple[str, ...] = ("it", "saw", "us"), layers: int = 2, name: str = "mine") -> Trace:
    tokens = tuple(Token(word, word, 4 * i, 4 * i + len(word), i) for i, word in enumerate(words))
    weights = np.random.default_rng(1).dirichlet(np.ones(len(words)), (3, len(words))).astype(np.float32)
    return Trace(AttentionRequest(name, "  ".join(words)), (Block("self", tokens, tokens, (Dense(weights),) * layers),))


def page(cell: str) -> str:
    return zlib.decompress(base64.b64decode(re.search(r"<!--([A-Za-z0-9+/=]+)-->", cell)[1])).decode()


def test_a_trace_shows_the_board_of_its_first_head():
    cell = trace()._repr_html_()
    assert cell.count("<iframe ") == 1
    assert 'height="640"' in cell
    assert '"head": [0, 0]' in page(cell)
    assert page(cell).count('class="attnviz-data"') == 2  # all heads, and the first one exactly


def test_a_catalogued_model_opens_with_its_own_head_and_name():
    random = np.random.default_rng(1).dirichlet(np.ones(3), (12, 3)).astype(np.float32)
    tokens = trace().tokens
    one = Trace(AttentionRequest("minilm", "it  saw  us"), (Block("self", tokens, tokens, (Dense(random),) * 6),))
    cell = one._repr_html_()
    assert cell.split("-->")[1].startswith("all-MiniLM-L6-v2: 6 layers × 12 heads on 3 tokens.")
    assert '"head": [3, 1]' in page(cell)


def test_what_is_left_of_a_cleaned_cell_is_words_with_the_strongest_links():
    shown = trace()
    weights = shown.weights(0, 0)
    query, key = np.unravel_index(weights.argmax(), weights.shape)
    rest = re.sub(r"<iframe[^>]*>|</iframe>|<!--.*?-->", "", shown._repr_html_())
    assert len(rest) < 600
    assert "needs a notebook that is trusted" in rest
    words = ("it", "saw", "us")
    assert f"L0·H0: \u2068{words[query]}\u2069 → \u2068{words[key]}\u2069 {weights.max():.3f}" in rest


def test_no_text_leaves_its_place():
    hostile = ('"><script>alert(1)</script>', "-->", "</iframe>", "\ud83d", "a\x00")
    cell = trace(hostile)._repr_html_()
    cell.encode("utf-8")
    outside = re.sub(r"<!--[A-Za-z0-9+/=]+-->", "", cell)
    assert outside.count("<") == 2  # the frame's own two tags
    assert outside.count("-->") == 0


def test_beyond_its_bound_a_cell_has_one_head_less_exact_and_then_only_words(monkeypatch: pytest.MonkeyPatch):
    whole = trace()._repr_html_()
    monkeypatch.setattr(notebook, "MAX_BYTES", len(frame(trace(), name="mine", roles=roles(trace(), "self"))))
    frame_only = trace()._repr_html_()
    assert page(frame_only).count('class="attnviz-data"') == 1
    monkeypatch.setattr(notebook, "MAX_BYTES", 10)
    words = trace()._repr_html_()
    assert "<" not in words
    assert "Of so many heads a cell holds no picture" in words
    assert len(words) < len(frame_only) <= len(whole)


def test_unlabelled_traces_and_other_peoples_models_have_a_picture_too():
    import torch
    from transformers import BertConfig, BertModel

    config = BertConfig(
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=16,
        vocab_size=30,
        max_position_embeddings=8,
    )
    found = attnviz.capture(BertModel(config).eval(), input_ids=torch.tensor([[3, 7, 9, 7]]))
    cell = found._repr_html_()
    assert "BertModel: 2 layers × 3 heads on 4 tokens" in cell
    assert page(cell)


def test_equal_traces_make_equal_cells():
    assert trace()._repr_html_() == trace()._repr_html_()


def test_the_plain_form_is_one_line():
    request = "AttentionRequest(model='mine', text='it  saw  us', text_b=None, chat=False)"
    assert repr(trace()) == f"Trace({request}, 3 tokens, self 2 layers × 3 heads)"


def test_the_engine_alone_draws_nothing_and_attnviz_sets_the_picture_without_loading_anything(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(notebook_hook, "pictures", [])
    assert trace()._repr_html_() is None
    code = (
        "import attnviz, sys; from attnviz.engine import notebook_hook; "
        "print(len(notebook_hook.pictures), 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "1 False\n"
