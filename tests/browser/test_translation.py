"""Pages are not to be translated; and what rewrites them all the same neither breaks them nor leaves old numbers standing."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import LAPTOP, PHONE, Contexts, Visit
from tests.browser.test_axe import violations
from tests.pages import PATHS

SLOW = 60_000
QUIET = "[data-testid=stApp][data-test-script-state=notRunning]"
TEXT = "The trophy does not fit in the suitcase because it is too big"
DOGS = "/syntax?text=Dogs+chase+cats+because+they+run"
NOTICE = "#attnviz-notice"
# How translators put their text into a page. Each is given a text node; capitals distinguish the text from the old one.
WAYS = {
    "replaced": "const font = made(text.data.toUpperCase()); text.replaceWith(font);",
    "in two steps": "const font = made(text.data.toUpperCase()); text.parentNode.insertBefore(font, text); text.remove();",
    "wrapped": "const font = made(''); text.replaceWith(font); font.append(text);",
    "beside": "text.after(made(`⟦${text.data}⟧`));",
    "in place": "if (text.data !== text.data.toUpperCase()) text.data = text.data.toUpperCase();",
}
# A translator: it does all of a page, and what is new in it later; `heeds` leaves out what is marked as not to be translated.
TRANSLATE = """([heeds, stays]) => {
  const made = (content) => Object.assign(document.createElement("font"), { textContent: content });
  const never = (e) =>
    ["SCRIPT", "STYLE", "TEXTAREA", "INPUT", "FONT", "svg"].includes(e.nodeName) || e.matches("#attnviz-notice");
  const marked = (e) => heeds && (e.getAttribute("translate") === "no" || e.classList.contains("notranslate"));
  const left = (e) => e && (never(e) || marked(e) || left(e.parentElement));
  const one = (text) => {
    if (!text.parentNode || !/[A-Za-z]{2,}/.test(text.data) || left(text.parentElement)) return;
    WAY
  };
  const all = (root) => {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) found.push(walker.currentNode);
    found.forEach(one);
  };
  all(document.body);
  if (!stays) return;
  new MutationObserver((records) => {
    for (const { type, target, addedNodes } of records) {
      if (type === "characterData") one(target);
      for (const node of addedNodes) {
        if (node.nodeType === Node.TEXT_NODE) one(node);
        else if (node.nodeType === Node.ELEMENT_NODE && node.nodeName !== "FONT") all(node);
      }
    }
  }).observe(document.body, { childList: true, subtree: true, characterData: true });
}"""


def opened(visit: Visit, path: str = "/") -> Page:
    page = visit.open(path)
    page.get_by_label("Sentence", exact=True).first.wait_for(timeout=SLOW)
    page.locator(QUIET).wait_for(timeout=SLOW)
    expect(page.locator("#first-paint")).to_have_count(0)  # what it hides is no text of the page yet
    return page


def translated(page: Page, way: str, *, heeds: bool = False, stays: bool = True) -> None:
    page.evaluate(TRANSLATE.replace("WAY", WAYS[way]), [heeds, stays])


def typed(page: Page) -> None:
    field = page.get_by_label("Sentence", exact=True).first
    field.fill(TEXT)
    field.press("Enter")
    page.wait_for_function("text => new URLSearchParams(location.search).get('text') === text", arg=TEXT, timeout=SLOW)
    page.locator(QUIET).wait_for(timeout=SLOW)


def lines(page: Page) -> list[str]:
    """What the page says, line by line, in small letters, without what a translator puts beside it."""
    untranslated = re.sub(r"⟦[^⟧]*⟧", "", page.get_by_test_id("stMain").inner_text()).casefold()
    return [re.sub(r"\s+", " ", line).strip() for line in untranslated.splitlines() if line.strip()]


def test_every_page_is_marked_before_anything_is_drawn(visiting: Callable[..., Visit]):
    visit = visiting(java_script_enabled=False)
    for path in PATHS:
        page = visit.open(f"/{path}")
        assert page.evaluate("[document.documentElement.translate, document.body.translate]") == [False, False]
        assert page.evaluate("document.documentElement.lang") == "en"
        assert page.evaluate("document.querySelector('meta[name=google]').content") == "notranslate"
        assert page.evaluate("document.querySelector('#root').childElementCount") == 0


def test_the_mark_survives_another_page_a_run_and_a_reload(visit: Visit):
    page = opened(visit)
    page.get_by_role("link", name="Glossary", exact=True).first.click()
    page.wait_for_function("() => location.pathname === '/glossary'")
    typed(page)
    assert page.evaluate("document.documentElement.outerHTML").startswith('<html lang="en" translate="no" class="notranslate"')
    page.reload()
    page.locator(QUIET).wait_for(timeout=SLOW)
    assert page.evaluate("document.documentElement.translate") is False


def test_a_translator_that_heeds_the_mark_changes_nothing(visit: Visit):
    page = opened(visit)
    translated(page, "replaced", heeds=True)
    typed(page)
    assert page.locator("font").count() == 0
    expect(page.locator(NOTICE)).to_have_count(0)


@pytest.fixture(scope="module")
def wanted(contexts: Contexts, server: str) -> list[str]:
    """What the page says after typing where no translator is."""
    visit = Visit(contexts.context(f"{server}/_stcore/health", viewport=LAPTOP, locale="en-US"), server)
    page = opened(visit, DOGS)
    typed(page)
    found = lines(page)
    page.close()
    visit.leave()
    return found


@pytest.mark.parametrize(("way", "stays"), [*((way, True) for way in WAYS), ("replaced", False), ("beside", False)])
def test_a_translator_that_ignores_the_mark_leaves_no_old_number_and_no_error(
    visit: Visit, wanted: list[str], way: str, stays: bool
):
    page = opened(visit, DOGS)
    before = lines(page)
    translated(page, way, stays=stays)
    typed(page)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    assert before != wanted
    assert lines(page) == wanted
    expect(page.locator(NOTICE)).to_have_count(0 if way == "in place" else 1)
    page.get_by_role("link", name="Compare", exact=True).first.click()
    page.wait_for_function("() => location.pathname === '/compare'", timeout=SLOW)
    page.locator(QUIET).wait_for(timeout=SLOW)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    assert visit.errors == []


def test_the_reader_learns_what_a_translator_does_and_how_to_stop_it(visit: Visit):
    page = opened(visit, "/glossary")
    translated(page, "replaced", stays=False)
    notice = page.locator(NOTICE)
    expect(notice).to_contain_text("rewrites the text of this page")
    expect(notice).to_have_attribute("role", "alert")
    assert violations(page) == []
    notice.get_by_role("button", name="Reload").click()
    page.locator(QUIET).wait_for(timeout=SLOW)
    expect(page.locator(NOTICE)).to_have_count(0)
    page.evaluate("document.documentElement.classList.add('translated-ltr')")
    expect(page.locator(NOTICE)).to_be_visible()


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_a_reader_of_another_language_sees_once_that_translation_is_off(visiting: Callable[..., Visit], size: dict[str, int]):
    scheme = "dark" if size is PHONE else "light"
    page = opened(visiting(viewport=size, locale="de-DE", color_scheme=scheme), "/glossary")
    notice = page.locator(NOTICE)
    expect(notice).to_contain_text("Translation by the browser is off on these pages")
    expect(notice).to_have_attribute("role", "status")
    assert violations(page) == []
    box = notice.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= size["width"]
    notice.get_by_role("button", name="OK").click()
    expect(notice).to_have_count(0)
    page.reload()
    page.locator(QUIET).wait_for(timeout=SLOW)
    expect(notice).to_have_count(0)


def test_elements_of_extensions_beside_or_around_a_field_do_no_harm(visit: Visit):
    """A spelling checker puts elements beside a field, a password manager wraps it, a dark mode marks everything."""
    page = opened(visit)
    page.evaluate("""() => {
      const field = document.querySelector("[data-testid=stTextInput] input");
      field.before(document.createElement("grammarly-extension"));
      field.after(document.createElement("lt-highlighter"));
      const wrap = document.createElement("div");
      field.replaceWith(wrap);
      wrap.append(field);
      for (const e of document.querySelectorAll("#root *")) e.setAttribute("data-darkreader-inline-color", "");
      document.head.append(Object.assign(document.createElement("style"), { className: "darkreader" }));
    }""")
    typed(page)
    page.get_by_role("link", name="Beyond text", exact=True).first.click()
    page.wait_for_function("() => location.pathname === '/places'", timeout=SLOW)
    page.locator(QUIET).wait_for(timeout=SLOW)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    assert visit.errors == []
