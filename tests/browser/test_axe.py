"""axe-core over every page, in both themes, at both widths: no rule of any weight is broken, by us or by Streamlit.

Nothing is left out. axe looks into open shadow roots by itself; the first test makes sure that the board's is among them.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from attnviz.selection import TEXT
from tests.browser.boards import made
from tests.browser.conftest import LAPTOP, PHONE, Visit

SLOW = 90_000
QUIET = "[data-testid=stApp][data-test-script-state=notRunning]"
WIDE = quote(TEXT.replace("tired", "wide"))
PINS = f'texts=[["minilm","{WIDE}"],["smollm2","{quote(TEXT)}"]]&pins=3.1,1:3.1,2:5.2&panels=1-2&focus=43'


def axe() -> str:
    """The script of axe-core, from the package that brings it for tests."""
    found = find_spec("axe_playwright_python")
    assert found is not None
    assert found.submodule_search_locations
    return (Path(found.submodule_search_locations[0]) / "axe.min.js").read_text("utf-8")


def found_by_axe(page: Page) -> list[dict[str, Any]]:
    """What axe finds wrong with the page as it stands, by all of its rules, those of mere good practice among them. What it
    finds right is some megabytes of each page, and stays in the browser."""
    page.evaluate("document.fonts.ready")
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe())
    return page.evaluate("axe.run(document, { resultTypes: ['violations'] }).then((found) => found.violations)")


def violations(page: Page) -> list[str]:
    """One line for each element that breaks a rule."""
    lines = []
    for broken in found_by_axe(page):
        for node in broken["nodes"]:
            target = " >> ".join(part if isinstance(part, str) else " >>> ".join(part) for part in node["target"])
            lines.append(f"{broken['id']} ({broken['impact']}): {target}: {node['html'][:120]}: {node['failureSummary']}")
    return lines


def drawn(page: Page) -> None:
    """Wait until the page has run, and the board, where there is one, says something."""
    page.locator(QUIET).wait_for(timeout=SLOW)
    page.wait_for_timeout(300)  # fading in is not a colour of the page
    page.locator(QUIET).wait_for(timeout=SLOW)


def with_board(page: Page) -> None:
    expect(page.locator(".readout")).not_to_be_empty(timeout=SLOW)
    drawn(page)


def menu_opened(page: Page) -> None:
    page.locator(".menu summary").first.click()
    expect(page.locator(".menu .box").first).to_be_visible()


def filtered(page: Page) -> None:
    page.locator(".menu").get_by_role("button", name="At least").click()
    expect(page.get_by_role("spinbutton").first).to_be_visible()


def with_tables(page: Page) -> None:
    page.keyboard.press("Escape")
    page.locator(".as-table").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".tables table")).to_have_count(2)


def presenting(page: Page) -> None:
    page.locator("canvas.overview").focus()
    page.keyboard.press("f")
    expect(page.locator("html.attnviz-presenting")).to_have_count(1)
    page.evaluate("sessionStorage.clear()")  # the next page that is loaded does not present


def with_message(page: Page) -> None:
    expect(page.get_by_test_id("stAlert").first).to_be_visible(timeout=SLOW)
    drawn(page)


def with_message_and_board(page: Page) -> None:
    with_message(page)
    with_board(page)


def with_panels(page: Page) -> None:
    expect(page.locator(".panel")).to_have_count(4, timeout=SLOW)
    drawn(page)


def combining(page: Page) -> None:
    page.get_by_text("Combine", exact=True).click()
    expect(page.locator(".combine .box")).to_be_visible()


def with_arcs(page: Page) -> None:
    expect(page.locator(".arcs svg")).to_be_visible(timeout=SLOW)
    drawn(page)


def unfolded(page: Page) -> None:
    for one in page.locator("details summary").all():
        one.click()
    drawn(page)


def with_heads(page: Page) -> None:
    expect(page.locator(".this-head .place").first).to_be_visible(timeout=SLOW)
    expect(page.locator(".headmap")).to_have_count(2, timeout=SLOW)
    drawn(page)


def half_drawn(page: Page) -> None:
    page.locator(".linking .unit").nth(3).click()
    expect(page.locator(".todo .pill")).to_be_visible()


def with_lists(page: Page) -> None:
    page.get_by_text("The same as lists").click()
    expect(page.get_by_text("Choose two or more words", exact=False)).to_be_visible()
    drawn(page)


def with_pictures(page: Page) -> None:
    expect(page.locator(".places-shapes img:visible")).to_have_count(3, timeout=SLOW)
    drawn(page)


def with_tiles(page: Page) -> None:
    expect(page.locator("img.tiles:visible")).to_be_visible(timeout=SLOW)
    drawn(page)


def measured(page: Page) -> None:
    page.get_by_role("button", name="Measure on this machine").click()
    stop = page.get_by_role("button", name="Stop")
    expect(stop).to_be_visible(timeout=SLOW)
    expect(page.locator(".st-key-cost-pictures .js-plotly-plot")).to_have_count(2, timeout=SLOW)
    stop.click()
    expect(page.get_by_role("button", name="Measure on this machine")).to_be_enabled(timeout=SLOW)
    drawn(page)


def with_formula(page: Page) -> None:
    expect(page.locator(".st-key-inside .katex").first).to_be_visible(timeout=SLOW)
    drawn(page)


def with_experiment(page: Page) -> None:
    expect(page.locator(".st-key-whatif .matrix").first).to_be_visible(timeout=SLOW)
    drawn(page)


def questions_opened(page: Page) -> None:
    for summary in page.locator(".st-key-glossary summary").all()[:3]:
        summary.click()
    drawn(page)


# What to open, "" for what is open already, and what to do there first.
STATES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "Start": ("/start", drawn),
    "Attention": ("/", with_board),
    "its View menu": ("", menu_opened),
    "its filters": ("", filtered),
    "its tables": ("", with_tables),
    "alone on the screen": ("", presenting),
    "Attention, with pins": (f"/?{PINS}", with_board),
    "Attention, hidden tokens left out": ("/?special=hide&keep=top%3A2&focus=43%2B4", with_board),
    "Attention, a model of 270 heads": ("/?model=smollm2", with_board),
    "Attention, no text": ("/?text=", drawn),
    "Attention, a notice": ("/?layer=99&model=no", with_message_and_board),
    "Attention, an error": (f"/?text={quote('word ' * 900)}", with_message),
    "Compare": (f"/compare?{PINS}", with_panels),
    "its Combine menu": ("", combining),
    "Compare, nothing pinned": ("/compare", drawn),
    "Compare, a layer": ("/compare?set=layer", drawn),
    "Compare, no text": ("/compare?text=", drawn),
    "Find heads": ("/heads", with_heads),
    "a link half drawn": ("", half_drawn),
    "Find heads, a link that is refused": ("/heads?model=smollm2&links=43-45:4-10,4-10:28-34", with_heads),
    "Find heads, no links": ("/heads?links=", drawn),
    "Find heads, no text": ("/heads?text=", drawn),
    "Coreference": ("/coreference", drawn),
    "Coreference, words to click": (f"/coreference?text={quote('Anna met Ruth and she laughed')}&candidates=0,9", drawn),
    "Coreference, its lists": ("", with_lists),
    "Coreference, no candidate is right": (
        f"/coreference?text={quote('This morning the cup fell on the plate and it broke')}",
        drawn,
    ),
    "Coreference, no text": ("/coreference?text=", drawn),
    "Syntax, gold": ("/syntax", with_arcs),
    "its tables and labels": ("", unfolded),
    "Syntax, parsed": (f"/syntax?text={quote('The small dog chased a very big cat')}&model=smollm2", with_arcs),
    "its editor": ("", unfolded),
    "Syntax, no text": ("/syntax?text=", drawn),
    "Inside attention, vectors": ("/inside?step=qkv", with_formula),
    "its numbers": ("", unfolded),
    "Inside attention, bars": ("/inside?step=softmax&model=smollm2", with_formula),
    "Inside attention, a step that is not there": ("/inside?step=nothing", with_message),
    "Experiments, an answer": ("/whatif?what=window&pattern=both&seen=1&model=smollm2", with_experiment),
    "its rows": ("", unfolded),
    "Experiments, words shuffled": ("/whatif?what=order&seen=1", with_experiment),
    "Cost": ("/cost", with_tiles),
    "measured": ("", measured),
    "Beyond text": ("/places", with_pictures),
    "Beyond text, a text that is long": (f"/places?text={quote('word ' * 60)}", with_pictures),
    "Beyond text, no text": ("/places?text=", drawn),
    "Glossary": ("/glossary", drawn),
    "Glossary, a term": ("/glossary?term=layer-norm", drawn),
    "its questions": ("", questions_opened),
    "Glossary, a term that is not there": ("/glossary?term=nothing", with_message),
}


def by_page() -> dict[str, list[list[str]]]:
    """What is opened of each page, each with the states that follow one another there."""
    found: dict[str, list[list[str]]] = {}
    page = ""
    for name, (path, _) in STATES.items():
        if path:
            page = name.partition(",")[0]
            found.setdefault(page, []).append([])
        found[page][-1].append(name)
    return found


# Each page as it opens on two screens, each theme and each width once; of what else is opened there every other one on the
# first screen and the others on the second. The long form is all of it on all four.
SCREENS = [
    pytest.param(("laptop", "light", lambda at: at == 0 or at % 2 == 1), id="laptop-light"),
    pytest.param(("phone", "dark", lambda at: at % 2 == 0), id="phone-dark"),
    *(
        pytest.param((size, scheme, lambda at: True), id=f"{size}-{scheme}-all", marks=pytest.mark.soak)
        for size in ("laptop", "phone")
        for scheme in ("light", "dark")
    ),
]


@pytest.fixture(params=SCREENS)
def screen(request: pytest.FixtureRequest) -> tuple[str, str, Callable[[int], bool]]:
    """Width, theme, and which openings of a page are looked at there."""
    return request.param


@pytest.fixture
def reader(screen: tuple[str, str, Callable[[int], bool]], visiting: Callable[..., Visit]) -> Visit:
    """A reader with one screen and one theme."""
    size, scheme, _ = screen
    viewport, touch = (LAPTOP, False) if size == "laptop" else (PHONE, True)
    return visiting(viewport=viewport, color_scheme=scheme, has_touch=touch, reduced_motion="reduce")


def test_axe_looks_into_the_board(visit: Visit):
    page = visit.open()
    with_board(page)
    page.locator(".readout .rest").evaluate("e => { e.style.color = '#ddd'; e.closest('.attnviz').style.background = '#fff'; }")
    page.locator("canvas.legend").evaluate("e => e.removeAttribute('aria-label')")
    rules = {line.partition(" ")[0] for line in violations(page)}
    assert {"color-contrast", "role-img-alt"} <= rules


@pytest.mark.slow
@pytest.mark.parametrize("page_of", by_page())
def test_no_page_breaks_a_rule_of_axe(reader: Visit, screen, page_of: str):
    wrong = {}
    for name in (name for at, names in enumerate(by_page()[page_of]) if screen[2](at) for name in names):
        path, ready = STATES[name]
        page = reader.open(path) if path else reader.page
        ready(page)
        if lines := violations(page):
            wrong[name] = lines
    assert not wrong, "\n".join(f"{name}: {line}" for name, lines in wrong.items() for line in lines)
    assert reader.errors == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_board_as_a_page_of_its_own_breaks_none_either(opened, theme: str):
    assert violations(opened(made(), theme=theme, reduced_motion="reduce")) == []
