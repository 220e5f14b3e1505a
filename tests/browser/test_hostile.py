"""Hostile text in every place where text can enter: nothing runs, nothing becomes markup, no request is sent.

That nothing runs is seen twice: no dialog opens, and nothing even asks for what the pages' policy forbids (`Visit`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Browser, Page, expect
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from attnviz.selection import PARAMETERS
from attnviz.ui import warm_up
from tests.browser.conftest import LAPTOP, Visit, free_port, started
from tests.pages import PATHS
from tests.small_models import WORDS, random_model

SLOW = 90_000
QUIET = "[data-testid=stApp][data-test-script-state=notRunning]"
FIELDS = "[data-testid=stTextInput] input:visible, [data-testid=stTextArea] textarea:visible"
OWN = ("arcs", "way", "reading", "by", "what", "seen", "term", "step", "habit")  # what only one page reads of an address
TEXT = "\"'></style><img src=x id=evil onerror=alert(1)>the cat"
MORE = (
    "</script></textarea></title><svg id=evil onload=alert(2)> [a](javascript:alert(3)) ![b](http://evil.example/b.png) "
    "<http://evil.example> http://evil.example/c www.evil.example me@evil.example $\\href{javascript:alert(4)}{c}$ `'\">"
    "<iframe id=evil srcdoc='<script>alert(5)</script>'></iframe> cat"
)
PIECE, UNKNOWN = "<img/id=evil/src=x/onerror=alert(6)>", "<svg/id=evil/onload=alert(7)>"
MODEL = "distilbert-base-uncased"  # whose folder here has a hostile tokenizer
# What a text may never become, in the page, in open shadow roots and in frames.
GROWN = """() => {
  const found = [];
  const look = (root) => {
    for (const one of root.querySelectorAll('*')) {
      if (one.shadowRoot) look(one.shadowRoot);
      const says = one.getAttributeNames().some((name) => name.startsWith('on')
        || /^(href|src|xlink:href|action)$/.test(name) && /javascript:|evil\\.example/i.test(one.getAttribute(name)));
      if (one.id === 'evil' || says) found.push(one.outerHTML.slice(0, 200));
    }
  };
  look(document);
  return found;
}"""


def model_of_somebody(folder: Path) -> None:
    """A folder with a small model whose tokenizer names its tokens as it likes."""
    names = [PIECE if word == "wide" else UNKNOWN if word == "[UNK]" else word for word in WORDS]
    words = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, unk_token=UNKNOWN))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    random_model("bert").save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=words, unk_token=UNKNOWN, pad_token="[PAD]", mask_token="[MASK]").save_pretrained(
        folder
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server whose operator has a hostile model in the folder of models."""
    place, port = tmp_path_factory.mktemp("hostile"), free_port()
    model_of_somebody(place / MODEL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATTNVIZ_MODELS_DIR", str(place))
        process = started(port, place / "log.txt")
    warm_up.visit(port)  # as `make app` does
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(20)


def address(text: str = TEXT, **more: str) -> str:
    """Parameters of which each one is hostile, and pins with hostile names on hostile texts."""
    params = dict.fromkeys((*PARAMETERS, *OWN, MORE), MORE) | {"model": "minilm", "text": text, "text_b": MORE, "panels": ""}
    params |= {"texts": json.dumps([["minilm", MORE], [MORE, MORE]]), "pins": f"3.1={quote(TEXT)},1:2.2={quote(MORE)},{MORE}"}
    return urlencode(params | more)


def settled(page: Page) -> None:
    """Wait until the page has run, and drawn."""
    page.locator(QUIET).wait_for(timeout=SLOW)
    page.wait_for_timeout(250)
    page.locator(QUIET).wait_for(timeout=SLOW)


def grown(page: Page) -> list[str]:
    """What hostile text has become, anywhere on a page."""
    assert not page.get_by_test_id("stException").count(), page.url
    return [one for frame in page.frames for one in frame.evaluate(GROWN)]


def typed_everywhere(page: Page) -> None:
    """Hostile text in every field of a page, one after the other; a field that was filled may bring others."""
    for i in range(6):
        fields = page.locator(FIELDS)
        if i >= fields.count():
            return
        fields.nth(i).fill(MORE)
        fields.nth(i).press("Control+Enter")
        fields.nth(i).press("Enter")
        settled(page)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path or "attention")
def test_on_no_page_hostile_text_is_more_than_text(visit: Visit, path: str):
    page = visit.open(f"/{path}?{address()}")
    settled(page)
    if path != "start":  # it has one sentence of its own
        expect(page.get_by_label("Sentence", exact=True).first).to_have_value(TEXT)
    assert grown(page) == []
    typed_everywhere(page)
    assert grown(page) == []
    assert visit.errors == []


def test_bertviz_the_files_and_the_shared_link_are_only_text_too(visit: Visit, browser: Browser, tmp_path: Path):
    page = visit.open(f"/?{address(text_b=TEXT)}")  # BertViz draws no longer ones
    settled(page)
    for name in ("BertViz", "Whole model"):
        page.get_by_role("radio", name=name, exact=True).click()
        page.frame_locator("iframe").first.locator("svg").first.wait_for(timeout=SLOW, state="attached")
        assert grown(page) == []
    files = []
    page.get_by_role("radio", name="Download").click()
    for kind in ("HTML", "SVG", "PDF"):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=kind, exact=True).click()
        files.append(tmp_path / waiting.value.suggested_filename)
        waiting.value.save_as(files[-1])
    shared = page.url
    page.goto(shared)
    settled(page)
    assert grown(page) == []
    for file in files[:2]:
        page.goto(file.as_uri())
        page.wait_for_timeout(200)
        assert "cat" in page.locator("html, svg").first.text_content()
        assert grown(page) == []
    assert not re.search(rb"/(JavaScript|JS|URI|Launch|OpenAction|AA)\b", files[2].read_bytes())


@pytest.mark.parametrize("path", ["", "compare", "heads"])
def test_tokens_of_a_hostile_tokenizer_are_only_text(visit: Visit, path: str):
    page = visit.open(
        f"/{path}?{urlencode({'model': MODEL, 'text': f'the {PIECE} was tired', 'words': '0', 'pins': '0.1,1.0'})}"
    )
    settled(page)
    assert "There is no model" not in page.inner_text("body")
    expect(page.get_by_text("id=evil", exact=False).first).to_be_attached(timeout=SLOW)
    assert grown(page) == []
    assert visit.errors == []


def test_an_injected_script_does_not_run(browser: Browser, server: str):
    context = browser.new_context(viewport=LAPTOP)
    visit = Visit(context, server)
    page = visit.open("/glossary")
    settled(page)
    page.evaluate("""() => { const one = document.createElement('div'); document.body.append(one);
      one.innerHTML = '<img src="data:," onerror="alert(1)"><iframe srcdoc="<script>alert(2)</scr' + 'ipt>"></iframe>'; }""")
    page.wait_for_timeout(500)
    context.close()
    assert visit.dialogs == []
    assert len(visit.violations) == 2
