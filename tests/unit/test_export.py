"""Files: the same weights come back out of each, texts cannot become formulas or markup, and equal input gives equal bytes."""

from __future__ import annotations

import base64
import io
import json
import re
import struct
import subprocess
import sys
import time
from html import unescape

import numpy as np
import pandas as pd
import pytest

from attnviz import export
from attnviz.engine.block import Block
from attnviz.engine.layers import Dense
from attnviz.engine.trace import Trace
from attnviz.errors import BadInputError
from attnviz.export import html as page
from attnviz.figures import provenance
from attnviz.types import AttentionRequest, HeadRef, ModelCard, Pattern, Token, Unit
from attnviz.view_state import ViewOptions

TEXT = "=1+1, unbelievable; @it"
CARD = ModelCard("tiny", "Tiny BERT", "encoder", 2, 3, 64, "Apache-2.0", "nowhere", quantised="4-bit copy")
TOKENS = (
    Token("[CLS]", "[CLS]", 0, 0, None),
    Token("=1+1,", "=1+1,", 0, 5, 0),
    Token("unbeliev", "un##believ", 6, 14, 1),
    Token("able;", "##able", 14, 19, 1),
    Token("@it", "@it", 20, 23, 2),
)
UNITS = (
    Unit("[CLS]", 0, 0, (0,), special=True),
    Unit("=1+1,", 0, 5, (1,)),
    Unit("unbelievable;", 6, 19, (2, 3)),
    Unit("@it", 20, 23, (4,)),
)


def random_weights(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(columns, 0.3), rows).astype(np.float32)


def trace(name: str = "self", keys: tuple[Token, ...] = TOKENS, text_b: str | None = None) -> Trace:
    calls = tuple(Dense(np.stack([random_weights(len(TOKENS), len(keys), 3 * i + h) for h in range(3)])) for i in range(2))
    return Trace(AttentionRequest("tiny", TEXT, text_b), (Block(name, TOKENS, keys, calls),), "ab" * 32)


LABELS = tuple(unit.text for unit in UNITS)
PATTERN = Pattern(LABELS, LABELS, random_weights(4, 4), np.zeros(4), "Words are merged.", UNITS, UNITS)
SOURCE = provenance.provenance(CARD, trace(), HeadRef(1, 2), ViewOptions())
ITEM = export.ExportItem(trace(), PATTERN, SOURCE)


def test_json_has_the_promised_shape_and_says_where_each_unit_stands():
    found = json.loads(export.as_json(PATTERN, SOURCE))
    assert list(found) == ["model", "block", "layer", "head", "tokens", "weights", "provenance"]
    assert (found["model"], found["block"], found["layer"], found["head"]) == ("tiny", "self", 1, 2)
    assert found["tokens"][0] == {"text": "[CLS]", "start": 0, "end": 0, "word": None}
    assert found["tokens"][2] == {"text": "unbelievable;", "start": 6, "end": 19, "word": 1}
    assert found["tokens"][3] == {"text": "@it", "start": 20, "end": 23, "word": 2}


def test_weights_in_json_read_back_as_the_same_float32():
    weights = random_weights(70, 90)
    weights[0, :3] = 1.0, 1e-38, np.float32(0.1) + np.float32(1e-8)
    big = Pattern(tuple("q" * 70), tuple("k" * 90), weights, np.zeros(70))
    found = json.loads(export.as_json(big, SOURCE))["weights"]
    assert np.array_equal(np.array(found, np.float64).astype(np.float32), weights)


def test_cross_attention_names_its_keys_as_well():
    source = (Token("das", "das", 0, 3, 0), Token("Haus", "Haus", 4, 8, 1))
    crossed = trace("cross", source)
    keys = tuple(Unit(token.text, token.start, token.end, (i,)) for i, token in enumerate(source))
    pattern = Pattern(LABELS, ("das", "Haus"), random_weights(4, 2), np.zeros(4), "", UNITS, keys)
    found = json.loads(export.as_json(pattern, provenance.provenance(CARD, crossed, HeadRef(0, 1, "cross"), ViewOptions())))
    assert found["block"] == "cross"
    assert [key["text"] for key in found["keys"]] == ["das", "Haus"]
    assert found["keys"][1] == {"text": "Haus", "start": 4, "end": 8, "word": 1}
    assert len(found["tokens"]) == 4


def test_of_a_pair_each_token_says_which_text_it_belongs_to():
    source = provenance.provenance(CARD, trace(text_b="second"), HeadRef(1, 2), ViewOptions())
    assert json.loads(export.as_json(PATTERN, source))["tokens"][1]["segment"] == 0


def test_provenance_says_where_the_numbers_come_from_and_has_no_date():
    found = json.loads(export.as_json(PATTERN, SOURCE))["provenance"]
    assert (found["model"], found["name"], found["weights_sha256"]) == ("tiny", "Tiny BERT", "ab" * 32)
    assert (found["text"], found["text_b"], found["quantised"]) == (TEXT, None, "4-bit copy")
    assert (found["words"], found["special"], found["note"], found["head"]) == (True, "show", "Words are merged.", "L1·H2")
    assert list(found["versions"]) == ["attnviz", "torch", "transformers"]
    assert found["query_pieces"] == ["[CLS]", "=1+1,", "un##believ", "##able", "@it"]
    assert not [name for name in found if "date" in name or "time" in name]


def test_hidden_shares_are_written_out():
    hidden = np.array([0.5, 0.0, 0.25, 1.0], np.float32)
    pattern = Pattern(LABELS, LABELS, PATTERN.weights * (1 - hidden)[:, None], hidden, "", UNITS, UNITS)
    assert json.loads(export.as_json(pattern, SOURCE))["provenance"]["hidden"] == [0.5, 0.0, 0.25, 1.0]


def test_a_lone_surrogate_does_not_break_the_file():
    pattern = Pattern(("\ud83d",), ("k",), np.ones((1, 1), np.float32), np.zeros(1))
    assert json.loads(export.as_json(pattern, SOURCE).decode("utf-8"))["tokens"][0]["text"] == "\ud83d"


def test_pandas_reads_the_csv_back_with_unique_names():
    labels = ("=1+1", "the", "the", '#;"', "a\nb")
    weights = random_weights(5, 5)
    data = export.as_csv(Pattern(labels, labels, weights, np.zeros(5)), SOURCE)
    table = pd.read_csv(io.BytesIO(data), comment="#", index_col=0)
    names = ["[0] =1+1", "[1] the", "[2] the", '[3] #;"', "[4] a\nb"]
    assert table.columns.tolist() == table.index.tolist() == names
    assert np.array_equal(table.to_numpy().astype(np.float32), weights)


def test_no_cell_of_the_csv_begins_as_a_formula():
    labels = ("=1+1", "+1", "-1", "@it", "\tx", "\rx")
    hostile = AttentionRequest("tiny", "a,=1+1;@SUM(A1)\t=2\n=3", None)
    source = provenance.provenance(CARD, Trace(hostile, trace().parts), HeadRef(0, 0), ViewOptions())
    data = export.as_csv(Pattern(labels, labels, random_weights(6, 6), np.zeros(6)), source).decode()
    comments = [line for line in data.split("\n") if line.startswith("# ")]
    assert not [line for line in comments if set(line) & set(",;\t\r")]  # one cell each, and it begins with #
    table = data[data.index('"query"') :]
    texts = re.findall(r'"((?:[^"]|"")*)"', table)
    assert len(texts) == 13
    assert all(text == "query" or text.startswith("[") for text in texts)


def test_the_lines_above_the_csv_table_are_json():
    lines = [line for line in export.as_csv(PATTERN, SOURCE).decode().splitlines() if line.startswith("# ")]
    facts = {name: json.loads(value) for name, value in (line[2:].split(": ", 1) for line in lines)}
    assert facts["text"] == TEXT
    assert facts["quantised"] == "4-bit copy"
    assert "version of torch" in facts


def test_numpy_reads_the_npz_without_pickle():
    found = np.load(io.BytesIO(export.as_npz(PATTERN, SOURCE)), allow_pickle=False)
    assert found["weights"].dtype == np.float32
    assert np.array_equal(found["weights"], PATTERN.weights)
    assert found["queries"].tolist() == list(LABELS)
    assert json.loads(str(found["provenance"]))["text"] == TEXT
    assert found["hidden"].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("name", export.FORMATS)
def test_equal_input_gives_equal_bytes_at_another_time(name: str, monkeypatch: pytest.MonkeyPatch):
    first = export.exported(name, ITEM)
    monkeypatch.setattr(time, "time", lambda: 4e9)
    again = provenance.provenance(CARD, trace(), HeadRef(1, 2), ViewOptions())
    assert export.exported(name, export.ExportItem(trace(), PATTERN, again)) == first


def test_an_unknown_format_is_refused_by_name():
    with pytest.raises(BadInputError, match="json, csv, npz, html, svg, pdf, png; got 'xls'"):
        export.exported("xls", ITEM)


def test_the_page_says_where_its_numbers_come_from_for_readers_and_for_programs():
    html = export.as_html(ITEM).decode()
    facts = json.loads(unescape(re.search(r'<meta name="attnviz-provenance" content="([^"]*)"', html)[1]))
    assert facts == json.loads(json.dumps(SOURCE.as_dict(PATTERN)))
    below = html[html.index('<footer class="attnviz-below">') :]
    for fact in ("Tiny BERT (tiny)", "ab" * 32, "4-bit copy", "layer 1, head 2, counted from 0", "by words", "torch "):
        assert fact in below


def test_without_a_script_the_page_still_has_the_text_and_every_number():
    html = export.as_html(ITEM).decode()
    bare = re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    assert f'<noscript><style>.attnviz{{display:none}}</style><p class="attnviz-text" dir="auto">{TEXT}</p>' in bare
    table = bare[bare.index("All weights in numbers") :]
    found = re.findall(r"<td>(\d\.\d{3})</td>", table)
    assert [float(one) for one in found] == pytest.approx(PATTERN.weights.ravel().tolist(), abs=0.0005)


def test_the_page_holds_the_board_with_every_head():
    html = export.as_html(ITEM).decode()
    parts = re.findall(r'class="attnviz-data">([^<]*)<', html)
    frame = base64.b64decode(parts[0])
    (size,) = struct.unpack("<I", frame[20:24])
    header = json.loads(frame[24 : 24 + size])
    assert (header["layers"], header["heads"], header["texts"]) == (2, 3, [TEXT, ""])
    assert header["whole"]
    start = json.loads(re.search(r'id="attnviz-start">([^<]*)<', html)[1])
    assert start["selection"]["head"] == [1, 2]


def test_hostile_text_is_in_the_page_as_text():
    hostile = "</style></script>]]><img src=x onerror=alert(1)>\x00\ud83d"
    token = (Token(hostile, "x", 0, 5, 0),)
    one = Trace(
        AttentionRequest("tiny", hostile, hostile), (Block("self", token, token, (Dense(np.ones((1, 1, 1), np.float32)),)),)
    )
    pattern = Pattern((hostile,), (hostile,), np.ones((1, 1), np.float32), np.zeros(1), hostile)
    html = export.as_html(
        export.ExportItem(one, pattern, provenance.provenance(CARD, one, HeadRef(0, 0), ViewOptions()))
    ).decode()
    assert "<img" not in html
    assert "\x00" not in html
    plain = export.as_html(ITEM).decode()
    assert [html.count(tag) for tag in ("</style>", "<script", "</script>")] == [plain.count("</style>"), 4, 4]


def test_for_a_long_text_the_strongest_link_of_each_row_is_described():
    weights = random_weights(90, 120)
    pattern = Pattern(tuple(f"q{i}" for i in range(90)), tuple(f"k{i}" for i in range(120)), weights, np.zeros(90))
    html = page.beneath(pattern, SOURCE)
    assert f"<td><bdi>k{weights[7].argmax()}</bdi></td><td>{weights[7].max():.3f}</td>" in html
    assert html.count("<tr>") == 91


def test_nothing_to_show_is_still_a_page():
    empty = Pattern((), (), np.zeros((0, 0), np.float32), np.zeros(0))
    for name in export.FORMATS:
        assert export.exported(name, export.ExportItem(trace(), empty, SOURCE))


def test_exporting_loads_no_heavy_library():
    heavy = {"torch", "transformers", "plotly", "matplotlib"}
    rooms = "from attnviz import export; from attnviz.export import html; from attnviz.figures import vector"
    code = f"import sys; {rooms}; print({heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
