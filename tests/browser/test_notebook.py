"""Cells of a notebook in a real browser: several boards on one page, each on its own, nothing fetched, no style leaks."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from playwright.sync_api import expect

from attnviz.engine.block import Block
from attnviz.engine.layers import Dense
from attnviz.engine.trace import Trace
from attnviz.types import AttentionRequest, Token
from tests.browser.conftest import FILE, Contexts


def trace(words: tuple[str, ...], seed: int) -> Trace:
    starts = [sum(len(one) + 1 for one in words[:i]) for i in range(len(words))]
    tokens = tuple(Token(word, word, at, at + len(word), i) for i, (word, at) in enumerate(zip(words, starts, strict=True)))
    weights = np.random.default_rng(seed).dirichlet(np.ones(len(words)), (3, len(words))).astype(np.float32)
    return Trace(AttentionRequest("mine", " ".join(words)), (Block("self", tokens, tokens, (Dense(weights),) * 2),))


def test_two_cells_are_two_boards_that_fetch_nothing_and_leave_the_page_as_it_is(contexts: Contexts, tmp_path: Path):
    traces = trace(("it", "saw", "us"), 1), trace(("we", "</script><img src=x onerror=alert(1)>"), 2)
    file = tmp_path / "notebook.html"
    cells = "".join(f"<div class='output'>{one._repr_html_()}</div>" for one in traces)
    file.write_text(f"<!doctype html><meta charset=utf-8><style>p {{color: red}}</style><p>above</p>{cells}", "utf-8")
    page, messages = contexts.page(FILE, offline=True), []
    page.on("request", lambda request: messages.append(request.url) if request.url != file.as_uri() else None)
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.goto(file.as_uri())
    boards = [page.frame_locator("iframe").nth(i) for i in range(2)]
    for one, board in zip(traces, boards, strict=True):
        expect(board.locator(".claim .name")).to_have_text("L0·H0")
        board.locator(".unit").first.click()
        expect(board.locator(".readout .value")).to_have_text(f"{one.weights(0, 0)[0].max():.3f}")
    boards[0].locator("canvas.overview").focus()
    page.keyboard.press("ArrowRight")
    expect(boards[0].locator(".claim .name")).to_have_text("L0·H1")
    expect(boards[1].locator(".claim .name")).to_have_text("L0·H0")
    assert page.locator("p").evaluate("e => getComputedStyle(e).color") == "rgb(255, 0, 0)"
    assert [frame.evaluate("document.images.length") for frame in page.frames] == [0, 0, 0]
    for frame, height in zip(
        page.frames[1:], page.locator("iframe").evaluate_all("all => all.map(e => e.clientHeight)"), strict=True
    ):
        assert abs(height - frame.evaluate("document.body.getBoundingClientRect().height")) <= 2
    contexts.clean()
    assert messages == []


# The boxes of all lines of text in the headers, and of what stands around them.
BOXES = """() => {
  const boxes = [];
  const above = [".lines", ".readout", ".tools", ".unread"];
  const left = [".left > header h2", ".count", ".legend", ".overview", ".facts"];
  for (const name of [...above, ...left, ".claim .name", ".role", ".pin", ".stage", ".below"]) {
    const found = document.querySelector(name), range = document.createRange();
    range.selectNodeContents(found);
    const whole = found.matches("canvas, button, .tools, .stage, .readout") || !found.childNodes.length;
    const box = (whole ? found : range).getBoundingClientRect();
    if (box.width && box.height) boxes.push([name, box.left, box.top, box.right, box.bottom]);
  }
  return boxes;
}"""


def deep(words: tuple[str, ...]) -> Trace:
    """A trace as large as SmolLM2's: 30 layers of 9 heads that look back."""
    one = trace(words, 3)
    weights = np.tril(np.random.default_rng(3).dirichlet(np.ones(len(words)), (9, len(words)))).astype(np.float32)
    weights /= weights.sum(-1, keepdims=True)
    tokens = one.tokens
    return Trace(AttentionRequest("smollm2", one.request.text), (Block("self", tokens, tokens, (Dense(weights),) * 30),))


def wide() -> Trace:
    """A trace of unknown words, as large as MiniLM's."""
    words = tuple("小猫没有过马路因为它太累了")
    tokens = tuple(Token(word, "[UNK]", at, at + 1, at, unknown=at not in (0, 3, 10)) for at, word in enumerate(words))
    weights = np.random.default_rng(4).dirichlet(np.ones(len(words)), (12, len(words))).astype(np.float32)
    return Trace(AttentionRequest("minilm", "".join(words)), (Block("self", tokens, tokens, (Dense(weights),) * 6),))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [600, 760, 1000, 1300])
def test_no_line_of_a_cell_covers_another_and_its_frame_is_as_tall_as_the_board(
    contexts: Contexts, tmp_path: Path, width: int, theme: Literal["light", "dark"]
):
    file = tmp_path / "notebook.html"
    cells = [deep(("The", "dog", "chased", "the", "cat", "in", "the", "garden"))._repr_html_(), wide()._repr_html_()]
    file.write_text(
        f"<!doctype html><meta charset=utf-8><body style='margin:0'>{''.join(f'<div>{c}</div>' for c in cells)}", "utf-8"
    )
    page = contexts.page(FILE, color_scheme=theme)
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(file.as_uri())
    for number, frame in enumerate(page.frames[1:]):
        board = page.frame_locator("iframe").nth(number)
        expect(board.locator(".claim .name")).not_to_be_empty()
        for select in (False, True):
            if select:
                board.locator(".unit").nth(4).click()
                expect(board.locator(".readout .value")).to_be_visible()
            page.wait_for_timeout(300)  # the board is measured again in the next animation frames
            boxes = frame.evaluate(BOXES)
            assert {"canvas" if name == ".overview" else name for name, *_ in boxes} >= {
                ".claim .name",
                ".role",
                ".pin",
                ".stage",
            }
            assert [(a[0], b[0]) for i, a in enumerate(boxes) for b in boxes[:i] if overlap(a, b)] == []
            height, tall = frame.evaluate("[frameElement.clientHeight, document.body.getBoundingClientRect().height]")
            assert abs(height - tall) <= 2
            assert frame.evaluate("document.documentElement.scrollHeight") <= height + 1  # nothing scrolls inside
    contexts.clean()


def overlap(a: list, b: list, slack: float = 2.0) -> bool:
    """Whether two boxes cover each other by more than the air around letters."""
    return min(a[3], b[3]) - max(a[1], b[1]) > slack and min(a[4], b[4]) - max(a[2], b[2]) > slack
