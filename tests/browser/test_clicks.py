"""Typed without Enter, then something else is clicked: the text is kept, and the click is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PHONE, Visit

SLOW = 60_000
QUIET = "[data-testid=stApp][data-test-script-state=notRunning]"
OPEN = "/?text=Dogs+chase+cats&layer=3&head=1"
TYPED = "The cat sat on the mat because it was warm"
ANDROID = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0 Mobile Safari/537.36"
# What is sent and what is heard comes `window.late` milliseconds later.
LATE = """() => {
  window.late = 0;
  const { addEventListener: listen, send } = WebSocket.prototype;
  WebSocket.prototype.addEventListener = function (name, answer, ...more) {
    if (name !== "message") return listen.call(this, name, answer, ...more);
    return listen.call(this, name, (event) => setTimeout(() => answer.call(this, event), window.late), ...more);
  };
  WebSocket.prototype.send = function (data) {
    if (window.late) setTimeout(() => send.call(this, data), window.late);
    else send.call(this, data);
  };
}"""

COUNT = """() => {
  window.sent = 0;
  const { send } = WebSocket.prototype;
  WebSocket.prototype.send = function (data) {
    window.sent += 1;
    return send.call(this, data);
  };
}"""


def clicked(page: Page, what: Locator) -> None:
    what.click()


def long_pressed(page: Page, what: Locator) -> None:
    what.hover()
    page.mouse.down()
    page.wait_for_timeout(400)  # as a hand holds: long enough for a run
    page.mouse.up()


def tapped(page: Page, what: Locator) -> None:
    what.tap()


def by_keyboard(page: Page, what: Locator) -> None:
    page.keyboard.press("Tab")
    what.focus()
    page.keyboard.press("Enter")


HOW = [clicked, long_pressed, tapped, by_keyboard]


@pytest.fixture
def visit(visiting: Callable[..., Visit]) -> Iterator[Visit]:
    """A reader with a mouse and a touch screen."""
    one = visiting(has_touch=True)
    one.page.add_init_script(f"({LATE})()")
    yield one
    assert one.errors == []


def opened(visit: Visit, address: str = OPEN) -> tuple[Page, Locator]:
    page = visit.open(address)
    field = page.get_by_label("Sentence", exact=True).first
    field.wait_for(timeout=SLOW)
    page.locator(QUIET).wait_for(timeout=SLOW)
    expect(page.locator("#first-paint")).to_have_count(0, timeout=SLOW)  # until then the board is hidden, and takes no focus
    return page, field


def parameter(page: Page, name: str) -> str | None:
    return page.evaluate("name => new URLSearchParams(location.search).get(name)", name)


def shows(page: Page, path: str, name: str, value: str) -> None:
    """Wait until the page at `path` says of itself that it shows this, and see that it stays there when it has run."""
    page.wait_for_function(
        "([path, name, value]) => location.pathname === path && new URLSearchParams(location.search).get(name) === value",
        arg=[path, name, value], timeout=SLOW,
    )  # fmt: skip
    page.locator(QUIET).wait_for(timeout=SLOW)
    assert page.evaluate("location.pathname") == path
    assert parameter(page, name) == value


@pytest.mark.parametrize("how", HOW, ids=lambda how: how.__name__)
def test_the_page_opens_and_the_text_is_kept(visit: Visit, how: Callable[[Page, Locator], None]):
    page, field = opened(visit)
    for at, (name, path) in enumerate((("Syntax", "/syntax"), ("Beyond text", "/places"), ("Glossary", "/glossary"))):
        field.fill(f"My {at} sentence")
        how(page, page.get_by_role("link", name=name, exact=True).first)
        shows(page, path, "text", f"My {at} sentence")
        expect(field).to_have_value(f"My {at} sentence")


@pytest.mark.parametrize("how", [clicked, tapped], ids=lambda how: how.__name__)
def test_it_opens_over_a_slow_line_too(visit: Visit, how: Callable[[Page, Locator], None]):
    page, field = opened(visit)
    page.evaluate("window.late = 400")
    field.fill(TYPED)
    how(page, page.get_by_role("link", name="Compare", exact=True).first)
    shows(page, "/compare", "text", TYPED)
    expect(field).to_have_value(TYPED)


def test_a_step_back_shows_what_was_typed_and_each_page_is_one_step(visit: Visit):
    page, field = opened(visit)
    field.fill(TYPED)
    page.get_by_role("link", name="Beyond text", exact=True).first.click()
    shows(page, "/places", "text", TYPED)
    page.get_by_role("link", name="Glossary", exact=True).first.click()
    shows(page, "/glossary", "text", TYPED)
    for path, text in (("/places", TYPED), ("/", TYPED), ("/", "Dogs chase cats")):
        page.go_back()
        shows(page, path, "text", text)
        expect(field).to_have_value(text)
    page.go_forward()
    shows(page, "/", "text", TYPED)


def test_the_menu_of_a_phone_opens_the_page_too(visiting: Callable[..., Visit]):
    page, field = opened(visiting(viewport=PHONE, has_touch=True, is_mobile=True, user_agent=ANDROID))
    field.fill(TYPED)
    page.get_by_role("button", name="Menu", exact=True).tap()
    page.get_by_role("link", name="Beyond text", exact=True).tap()
    shows(page, "/places", "text", TYPED)
    expect(field).to_have_value(TYPED)


def test_a_number_and_a_second_text_that_were_typed_are_kept_as_well(visit: Visit):
    page, _ = opened(visit, f"{OPEN}&text_b=Cats+run")
    page.get_by_label("Head", exact=True).first.fill("5")
    page.get_by_role("link", name="Compare", exact=True).first.click()
    shows(page, "/compare", "head", "5")
    page.get_by_label("Second sentence", exact=True).first.fill("It was black")
    page.get_by_role("link", name="Glossary", exact=True).first.click()
    shows(page, "/glossary", "text_b", "It was black")


@pytest.mark.parametrize("pause", [0, 320])  # before and just after the board sends the choice by itself
def test_a_head_that_was_chosen_a_moment_ago_goes_along_to_the_next_page(visit: Visit, pause: int):
    page, _ = opened(visit)
    expect(page.locator(".readout")).not_to_be_empty(timeout=SLOW)
    page.locator("canvas.overview").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(pause)
    page.get_by_role("link", name="Compare", exact=True).first.click()
    shows(page, "/compare", "head", "2")


def test_a_head_that_is_chosen_on_the_board_after_typing_is_chosen(visit: Visit):
    page, field = opened(visit)
    expect(page.locator(".readout")).not_to_be_empty(timeout=SLOW)
    field.fill(TYPED)
    box = page.locator("canvas.overview").bounding_box()
    assert box is not None
    page.touchscreen.tap(box["x"] + box["width"] * 0.55, box["y"] + box["height"] * 0.5)
    shows(page, "/", "text", TYPED)
    page.wait_for_function("() => new URLSearchParams(location.search).get('head') !== '1'", timeout=SLOW)
    expect(page.locator(".unit", has_text="mat")).to_be_visible(timeout=SLOW)


@pytest.mark.parametrize("how", HOW[:3], ids=lambda how: how.__name__)
def test_any_other_click_is_done_too(visit: Visit, how: Callable[[Page, Locator], None]):
    page, field = opened(visit)
    expect(page.locator(".readout")).not_to_be_empty(timeout=SLOW)
    field.fill(TYPED)
    how(page, page.get_by_role("button", name="More"))
    expect(page.get_by_text("Large field, for several lines")).to_be_visible()
    shows(page, "/", "text", TYPED)
    page.keyboard.press("Escape")
    field.fill(f"{TYPED} again")
    how(page, page.locator("button.pin"))
    shows(page, "/", "text", f"{TYPED} again")
    page.wait_for_function("() => location.search.includes('pins=')", timeout=SLOW)


def test_a_file_has_the_text_that_was_typed(visit: Visit):
    page, field = opened(visit)
    page.get_by_role("radio", name="Download").click()
    file = page.get_by_role("button", name="CSV", exact=True)
    expect(file).to_be_visible()
    field.fill(TYPED)
    with page.expect_download(timeout=SLOW) as waiting:
        file.click()
    content = waiting.value.path().read_text("utf-8")
    assert "mat" in content
    assert "Dogs" not in content
    assert parameter(page, "text") == TYPED


def test_open_on_the_board_opens_it_though_the_text_is_another_now(visit: Visit):
    page, field = opened(visit, "/heads")
    button = page.get_by_role("button", name="Open on the board")
    expect(button).to_be_visible(timeout=SLOW)
    field.fill(TYPED)
    button.click()
    shows(page, "/", "text", TYPED)


def test_an_unchanged_text_starts_no_run_and_a_link_opens_at_once(visit: Visit):
    page, field = opened(visit)
    page.evaluate(COUNT)
    field.fill("Dogs chase catsx")
    page.keyboard.press("Backspace")
    page.get_by_role("link", name="Glossary", exact=True).first.click()
    shows(page, "/glossary", "text", "Dogs chase cats")
    assert page.evaluate("window.sent") == 1
