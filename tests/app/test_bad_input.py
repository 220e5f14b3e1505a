"""One table of bad and odd input: what the page says, what the command line says, and which error Python raises.

What can be shown is shown (no message, no error); the rest gets rule, value and remedy, exit code 2, no traceback, and
the app stays usable with the reader's text kept.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import pytest

import attnviz
from attnviz import cli, errors
from attnviz.selection import IN_URL, PARAMETERS, TEXT
from attnviz.types import AttentionRequest, HeadRef
from tests.app.conftest import drawn, say, written


@dataclass(frozen=True)
class Case:
    """One input; `says` is a part of the message on page and command line, None where it is simply shown."""

    name: str
    text: str
    says: str | None = None
    error: type[errors.AttnvizError] | None = None
    model: str = "minilm"
    text_b: str | None = None
    on_page: str | None = None  # where the page's words differ
    on_command_line: str | None = None  # likewise: there a path may name a folder of models
    in_python: type[errors.AttnvizError] | None = None  # likewise the error: there a path names a folder of models
    typed: bool = True  # whether a browser can send it at all


EVIL = "</script><img src=x onerror=alert(1)>"
CASES = (
    Case("empty text", "", "is empty", errors.EmptyTextError, on_page="Type a sentence, and see which word looks at which"),
    Case("blank text", " \t ", "is empty", errors.EmptyTextError, on_page="Type a sentence, and see which word looks at which"),
    Case("too many tokens", "word " * 600, "at most 512 tokens; this text has 602", errors.TooLongError),
    Case("a megabyte", "x" * 1_000_000, "200,000 bytes", errors.TooLongError),
    Case("a lone surrogate", "half \udcff of it", "only whole characters", errors.BadTextError, typed=False),
    Case("a second text for a decoder", "one", "takes no second", errors.PairError, model="smollm2", text_b="two"),
    Case("an unknown model", "one", "no-such-model", errors.UnknownModelError, model="no-such-model", on_page="no-such-model"),
    Case(
        "a path as a model's name",
        "one",
        "etc/passwd",
        errors.UnknownModelError,
        model="../../etc/passwd",
        on_command_line="no config.json",
        in_python=errors.UnavailableError,
    ),
    Case(
        "a hub model without network",
        "one",
        "distilbert-base-uncased",
        errors.UnavailableError,
        model="distilbert-base-uncased",
    ),
    Case("NUL and control characters", "a\x00b \x07 c\x1b[31m"),
    Case("nothing but control characters", "\x00\x01"),
    Case("emoji with joiners", "👩‍👩‍👧 waved 🏳️‍🌈 at 👍🏽"),
    Case("right to left", "الحيوان لم يعبر الشارع لأنه كان متعبا"),
    Case("CJK", "動物は疲れていたので道を渡らなかった"),
    Case("combining marks", "cafe\u0301 a\u0308o\u0308 Z\u0351\u0343\u034a"),
    Case("one token", "x"),
    Case("special tokens as text", "[SEP] [MASK] <|endoftext|> [CLS]"),
    Case("markup", f"{EVIL} cat"),
    Case("Markdown", "![x](http://example.org/x.png) [link](http://example.org) **bold** $x^2$ :red[no]"),
)
IDS = [case.name for case in CASES]


@pytest.mark.parametrize("case", [case for case in CASES if case.typed], ids=[case.name for case in CASES if case.typed])
def test_the_page_shows_it_or_says_what_to_do_and_is_still_usable(case, opened):
    chosen = {"model": case.model, "layer": "5", "head": "4", "pins": "3.1"}
    if len(case.text) > IN_URL:  # no link carries it: it is typed
        app = opened(**chosen)
        say(app, case.text)
    else:
        app = opened(**chosen, text=case.text, **({"text_b": case.text_b} if case.text_b else {}))
    assert not app.exception
    if case.says is None:
        assert drawn(app) == 2
    else:
        assert (case.on_page or case.says) in written(app)
    selection = app.session_state["attnviz_selection"]
    assert selection.request.text == case.text, "the typed text stays"
    assert (selection.head, [pin.head for pin in selection.pins]) == (HeadRef(5, 4), [HeadRef(3, 1)]), "so do the heads"
    if case.error is errors.UnavailableError:
        app.selectbox(key="model").set_value("minilm").run()
    say(app, TEXT)
    assert drawn(app) >= 1


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_the_command_line_prints_it_or_ends_with_its_message_and_exit_code_2(case, capfdbinary):
    arguments = ["attend", case.text, "--model", case.model, "--layer", "1", "--head", "2"]
    code = cli.main([*arguments, "--text-b", case.text_b] if case.text_b else arguments)
    out, err = (stream.decode("utf-8", "replace") for stream in capfdbinary.readouterr())
    if case.says is None:
        assert code == 0
        found = json.loads(out)
        assert (found["layer"], found["head"]) == (1, 2)
        assert len(found["weights"]) == len(found["tokens"])
    else:
        assert code == 2
        assert (case.on_command_line or case.says) in err
        assert not re.search(r"\w+(Error|Exception)\b|Traceback|Errno", err), "words, not names of Python"
        assert out == ""


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_python_returns_a_trace_or_raises_the_error_of_that_name(case):
    if case.error is None:
        trace = attnviz.attend(case.text, case.model, case.text_b)
        assert trace.request == AttentionRequest(case.model, case.text, case.text_b)
        for token in trace.tokens:
            assert token.special or token.text.startswith("<0x") or token.text == case.text[token.start : token.end]
        return
    with pytest.raises(case.in_python or case.error) as caught:
        attnviz.attend(case.text, case.model, case.text_b)
    assert isinstance(caught.value, errors.AttnvizError)
    assert len(str(caught.value)) < 600, "a message is read, not scrolled"


def test_a_hostile_link_opens_the_default_with_a_notice_for_each_bad_value(opened):
    app = opened(layer="99", head="x", model="../../etc/passwd", text=EVIL)
    for notice in (
        "There is no model “../../etc/passwd”: showing all-MiniLM-L6-v2.",
        "Layer “99” does not exist (all-MiniLM-L6-v2 has 0 to 5): showing layer 0.",
        "Head “x” does not exist (all-MiniLM-L6-v2 has 0 to 11): showing head 0.",
    ):
        assert notice in written(app)
    assert drawn(app) == 1
    assert app.session_state["attnviz_selection"].request == AttentionRequest("minilm", EVIL)
    say(app, TEXT)
    assert drawn(app) == 1
    assert "does not exist" not in written(app), "the reader has moved on"


@pytest.mark.parametrize("named", [*((name,) for name in PARAMETERS), PARAMETERS], ids=lambda named: "+".join(named))
def test_markup_in_any_part_of_a_link_is_shown_as_text_or_named_as_wrong(named, opened):
    app = opened(**dict.fromkeys(named, EVIL))
    assert drawn(app) == 1
    if not {*named} <= {"text", "text_b"}:
        assert EVIL in written(app), "the notice quotes it"
    for part in (*app.info, *app.markdown, *app.caption, *app.header, *app.subheader):
        assert "<" not in str(part.value).replace("\\<", ""), "every mark that could start markup is escaped"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["attend", "a text", "--layer", "99", "--head", "1"], "layers 0 to 5"),
        (["attend", "a text", "--layer", "1", "--head", "99"], "heads 0 to 11"),
        (["attend", "a text", "--layer", "-1", "--head", "1"], "from 0"),
        (["attend", "a text", "--block", "cross"], "no block"),
        (["attend", "a text", "--model", "./no-such-folder"], "no-such-folder"),
        (["attend", "a text", "--model", f"./{'x' * 300}"], "has no config.json"),
        (["attend", "a text", "--model", "~no-such-user-here/model"], "has no config.json"),
        (["attend", "a text", "--keep", "least:2"], "kept by least:0.1, top:3 or mass:0.9"),
        (["attend", "a text", "--keep", "0.1"], "kept by least:0.1, top:3 or mass:0.9"),
        (["attend", "a text", "--between", "a-c"], "a-a, a-b, b-a, b-b"),
        (["attend", "a text", "--between", "a-b"], "Give the other with --text-b"),
    ],
)
def test_a_command_that_cannot_be_done_says_rule_value_and_remedy(arguments, says, capsys):
    assert cli.main(arguments) == 2
    output = capsys.readouterr()
    assert says in output.err
    assert output.out == ""
    assert "Traceback" not in output.err


@pytest.mark.parametrize(
    "arguments", [["attend"], ["no-such-command"], ["attend", "x", "--layer", "one"], ["attend", "x", "--format", "exe"]]
)
def test_a_command_with_wrong_words_ends_with_usage_and_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err
