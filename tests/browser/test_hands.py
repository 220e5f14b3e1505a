"""The pages by keyboard alone, by a finger alone, and without motion; and texts from right to left or without blanks."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from attnviz.board.choice import Choice
from attnviz.selection import TEXT
from attnviz.types import HeadRef
from attnviz.view_state import TokenSelection, ViewOptions
from tests.browser.boards import IT, made
from tests.browser.canvases import REST
from tests.browser.conftest import LAPTOP, PHONE, Visit

SLOW = 90_000
QUIET = "[data-testid=stApp][data-test-script-state=notRunning]"
PINS = f"pins=3.1,1:3.1&texts={quote(json.dumps([['minilm', TEXT.replace('tired', 'wide')]]))}&panels=1-2"
# What has the focus, through shadow roots: its name, whether it had it before, and whether an outline shows it.
FOCUSED = """() => {
  let e = document.activeElement;
  while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;
  if (!e || e === document.body) return null;
  const over = window.walkedOver, last = over.at(-1);
  const [again, same] = [over.includes(e), e === last];
  if (!again) over.push(e);
  const style = getComputedStyle(e);
  const box = e.getBoundingClientRect();
  return {
    again, same, name: `${e.tagName.toLowerCase()} ${(e.ariaLabel || e.textContent || "").trim().slice(0, 40)}`,
    looks: window.looks(e), inBoard: e.getRootNode() instanceof ShadowRoot,
    outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && box.width > 1 && box.height > 1,
  };
}"""
# How an element looks, and what stands closely around it: Streamlit draws the focus of a field on the field's frame.
BEGIN = """() => {
  document.activeElement?.blur?.();
  window.walkedOver = [];
  window.looks = (e) => { const found = [];
    for (let i = 0; e && i < 4; i++, e = e.parentElement) { const s = getComputedStyle(e);
      found.push([s.outline, s.boxShadow, s.borderColor, s.backgroundColor, s.color, s.textDecorationLine].join()); }
    return found.join("|"); };
}"""
# Everything that a pointer can use and Tab has not come by. Of Streamlit's tabs and choices one is enough: arrows walk them.
USABLE = """() => {
  const found = [];
  const kinds = "button, a[href], input, select, textarea, summary, canvas[tabindex], [role=combobox], [role=listbox]";
  const shown = (e) => !e.closest("[inert], [aria-hidden=true]") && e.checkVisibility({ visibilityProperty: true });
  const walk = (root) => {
    for (const e of root.querySelectorAll("*")) {
      if (e.shadowRoot) walk(e.shadowRoot);
      const own = e.matches(kinds) && !e.disabled && shown(e) && (e.tabIndex >= 0 || root !== document);
      const sameGroup = (other) => other.closest("[role=radiogroup]")?.contains(e);
      if (e.role === "radio" && window.walkedOver.some(sameGroup)) continue; // arrow keys reach it
      if (own && !window.walkedOver.includes(e)) found.push(`${e.tagName} ${e.ariaLabel || e.textContent.slice(0, 40)}`);
    }
  };
  walk(document);
  return found;
}"""


def ready(page: Page) -> None:
    page.locator(QUIET).wait_for(timeout=SLOW)
    page.wait_for_timeout(2500)
    page.locator(QUIET).wait_for(timeout=SLOW)


def walk(page: Page, most: int = 200) -> list[dict[str, Any]]:
    """Press Tab from the beginning of the page until its end; every stop on the way, and how it looks without the focus.

    A table of Streamlit's keeps the focus for as many strokes as it has columns.
    """
    stops: list[dict[str, Any]] = []
    page.evaluate(BEGIN)
    for _ in range(most):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUSED)
        if stops and not (found and found["same"]):
            page.wait_for_timeout(60)  # until its colours have faded out
            stops[-1]["left"] = page.evaluate("i => window.looks(window.walkedOver[i])", len(stops) - 1)
        if found is None or (found["again"] and not found["same"]):
            return stops
        if not found["same"]:
            stops.append(found)
    raise AssertionError(f"after {most} strokes of Tab the page has not ended: {[stop['name'] for stop in stops[-6:]]}")


# Streamlit's own stops that look the same with the focus, by the beginning of their names.
UNSEEN = (
    "main ",  # the page itself, which takes the focus because it scrolls
    "canvas ",  # a table draws the focus around a cell inside its canvas
    "td ",  # and that cell's name, which only a screen reader meets
)


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/", "/?text=", f"/compare?{PINS}", "/compare", "/heads", "/coreference"])
def test_tab_reaches_everything_shows_where_it_is_and_is_never_trapped(visit: Visit, path: str):
    page = visit.open(path)
    ready(page)
    stops = walk(page)
    assert len(stops) > 8
    assert page.evaluate(USABLE) == [], "not reached by Tab"
    assert [stop["name"] for stop in stops if stop["inBoard"] and not stop["outlined"]] == [], "no outline there"
    others = [stop for stop in stops if not stop["inBoard"] and not stop["name"].startswith(UNSEEN)]
    assert [stop["name"] for stop in others if stop["looks"] == stop["left"]] == [], "looks the same without the focus"
    assert visit.errors == []


def test_escape_closes_menus_and_the_focus_returns(opened):
    page = opened(made())
    summary = page.locator(".menu summary")
    summary.focus()
    page.keyboard.press("Enter")
    for _ in range(4):
        page.keyboard.press("Tab")
    expect(page.locator(".menu .box :focus")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator(".menu .box")).to_be_hidden()
    expect(summary).to_be_focused()
    expect(page.locator(".unit.selected")).to_have_text("it")
    page.keyboard.press("Escape")
    expect(page.locator(".unit.selected")).to_have_count(0)


def test_everything_in_the_view_menu_can_be_chosen_with_the_keyboard(opened):
    page = opened(made())
    page.locator(".menu summary").focus()
    page.keyboard.press("Enter")
    wanted = page.locator(".menu .box button:visible, .menu .box input:visible").count()
    page.locator(".menu summary").focus()
    reached = set()
    for _ in range(wanted):
        page.keyboard.press("Tab")
        reached.add(page.locator(".menu .box :focus").inner_text())
        assert page.locator(".menu .box :focus").evaluate("e => parseFloat(getComputedStyle(e).outlineWidth)") >= 2
        if page.locator(".menu .box :focus").inner_text() == "Tokens":
            page.keyboard.press("Space")
    assert len(reached) == wanted
    expect(page.locator(".unit")).to_have_count(12)  # "didn't" is three


def test_a_tap_selects_and_another_clears_the_selection_at_the_width_of_a_phone(opened):
    page = opened(made(), size=PHONE, has_touch=True, is_mobile=True)
    page.locator(".unit", has_text="cross").tap()
    expect(page.locator(".unit.selected")).to_have_text("cross")
    page.locator(".unit", has_text="was").tap()
    expect(page.locator(".unit.selected")).to_have_text("was")
    page.locator(".unit", has_text="was").tap()
    expect(page.locator(".unit.selected")).to_have_count(0)
    box = page.locator("canvas.overview").bounding_box()
    assert box is not None
    page.touchscreen.tap(box["x"] + 40, box["y"] + 40)
    expect(page.locator(".name")).to_have_text("L0·H0")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_phone_shows_in_full_how_to_begin_and_what_hidden_tokens_got(opened):
    hidden = ViewOptions(special="hide")
    page = opened(made(), Choice(HeadRef(1, 2), None, hidden), size=PHONE, has_touch=True, is_mobile=True)
    readout = page.locator(".readout")
    expect(readout).to_contain_text("Tap a word to see what it looks at. Tap it again to deselect it.")
    assert readout.evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    expect(page.locator(".lost")).to_be_hidden()
    page.locator(".unit", has_text="it").last.tap()
    expect(page.locator(".readout .value")).to_have_text("0.640")
    lost = page.locator(".lost")
    expect(lost).to_be_visible()
    assert (
        lost.inner_text().translate({0x2068: None, 0x2069: None}).startswith("hidden: [CLS] and [SEP]\u00a00.216; other words")
    )
    page = opened(made(), Choice(HeadRef(1, 2), TokenSelection(IT), hidden))
    expect(page.locator(".readout .rest")).to_contain_text("hidden: ")
    expect(page.locator(".lost")).to_be_hidden()


def test_eight_pins_leave_room_for_the_notice_about_a_ninth(opened):
    for size in (LAPTOP, PHONE):
        page = opened(made(heads=12), Choice(HeadRef(0, 0), TokenSelection(IT)), size=size)
        page.locator("canvas.overview").focus()
        for _ in range(9):
            page.keyboard.press("p")
            page.keyboard.press("ArrowRight")
        hint = page.locator(".tray-hint")
        expect(hint).to_contain_text("At most 8 heads can be pinned")
        box = hint.bounding_box()
        assert box is not None
        assert box["height"] < 24 if size is LAPTOP else box["height"] < 48
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


# How often the board has drawn since, counted where it asks the browser for a frame.
COUNT = """() => { window.drawn = 0; const ask = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (call) => ask((at) => { window.drawn += 1; call(at); }); }"""


@pytest.mark.parametrize(("motion", "most"), [("reduce", 2), ("no-preference", 60)])
def test_with_reduced_motion_the_next_head_is_shown_at_once(opened, motion: str, most: int):
    page = opened(made(), Choice(HeadRef(1, 2), TokenSelection(IT)), reduced_motion=motion)
    page.evaluate(REST)
    page.evaluate(COUNT)
    page.locator("canvas.overview").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".name")).to_have_text("L1·H3")
    page.wait_for_timeout(400)
    drawn = page.evaluate("window.drawn")
    assert 1 <= drawn <= most
    assert motion == "reduce" or drawn > 2, "the test above could not fail"


TEXTS = {
    "Arabic": ("لم يعبر الحيوان الشارع لأنه كان متعبا", "rtl"),
    "Hebrew": ("החיה לא חצתה את הרחוב כי היא הייתה עייפה", "rtl"),
    "Japanese": ("動物は疲れていたので通りを渡らなかった", "ltr"),
    "mixed": ("The word שלום means peace and 平和 too", "ltr"),
}


@pytest.mark.parametrize("size", ["laptop", "phone"])
@pytest.mark.parametrize("name", TEXTS)
def test_words_are_in_the_order_in_which_their_language_is_read(opened, name: str, size: str):
    text, direction = TEXTS[name]
    more = {"size": PHONE} if size == "phone" else {}
    page = opened(made(text), Choice(HeadRef(0, 0), None), **more)
    assert page.locator(".line").get_attribute("dir") == direction
    places = page.locator(".unit:not(.special)").evaluate_all(
        """all => all.map(e => { const b = e.getBoundingClientRect();
          return [b.top + b.height / 2, (b.left + b.right) / 2, e.textContent]; })"""
    )
    assert "".join(text.split()) == "".join("".join(label.split()) for _, _, label in places), "every word once, as typed"
    for (row, before, _), (next_row, after, label) in pairwise(places):
        if abs(row - next_row) < 12:
            assert (after < before) if direction == "rtl" else (after > before), f"{label} stands on the wrong side"
        else:
            assert next_row > row
