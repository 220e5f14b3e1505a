"""Cells of a notebook in a real browser: several boards on one page, each on its own, nothing fetched, no style leaks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, expect

from attnviz.engine.trace import Block, Dense, Trace
from attnviz.types import AttentionRequest, Token


def trace(words: tuple[str, ...], seed: int) -> Trace:
    starts = [sum(len(one) + 1 for one in words[:i]) for i in range(len(words))]
    tokens = tuple(Token(word, word, at, at + len(word), i) for i, (word, at) in enumerate(zip(words, starts, strict=True)))
    weights = np.random.default_rng(seed).dirichlet(np.ones(len(words)), (3, len(words))).astype(np.float32)
    return Trace(AttentionRequest("mine", " ".join(words)), (Block("self", tokens, tokens, (Dense(weights),) * 2),))


def test_two_cells_are_two_boards_that_fetch_nothing_and_leave_the_page_as_it_is(browser: Browser, tmp_path: Path):
    traces = trace(("it", "saw", "us"), 1), trace(("we", "</script><img src=x onerror=alert(1)>"), 2)
    file = tmp_path / "notebook.html"
    cells = "".join(f"<div class='output'>{one._repr_html_()}</div>" for one in traces)
    file.write_text(f"<!doctype html><meta charset=utf-8><style>p {{color: red}}</style><p>above</p>{cells}", "utf-8")
    context = browser.new_context(offline=True)
    page, said = context.new_page(), []
    page.on("request", lambda request: said.append(request.url) if request.url != file.as_uri() else None)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
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
    assert page.locator("iframe").first.bounding_box()["height"] == 640
    context.close()
    assert said == []
