"""What other tools that draw attention get wrong, one test each, named after it: none of it may happen here.

Faults of models and formulas (an order of factors, a head cut in the wrong place, one model changed by two readers) are
tested where those are computed.
"""

from __future__ import annotations

import json
import re
import struct
from urllib.parse import parse_qs, urlsplit

import numpy as np
from playwright.sync_api import Locator, expect

import attnviz
from attnviz import board
from attnviz.analysis import view
from attnviz.board.choice import Choice
from attnviz.engine.block import Block
from attnviz.engine.layers import Dense
from attnviz.engine.trace import Trace
from attnviz.figures import bertviz, heatmap
from attnviz.selection import Selection
from attnviz.types import HeadRef
from attnviz.view_state import TokenSelection, ViewOptions
from tests.browser.boards import IT, made
from tests.browser.canvases import REST, cells, matrix_place, watched
from tests.browser.conftest import Visit

CALM = {"reduced_motion": "reduce"}
LONG = (
    "The ferry left the island at noon with nine passengers, two goats and a piano that nobody had asked for. Halfway across, "
    "the captain noticed that the piano was slowly sliding, so she told the boy who was tuning it to sit down beside it. "
    "He did, and the goats lay down as well, and until the harbour nobody spoke, because each of them was counting the waves "
    "that came from the left and comparing them with those from the right, as if the ferry could be kept upright by counting."
)


def drawn(canvas: Locator) -> str:
    """All of a canvas, as a text that is another one for any other pixel."""
    return canvas.evaluate("canvas => canvas.toDataURL()")


def test_upper_triangle_blanked_for_encoders(opened):
    """A tool leaves every cell right of the diagonal empty, as if each model were causal; an encoder's words look both ways."""
    trace = made()
    page = watched(opened(trace, Choice(HeadRef(1, 2), None, ViewOptions(words=False)), **CALM))
    n = len(trace.tokens)
    assert (cells(page.locator("canvas.head"), n, n, matrix_place(page).start)[..., 3] == 255).all()
    seen = np.tri(n, dtype=np.float32)
    causal = Trace(
        trace.request, (Block("self", trace.tokens, trace.tokens, (Dense((seen / seen.sum(1, keepdims=True))[None]),)),)
    )
    page = watched(opened(causal, Choice(HeadRef(0, 0), None, ViewOptions(words=False)), **CALM))
    found = cells(page.locator("canvas.head"), n, n, matrix_place(page).start)[..., 3] == 255
    assert (found == (seen > 0)).all()


def test_queries_and_keys_transposed(opened):
    """A tool swaps query and key; here a row is the query, which looks, and a column the key, which is looked at."""
    page = watched(opened(made(), Choice(HeadRef(1, 2), None), theme="light", **CALM))
    it, animal = 6, 2  # places among the words, after [CLS]
    found = cells(page.locator("canvas.head"), 10, 10, matrix_place(page).start)[..., :3].sum(-1)
    assert np.argwhere(found == found.min()).tolist() == [[it, animal]], "the strongest link is the darkest"
    box = page.locator("canvas.head").bounding_box()
    assert box is not None
    x, y = matrix_place(page).middle_of(it, animal)
    page.mouse.move(box["x"] + x, box["y"] + y)
    expect(page.locator(".readout")).to_contain_text("itlooks atanimal0.640")


def test_drawing_writes_into_the_callers_weights():
    """A detector puts zeros into the tensors that it was handed, and whatever is drawn afterwards is wrong."""
    trace = made()
    before, head = trace.weights().copy(), HeadRef(1, 2)
    frame = board.frame(trace, name="made")
    board.sheet(trace, head, frame)
    for special in ("show", "hide", "renormalise"):
        heatmap.figure(view.pattern(trace, head, ViewOptions(special=special)))
    bertviz.head_view(trace, head)
    bertviz.model_view(trace, head)
    assert (trace.weights() == before).all()


def test_ten_colours_for_twelve_heads(opened):
    """A tool tells heads apart by ten colours, so two pairs of twelve look the same; ours have names and numbers instead."""
    page = opened(made(heads=12), Choice(HeadRef(0, 4), TokenSelection(IT)), **CALM)
    page.locator("canvas.overview").focus()
    for _ in range(8):
        page.keyboard.press("p")
        page.keyboard.press("ArrowRight")
    names = page.locator(".chip .open").all_inner_texts()
    assert len(set(names)) == len(names) == 8
    badges = page.locator(".chip .num").evaluate_all(
        "all => all.map(e => [e.textContent, getComputedStyle(e).backgroundColor])"
    )
    assert [number for number, _ in badges] == list("12345678")
    assert len({colour for _, colour in badges}) == 1, "no head has a colour of its own that another could share"


def test_opacity_depends_on_how_many_heads_are_chosen(opened):
    """A tool divides the strength of a line by the number of chosen heads; here a weight has one colour and width, always."""
    page = opened(made(heads=12), Choice(HeadRef(1, 2), TokenSelection(IT)), **CALM)
    page.evaluate(REST)
    alone = drawn(page.locator("canvas.head"))
    page.locator("canvas.overview").focus()
    for _ in range(8):
        page.keyboard.press("p")
        page.keyboard.press("ArrowRight")
    expect(page.locator(".chip")).to_have_count(8)
    page.evaluate(REST)
    assert drawn(page.locator("canvas.head")) != alone, "another head is another picture"
    for _ in range(8):
        page.keyboard.press("ArrowLeft")
    expect(page.locator(".name")).to_have_text("L1·H2")
    page.evaluate(REST)
    assert drawn(page.locator("canvas.head")) == alone


def test_hide_special_tokens_always_on_after_loading_a_link(visit: Visit):
    """A tool hides special tokens in every link that is opened, whatever it was when the link was made."""
    page = visit.open("/?special=hide")
    expect(page.locator(".unit")).to_have_count(11, timeout=90_000)
    page.locator("canvas.overview").focus()
    page.keyboard.press("s")
    page.keyboard.press("s")
    expect(page.locator(".unit")).to_have_count(13)
    page.wait_for_function("() => !/special=(hide|renormalise)/.test(location.search)", timeout=20_000)
    made_then = page.url
    assert (
        Selection.parse({name: values[0] for name, values in parse_qs(urlsplit(made_then).query).items()})[0].options.special
        == "show"
    )
    visit.page.goto("about:blank")
    page.goto(made_then)
    expect(page.locator(".unit")).to_have_count(13, timeout=90_000)
    expect(page.locator(".unit", has_text="[CLS]")).to_be_visible()


def test_nothing_drawn_offline_because_javascript_comes_from_elsewhere(opened):
    """A tool asks a foreign server for its libraries and stays blank without it; our page has all that it needs."""
    trace = made()
    html = board.page(board.frame(trace, name="made"), Choice(HeadRef(1, 2), TokenSelection(IT)))
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//|@import|import\s*\(|fetch\(|XMLHttpRequest""", html)
    page = opened(trace, Choice(HeadRef(1, 2), TokenSelection(IT)), offline=True, **CALM)
    expect(page.locator(".readout .value")).to_have_text("0.640")


def test_twenty_two_bytes_of_json_a_weight():
    """A tool writes each weight as some 22 signs of text: 42 MB for 114 tokens and 72 heads. Ours is at most a fortieth."""
    words = LONG.split(" ")
    trace = next(
        found for count in range(len(words), 0, -1) if len((found := attnviz.attend(" ".join(words[:count]))).tokens) <= 114
    )
    frame = board.frame(trace, name="minilm")
    weights = trace.layers * trace.heads * len(trace.tokens) ** 2
    assert len(trace.tokens) > 90
    assert len(frame) / weights <= 22 / 40
    (length,) = struct.unpack_from("<I", frame, 20)
    numbers: list[str] = []
    json.loads(frame[24 : 24 + length], parse_float=lambda text: numbers.append(text) or 0.0)
    assert numbers == [], "no weight is a text"


def test_no_values_on_hover(opened):
    """A tool shows colours only; here every picture says the weight under the pointer, to three digits."""
    page = opened(made(), Choice(HeadRef(0, 0), TokenSelection(IT)), **CALM)
    value = page.locator(".readout .value")
    even = f"{0.8 / 11:.3f}"
    box = page.locator("canvas.overview").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 24 + 44 * 2 + 8, box["y"] + 20 + 44 + 8)  # L1·H2 among the small pictures
    expect(page.locator(".readout")).to_contain_text("animal0.640")
    page.mouse.move(5, 5)
    page.locator(".unit", has_text="tired").hover()  # in the sentence
    expect(page.locator(".readout")).to_contain_text("tired")
    expect(value).to_have_text(re.compile(rf"0\.200|{even}"))
    page.mouse.move(5, 5)
    box = page.locator("canvas.head").bounding_box()
    assert box is not None
    place = matrix_place(page)
    x, y = place.middle_of(3, 0)  # in the matrix, the column of [CLS]
    page.mouse.move(box["x"] + x, box["y"] + y)
    expect(page.locator(".readout")).to_contain_text("didn't")
    expect(page.locator(".readout")).to_contain_text("[CLS]")
    expect(value).to_have_text("0.200")
    _, y = place.middle_of(2, 0)
    page.mouse.move(box["x"] + box["width"] - 60, box["y"] + y)  # among the curves, the word that is looked at
    expect(page.locator(".readout")).to_contain_text("animal")
    expect(value).to_have_text(even)
