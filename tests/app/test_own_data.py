"""Find heads on data of one's own: a class's sentences as a tally, and a claim on an uploaded or pasted file."""

from __future__ import annotations

import gc
from collections.abc import Callable
from importlib import resources

import pytest
from streamlit.testing.v1 import AppTest

from attnviz.errors import BadInputError, BusyError
from attnviz.linguistics import own_atlas
from attnviz.pages.find_heads import own_input
from attnviz.ui.backend import backend
from tests.app.conftest import written

PAGE = "pages/explore/heads.py"
HOSTILE = (
    "<script>document.title=1</script>", "</textarea><img src=x onerror=alert(1)>", "$x^2$ `code` [a](http://b)",
    "\u202eabc\u202c",     "{{7*7}} ${x} %s", "=cmd()|'a'!A0", "\x1b[31m", "a\u0301\u0301\u0301",
)  # fmt: skip
SENTENCES = "The *animal* didn't cross because [it] was tired\nThe farmer slept\n[x\nThe *vase* fell because [it] was heavy"


def example(name: str) -> bytes:
    return resources.files("attnviz").joinpath("content/own", name).read_bytes()


@pytest.fixture
def heads(opened: Callable[..., AppTest]) -> Callable[..., AppTest]:
    """Opens the page as a link with these parameters does."""
    return lambda **params: opened(**params, page=PAGE)


def keys(app: AppTest) -> set[str]:
    return {str(one.key) for one in [*app.text_area, *app.file_uploader, *app.button]}


def press(app: AppTest, key: str) -> None:
    app.button(key=key).click().run()
    assert not app.exception


def test_nothing_of_ones_own_is_on_the_page_before_it_is_chosen(heads: Callable[..., AppTest]):
    app = heads()
    assert not {key for key in keys(app) if key.startswith("own-")}
    app.button_group(key="heads-own").set_value("sentences").run()
    assert app.query_params["own"] == "sentences"
    assert "own-sentences-text" in keys(app)


def test_a_classs_sentences_are_counted_for_the_chosen_head(heads: Callable[..., AppTest]):
    app = heads(own="sentences", layer="3", head="1")
    app.text_area(key="own-sentences-text").set_value(SENTENCES).run()
    assert "1 line cannot be read and is left out" in written(app)
    assert "Line 3: A mark ends on its own line" in written(app)
    press(app, "own-sentences-run-start")
    assert "L3·H1: right in 2 of 2" in written(app)
    assert any("too few for a claim" in str(one.value) for one in app.code)
    app.query_params["head"] = "2"  # another head needs no other reading
    app.run()
    assert "L3·H2: right in" in written(app)


def test_a_file_of_sentences_is_counted_and_its_lines_are_named(heads: Callable[..., AppTest]):
    app = heads(own="sentences", layer="3", head="1")
    app.file_uploader(key="own-sentences-file").set_value(("class.txt", example("sentences.txt"), "text/plain")).run()
    press(app, "own-sentences-run-start")
    assert "L3·H1: right in 6 of 7" in written(app)
    app.file_uploader(key="own-sentences-file").set_value(("class.txt", b"\x89PNG\0\xff", "image/png")).run()
    assert "Line 1: A corpus is written in UTF-8; byte 1 of this line, 0x89" in written(app)
    app.file_uploader(key="own-sentences-file").set_value(None).run()
    assert "class.txt" not in written(app)
    assert not app.exception


def test_a_claim_is_tested_on_a_file(heads: Callable[..., AppTest]):
    content = b"\n\n".join([example("example.conllu")] * 12)
    app = heads(own="file", layer="2", head="0")
    app.file_uploader(key="own-file-upload").set_value(("mine.txt", content, "text/plain")).run()
    assert "mine.txt: CoNLL-U, 36 texts" in written(app).replace("*", "")
    press(app, "own-file-run-start")
    assert app.selectbox(key="own-relation").value in ("det", "amod", "nsubj", "obj")
    app.selectbox(key="own-relation").set_value("det").run()
    assert not app.exception
    assert any("60 determiners of mine.txt" in str(one.value) for one in app.code)
    assert app.query_params["own_claim"] == "det.dh"
    assert "mine" not in str(app.query_params["own_claim"])
    link = heads(own="file", own_claim="det.hd")
    assert "keeps the claim (det.hd), but not the file" in written(link)


def test_few_cases_are_only_described(heads: Callable[..., AppTest]):
    app = heads(own="file", layer="3", head="1")
    app.text_area(key="own-file-text").set_value(example("example.tsv").decode()).run()
    press(app, "own-file-run-start")
    assert "L3·H1: right in" in written(app)
    assert "Fewer than 30 cases describe" in written(app)
    assert "own-best-head" not in keys(app)


@pytest.mark.parametrize("times", [1, 40])
def test_every_claim_of_the_example_in_toml_can_be_drawn(times: int, heads: Callable[..., AppTest]):
    app = heads(own="file", layer="3", head="1")
    content = b"\n\n".join([example("example.toml")] * times)
    app.file_uploader(key="own-file-upload").set_value(("mine.toml", content, "text/plain")).run()
    press(app, "own-file-run-start")
    kinds = app.selectbox(key="own-relation").options
    assert kinds[:2] == [f"a pronoun to a word: toml ({times})", f"pronouns, all together: coreference ({times})"]
    for at in range(len(kinds)):
        app.selectbox(key="own-relation").select_index(at).run()
        assert not app.exception
        assert not app.error
        assert any("mine.toml" in str(one.value) for one in app.code)


def test_an_error_stands_where_the_button_was_and_the_button_stays(
    heads: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
):
    app = heads(own="file", layer="3", head="1")
    app.text_area(key="own-file-text").set_value(example("example.toml").decode()).run()

    def refuse(*given: object) -> object:
        raise BadInputError("This file cannot be counted. Choose another one.")

    monkeypatch.setattr(own_atlas, "own_atlas", refuse)
    press(app, "own-file-run-start")
    assert ["This file cannot be counted" in str(one.value) for one in app.error] == [True]
    assert "own-file-run-start" in keys(app)
    monkeypatch.undo()
    press(app, "own-file-run-start")
    assert not app.error
    assert "L3·H1: right in" in written(app)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04\0", b"no format", b"<b>x</b> [a](b) $x$", b"[[example]]\nx = 1"])
def test_what_is_wrong_with_a_file_stays_on_the_page(content: bytes, heads: Callable[..., AppTest]):
    app = heads(own="file")
    app.file_uploader(key="own-file-upload").set_value(("<b>*file*</b>.txt", content, "text/plain")).run()
    assert not app.exception
    assert len(app.error) + len(app.warning) == 1
    assert "own-file-run-start" not in keys(app)


def test_hostile_sentences_are_only_text(heads: Callable[..., AppTest]):
    app = heads(own="sentences")
    lines = "\n".join("*a* " + " ".join(text.split()).translate({ord(c): None for c in "[]*\\"}) + " [it]" for text in HOSTILE)
    app.text_area(key="own-sentences-text").set_value(lines[:20_000]).run()
    press(app, "own-sentences-run-start")
    assert "right in" in written(app)


def test_a_backend_that_is_busy_stops_the_run_and_it_goes_on(heads: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch):
    app = heads(own="sentences")
    app.text_area(key="own-sentences-text").set_value(SENTENCES).run()

    class Busy:
        """A backend that refuses."""

        def attend(self, request: object) -> object:
            raise BusyError("Many readers wait at this moment. Try again.")

    monkeypatch.setattr(backend(), "inner", Busy())
    press(app, "own-sentences-run-start")
    assert "0 of 3 were read. Many readers wait" in written(app)
    monkeypatch.undo()
    press(app, "own-sentences-run-on")
    assert "right in" in written(app)


def test_files_of_all_readers_together_are_bounded(heads: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch):
    gc.collect()  # sessions of earlier tests, with their files
    monkeypatch.setattr(own_input, "MAX_TOTAL", 40)
    app = heads(own="sentences")
    app.file_uploader(key="own-sentences-file").set_value(("class.txt", b"*a* saw [it]" * 4, "text/plain")).run()
    assert "Many files are in this server's memory" in written(app)
    app.file_uploader(key="own-sentences-file").set_value(("class.txt", b"*a* saw [it]", "text/plain")).run()
    assert not app.error
    assert "own-sentences-run-start" in keys(app)


def test_a_server_without_uploads_still_takes_pasted_text(heads: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ATTNVIZ_UPLOAD_KB", "0")
    app = heads(own="file")
    assert "This server takes no files" in written(app)
    assert not app.file_uploader
    assert "own-file-text" in keys(app)
