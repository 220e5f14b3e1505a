"""The board's modules as one script, its page, and what comes back from it."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest

from attnviz import board
from attnviz.board import scripts
from attnviz.board.choice import Choice
from attnviz.board.source import (
    COMPARE,
    LINKS,
    MODULES,
    RANKING,
    START,
    component_source,
    joined,
    module,
    wrapped,
)
from attnviz.engine.block import Block
from attnviz.engine.layers import Dense
from attnviz.engine.trace import Trace
from attnviz.errors import BadInputError
from attnviz.figures import encoding
from attnviz.selection import TokenSelection
from attnviz.types import AttentionRequest, HeadRef, Token
from attnviz.view_state import ViewOptions

HERE = Path(board.__file__).parent
ALL = (*MODULES, *COMPARE, *LINKS, *RANKING, *START)
MOUNTED = ("board", "compare", "links", "ranking", "start")


def test_every_module_is_joined_and_imports_only_from_those_before_it():
    assert sorted(ALL) == sorted(path.stem for path in (HERE / "js").rglob("*.js"))
    for place, name in enumerate(ALL):
        imported = re.findall(r'from "\.{1,2}/(?:\w+/)?(\w+)\.js"', module(name))
        assert set(imported) <= set(ALL[:place]), name


def test_every_imported_name_is_exported():
    texts = {name: module(name) for name in ALL}
    form = r"^export (?:async function|function|class|const) (\w+)"
    exported = {name: set(re.findall(form, text, re.M)) for name, text in texts.items()}
    for name, text in texts.items():
        for names, other in re.findall(r'^import \{ ([\w, ]+) \} from "\.{1,2}/(?:\w+/)?(\w+)\.js";$', text, re.M):
            assert set(names.split(", ")) <= exported[other], f"{name}.js"


def test_a_module_becomes_a_function_that_returns_what_it_exports():
    text = 'import { b, c } from "./other.js";\n\nexport const a = b + c;\nexport function f() {}\n'
    assert wrapped("one", text) == (
        "const $one = (() => {\nconst { b, c } = $other;\n\nconst a = b + c;\nfunction f() {}\nreturn { a, f };\n})();\n"
    )


OTHER_WAYS = ('import x from "./x.js";', "export default f;", "export { a };", 'import { a as b } from "./x.js";')


@pytest.mark.parametrize("line", OTHER_WAYS)
def test_any_other_way_to_import_or_export_is_refused(line: str):
    with pytest.raises(ValueError, match=r"one\.js"):
        wrapped("one", f"{line}\n")


def test_each_component_loads_its_own_file_in_a_few_lines():
    assert 'class="attnviz"' in component_source("board")[0]
    for name in (*MOUNTED, "carrier"):
        text = scripts.loader(name)
        (file,) = set(re.findall(r'"([\w-]+\.js)', text))
        assert re.search(rf"^export {{.*\b{name}\b.*}};$", scripts.files()[file].decode(), re.M)
        assert text.rstrip().endswith(f"export default {name};")
        assert len(text) < 700


def test_files_import_only_the_boards_and_are_named_by_what_they_hold():
    board_file, *others = scripts.files()
    assert not re.search(r"^import\b", scripts.files()[board_file].decode(), re.M)
    for file in others:
        assert re.findall(r"^import\b.*", scripts.files()[file].decode(), re.M)[0].endswith(f'from "./{board_file}";')
    for file, text in scripts.files().items():
        assert re.fullmatch(r"\w+-(\w{16})\.js", file)[1] == hashlib.sha256(text).hexdigest()[:16]


def test_nothing_is_fetched_from_elsewhere():
    for text in (*board.source(), *(text.decode() for text in scripts.files().values())):
        assert not re.search(r"https?:|//cdn|@import|url\(", text)


def test_user_text_never_becomes_markup():
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", joined(ALL))


def test_the_tests_in_javascript_use_the_tokens_of_the_encoding():
    kept = Path(__file__).parents[1] / "js" / "tokens.json"
    assert json.loads(kept.read_text("utf-8")) == json.loads(encoding.as_json())


def tiny() -> Trace:
    """Two tokens, one of them markup, that look at each other evenly."""
    tokens = (Token("</script><b>", "x", 0, 12, 0), Token("ok", "ok", 13, 15, 1))
    block = Block("self", tokens, tokens, (Dense(np.full((1, 2, 2), 0.5, np.float32)),))
    return Trace(AttentionRequest("made", "</script><b> ok"), (block,))


def test_a_page_is_complete_and_holds_no_text_as_markup():
    page = board.page(board.frame(tiny(), name="<made>"), Choice(HeadRef(0, 0)), title="</title><script>alert(1)</script>")
    assert "default-src 'none'" in page
    assert "alert(1)</script>" not in page.replace("&lt;", "")
    assert "</script><b>" not in page
    assert page.count("<script") == page.count("</script>") == 3
    assert not re.search(r'(src|href)="', page)


def test_a_page_in_one_theme_does_not_follow_the_reader():
    data = board.frame(tiny(), name="made")
    both, dark = (board.page(data, Choice(HeadRef(0, 0)), theme=theme) for theme in ("", "dark"))
    assert "@media (prefers-color-scheme: dark) { body" in both
    assert "prefers-color-scheme: dark) { body" not in dark
    assert encoding.theme("dark").page in dark


CHOICES = (
    Choice(HeadRef(3, 1), TokenSelection(43), ViewOptions()),
    Choice(HeadRef(0, 11, "cross"), TokenSelection(5, 1, "key", True), ViewOptions(False, "renormalise")),
    Choice(HeadRef(2, 0), None, ViewOptions(True, "hide")),
)


@pytest.mark.parametrize("choice", CHOICES)
def test_a_choice_comes_back_as_it_went(choice: Choice):
    assert Choice.parse(json.loads(json.dumps(choice.as_dict())), choice.head.block) == choice


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("head", [1]),
        ("head", [-1, 0]),
        ("head", [1.5, 0]),
        ("head", [True, 0]),
        ("head", [10**12, 0]),
        ("head", "31"),
        ("focus", {"side": "query"}),
        ("focus", {"side": "<b>", "start": 0, "segment": 0, "special": False}),
        ("focus", {"side": "key", "start": 0, "segment": 0, "special": "no"}),
        ("focus", 7),
        ("words", "yes"),
        ("special", "<script>"),
        ("special", None),
    ],
)
def test_what_no_board_sends_is_refused(part: str, value: object):
    with pytest.raises(BadInputError):
        Choice.parse({**CHOICES[0].as_dict(), part: value})


@pytest.mark.parametrize("value", [None, [], "x", 3, {}, {"head": [0, 0]}])
def test_what_is_no_choice_at_all_is_refused(value: object):
    with pytest.raises(BadInputError):
        Choice.parse(value)
