"""BertViz's views in a real browser: they draw, they fetch nothing, and no token runs."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Page

from attnviz.engine.block import Block
from attnviz.engine.layers import Dense
from attnviz.engine.trace import Trace
from attnviz.figures import bertviz
from attnviz.types import AttentionRequest, HeadRef, Token
from tests.browser.conftest import FILE, Contexts

HOSTILE = "</script><img src=x onerror=alert(1)>"
WORDS = ("the", "cat", HOSTILE[:14], "sat", "'];alert(2);//")
LAYERS, HEADS = 2, 12
VIEWS = [bertviz.head_view, bertviz.model_view]


def trace(words: tuple[str, ...] = WORDS) -> Trace:
    tokens = tuple(Token(word, word, i, i + 1, i) for i, word in enumerate(words))
    random = np.random.default_rng(0)
    size = len(words)
    calls = tuple(Dense(random.dirichlet(np.ones(size), (HEADS, size)).astype(np.float32)) for _ in range(LAYERS))
    return Trace(AttentionRequest("m", "text"), (Block("self", tokens, tokens, calls),))


def cross_trace() -> Trace:
    source, target = (tuple(Token(f"{side}{i}", "", i, i + 1, i) for i in range(count)) for side, count in (("s", 5), ("t", 3)))
    random = np.random.default_rng(0)
    parts = []
    for name, queries, keys in (("encoder", source, source), ("decoder", target, target), ("cross", target, source)):
        weights = random.dirichlet(np.ones(len(keys)), (HEADS, len(queries))).astype(np.float32)
        parts.append(Block(name, queries, keys, (Dense(weights),) * LAYERS))
    return Trace(AttentionRequest("m", "text", "other"), tuple(parts))


@pytest.fixture
def page(contexts: Contexts):
    """A page that notes whatever is asked for, complained of or opened; a test ends with none of it."""
    fresh = contexts.page(FILE)
    noted: list[str] = []
    fresh.on("request", lambda request: noted.append(request.url))
    fresh.on("pageerror", lambda error: noted.append(str(error)))
    fresh.on("dialog", lambda dialog: (noted.append(dialog.message), dialog.dismiss()))
    fresh.on("console", lambda message: noted.append(message.text) if message.type in ("error", "warning") else None)
    yield fresh
    fresh.close()
    assert noted == []


@pytest.mark.parametrize("view", VIEWS)
def test_the_view_draws_every_line_and_shows_hostile_tokens_as_text(page: Page, view):
    page.set_content(view(trace(), HeadRef(1, 2)))
    layers = 1 if view is bertviz.head_view else LAYERS  # the head view draws the chosen layer
    page.wait_for_selector("svg line", state="attached")
    assert page.locator("svg line").count() == layers * HEADS * len(WORDS) ** 2
    assert page.locator("img").count() == 0


def test_the_head_view_opens_at_the_chosen_layer_with_the_chosen_head_alone(page: Page):
    page.set_content(bertviz.head_view(trace(), HeadRef(1, 2)))
    assert page.locator("#layer").input_value() == "1"
    shown = page.eval_on_selector_all(
        "svg line", "lines => [...new Set(lines.filter(l => +l.getAttribute('stroke-opacity') > 0)"
        ".map(l => l.parentNode.parentNode.getAttribute('head-index')))]"
    )  # fmt: skip
    assert shown == ["2"]
    assert page.locator("svg text").all_text_contents() == 2 * [*WORDS[:2], HOSTILE[:14], "sat", "'];alert(2);//"]


def test_twelve_heads_have_twelve_colours(page: Page):
    page.set_content(bertviz.head_view(trace(), HeadRef(0, 0)))
    colours = page.eval_on_selector_all("svg > g:last-of-type rect", "squares => squares.map(s => s.getAttribute('fill'))")
    lines = page.eval_on_selector_all("svg .headAttention", "gs => gs.map(g => g.querySelector('line').getAttribute('stroke'))")
    assert len(colours) == HEADS
    assert len(set(lines)) == HEADS


def test_another_layer_and_another_block_can_be_chosen(page: Page):
    page.set_content(bertviz.head_view(cross_trace(), HeadRef(0, 0, "cross")))
    assert page.locator("#filter").input_value() == "2"
    assert page.locator("svg line").count() == HEADS * 3 * 5
    page.get_by_label("Filter").select_option(label="Encoder")
    page.get_by_label("Layer").select_option("1")
    assert page.locator("svg line").count() == HEADS * 5 * 5


def test_a_click_on_a_small_head_enlarges_it_with_its_tokens(page: Page):
    page.set_content(bertviz.model_view(trace(), HeadRef(0, 0)))
    assert page.locator("text.token").count() == 0
    page.locator("svg g > rect:last-child").nth(5).click()
    assert page.locator("text.token").count() == 2 * len(WORDS)
    assert page.locator("text.detail").text_content() == "Layer 0, Head 5"


@pytest.mark.parametrize(("theme", "scheme"), [("dark", "light"), ("", "dark")])
@pytest.mark.parametrize("view", VIEWS)
def test_in_the_dark_text_is_light_on_dark(page: Page, view, theme: str, scheme: str):
    page.emulate_media(color_scheme=scheme)
    page.set_content(view(trace(), HeadRef(0, 0), theme=theme))
    page.wait_for_selector("svg text")
    assert page.eval_on_selector("svg text", "e => getComputedStyle(e).fill") == "rgb(233, 237, 243)"
    assert page.eval_on_selector("body", "e => getComputedStyle(e).backgroundColor") == "rgb(15, 19, 26)"
