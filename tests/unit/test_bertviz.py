"""BertViz's views: what is drawn, the notice where not everything can be drawn, and that no text escapes from its JSON."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import numpy as np
import pytest

from attnviz.engine.block import Block
from attnviz.engine.layers import Dense
from attnviz.engine.trace import Trace
from attnviz.errors import TooLongError, UnknownHeadError
from attnviz.figures import bertviz
from attnviz.types import AttentionRequest, HeadRef, Token

HOSTILE = "</script><img src=x onerror=alert(1)>&\u2028\u2029"


def tokens(count: int, segment_from: int | None = None) -> tuple[Token, ...]:
    second = count if segment_from is None else segment_from
    return tuple(Token(f"t{i}", f"t{i}", i, i + 1, i, int(i >= second)) for i in range(count))


def block(name: str, layers: tuple[int, ...], queries: tuple[Token, ...], keys: tuple[Token, ...], seed: int = 0) -> Block:
    """A block with `layers[i]` heads in layer i and random weights."""
    random = np.random.default_rng(seed)
    calls = [Dense(random.dirichlet(np.ones(len(keys)), (heads, len(queries))).astype(np.float32)) for heads in layers]
    return Block(name, queries, keys, tuple(calls))


def trace(*parts: Block) -> Trace:
    return Trace(AttentionRequest("m", "text"), parts)


def params(page: str) -> dict:
    """The data that the page's script reads."""
    found = re.search(r'<script type="application/json" id="params">(.*?)</script>', page, re.S)
    assert found is not None
    return json.loads(found[1])


def test_the_head_view_holds_every_layer_and_opens_at_the_chosen_head():
    whole = trace(block("self", (3, 3), tokens(5), tokens(5)))
    page = bertviz.head_view(whole, HeadRef(1, 2))
    found = params(page)
    assert (found["layer"], found["heads"], found["include_layers"]) == (1, [2], [0, 1])
    (data,) = found["attention"]
    assert np.allclose(data["attn"], whole.weights(), atol=5e-5)  # four digits
    assert data["left_text"] == data["right_text"] == ["t0", "t1", "t2", "t3", "t4"]


def test_the_model_view_holds_every_layer():
    whole = trace(block("self", (3, 3, 3, 3), tokens(5), tokens(5)))
    found = params(bertviz.model_view(whole, HeadRef(1, 2)))
    assert (found["include_layers"], found["include_heads"], found["total_heads"]) == ([0, 1, 2, 3], [0, 1, 2], 3)
    assert np.array(found["attention"][0]["attn"]).shape == (4, 3, 5, 5)


def test_equal_input_gives_equal_pages():
    whole = trace(block("self", (3, 3), tokens(5), tokens(5)))
    assert bertviz.head_view(whole, HeadRef(0, 0)) == bertviz.head_view(whole, HeadRef(0, 0))


@pytest.mark.parametrize("draw", [bertviz.head_view, bertviz.model_view])
def test_a_hostile_token_stays_inside_its_json(draw):
    hostile = (Token(HOSTILE, "x", 0, 3, 0), Token("b", "b", 4, 5, 1))
    page = draw(trace(block("self", (3, 3), hostile, hostile)), HeadRef(0, 0))
    assert "<img" not in page
    assert "\u2028" not in page
    assert page.count("</script>") == 5  # the data and four scripts of ours, each closed once
    assert params(page)["attention"][0]["left_text"][0].startswith("</script>")


@pytest.mark.parametrize("draw", [bertviz.head_view, bertviz.model_view])
def test_the_page_sends_no_request(draw):
    page = draw(trace(block("self", (3, 3), tokens(5), tokens(5))), HeadRef(0, 0))
    assert "<script src" not in page
    assert "Content-Security-Policy" in page
    assert "default-src &#x27;none&#x27;" in page


def test_a_pair_can_be_shown_by_sentence():
    both = trace(block("self", (3, 3), tokens(5, 2), tokens(5, 2)))
    found = params(bertviz.head_view(both, HeadRef(0, 0)))
    assert found["attention"][0]["name"] == "All"
    across = next(data for data in found["attention"] if data["name"] == "Sentence A -> Sentence B")
    assert (across["left_text"], across["right_text"]) == (["t0", "t1"], ["t2", "t3", "t4"])


def test_an_encoder_decoder_shows_its_three_blocks_and_opens_at_the_chosen_one():
    source, target = tokens(5), tokens(4)
    parts = (
        block("encoder", (3, 3), source, source),
        block("decoder", (3, 3), target, target, 1),
        block("cross", (3, 3), target, source, 2),
    )
    page = bertviz.head_view(trace(*parts), HeadRef(1, 0, "cross"))
    found = params(page)
    assert [data["name"] for data in found["attention"]] == ["Encoder", "Decoder", "Cross"]
    assert found["default_filter"] == "2"
    cross = found["attention"][2]
    assert (len(cross["left_text"]), len(cross["right_text"])) == (4, 5)
    assert np.allclose(cross["attn"], parts[2].weights(), atol=5e-5)


def test_blocks_of_different_depth_are_drawn_one_at_a_time_and_it_says_so():
    source, target = tokens(5), tokens(4)
    uneven = trace(block("encoder", (3, 3, 3), source, source), block("decoder", (3, 3), target, target))
    page = bertviz.model_view(uneven, HeadRef(2, 0, "encoder"))
    assert "differ in size, so this is the encoder attention only" in page
    assert np.array(params(page)["attention"][0]["attn"]).shape == (3, 3, 5, 5)


def test_beyond_the_limit_only_the_chosen_layer_is_drawn_under_its_own_number():
    long = trace(block("self", (3, 3, 3), tokens(200), tokens(200)))  # 360,000 weights; a layer has 120,000
    for draw in (bertviz.head_view, bertviz.model_view):
        page = draw(long, HeadRef(2, 1))
        found = params(page)
        assert (found["layer"], found["include_layers"]) == (2, [2])
        assert np.allclose(found["attention"][0]["attn"][0], long.weights(2), atol=5e-5)
        assert "draws at most 300,000 weights and this text has 360,000, so this is layer 2 only." in page


def test_exactly_the_limit_is_still_drawn_whole():
    exact = trace(block("self", (3, 3), tokens(200), tokens(250)))  # 300,000
    assert "so this is" not in bertviz.drawable(exact, HeadRef(0, 0)).note


def test_a_layer_with_fewer_heads_than_another_is_drawn_alone():
    uneven = trace(block("self", (3, 2), tokens(5), tokens(5)))
    page = bertviz.head_view(uneven, HeadRef(1, 1))
    assert "Layers differ in their heads, so this is layer 1 only." in page
    assert np.array(params(page)["attention"][0]["attn"]).shape == (1, 2, 5, 5)


def test_a_layer_that_is_too_large_by_itself_is_refused_with_a_remedy():
    huge = trace(block("self", (3,), tokens(320), tokens(320)))  # 307,200
    with pytest.raises(TooLongError, match=r"one layer of this text has 307,200\. Shorten the text to about 316 tokens"):
        bertviz.model_view(huge, HeadRef(0, 0))


def test_a_head_that_is_not_there_is_refused():
    with pytest.raises(UnknownHeadError):
        bertviz.head_view(trace(block("self", (3, 3), tokens(5), tokens(5))), HeadRef(0, 3))


def test_one_token_has_a_view():
    one = trace(block("self", (2,), tokens(1), tokens(1)))
    assert params(bertviz.model_view(one, HeadRef(0, 0)))["attention"][0]["attn"] == [[[[1.0]], [[1.0]]]]


@pytest.mark.slow
def test_bertviz_is_imported_when_it_is_needed_and_not_before():
    code = "import sys; import attnviz.figures.bertviz; print('bertviz' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
