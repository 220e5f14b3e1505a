"""Pins and panels as a reader meets them: the tray below the pictures, and the page that shows it in full."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from attnviz.selection import TEXT
from tests.browser.conftest import LAPTOP, PHONE, Visit

SLOW = 90_000  # milliseconds: a cold server on a busy machine loads torch first
WIDE = TEXT.replace("tired", "wide")
THIRD = "Anna took the cake off the plate and ate it"
MIXED = json.dumps([["minilm", WIDE], ["smollm2", TEXT], ["minilm", THIRD]])
EIGHT = "3.1=who is it,1:3.1,5.11,2:16.5,3:3.1,3.mean,1:5.11,2:13.8"
TRAY = f"text={quote(TEXT)}&layer=3&head=1&focus=43&texts={quote(MIXED)}&pins={quote(EIGHT)}&panels=1-2,mean.1.3,sum.1.2,1-4"
PAIR = (
    f"text={quote(TEXT)}&layer=3&head=1&focus=43&texts={quote(json.dumps([['minilm', WIDE]]))}&pins=3.1,1:3.1,5.11&panels=1-2"
)
MINUS = "\u2212"
QUIET = "[data-testid=stApp][data-test-script-state=notRunning]"
CACHED = 10_000  # bytes: Streamlit repeats smaller messages, such as one head's exact weights, at every run


@pytest.fixture
def unopened(visit: Visit) -> Iterator[Page]:
    """A page that shows nothing yet."""
    yield visit.page
    assert visit.errors == []


@pytest.fixture
def opened(unopened: Page, visit: Visit) -> Page:
    """The board."""
    visit.open()
    unopened.locator(".attnviz .readout .value").wait_for(timeout=SLOW)
    return unopened


def compare(page: Page, visit: Visit, query: str = PAIR) -> Page:
    page.goto(f"{visit.address}/compare?{query}")
    page.locator(".panel .foot b").first.wait_for(timeout=SLOW)
    return page


def values(page: Page) -> list[str]:
    """What stands under each panel, without the marks that keep directions apart."""
    return [re.sub("[\u2068\u2069]", "", text) for text in page.locator(".panel .foot").all_inner_texts()]


def names(page: Page) -> list[str]:
    return [" ".join(text.split()) for text in page.locator(".grip").all_inner_texts()]


def pins_in(page: Page, pattern: str) -> None:
    page.wait_for_function(f"() => /{pattern}/.test(decodeURIComponent(location.search))", timeout=SLOW)


def test_heads_are_pinned_named_moved_and_taken_away_and_the_link_follows(opened: Page, visit: Visit):
    page = opened
    page.locator("canvas.overview").focus()
    page.keyboard.press("p")
    page.keyboard.press("ArrowRight")
    page.get_by_role("button", name="Pin", exact=True).click()
    expect(page.locator(".chip b")).to_have_text(["L3·H1", "L3·H2"])
    pins_in(page, "pins=3.1,3.2")
    page.locator("canvas.overview").focus()
    page.keyboard.press("1")
    expect(page.locator(".name")).to_have_text("L3·H1")

    page.locator(".chip .open").nth(1).dblclick()
    page.keyboard.type("repeats rc")  # R and C would be Streamlit's
    page.keyboard.press("Enter")
    expect(page.locator(".chip b").nth(1)).to_have_text("repeats rc")
    pins_in(page, "3.2=repeats%20rc")

    first, second = (page.locator(".chip").nth(i).bounding_box() for i in (0, 1))
    assert first
    assert second
    page.mouse.move(first["x"] + 20, first["y"] + 20)
    page.mouse.down()
    page.mouse.move(second["x"] + 40, second["y"] + 20, steps=6)
    page.mouse.up()
    expect(page.locator(".chip b")).to_have_text(["repeats rc", "L3·H1"])
    page.locator(".chip .open").nth(0).focus()
    page.keyboard.press("Alt+ArrowRight")
    expect(page.locator(".chip b")).to_have_text(["L3·H1", "repeats rc"])
    page.locator(".chip .open").nth(0).focus()
    page.keyboard.press("Delete")
    expect(page.locator(".chip b")).to_have_text(["repeats rc"])
    pins_in(page, "pins=3.2=repeats%20rc")
    assert page.get_by_role("dialog").count() == 0


def test_a_ninth_pin_is_refused_in_words(unopened: Page, visit: Visit):
    page = unopened
    page.goto(f"{visit.address}/?layer=3&head=1&pins=" + ",".join(f"0.{i}" for i in range(8)))
    expect(page.locator(".chip")).to_have_count(8, timeout=SLOW)
    page.locator("canvas.overview").focus()
    page.keyboard.press("p")
    expect(page.locator(".tray-hint")).to_contain_text("At most 8 heads can be pinned")
    expect(page.locator(".chip")).to_have_count(8)


def test_a_double_click_pins_a_head_and_a_pin_of_another_text_opens_that_text(opened: Page, visit: Visit):
    page = opened
    box = page.locator("canvas.overview").bounding_box()
    assert box
    page.mouse.dblclick(box["x"] + 24 + 44 * 0 + 4, box["y"] + 20 + 4)
    expect(page.locator(".chip b")).to_have_text(["L0·H0"])
    pins_in(page, "pins=0.0")
    field = page.get_by_label("Sentence", exact=True).first
    field.fill(THIRD)
    field.press("Enter")
    expect(page.locator(".unit").filter(has_text="cake")).to_be_visible(timeout=SLOW)
    expect(page.locator(".chip")).to_have_count(1)
    page.locator(".chip .open").click()
    expect(page.locator(".unit").filter(has_text="animal")).to_be_visible(timeout=SLOW)


def test_side_by_side_opens_the_tray_in_full_and_t_goes_back(opened: Page, visit: Visit):
    page = opened
    page.locator("canvas.overview").focus()
    page.keyboard.press("p")
    page.keyboard.press("t")
    expect(page.locator(".panel .foot")).to_have_count(1, timeout=SLOW)
    page.wait_for_function("() => location.pathname === '/compare'", timeout=SLOW)
    page.locator(".panels canvas").first.focus()
    page.keyboard.press("t")
    page.locator("canvas.overview").wait_for(timeout=SLOW)
    expect(page.locator(".chip")).to_have_count(1)


def test_the_same_link_is_shown_under_every_panel_and_follows_the_pointer(unopened: Page, visit: Visit):
    page = compare(unopened, visit)
    assert values(page) == ["it → animal 0.640", "it → animal 0.266", "it → animal 0.647", "it → animal +0.374"]
    page.locator(".unit").filter(has_text="street").first.hover()
    expect(page.locator(".panel .foot").nth(3)).to_contain_text(f"street\u2069 {MINUS}0.076")
    expect(page.locator(".readout")).to_contain_text("looks at")
    expect(page.locator(".unit.pair")).to_have_count(2)
    assert page.locator(".unit.differs").all_inner_texts() == ["tired", "wide"]
    page.mouse.move(5, 400)
    expect(page.locator(".panel .foot").first).to_contain_text("0.640")
    page.locator(".panels canvas").nth(1).focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".readout")).to_contain_text("looks at")


def test_d_on_the_board_opens_the_difference_of_the_first_two_pins(opened: Page, visit: Visit):
    page = opened
    overview = page.locator("canvas.overview")
    overview.focus()
    page.keyboard.press("p")
    page.keyboard.press("d")
    expect(page.locator(".tray-hint")).to_have_text("A difference needs two pins: pin another head first.")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("p")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("p")
    expect(page.locator(".tray-hint")).to_have_text("")
    page.keyboard.press("d")
    expect(page.locator(".panel")).to_have_count(4, timeout=SLOW)
    assert names(page)[3] == f"1 {MINUS} 2 Difference"
    pins_in(page, "panels=1-2")
    assert visit.errors == []


# Until `window.come`, what carriers have brought is not there yet.
LATE = """() => {
  const frames = new Map();
  const put = frames.set.bind(frames);
  frames.set = (name, entry) => {
    let bytes = entry.bytes;
    const late = { get: () => window.come ? bytes : null, set: (value) => { bytes = value; } };
    return put(name, Object.defineProperty(entry, "bytes", late));
  };
  globalThis[Symbol.for("attnviz.frames")] = { frames, waiting: new Set() };
}"""


def test_panels_are_drawn_when_their_weights_come_after_them(visit: Visit):
    visit.page.add_init_script(f"({LATE})()")
    page = visit.open(f"/compare?{PAIR}")
    page.locator(".attnviz.compare").wait_for(state="attached", timeout=SLOW)
    page.locator(QUIET).wait_for(timeout=SLOW)
    expect(page.locator(".panel")).to_have_count(0)
    page.evaluate("""() => { window.come = true;
      for (const look of [...globalThis[Symbol.for("attnviz.frames")].waiting]) look(); }""")
    expect(page.locator(".panel canvas")).to_have_count(4)
    assert values(page) == ["it → animal 0.640", "it → animal 0.266", "it → animal 0.647", "it → animal +0.374"]
    assert visit.errors == []


def test_panels_are_made_named_moved_and_removed_with_keys(unopened: Page, visit: Visit):
    page = compare(unopened, visit)
    page.locator(".panels canvas").first.focus()
    page.keyboard.press("d")
    expect(page.locator(".readout")).to_contain_text("choose the panel to begin with")
    page.keyboard.press("1")
    page.keyboard.press("3")
    expect(page.locator(".panel")).to_have_count(5)
    assert names(page)[4] == f"1 {MINUS} 3 Difference"
    pins_in(page, "panels=1-2,1-3")
    page.locator(".grip").nth(0).focus()
    page.keyboard.press("Alt+ArrowRight")
    pins_in(page, "panels=2-1,2-3")
    page.locator(".grip").nth(2).focus()
    page.keyboard.press("F2")
    page.keyboard.type("finder")
    page.keyboard.press("Enter")
    pins_in(page, "5.11=finder")
    page.locator(".grip").nth(2).focus()
    page.keyboard.press("Delete")
    expect(page.locator(".panel")).to_have_count(3)
    pins_in(page, "panels=2-1(&|$)")
    page.get_by_text("Combine", exact=True).click()
    page.get_by_role("button", name="Mean of layer 3").click()
    expect(page.locator(".panel .foot").nth(2)).to_contain_text("0.103", timeout=SLOW)


def test_words_are_kept_with_keys_and_a_field_of_the_menu_keeps_its_keys_to_itself(unopened: Page, visit: Visit):
    page = compare(unopened, visit)
    words = page.locator(".words").first
    words.focus()
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".pill")).to_have_text("was + it")
    assert values(page)[0].startswith("was + it → animal ")
    page.evaluate("() => { window.heard = []; document.addEventListener('keydown', (event) => heard.push(event.key)); }")
    page.locator(".menu summary", has_text="View").click()
    page.get_by_role("button", name="Top").click()
    page.locator(".menu input[type=number]").focus()
    page.keyboard.press("r")  # for Streamlit: run the page again
    assert page.evaluate("heard") == []
    page.keyboard.press("Escape")
    expect(page.locator(".menu .box").first).to_be_hidden()
    expect(page.locator(".pill")).to_have_text("was + it")


def test_the_pictures_of_a_difference_have_the_colours_of_their_weights(unopened: Page, visit: Visit):
    page = compare(unopened, visit, PAIR + "&view=matrix")
    expect(page.get_by_role("button", name="Matrix")).to_have_attribute("aria-pressed", "true")
    found = (
        page.locator(".panels canvas")
        .nth(3)
        .evaluate(
            """canvas => {
          const c = canvas.getContext('2d');
          const counts = { green: 0, purple: 0 };
          const { data } = c.getImageData(0, 0, canvas.width, canvas.height);
          for (let i = 0; i < data.length; i += 4) {
            if (data[i + 1] > data[i] + 30 && data[i + 1] > data[i + 2] + 10) counts.green += 1;
            if (data[i] > data[i + 1] + 30 && data[i + 2] > data[i + 1] + 30) counts.purple += 1;
          }
          return counts;
        }"""
        )
    )
    assert found["green"] > 300
    assert found["purple"] > 300


def test_all_heads_of_a_layer_are_shown_side_by_side_and_can_be_pinned_there(unopened: Page, visit: Visit):
    page = compare(unopened, visit, f"text={quote(TEXT)}&layer=3&head=1&focus=43&set=layer")
    expect(page.locator(".panel")).to_have_count(12)
    assert values(page)[1] == "it → animal 0.640"
    page.get_by_role("button", name="Pin L3·H7").click()
    pins_in(page, "pins=3.7")
    expect(page.locator(".panel")).to_have_count(12)
    expect(page.get_by_role("button", name="Unpin L3·H7")).to_be_visible()


def test_a_missing_model_is_reported_in_its_panel(unopened: Page, visit: Visit):
    texts = quote(json.dumps([["distilbert-base-uncased", TEXT]]))
    page = compare(unopened, visit, f"text={quote(TEXT)}&focus=43&texts={texts}&pins=3.1,1:2.2&panels=1-2")
    expect(page.locator(".panel .problem").nth(1)).to_contain_text("distilbert-base-uncased")
    expect(page.locator(".panel .problem").nth(2)).to_contain_text("needs panel 2")
    assert values(page)[0] == "it → animal 0.640"


def state_of(page: Page) -> dict:
    """Everything that a reader sees of a tray: names, numbers, and the pictures themselves, pixel by pixel."""
    page.locator(".panel .foot b").nth(10).wait_for(timeout=SLOW)  # one of the twelve has no animal
    page.wait_for_timeout(1500)  # exact weights may follow their frame
    pictures = page.locator(".panels canvas").evaluate_all("all => all.map(canvas => canvas.toDataURL())")
    return {"names": names(page), "values": values(page), "pictures": pictures, "words": page.locator(".lines").inner_text()}


def files_of(page: Page, folder: Path) -> list[bytes]:
    """Both files of all panels."""
    found = []
    for kind in ("CSV", "JSON"):
        with page.expect_download(timeout=SLOW) as waiting:
            page.get_by_role("button", name=kind, exact=True).click()
        waiting.value.save_as(folder / kind)
        found.append((folder / kind).read_bytes())
    return found


def fresh(browser: Browser, **more) -> BrowserContext:
    return browser.new_context(viewport=LAPTOP, locale="en-US", **more)


def test_a_copied_link_restores_the_whole_tray_in_a_new_browser(unopened: Page, visit: Visit, browser: Browser, tmp_path: Path):
    page = compare(unopened, visit, TRAY)
    expect(page.locator(".panel")).to_have_count(12, timeout=SLOW)
    page.locator(".lines .unit").filter(has_text="it").first.hover()
    page.locator("[role=toolbar]").get_by_role("button", name="Matrix").click()
    page.locator(".panels canvas").first.focus()
    page.keyboard.press("s")
    page.mouse.move(5, 400)
    pins_in(page, "view=matrix")
    pins_in(page, "special=hide")
    before, link, files = state_of(page), page.url, files_of(page, tmp_path)
    context = fresh(browser)
    other = context.new_page()
    other.goto(link)
    expect(other.locator(".panel")).to_have_count(12, timeout=SLOW)
    other.mouse.move(5, 400)
    assert state_of(other) == before
    assert files_of(other, tmp_path) == files
    assert len({name.split()[0] for name in before["names"][:8]}) == 8
    context.close()


def test_moving_the_pointer_and_changing_the_view_ask_the_server_for_no_weights(unopened: Page, visit: Visit):
    messages: list[bytes] = []
    weights: list[bytes] = []

    def received(data: str | bytes) -> None:
        raw = data if isinstance(data, bytes) else data.encode()
        messages.append(raw)
        if b"ATN1" in raw and b"mountCompare" not in raw and len(raw) > CACHED:  # the script names those bytes, too
            weights.append(raw)

    unopened.on("websocket", lambda socket: socket.on("framereceived", received))
    page = compare(unopened, visit)
    page.wait_for_timeout(2000)
    assert weights, "frames are known by their first four bytes"
    before, sent = len(messages), len(weights)
    for word in ("street", "animal", "cross", "tired"):
        page.locator(".unit").filter(has_text=word).first.hover()
    page.wait_for_timeout(600)
    assert len(messages) == before, "hovering is the browser's own affair"
    page.locator(".panels canvas").first.focus()
    for key in ("w", "x", "s", "d"):
        page.keyboard.press(key)
        page.wait_for_timeout(1000)
    assert len(messages) > before, "Python hears of it when the hand rests"
    assert len(weights) == sent


def test_a_tray_fits_a_phone_and_its_panels_swipe(visit: Visit):
    page = visit.page
    page.set_viewport_size(PHONE)
    compare(page, visit)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        expect(page.locator(".attnviz")).to_have_attribute("data-theme", scheme)
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0
        swipes = page.locator(".panels").evaluate("panels => panels.scrollWidth > panels.clientWidth")
        assert swipes
        expect(page.locator(".readout")).to_contain_text("is selected. Tap another in a panel to read that link everywhere.")
    assert visit.errors == []
