"""Links drawn on a sentence with a mouse, with the keyboard and with a finger; heads chosen from what follows them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect

from attnviz.selection import TEXT
from tests.browser.conftest import PHONE, Visit

SLOW = 90_000  # milliseconds: a cold server on a busy machine loads torch first
QUIET = "[data-testid=stApp][data-test-script-state=notRunning]"
IT, ANIMAL, STREET = "43-45", "4-10", "28-34"


@pytest.fixture
def page(visit: Visit) -> Page:
    """The page without links, ready."""
    return drawing(visit, "/heads?links=")


@pytest.fixture
def phone(visiting: Callable[..., Visit]) -> Iterator[Page]:
    """The same in the hand."""
    visit = visiting(viewport=PHONE, has_touch=True, is_mobile=True)
    yield drawing(visit, "/heads?links=")
    assert visit.errors == []


def drawing(visit: Visit, path: str) -> Page:
    page = visit.open(path)
    expect(page.locator(".linking .unit").first).to_be_visible(timeout=SLOW)
    page.locator(QUIET).wait_for(timeout=SLOW)
    return page


def word(page: Page, text: str) -> Locator:
    return page.locator(".linking .unit", has_text=re.compile(f"^{re.escape(text)}$")).first


def links_in(page: Page, *links: str) -> None:
    """The address carries exactly these links."""
    wanted = ",".join(links).replace(":", "[:]")
    page.wait_for_function(
        f"() => new RegExp('^{wanted}$').test(new URLSearchParams(location.search).get('links') ?? 'none')", timeout=SLOW
    )


def best(page: Page) -> Locator:
    return page.locator(".best tbody tr")


def test_a_link_is_drawn_with_the_mouse_ranks_every_head_and_survives_a_reload(page: Page, visit: Visit):
    expect(page.locator(".todo")).to_contain_text("Draw a link")
    word(page, "it").click()
    expect(page.locator(".todo .pill")).to_have_text(re.compile("it"))
    word(page, "cross").hover()
    expect(page.locator(".drawing .begun path")).to_have_count(1)
    word(page, "animal").click()
    expect(page.locator(".drawing g")).to_have_count(1)
    links_in(page, f"{IT}:{ANIMAL}")
    expect(best(page).nth(0)).to_contain_text("L5·H11", timeout=SLOW)
    expect(best(page).nth(0)).to_contain_text("0.647")
    expect(best(page).nth(1)).to_contain_text("0.640")
    expect(page.locator(".head-ranking .cell")).to_have_count(72)
    page.reload()
    expect(page.locator(".drawing g")).to_have_count(1, timeout=SLOW)
    expect(best(page).nth(0)).to_contain_text("L5·H11", timeout=SLOW)
    expect(page.locator(".specific")).to_contain_text("The 9 other words give it")
    expect(page.locator(".specific")).to_contain_text("of 72 heads on pronoun → antecedent, GAP held-out")
    expect(page.locator(".best .everywhere").first).to_be_visible()
    page.get_by_role("radio", name="Difference from other words").click()
    expect(best(page).nth(0)).to_contain_text("L3·H1", timeout=SLOW)
    page.wait_for_url(re.compile("sort=difference"), timeout=SLOW)
    expect(page.locator(".rates")).to_have_count(1)
    expect(page.locator(".headmap")).to_have_count(2)
    page.locator(".headmap").last.scroll_into_view_if_needed()
    page.locator(QUIET).wait_for(timeout=SLOW)
    assert "lotly" not in page.evaluate("performance.getEntriesByType('resource').map((one) => one.name).join()")
    assert visit.errors == []


def test_a_link_is_drawn_in_one_stroke_and_taken_away_with_its_mark(page: Page):
    boxes = [word(page, text).bounding_box() for text in ("it", "street")]
    (x, y), (a, b) = ((box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in boxes if box)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(a, b, steps=5)
    page.mouse.up()
    links_in(page, f"{IT}:{STREET}")
    page.get_by_role("button", name=re.compile("Remove the link .*street")).click()
    expect(page.locator(".drawing g")).to_have_count(0)
    links_in(page)


def test_the_keyboard_alone_draws_moves_cancels_and_removes(page: Page):
    words = page.get_by_role("listbox", name="Words")
    words.focus()
    page.keyboard.press("End")
    for _ in range(3):
        page.keyboard.press("ArrowLeft")  # from "tired" to "it"
    page.keyboard.press("Enter")
    expect(page.locator(".todo .pill")).to_have_text(re.compile("it"))
    page.keyboard.press("Home")
    page.keyboard.press("Escape")
    expect(page.locator(".todo .pill")).to_have_count(0)
    for _ in range(7):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator(".linking [role=status]")).to_have_text(re.compile("Link drawn from .it. to .animal.. 1 link"))
    links_in(page, f"{IT}:{ANIMAL}")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name=re.compile("Remove the link .*it.*animal"))).to_be_focused()
    page.keyboard.press("Delete")
    expect(page.locator(".drawing g")).to_have_count(0)
    expect(words).to_be_focused()
    links_in(page)


def test_a_finger_draws_at_the_width_of_a_phone_and_every_target_is_large_enough(phone: Page):
    word(phone, "it").tap()
    word(phone, "animal").tap()
    links_in(phone, f"{IT}:{ANIMAL}")
    expect(best(phone).first).to_be_visible(timeout=SLOW)
    small = phone.locator(".linking :is(.unit, button), .head-ranking :is(.cell, button)").evaluate_all(
        """all => all.map(e => e.getBoundingClientRect()).filter(b => b.width && (b.width < 22 || b.height < 24))
                     .map(b => [b.width, b.height])"""
    )
    assert small == []  # a cell is 24 wide with the gap that separates it from the next
    assert phone.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    phone.get_by_role("button", name=re.compile("Remove the link")).tap()
    links_in(phone)


def test_a_head_is_chosen_on_the_map_and_in_the_list_and_opened_on_the_board(visit: Visit):
    page = drawing(visit, f"/heads?links={IT}:{ANIMAL}")
    expect(page.locator(".this-head h2")).to_have_text("L3·H1", timeout=SLOW)
    page.locator("[data-head='4,3'].cell").click()
    expect(page.locator(".this-head:not(.coming) h2")).to_have_text("L4·H3", timeout=SLOW)
    expect(page.locator(".summary")).to_contain_text("Rank 4 of 72", timeout=SLOW)
    page.wait_for_url(re.compile("layer=4&head=3"), timeout=SLOW)
    page.get_by_role("grid").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".this-head:not(.coming) h2")).to_have_text("L4·H4", timeout=SLOW)
    best(page).nth(0).click()
    expect(page.locator(".look .place.target")).to_contain_text("0.647", timeout=SLOW)
    page.get_by_role("button", name="Open on the board").click()
    expect(page.locator(".claim .name")).to_have_text("L5·H11", timeout=SLOW)
    expect(page.locator(".unit.selected")).to_have_text("it")
    page.wait_for_url(re.compile(r"//[^/]+/\?.*layer=5&head=11.*focus=43"), timeout=SLOW)


def test_a_half_drawn_link_survives_a_run_of_the_page(visit: Visit):
    page = drawing(visit, f"/heads?links={IT}:{ANIMAL}")
    word(page, "tired").click()
    page.locator("[data-head='4,3'].cell").click()
    expect(page.locator(".summary")).to_contain_text("Rank 4", timeout=SLOW)
    expect(page.locator(".todo .pill")).to_have_text(re.compile("tired"))
    word(page, "street").click()
    links_in(page, f"{IT}:{ANIMAL}", f"54-59:{STREET}")
    expect(page.locator(".drawing g")).to_have_count(2)


def test_a_link_to_a_later_word_is_refused_at_the_link_and_reversed(visit: Visit):
    page = drawing(visit, f"/heads?model=smollm2&links={IT}:{ANIMAL},{ANIMAL}:{STREET}")
    complaint = page.locator(".complaints")
    expect(complaint).to_contain_text("“street” comes after “animal”, so no head can look at it", timeout=SLOW)
    expect(page.locator(".drawing .refused")).to_have_count(1)
    expect(page.locator(".head-ranking .cell")).to_have_count(270)
    expect(page.locator(".summary")).to_contain_text("animal", timeout=SLOW)
    complaint.get_by_role("button", name="Reverse").click()
    expect(complaint).to_be_hidden()
    links_in(page, f"{IT}:{ANIMAL}", f"{STREET}:{ANIMAL}")
    expect(page.locator(".summary")).to_contain_text("The 2 targets", timeout=SLOW)


def test_no_more_than_eight_are_drawn_by_hand(visit: Visit):
    eight = ",".join(f"54-59:{span}" for span in ("0-3", "4-10", "11-17", "18-23", "24-27", "28-34", "35-42", "43-45"))
    page = drawing(visit, f"/heads?links={eight}")
    expect(page.locator(".drawing g")).to_have_count(8)
    word(page, "it").click()
    expect(page.locator(".linking [role=status]")).to_contain_text("at most 8: remove one first")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".drawing g")).to_have_count(0)
    links_in(page)


HOSTILE = "<img src=x onerror=alert(1)> looks at <b>it</b>"


def test_text_is_text_and_long_and_right_to_left_sentences_wrap(visit: Visit):
    page = drawing(visit, f"/heads?text={quote(HOSTILE)}&links=29-34:35-37")
    expect(page.locator(".linking img, .linking .unit b")).to_have_count(0)
    arabic = "لم يعبر الحيوان الشارع لأنه كان متعبا"
    page = drawing(visit, f"/heads?text={quote(arabic)}&links=23-27:8-15")
    assert page.locator(".drawing").get_attribute("dir") == "rtl"
    boxes = [page.locator(".linking .unit").nth(i).bounding_box() for i in (0, 1)]
    assert boxes[0]
    assert boxes[1]
    assert boxes[0]["x"] > boxes[1]["x"]
    long = " ".join([TEXT] * 4)
    page = drawing(visit, f"/heads?text={quote(long)}&links=43-45:4-10,223-225:184-190,223-225:4-10")
    expect(page.locator(".drawing g")).to_have_count(3)
    inside = page.locator(".marks button").evaluate_all(
        "all => all.every(e => { const b = e.getBoundingClientRect(), h = e.closest('.drawing').getBoundingClientRect();"
        " return b.left >= h.left && b.right <= h.right && b.top >= h.top && b.bottom <= h.bottom; })"
    )
    assert inside
    assert visit.errors == []
