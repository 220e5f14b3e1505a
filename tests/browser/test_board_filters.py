"""What a reader leaves out, holds together, reads as a table or shows to a room, on the board in a real browser."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from attnviz.board.choice import Choice
from attnviz.figures import encoding
from attnviz.types import HeadRef, Keep
from attnviz.view_state import TokenSelection, ViewOptions
from tests.browser.boards import IT, TEXT, made, pair
from tests.browser.canvases import matrix_place
from tests.browser.conftest import PHONE, Visit

ANIMAL = TEXT.index("animal")


def pixel(page: Page, canvas: str, x: float, y: float) -> tuple[int, ...]:
    """The colour of one point of a canvas, red, green, blue and alpha."""
    found = page.evaluate(
        "([name, x, y]) => [...document.querySelector(name).getContext('2d').getImageData(x, y, 1, 1).data]", [canvas, x, y]
    )
    return tuple(found)


def cell(page: Page, row: int, column: int) -> tuple[float, float]:
    """The middle of a cell of the matrix, in the canvas."""
    return matrix_place(page).middle_of(row, column)


def test_weak_weights_are_left_out_in_every_picture_and_the_row_says_how_much(opened):
    page = opened(made(), theme="light")
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Top").click()
    expect(page.locator(".menu summary")).to_have_text("View (1)")
    field = page.get_by_role("spinbutton")
    expect(field).to_have_value("3")
    field.fill("1")
    # "it" keeps 0.64 for "animal" and leaves out the other 0.36.
    expect(page.locator(".readout")).to_contain_text("animal0.640hidden: \u2068beyond the largest\u2069\u00a00.360")
    # The nine others keep three pieces of "didn't", 2.4 / 11: (9 * 0.782 + 0.36) / 10.
    expect(page.locator(".below")).to_have_text(
        "Only the largest weight of a row is shown: on average 74\u202f% of a row is left out."
    )
    page.wait_for_timeout(300)  # longer than the weights take to arrive
    x, y = cell(page, 6, 2)
    assert (
        np.abs(
            np.array(pixel(page, "canvas.head", x - 8, y - 8)[:3]) - encoding.weight_rgb(np.array([0.64], np.float32), "light")
        ).max()
        <= 3
    )
    x, y = cell(page, 6, 4)
    assert pixel(page, "canvas.head", x, y)[3] == 0, "what is left out is the page, not a weight of 0"
    assert pixel(page, "canvas.overview", 24 + 20, 20 + 20)[3] == 0
    page.get_by_role("button", name="All", exact=True).click()
    expect(page.locator(".menu summary")).to_have_text("View")
    expect(page.locator(".below")).to_have_text("")


def test_the_description_of_a_head_covers_all_its_weights(opened):
    plain, filtered = (opened(made(), Choice(HeadRef(1, 2), TokenSelection(IT), options)) for options in (
        ViewOptions(), ViewOptions(keep=Keep("least", 0.3))
    ))  # fmt: skip
    for name in (".role", ".facts"):
        assert filtered.locator(name).inner_text() == plain.locator(name).inner_text()


def test_the_slider_and_the_field_say_the_same_and_keep_their_keys(opened):
    page = opened(made())
    page.locator(".menu summary").click()
    page.get_by_role("button", name="At least").click()
    page.get_by_role("slider").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("spinbutton")).to_have_value("0.06")
    expect(page.locator(".name")).to_have_text("L1·H2")
    page.get_by_role("spinbutton").fill("0.7")
    expect(page.locator(".readout")).to_contain_text("below 0.7\u2069\u00a01.000")
    page.keyboard.press("Escape")
    expect(page.locator(".menu")).not_to_have_attribute("open", "")
    expect(page.locator(".unit.selected")).to_have_text("it")
    expect(page.locator(".menu summary")).to_be_focused()


def test_nothing_that_cannot_be_a_rule_comes_out_of_the_field(opened):
    page = opened(made(), Choice(HeadRef(1, 2), TokenSelection(IT), ViewOptions(keep=Keep("mass", 0.9))))
    page.locator(".menu summary").click()
    field = page.get_by_role("spinbutton")
    expect(field).to_have_value("90")
    for typed, kept in (("0", "1"), ("250", "100"), ("12.5", "12.5")):
        field.fill(typed)
        field.press("Enter")
        expect(field).to_have_value(kept)
    field.fill("")
    expect(page.locator(".below")).to_contain_text("reach 12.5\u202f%")


def test_of_a_pair_one_text_against_the_other_while_the_sentence_stays_whole(opened):
    page = opened(pair(), Choice(HeadRef(0, 0), TokenSelection(2)))
    page.locator(".menu summary").click()
    page.get_by_role("button", name="A → B").click()
    expect(page.locator(".menu summary")).to_have_text("View (1)")
    expect(page.locator(".unit")).to_have_count(7)
    expect(page.locator(".readout")).to_contain_text("beelooks atit0.500")
    # [CLS], "a", "bee" itself and the first [SEP] get 0.2 and three times 0.06.
    expect(page.locator(".readout")).to_contain_text("hidden: \u2068the text that is not shown\u2069\u00a00.380")
    assert page.locator(".unit", has_text="it").get_attribute("data-weight") == "0.500"
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.locator(".unit", has_text="sees").hover()
    expect(page.locator(".readout")).to_contain_text("seesis looked at by")
    page.locator(".unit", has_text="bee").hover()
    expect(page.locator(".readout")).to_contain_text("beelooks at")


def test_one_text_offers_no_choice_between_two(opened):
    page = opened(made())
    page.locator(".menu summary").click()
    expect(page.get_by_role("group", name="Sentences")).to_have_count(0)


@pytest.mark.parametrize("modifier", ["Control", "Shift", "Meta"])
def test_a_click_with_a_key_takes_a_word_in_and_out(opened, modifier: str):
    page = opened(made())
    page.locator(".unit", has_text="animal").click(modifiers=[modifier])
    page.mouse.move(5, 5)
    expect(page.locator(".unit.selected")).to_have_count(2)
    # "it" gives "animal" 0.640, "animal" itself 0.8 / 11.
    expect(page.locator(".readout")).to_contain_text(f"it + animallook atanimal{0.64 + 0.8 / 11:.3f}summed; then")
    expect(page.get_by_role("status")).to_contain_text(f"it + animal look at animal {0.64 + 0.8 / 11:.3f}, summed.")
    assert page.evaluate("getSelection().toString()") == ""
    page.locator(".unit", has_text="it").click(modifiers=[modifier])
    page.mouse.move(5, 5)
    expect(page.locator(".unit.selected")).to_have_text("animal")


def test_sums_above_one_are_written_whole(opened):
    every = tuple(TokenSelection(start) for start in (0, ANIMAL, TEXT.index("cross"), TEXT.index("because"), TEXT.index("was")))
    page = opened(made(), Choice(HeadRef(0, 0), TokenSelection(IT, also=every)))
    assert page.locator(".unit", has_text="[CLS]").get_attribute("data-weight") == "1.200"


def test_with_the_keyboard_a_word_stays_selected_while_the_arrows_move_on(opened):
    page = opened(made())
    page.locator(".words").focus()
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".pill")).to_have_text("was + it")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".pill")).to_have_text("it")
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".pill")).to_have_text("because")


def test_a_finger_that_rests_takes_a_word_in(opened):
    page = opened(made(), size=PHONE, has_touch=True)
    word = page.locator(".unit", has_text="animal")
    word.dispatch_event("pointerdown", {"pointerType": "touch", "bubbles": True})
    page.wait_for_timeout(700)
    word.dispatch_event("pointerup", {"pointerType": "touch", "bubbles": True})
    word.dispatch_event("click", {"bubbles": True})
    expect(page.locator(".pill")).to_have_text("it + animal")
    word.tap()
    expect(page.locator(".pill")).to_have_text("animal")


def test_s_goes_through_the_three_ways_to_show_special_tokens(opened):
    page = opened(made())
    for count, value in ((8, "0.640"), (8, f"{0.64 / 0.784:.3f}"), (10, "0.640")):
        page.keyboard.press("s")
        expect(page.locator(".unit")).to_have_count(count)
        expect(page.locator(".readout .value")).to_have_text(value)


def test_tables_are_built_on_request_and_follow_the_selection(opened):
    page = opened(made())
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Show as table").first.click()
    selected, links = page.locator(".tables table").all()
    expect(selected.locator("caption")).to_have_text("L1·H2: what it looks at")
    expect(selected.locator("tbody tr")).to_have_count(10)
    assert selected.locator("tbody tr").nth(2).inner_text().replace("\u2068", "").replace("\u2069", "").split() == [
        "animal",
        "0.640",
    ]
    expect(links.locator("tbody tr")).to_have_count(20)
    assert "it\tanimal\t0.640" in links.locator("tbody tr").first.inner_text().replace("\u2068", "").replace("\u2069", "")
    page.locator("canvas.overview").focus()
    page.keyboard.press("ArrowUp")
    expect(page.locator(".tables caption").first).to_have_text("L0·H2: what it looks at")
    expect(page.get_by_role("button", name="Hide the tables")).to_have_attribute("aria-expanded", "true")
    page.get_by_role("button", name="Hide the tables").click()
    assert page.locator("table").count() == 0


def test_what_is_left_out_is_no_row_of_nothing_in_the_table(opened):
    page = opened(made(), Choice(HeadRef(1, 2), TokenSelection(IT), ViewOptions(special="hide", keep=Keep("top", 1.0))))
    page.locator(".as-table").focus()
    page.keyboard.press("Enter")
    rows = [
        row.inner_text().replace("\u2068", "").replace("\u2069", "") for row in page.locator("table >> nth=0 >> tbody tr").all()
    ]
    # 0.2 and 0.016 went to the special tokens, nine times 0.016 to the other words.
    assert rows == ["animal\t0.640", "hidden: [CLS] and [SEP]\t0.216", "hidden: beyond the largest\t0.144"]


def test_the_button_for_tables_is_reached_and_seen_with_the_keyboard(opened):
    page = opened(made())
    page.locator(".as-table").focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    box = page.locator(".as-table").bounding_box()
    assert box is not None
    assert box["width"] > 80
    page.keyboard.press("Enter")
    expect(page.locator(".tables table")).to_have_count(2)


SMALLEST = """() => {
  const written = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  const seen = (e) => e.offsetParent && !e.closest(".heard") && written(e);
  const found = [...document.querySelectorAll(".attnviz *")].filter(seen);
  return Math.min(...found.map((e) => parseFloat(getComputedStyle(e).fontSize)));
}"""


def test_in_full_screen_type_is_large_and_escape_clears_the_selection_before_it_leaves(opened):
    page = opened(made(), size={"width": 1920, "height": 1080})
    page.keyboard.press("f")
    expect(page.locator(".attnviz.presenting")).to_be_visible()
    expect(page.locator(".tools")).to_be_hidden()
    page.wait_for_timeout(300)
    assert page.evaluate(SMALLEST) >= 17
    assert page.evaluate("parseFloat(getComputedStyle(document.querySelector('.line')).fontSize)") > 60
    box = page.locator(".attnviz").bounding_box()
    assert box == {"x": 0, "y": 0, "width": 1920, "height": 1080}
    page.keyboard.press("Escape")
    expect(page.locator(".readout")).to_contain_text("Point at a word")
    expect(page.locator(".presenting")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator(".presenting")).to_have_count(0)
    expect(page.locator(".name")).to_have_css("font-size", "24px")


def test_where_the_page_may_not_fill_the_screen_the_board_fills_the_window(opened):
    page = opened(made())
    page.evaluate("() => { Element.prototype.requestFullscreen = () => Promise.reject(new Error('not allowed')); }")
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Present").click()
    expect(page.locator(".attnviz:popover-open")).to_have_count(1)
    page.locator("canvas.overview").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".name")).to_have_text("L1·H3")
    page.keyboard.press("f")
    expect(page.locator(".presenting")).to_have_count(0)
    expect(page.locator(".attnviz")).not_to_have_attribute("popover", "manual")


def test_on_a_phone_the_menu_stays_within_the_screen(opened):
    page = opened(
        pair(), Choice(HeadRef(0, 0), TokenSelection(2), ViewOptions(keep=Keep("least", 0.1))), size=PHONE, has_touch=True
    )
    page.locator(".menu summary").tap()
    box = page.locator(".menu .box").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_link_restores_filters_and_words_selected_together(visit: Visit):
    page = visit.open("/?special=hide&keep=top%3A2&focus=43%2B4")
    expect(page.locator(".readout")).to_contain_text("it + animal", timeout=60_000)
    expect(page.locator(".menu summary")).to_have_text("View (2)")
    page.locator(".menu summary").click()
    page.locator(".menu").get_by_role("spinbutton").fill("1")
    page.locator(".unit", has_text="street").click(modifiers=["Shift"])
    page.wait_for_function(
        "() => /keep=top%3A1.*focus=[^&]*28|focus=[^&]*28.*keep=top%3A1/.test(location.search)", timeout=20_000
    )
    query = parse_qs(urlsplit(page.url).query)
    assert (query["keep"], query["special"], query["focus"]) == (["top:1"], ["hide"], ["43+4+28"])
    before = page.locator(".readout").text_content() or ""
    page.reload()
    expect(page.locator(".readout")).to_have_text(before, timeout=60_000)
    assert visit.errors == []
