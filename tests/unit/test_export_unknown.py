"""Files and lines say which words a model cannot read, and what it reads otherwise."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest

import attnviz
from attnviz import cli, export
from attnviz.analysis import legibility_text, view
from attnviz.engine.trace import Trace
from attnviz.export import html
from attnviz.figures import provenance
from attnviz.models import catalog
from attnviz.pages.compare import analysis, data_export
from attnviz.types import AttentionRequest, HeadRef, Pattern, Token, Unit
from attnviz.view_state import Panel, Pin, TokenSelection, ViewOptions
from tests.unit.test_export import TOKENS, trace
from tests.unit.test_unknown_tokens import CHINESE

MINILM = catalog.card("minilm")
WORDS, PIECES = ViewOptions(), ViewOptions(words=False)


def item(text: str, options: ViewOptions = WORDS, text_b: str | None = None) -> export.ExportItem:
    """One head of minilm on a text."""
    found, head = attnviz.attend(text, text_b=text_b), HeadRef(3, 1)
    return export.ExportItem(found, view.pattern(found, head, options), provenance.provenance(MINILM, found, head, options))


def partly() -> tuple[Pattern, provenance.Provenance]:
    """Two words, of the second of which the model reads one piece of two."""
    units = (Unit("a", 0, 1, (0,)), Unit("b😀", 2, 4, (1, 2), unknown=True, partly=True))
    pattern = Pattern(("a", "b😀"), ("a", "b😀"), np.full((2, 2), 0.5, np.float32), np.zeros(2), "", units, units)
    return pattern, provenance.provenance(MINILM, trace(), HeadRef(1, 2), ViewOptions())


@pytest.mark.parametrize("options", [WORDS, PIECES], ids=["words", "tokens"])
def test_json_says_of_each_token_whether_it_is_unknown_and_counts_them(options: ViewOptions):
    found = json.loads(export.exported("json", item("I love 😀", options)))

    assert [(one["text"], one["unknown"]) for one in found["tokens"]] == [
        ("[CLS]", False), ("I", False), ("love", False), ("😀", True), ("[SEP]", False),
    ]  # fmt: skip
    assert found["provenance"]["unknown_tokens"] == 1
    reading = found["provenance"]["reading"]
    assert (reading["unknown_words"], reading["words"], reading["unknown_characters"], reading["characters"]) == (1, 3, 1, 6)
    assert reading["altered"] == [{"typed": "I", "read": "i", "kinds": ["case"], "start": 0, "segment": 0, "count": 1}]


def test_json_says_nothing_where_nothing_is_known():
    pattern, source = partly()[0], provenance.provenance(MINILM, trace(), HeadRef(1, 2), ViewOptions())

    found = json.loads(
        export.as_json(Pattern(("a",), ("a",), np.ones((1, 1)), np.zeros(1), "", *[pattern.query_units[:1]] * 2), source)
    )

    assert found["provenance"]["reading"] is None
    assert "unknown" not in found["tokens"][0]


def test_a_word_that_is_known_in_part_says_so_in_every_file():
    pattern, source = partly()

    assert json.loads(export.as_json(pattern, source))["tokens"][1]["partly_unknown"] is True
    assert b'"[1] b\xf0\x9f\x98\x80 [partly UNK]"' in export.as_csv(pattern, source)
    assert "<bdi>b😀</bdi> [partly UNK]" in html.beneath(pattern, source)


def test_csv_marks_labels_and_counts_in_its_head():
    content = export.exported("csv", item("I love 😀")).decode()
    table = pd.read_csv(io.StringIO(content), comment="#", index_col=0)

    assert list(table.columns) == list(table.index) == ["[0] [CLS]", "[1] I", "[2] love", "[3] 😀 [UNK]", "[4] [SEP]"]
    facts = dict(line[2:].split(": ", 1) for line in content.splitlines() if line.startswith("# "))
    assert json.loads(facts["unknown"]) == "1 of 3 words, 1 of 6 characters: 😀"
    assert json.loads(facts["altered"]) == "I as i"
    assert json.loads(facts["unknown_tokens"]) == 1


def test_csv_says_too_that_nothing_is_unknown():
    content = export.exported("csv", item("it was")).decode()

    assert '# unknown: "0 of 2 words\\u002c 0 of 5 characters"' in content
    assert "[UNK]" not in content


def test_npz_has_an_array_of_what_is_unknown():
    with np.load(io.BytesIO(export.exported("npz", item("I love 😀")))) as found:
        assert found["unknown"].tolist() == found["unknown_keys"].tolist() == [False, False, False, True, False]
        assert json.loads(str(found["provenance"]))["unknown_tokens"] == 1


def test_a_saved_page_marks_words_in_its_numbers_and_says_what_is_unknown_below():
    shown = item("I love 😀")
    found = html.beneath(shown.pattern, shown.source)

    assert '<th scope="row"><bdi>😀</bdi> [UNK]</th>' in found
    assert "<dt>Unknown to the model</dt><dd>1 of 3 words, 1 of 6 characters: 😀</dd>" in found
    assert "<dt>Not read as typed</dt><dd>I as i</dd>" in found
    assert "Unknown" not in html.beneath(item("it was").pattern, item("it was").source)


def test_markup_in_an_unknown_word_stays_text():
    shown = item("a <😀>")

    assert "<😀>" not in html.beneath(shown.pattern, shown.source)


def test_a_pair_is_counted_whole():
    assert item("I 😀", text_b="🦜 flew").source.unknown == "2 of 4 words, 2 of 7 characters: 😀, 🦜"


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("it was", ""),
        ("it 😀", "Model cannot read 1 of 2 words: “😀”. It sees [UNK] (unknown) in its place."),
        ("it 😀 🦜", "Model cannot read 2 of 3 words: “😀” and “🦜”. It sees [UNK] (unknown) in place of each."),
        ("it 😀.", "Model cannot read 1 of 3 words and punctuation marks: “😀”. It sees [UNK] (unknown) in its place."),
        (
            CHINESE,
            "Model cannot read 10 of 13 characters: “猫”, “没”, “过” and 7 more. It sees [UNK] (unknown) in place of each.",
        ),
        ("it " + "x" * 101, f"Model cannot read 1 of 2 words: “{'x' * 23}…”. It sees [UNK] (unknown) in its place."),
        ("😀🦜", "Model cannot read this text at all. It sees only [UNK] (unknown)."),
    ],
)
def test_what_cannot_be_read_is_reported_in_a_sentence(text: str, want: str):
    assert legibility_text.unread(attnviz.attend(text), "Model") == want


def test_a_server_of_an_earlier_version_counts_nothing_and_its_trace_says_nothing():
    assert legibility_text.unread(trace(), "Model") == legibility_text.altered_sentence(None, "Model") == ""


def test_an_unknown_token_that_is_no_character_of_the_text_is_counted_by_tokens():
    blank = (*TOKENS[:4], Token("\n", "<unk>", 19, 20, 7, unknown=True))
    part = trace(keys=blank).parts[0]
    found = Trace(trace().request, (type(part)("self", blank, blank, part.calls),))

    assert legibility_text.unread(found, "Model") == "Model reads 1 token of this text only as [UNK], unknown."


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("it was", ""),
        ("It was", "Model reads this text in lower case."),
        ("café", "Model reads this text without accents, “café” as “cafe”."),
        ("The CAFÉ", "Model reads this text in lower case and without accents, “CAFÉ” as “cafe”."),
        ("בָּרָא", "Model reads this text without the marks on its letters, “בָּרָא” as “ברא”."),
        ("un\u00adseen", "Model reads this text without control and zero-width characters, “un\u00adseen” as “unseen”."),
    ],
)
def test_altered_words_are_reported_in_a_sentence(text: str, want: str):
    assert legibility_text.altered_sentence(attnviz.attend(text).reading, "Model") == want


@pytest.mark.parametrize("words", [[], ["--words"]])
def test_the_command_line_counts_unknown_words_on_standard_error(words: list[str], capsys: pytest.CaptureFixture[str]):
    assert cli.main(["attend", "I love 😀", "--format", "csv", *words]) == 0

    output = capsys.readouterr()
    assert "all-MiniLM-L6-v2 cannot read 1 of 3 words: “😀”." in output.err
    assert "all-MiniLM-L6-v2 reads this text in lower case." in output.err
    assert "[3] 😀 [UNK]" in output.out


def test_the_command_line_names_the_first_unknown_words_and_counts_all(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["attend", CHINESE]) == 0

    assert "all-MiniLM-L6-v2 cannot read 10 of 13 characters: “猫”, “没”, “过” and 7 more." in capsys.readouterr().err


def test_no_control_character_of_a_text_reaches_the_terminal(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["attend", "a\x1b[31mb É"]) == 0

    assert "\x1b" not in capsys.readouterr().err


def test_panels_mark_unknown_words_in_their_files_and_in_the_link_that_is_followed():
    request, head = AttentionRequest("minilm", "I love 😀"), HeadRef(3, 1)
    trace = attnviz.attend(request.text)
    pins = (Pin(request, head), Pin(request, HeadRef(2, 1)))
    shown = analysis.build_panels(pins, (Panel("difference", (0, 1)),), {request: trace}, WORDS)

    rows = pd.read_csv(io.BytesIO(data_export.as_csv(shown, {"minilm": MINILM}, WORDS)), comment="#")
    assert set(rows["key"]) == {"[0] [CLS]", "[1] I", "[2] love", "[3] 😀 [UNK]", "[4] [SEP]"}
    found = json.loads(data_export.as_json(shown, {request: trace}, {"minilm": MINILM}, WORDS, None))["panels"]
    assert [one["unknown"] for one in found] == [one["unknown_keys"] for one in found] == [[False] * 3 + [True, False]] * 3
    part = trace.block("self")
    followed = analysis.follow_selection(shown, TokenSelection(2), (part.queries, part.keys))
    assert {(one.query, one.key) for one in followed} == {("love", "😀 [UNK]")}
