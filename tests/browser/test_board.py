"""The board in a real browser: as a page of its own, and as a component on a Streamlit page. Weights are made by hand."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route, ViewportSize, expect

from attnviz.board import scripts
from attnviz.board.choice import Choice
from attnviz.figures import encoding
from attnviz.selection import TokenSelection
from attnviz.types import HeadRef
from attnviz.view_state import ViewOptions
from tests.browser.boards import IT, made
from tests.browser.canvases import matrix_place, pixels

LAPTOP, PHONE = ViewportSize(width=1280, height=800), ViewportSize(width=390, height=844)


def over_head(page: Page, layer: int, head: int) -> tuple[float, float]:
    """A point of the window that lies on one head of the overview."""
    box = page.locator("canvas.overview").bounding_box()
    assert box is not None
    # The grid starts 24 to the right and 20 down; a pitch is at most 44 and the same both ways on a laptop.
    return box["x"] + 24 + 44 * head + 8, box["y"] + 20 + 44 * layer + 8


def test_the_selected_link_is_read_out_to_three_digits(opened):
    page = opened(made())
    expect(page.locator(".readout")).to_contain_text("itlooks atanimal0.640then [CLS]".replace("[", "\u2068["))
    expect(page.locator(".unit.selected")).to_have_text("it")
    assert page.locator(".unit", has_text="animal").get_attribute("data-weight") == "0.640"


def test_pointing_at_a_head_previews_it_and_a_click_chooses_it(opened):
    page = opened(made())
    page.mouse.move(*over_head(page, 0, 0))
    expect(page.locator(".name")).to_have_text("L0·H0")
    page.mouse.move(5, 5)
    expect(page.locator(".name")).to_have_text("L1·H2")
    page.mouse.click(*over_head(page, 2, 3))
    page.mouse.move(5, 5)
    expect(page.locator(".name")).to_have_text("L2·H3")


def test_keys_move_through_heads_and_words_and_change_the_view(opened):
    page = opened(made())
    page.locator("canvas.overview").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".name")).to_have_text("L0·H3")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".name")).to_have_text("L0·H3")
    page.locator(".words").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".unit.selected")).to_have_text("was")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.locator(".name")).to_have_text("L1·H3")
    page.keyboard.press("x")
    expect(page.locator(".unit.selected-key")).to_have_text("was")
    expect(page.locator(".unit")).to_have_count(10)
    page.keyboard.press("w")
    expect(page.locator(".unit")).to_have_count(12)
    page.keyboard.press("s")
    expect(page.locator(".unit")).to_have_count(10)
    expect(page.locator(".menu summary")).to_have_text("View (2)")
    page.keyboard.press("Escape")
    expect(page.locator(".readout")).to_contain_text("Point at a word")


def test_hidden_tokens_leave_their_share_and_the_readout_says_so(opened):
    page = opened(made(), Choice(HeadRef(1, 2), TokenSelection(IT), ViewOptions(True, "hide")))
    # [CLS] had 0.2 and [SEP] an even share of 0.16 among 10 others.
    expect(page.locator(".readout .rest")).to_contain_text("hidden: \u2068[CLS] and [SEP]\u2069\u00a00.216")
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Hidden, rescaled").click()
    expect(page.locator(".readout .value")).to_have_text(f"{0.64 / 0.784:.3f}")
    expect(page.locator(".readout .rest")).to_contain_text("before rescaling, \u2068[CLS] and [SEP]\u2069\u00a00.216")


def test_a_picture_in_the_overview_has_the_colours_of_its_weights(opened):
    page = opened(made(), theme="light")
    found = page.evaluate(
        """() => { const canvas = document.querySelector('canvas.overview'), c = canvas.getContext('2d');
                   return [[24, 20], [24 + 20, 20 + 20]].map(([x, y]) => [...c.getImageData(x, y, 1, 1).data].slice(0, 3)); }"""
    )
    wanted = encoding.weight_rgb(np.array([0.2, 0.8 / 11], np.float32), "light")
    assert np.abs(np.array(found, int) - wanted.astype(int)).max() <= 3  # 256 steps here, a continuous ramp there


def test_every_head_of_a_longer_text_is_painted_though_not_all_at_once(opened):
    text = " ".join(f"word{i}" for i in range(58))
    page = opened(made(text, layers=6, heads=12), Choice(HeadRef(0, 0)), theme="light")  # 72 heads of 60 x 60: deflated
    look = """() => { const canvas = document.querySelector('canvas.overview'), c = canvas.getContext('2d');
                      const [across, down] = [(canvas.width - 24) / 12, (canvas.height - 24) / 6];
                      return Array.from({ length: 72 }, (_, i) => [24 + (i % 12) * across, 20 + Math.floor(i / 12) * down])
                        .map(([x, y]) => [...c.getImageData(x, y + 5, 1, 1).data].slice(0, 3)); }"""
    for _ in range(100):
        if np.array(page.evaluate(look)).any(axis=1).all():
            break
        page.wait_for_timeout(100)
    wanted = encoding.weight_rgb(np.array([0.2], np.float32), "light")[0].astype(int)
    assert np.abs(np.array(page.evaluate(look)[1:], int) - wanted).max() <= 3  # the chosen head's ring lies on its edge


def test_keys_move_through_the_matrix_and_select_a_link(opened):
    page = opened(made(), Choice(HeadRef(1, 2)))
    page.locator("canvas.head").focus()
    for key in ("ArrowDown", *["ArrowDown"] * 6, *["ArrowRight"] * 2, "Enter"):
        page.keyboard.press(key)
    expect(page.locator(".unit.selected")).to_have_text("it")
    expect(page.locator(".unit.pair")).to_have_text("animal")
    expect(page.locator(".readout .value")).to_have_text("0.640")


def test_screen_readers_get_a_sentence(opened):
    page = opened(made())
    expect(page.get_by_role("status")).to_contain_text("In L1·H2, it looks at animal 0.640.")
    assert page.locator("table").count() == 0, "tables are built when asked for"


def test_the_reader_chooses_the_theme_and_the_page_follows(opened):
    dark = opened(made(), color_scheme="dark")
    assert dark.locator(".attnviz").get_attribute("data-theme") == "dark"
    dark.emulate_media(color_scheme="light")
    expect(dark.locator(".attnviz")).to_have_attribute("data-theme", "light")
    fixed = opened(made(), theme="light", color_scheme="dark")
    assert fixed.locator(".attnviz").get_attribute("data-theme") == "light"


def test_a_phone_gets_one_column_tabs_and_nothing_wider_than_itself(opened):
    page = opened(made(), size=PHONE, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.get_by_role("button", name="Matrix").tap()
    expect(page.get_by_role("button", name="Matrix")).to_have_attribute("aria-pressed", "true")
    page.locator(".unit", has_text="cross").tap()
    expect(page.locator(".pill")).to_have_text("cross")
    page.evaluate("document.querySelector('canvas.head').scrollIntoView()")
    box = page.locator(".readout-bar").bounding_box()
    assert box is not None
    assert box["y"] == 0, "the readout stays in sight"


def test_a_long_text_stays_within_1500_nodes_and_says_what_it_shows(opened):
    text = " ".join(f"word{i}" for i in range(900))
    page = opened(made(text, layers=1, heads=1), Choice(HeadRef(0, 0), TokenSelection(text.index("word700"))))
    assert page.evaluate("document.querySelectorAll('*').length") < 1500
    expect(page.locator(".unit.selected")).to_have_text("word700")
    expect(page.locator(".below")).to_contain_text("The matrix shows all 902 words")
    page.locator("canvas.head").focus()
    page.keyboard.press("0")
    expect(page.locator(".below")).to_contain_text("of 902 words")
    expect(page.locator(".count")).to_contain_text("pooled by maximum")
    assert page.locator(".stage").evaluate("e => e.scrollTop") > 5000


def test_the_small_picture_of_a_head_whose_weights_are_not_here_stands_where_a_matrix_would(opened):
    text = " ".join(f"word{i}" for i in range(900))
    page = opened(made(text, layers=2, heads=3), Choice(HeadRef(1, 2), TokenSelection(text.index("word700"))), exact=True)
    x, y = matrix_place(page).start
    page.locator("canvas.overview").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".sink")).to_contain_text("L1·H1 is not in this file")
    expect(page.locator("canvas.head")).to_have_attribute("data-matrix", "")
    canvas = page.locator("canvas.head")
    assert (pixels(canvas, [(x + 1, y + 1), (x + 60, y + 200)])[:, 3] == 255).all()
    assert (pixels(canvas, [(3, y + 1), (x - 2, y + 1), (x - 2, y + 200)])[:, 3] == 0).all(), "the room of the words"


def test_markup_in_a_text_is_text(opened):
    text = "</script><img src=x onerror=alert(1)> <b>bold</b> ok"
    page = opened(made(text), Choice(HeadRef(0, 0), TokenSelection(0)))
    assert page.locator(".attnviz img, .attnviz .lines b").count() == 0
    assert "<b>bold</b>" in page.locator(".words").inner_text()


def test_a_text_from_right_to_left_runs_so_and_its_left_is_the_next_word(opened):
    text = "החיה לא חצתה"
    page = opened(made(text), Choice(HeadRef(0, 0), TokenSelection(0)))
    assert page.locator(".line").get_attribute("dir") == "rtl"
    page.locator(".words").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".unit.selected")).to_have_text("לא")


APP = """
from dataclasses import replace
import streamlit as st
from attnviz.ui.components.board import Choice, board
from attnviz.board import frame
from attnviz.selection import TokenSelection
from attnviz.types import HeadRef
from tests.browser.boards import IT, made

s = st.session_state
s.setdefault("choice", Choice(HeadRef(1, 2), TokenSelection(IT)))
s["runs"] = s.get("runs", 0) + 1

def field():
    s.choice = replace(s.choice, head=HeadRef(s.layer, s.head))

def got(choice):
    s.choice = choice

def first():
    s.layer, s.head = s.choice.head.layer, s.choice.head.head
    st.number_input("Layer", 0, 2, key="layer", on_change=field)
    st.number_input("Head", 0, 3, key="head", on_change=field)
    st.text_input("Other")
    new = board(frame(made(), name="made"), head=s.choice.head, focus=s.choice.focus, options=s.choice.options, on_choice=got)
    st.text(f"run {s.runs}: {s.choice.head} {s.choice.focus} words={s.choice.options.words} new={new is not None}")

def second():
    st.text("nothing here")

pages = [st.Page(first, title="First", default=True), st.Page(second, title="Second", url_path="second")]
st.navigation(pages, position="top").run()
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A small Streamlit app around the board, served."""
    from tests.browser.conftest import free_port

    folder = tmp_path_factory.mktemp("app")
    (folder / "small.py").write_text(APP)
    port = free_port()
    options = {
        "server.port": port,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    root = str(Path(__file__).parents[2])
    server = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(folder / "small.py"), *flags],
        cwd=root,
        env={**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5):
                break
        except OSError:
            time.sleep(0.1)
    yield address
    server.terminate()
    server.wait(20)


def test_in_streamlit_a_click_comes_back_a_field_is_followed_and_nothing_mounts_twice(browser: Browser, address: str):
    context = browser.new_context(viewport=LAPTOP)

    def serve(route: Route) -> None:  # what attnviz/web does around the pages; this app is a bare one
        route.fulfill(body=scripts.files()[route.request.url.rpartition("/")[2]], content_type="text/javascript")

    context.route("**/static/attnviz/*.js", serve)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address)
    page.locator(".attnviz .readout .value").wait_for(timeout=60_000)
    page.locator(".attnviz").evaluate("element => (element.dataset.mounted = 'once')")
    readout = page.locator("[data-testid=stText]")

    page.mouse.click(*over_head(page, 2, 3))
    expect(readout).to_contain_text(f"L2·H3 {IT}", timeout=20_000)
    expect(page.get_by_label("Head", exact=True)).to_have_value("3")

    page.get_by_label("Other").fill("something")
    page.keyboard.press("Enter")
    expect(readout).to_contain_text("new=False", timeout=20_000)
    expect(page.locator(".name")).to_have_text("L2·H3")

    page.get_by_label("Layer", exact=True).fill("0")
    page.keyboard.press("Enter")
    expect(page.locator(".name")).to_have_text("L0·H3", timeout=20_000)
    page.wait_for_timeout(800)  # longer than the board's rest: it has nothing to tell about what Python chose
    before = readout.inner_text()
    page.wait_for_timeout(800)
    assert readout.inner_text() == before

    page.locator("canvas.overview").focus()
    for key in ("ArrowDown", "ArrowLeft", "w", "r", "c"):
        page.keyboard.press(key)
    expect(readout).to_contain_text("L1·H2", timeout=20_000)
    expect(readout).to_contain_text("words=False")
    assert page.get_by_role("dialog").count() == 0, "C is ours, not Streamlit's"
    assert page.locator(".attnviz").get_attribute("data-mounted") == "once"

    page.get_by_role("link", name="Second", exact=True).click()
    expect(readout).to_have_text("nothing here", timeout=20_000)
    page.get_by_role("link", name="First", exact=True).click()
    expect(page.locator(".name")).to_have_text("L1·H2", timeout=20_000)
    expect(page.locator(".unit")).to_have_count(12)
    context.close()
    assert errors == []
