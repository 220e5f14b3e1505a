"""The app as a reader meets it: a real server, a real browser, real heads."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, quote, urlsplit
from xml.etree import ElementTree

from playwright.sync_api import Page, expect

from attnviz.selection import TEXT
from tests.browser.conftest import PHONE, Visit, free_port, started

SLOW = 90_000  # milliseconds: a cold server on a busy machine loads torch first
QUIET = "[data-testid=stApp][data-test-script-state=notRunning]"
EVIL = "</script><img src=x onerror=alert(1)>"
LABELS = """() => [...document.querySelectorAll('.st-key-board [data-testid=stBidiComponentIsolated]')].flatMap(
  board => [...(board.shadowRoot?.querySelectorAll('.unit') ?? [])].map(unit => unit.textContent))"""


def drawn(page: Page, word: str = "animal") -> None:
    """Wait until the board shows a sentence with `word`."""
    page.wait_for_function(f"word => ({LABELS})().some(label => label.includes(word))", arg=word, timeout=SLOW)


def opened(page: Page, name: str) -> None:
    """Open what the choice below the board names."""
    page.get_by_role("radio", name=name, exact=True).click()


def params(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def field(page: Page, label: str = "Sentence"):
    return page.get_by_label(label, exact=True).first


def test_a_reader_types_a_sentence_and_sees_its_heads(visit: Visit):
    page = visit.open()
    drawn(page)
    expect(page.get_by_text("it” looks most at “animal” (0.640)", exact=False).first).to_be_visible()
    field(page).fill("A small dog chased the big cat")
    field(page).press("Enter")
    drawn(page, "dog")
    page.wait_for_function("() => new URLSearchParams(location.search).get('text') === 'A small dog chased the big cat'")
    assert visit.errors == []


def test_a_head_is_picked_on_the_board_and_the_fields_the_link_and_the_heatmap_follow(visit: Visit):
    page = visit.open()
    drawn(page)
    overview = page.locator("canvas.overview")
    overview.focus()
    overview.press("ArrowRight")
    overview.press("ArrowDown")
    expect(page.get_by_role("heading", name="L4·H2").first).to_be_visible(timeout=SLOW)
    expect(field(page, "Layer")).to_have_value("4", timeout=SLOW)
    expect(field(page, "Head")).to_have_value("2")
    page.wait_for_function("() => location.search.includes('layer=4') && location.search.includes('head=2')", timeout=SLOW)


def test_a_head_typed_into_the_fields_moves_the_board(visit: Visit):
    page = visit.open()
    drawn(page)
    field(page, "Layer").fill("5")
    field(page, "Layer").press("Enter")
    expect(page.locator("h2.name")).to_have_text("L5·H1", timeout=SLOW)


def test_words_become_tokens_with_one_key_and_the_heatmap_follows(visit: Visit):
    page = visit.open()
    drawn(page, "didn't")
    page.locator("canvas.overview").focus()
    page.keyboard.press("w")
    page.wait_for_function(
        f"() => ({LABELS})().some(label => label.includes('didn') && !label.includes('didn\\''))",
        timeout=SLOW,
    )
    page.wait_for_function("() => location.search.includes('words=0')", timeout=SLOW)


def test_a_deep_link_on_a_fresh_server_opens_what_it_says(visit: Visit, tmp_path):
    port = free_port()
    server = started(port, tmp_path / "log.txt")
    try:
        visit.address = f"http://127.0.0.1:{port}"
        page = visit.open(f"/?model=minilm&text={quote(TEXT.replace('tired', 'wide'))}&layer=5&head=11&focus=43")
        drawn(page, "wide")
        expect(field(page, "Layer")).to_have_value("5")
        expect(field(page, "Head")).to_have_value("11")
        expect(page.get_by_text("(0.503)", exact=False).first).to_be_visible(timeout=SLOW)
    finally:
        server.terminate()
        server.wait(20)


def test_the_first_reader_of_a_server_may_open_any_page(visit: Visit, tmp_path):
    port = free_port()
    server = started(port, tmp_path / "log.txt")
    try:
        page = visit.page
        page.goto(f"http://127.0.0.1:{port}/coreference?model=minilm&text={quote(TEXT)}")
        lost = page.get_by_text("Page not found")
        ranked = page.get_by_text("All 72 heads", exact=False)
        expect(lost.or_(ranked)).to_be_visible(timeout=SLOW)
        assert not lost.is_visible()
    finally:
        server.terminate()
        server.wait(20)


def test_a_reload_shows_the_same(visit: Visit):
    page = visit.open(f"/?text={quote('Birds sing at dawn')}&layer=2&head=4&words=0&special=hide")
    drawn(page, "Birds")
    page.reload()
    drawn(page, "Birds")
    expect(field(page, "Layer")).to_have_value("2")
    assert params(page)["special"] == "hide"
    assert params(page)["words"] == "0"


def test_hostile_text_that_is_typed_is_shown_and_never_runs(visit: Visit):
    """That of a link is in test_hostile.py."""
    text = f"{EVIL} ![x](http://example.org/a.png) <b>bold</b> the cat"
    page = visit.open("/")
    drawn(page)
    field(page).fill(text)
    field(page).press("Enter")
    drawn(page, "cat")
    opened(page, "BertViz")
    page.frame_locator("iframe").locator("svg").first.wait_for(timeout=SLOW)
    assert page.locator("img[src='x']").count() == 0
    assert field(page).input_value() == text


def test_special_parameters_that_are_wrong_are_named_and_the_app_stays_usable(visit: Visit):
    page = visit.open("/?layer=99&head=x&model=../../etc/passwd")
    drawn(page)
    expect(page.get_by_text(re.compile("Layer “99” does not exist"))).to_be_visible()
    expect(page.get_by_text(re.compile("There is no model"))).to_be_visible()
    field(page).fill("Still here and usable")
    field(page).press("Enter")
    drawn(page, "usable")


def test_both_bertviz_views_draw_offline(visit: Visit):
    page = visit.open()
    drawn(page)
    for name in ("BertViz", "Whole model"):
        opened(page, name)
        page.frame_locator("iframe").first.locator("svg line, svg path, svg rect").first.wait_for(
            timeout=SLOW, state="attached"
        )


def test_a_download_carries_the_head_on_screen(visit: Visit):
    page = visit.open()
    drawn(page)
    opened(page, "Download")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="JSON").click()
    found = waiting.value
    assert found.suggested_filename == "attnviz-minilm-L3H1.json"
    assert '"layer": 3' in found.path().read_text(encoding="utf-8").replace('"layer":3', '"layer": 3')


def test_a_sink_is_explained_where_it_is_seen(visit: Visit):
    page = visit.open()
    note = page.locator(".attnviz .sink")
    expect(note).to_have_text("[CLS] takes 52\u202f%: heads park unused attention there (a “sink”).", timeout=SLOW)
    note.get_by_role("button", name="sink").click()
    expect(page.get_by_role("dialog", name="Attention sink")).to_be_visible()


def test_coreference_ranks_heads_and_a_row_chooses_one(visit: Visit):
    page = visit.open("/coreference")
    expect(page.get_by_text("All 72 heads", exact=False)).to_be_visible(timeout=SLOW)
    expect(page.get_by_text("0.640").first).to_be_visible()
    expect(page.locator("#first-paint")).to_have_count(0, timeout=SLOW)  # it covers the table until the page is complete
    table = page.get_by_test_id("stDataFrame").locator("canvas").first
    first_row = {"x": 15, "y": 52}  # its box; what lies over the canvas is the table's own scroller
    table.click(position=first_row, force=True)
    page.wait_for_function("() => location.search.includes('layer=5') && location.search.includes('head=11')", timeout=SLOW)
    expect(page.get_by_text("0.647").first).to_be_visible()
    fold = page.locator(".st-key-figure-and-data")
    expect(fold.get_by_role("button", name="SVG")).to_have_count(0)  # nothing of it is sent before it is opened
    fold.locator("summary").click()
    with page.expect_download(timeout=SLOW) as waiting:
        fold.get_by_role("button", name="SVG").click(timeout=SLOW)
    assert waiting.value.suggested_filename == "attnviz-minilm-L5H11-sentence.svg"
    assert ElementTree.parse(waiting.value.path()).getroot().get("role") == "img"
    page.locator(".st-key-coreference-best button").first.click()  # the marked row does not choose its head again
    page.wait_for_function("() => location.search.includes('layer=3') && location.search.includes('head=1&')", timeout=SLOW)


def test_the_page_fits_a_phone_in_both_themes(visit: Visit):
    page = visit.page
    page.set_viewport_size(PHONE)
    visit.open()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.locator(QUIET).wait_for(timeout=SLOW)
        drawn(page)
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, f"{wider} px wider than the phone in {scheme}"
        for label in ("Model", "Example"):
            cut = field(page, label).evaluate("e => e.scrollWidth - e.clientWidth")
            assert cut <= 0, f"{field(page, label).input_value()} is cut by {cut} px"


# How far the cells of the heatmap begin below their labels, and how wide and how high one of them is.
CELL = """() => {
  const { margin, xaxis: x, yaxis: y } = document.querySelector(".js-plotly-plot")._fullLayout;
  return [y._offset - margin.t, x._length / 13, y._length / 13];
}"""


def test_a_heatmap_has_square_cells_right_below_its_labels_in_any_width(visit: Visit):
    page = visit.page
    page.set_viewport_size({"width": 390, "height": 800})
    visit.open("/?open=heatmap")
    drawn(page)
    page.locator(".js-plotly-plot .heatmaplayer").wait_for(timeout=SLOW, state="attached")
    for width, least, most in ((390, 15, 25), (1280, 29.5, 30.5)):
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_function(
            f"most => (([top, wide, high]) => Math.abs(top) < 3 && most - 10 < wide && wide < most)(({CELL})())", arg=most
        )
        _, wide, high = page.evaluate(CELL)
        assert least < wide < most
        assert abs(wide - high) < 0.5
