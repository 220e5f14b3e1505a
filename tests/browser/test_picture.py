"""The picture equals the numbers: pixels of the canvases against a trace's weights, put through Python's colour rule."""

from __future__ import annotations

import json
from functools import cache
from typing import Literal
from urllib.parse import urlencode

import numpy as np
import pytest
from playwright.sync_api import Page, expect

import attnviz
from attnviz.analysis import view
from attnviz.board.choice import Choice
from attnviz.engine.trace import Trace
from attnviz.figures import encoding
from attnviz.selection import TEXT
from attnviz.types import HeadRef, Keep
from attnviz.view_state import ViewOptions
from tests.browser.canvases import REST, cells, matrix_place, pixels, small_pictures, watched
from tests.browser.conftest import Visit

HEAD = HeadRef(3, 1)
WIDE = TEXT.replace("tired", "wide")
NEAR = 3  # of 255: 256 colours there, a continuous ramp here, and weights to half a thousandth
HALF = 0.0005  # of a weight that is written in thousandths: less than this is nothing there
THEMES = ("light", "dark")
OPTIONS = {
    "words": ViewOptions(),
    "tokens": ViewOptions(words=False),
    "words, special hidden": ViewOptions(special="hide"),
    "tokens, special hidden, rescaled": ViewOptions(words=False, special="renormalise"),
    "words of at least 0.1": ViewOptions(keep=Keep("least", 0.1)),
    "tokens, special hidden, the top 3": ViewOptions(words=False, special="hide", keep=Keep("top", 3.0)),
    "words up to 80 %": ViewOptions(keep=Keep("mass", 0.8)),
}


@cache
def read(model: str, text: str = TEXT) -> Trace:
    return attnviz.attend(text, model)


def in_theme(page: Page, theme: Literal["light", "dark"]) -> None:
    """Have the board follow a reader's change of theme."""
    page.emulate_media(color_scheme=theme)
    expect(page.locator(".attnviz")).to_have_attribute("data-theme", theme)


def wanted(weights: np.ndarray, theme: str) -> np.ndarray:
    return encoding.weight_rgb(weights.astype(np.float32), theme).astype(int)


def test_a_weight_that_is_another_has_another_colour():
    weights = np.array([0.0, 0.05, 0.1, 0.3, 0.6, 1.0], np.float32)
    for theme in ("light", "dark"):
        colours = wanted(weights, theme)
        assert np.abs(np.diff(colours, axis=0)).max(-1).min() > 2 * NEAR, "or the comparison below could not fail"


@pytest.mark.slow
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("model", ["minilm", "smollm2"])
def test_every_cell_of_the_matrix_has_the_colour_of_its_weight(opened, model: str, options: ViewOptions):
    trace = read(model)
    pattern = view.pattern(trace, HEAD, options)
    page = opened(trace, Choice(HEAD, None, options), reduced_motion="reduce")
    rows, columns = pattern.weights.shape
    unseen = np.triu(np.ones((rows, columns), bool), 1) if trace.causal else np.zeros((rows, columns), bool)
    left_out = unseen | (pattern.weights <= 0) if options.keep else unseen
    shown = ~left_out & (pattern.weights >= HALF) if options.keep else ~left_out
    for theme in THEMES:
        in_theme(page, theme)
        found = cells(watched(page).locator("canvas.head"), rows, columns, matrix_place(page).start)
        assert (found[left_out, 3] == 0).all(), "what is not shown has no colour"
        assert (found[shown, 3] == 255).all()
        assert np.abs(found[shown, :3] - wanted(pattern.weights[shown], theme)).max() <= NEAR, theme


def under(count: int, side: int, at: int) -> slice:
    """The weights under one of `side` pixels: several where there is less room than weights."""
    first = at * count // side
    return slice(first, max(first + 1, (at + 1) * count // side))


SETTINGS = ("words", "tokens", "words, special hidden", "words of at least 0.1")
# The 270 small pictures of the larger model: each setting in one theme; the other one is the long form.
SMALL = [
    *(("minilm", name, THEMES) for name in SETTINGS),
    *(("smollm2", name, (THEMES[at % 2],)) for at, name in enumerate(SETTINGS)),
    *(pytest.param("smollm2", name, (THEMES[1 - at % 2],), marks=pytest.mark.soak) for at, name in enumerate(SETTINGS)),
]


@pytest.mark.slow
@pytest.mark.parametrize(("model", "name", "themes"), SMALL)
def test_every_small_picture_has_the_colours_of_its_head(opened, model: str, name: str, themes: tuple[str, ...]):
    trace, options = read(model), OPTIONS[name]
    page = opened(trace, Choice(HEAD, None, options), reduced_motion="reduce", color_scheme=themes[0])
    watched(page)
    page.wait_for_timeout(600)  # until all are painted
    start, pitch, side = small_pictures(page, trace.layers, trace.heads)
    random = np.random.default_rng(5)
    points, weights, unclear = [], [], []
    for layer in range(trace.layers):
        for head in range(trace.heads):
            if max(abs(layer - 1), abs(head - 1)) < 2:
                continue  # ringed, or touched by that ring
            shown, whole = (view.pattern(trace, HeadRef(layer, head), one).weights for one in (options, options.unfiltered))
            rows, columns = shown.shape
            for y, x in random.integers(0, side, (4, 2)):
                points.append(np.round(start + pitch * (head, layer)) + np.array((x, y)))
                part = under(rows, side, y), under(columns, side, x)
                weights.append(shown[part].max())
                # Rounded to thousandths, a weight may pass the threshold, or just not.
                unclear.append(options.keep is not None and bool((np.abs(whole[part] - options.keep.value) <= HALF).any()))
    clear = ~np.array(unclear)
    seen = np.array(weights) > 0 if options.keep else np.ones(len(weights), bool)
    assert clear.mean() > 0.9
    for theme in themes:
        in_theme(page, theme)
        page.evaluate(REST)
        found = pixels(page.locator("canvas.overview"), points)
        assert np.abs(found[seen & clear, :3] - wanted(np.array(weights)[seen & clear], theme)).max() <= NEAR, theme
        assert (found[~seen & clear, 3] == 0).all()


@pytest.mark.parametrize("options", [ViewOptions(), ViewOptions(words=False, special="hide")], ids=["words", "tokens"])
def test_panels_side_by_side_have_the_colours_of_their_weights_and_of_their_difference(visit: Visit, options: ViewOptions):
    texts = json.dumps([["minilm", WIDE], ["smollm2", TEXT]])
    query = {"texts": texts, "pins": "3.1,1:3.1,2:3.1", "panels": "1-2", "view": "matrix", "focus": ""}
    query |= {"words": str(int(options.words)), "special": options.special}
    page = visit.open(f"/compare?{urlencode(query)}")
    canvases = page.locator(".panel canvas")
    expect(canvases).to_have_count(4, timeout=90_000)
    expect(page.locator(".panel canvas:visible")).to_have_count(4, timeout=90_000)
    first, second, third = (
        view.pattern(trace, HEAD, options).weights for trace in (read("minilm"), read("minilm", WIDE), read("smollm2"))
    )
    for theme in THEMES:
        in_theme(page, theme)
        watched(page)
        shown = [wanted(weights, theme) for weights in (first, second, third)]
        shown.append(encoding.difference_rgb((first - second).astype(np.float32), theme).astype(int))
        for i, colours in enumerate(shown):
            found = cells(canvases.nth(i), *colours.shape[:2])
            seen = np.tril(np.ones(colours.shape[:2], bool)) if i == 2 else np.ones(colours.shape[:2], bool)
            assert np.abs(found[seen][:, :3] - colours[seen]).max() <= NEAR, f"panel {i + 1}, {theme}"
            assert (found[~seen, 3] == 0).all()
    assert visit.errors == []
