"""Files: the same weights come back out of each, texts cannot become formulas or markup, and equal input gives equal bytes."""

from __future__ import annotations

import io
import json
import re
import struct
import subprocess
import sys
import time
import zlib
from html import unescape

import numpy as np
import pandas as pd
import pytest

from attnviz.engine.trace import Block, Dense, Trace
from attnviz.errors import BadInputError
from attnviz.figures import encoding, export, page
from attnviz.types import AttentionRequest, HeadRef, ModelCard, Pattern, Token, Unit, ViewOptions

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
SOURCE = export.provenance(CARD, trace(), HeadRef(1, 2), ViewOptions())


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
    found = json.loads(export.as_json(pattern, export.provenance(CARD, crossed, HeadRef(0, 1, "cross"), ViewOptions())))
    assert found["block"] == "cross"
    assert [key["text"] for key in found["keys"]] == ["das", "Haus"]
    assert found["keys"][1] == {"text": "Haus", "start": 4, "end": 8, "word": 1}
    assert len(found["tokens"]) == 4


def test_of_a_pair_each_token_says_which_text_it_belongs_to():
    source = export.provenance(CARD, trace(text_b="second"), HeadRef(1, 2), ViewOptions())
    assert json.loads(export.as_json(PATTERN, source))["tokens"][1]["segment"] == 0


def test_provenance_says_what_the_numbers_rest_on_and_no_date():
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
    source = export.provenance(CARD, Trace(hostile, trace().parts), HeadRef(0, 0), ViewOptions())
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
    first = export.exported(name, PATTERN, SOURCE)
    monkeypatch.setattr(time, "time", lambda: 4e9)
    assert export.exported(name, PATTERN, export.provenance(CARD, trace(), HeadRef(1, 2), ViewOptions())) == first


def test_an_unknown_format_is_refused_by_name():
    with pytest.raises(BadInputError, match="json, csv, npz, html; got 'xls'"):
        export.exported("xls", PATTERN, SOURCE)


def cells(html: str) -> list[tuple[int, str]]:
    """(level, title) of each cell of the page's heatmap."""
    return [(int(level), unescape(title)) for level, title in re.findall(r'<td class="w(\d+)" title="([^"]*)"', html)]


def test_the_page_tells_every_link_with_its_exact_value():
    found = cells(export.as_html(PATTERN, SOURCE).decode())
    assert len(found) == 16
    assert found[7][1] == f"\u2068=1+1,\u2069 → \u2068@it\u2069 {PATTERN.weights[1, 3]!s}"
    assert found[7][0] == round(255 * float(PATTERN.weights[1, 3]) ** 0.7)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_has_the_colours_of_the_encoding(theme: str):
    html = export.as_html(PATTERN, SOURCE).decode()
    light, dark = html.split("@media(prefers-color-scheme:dark)")
    style = light if theme == "light" else dark
    for level, title in cells(html):
        colour = re.search(rf"\.w{level}{{background:(#\w+);color:(#\w+)}}", style)
        assert colour is not None
        want = encoding.weight_rgb(np.array(float(title.rsplit(" ", 1)[1])), theme)
        assert np.abs(encoding.rgb(colour[1]).astype(int) - want).max() <= 2  # half a level of 255, and rounding
        assert colour[2] == encoding.text_on(colour[1])


def test_hostile_text_stands_in_the_page_as_text():
    hostile = "</style></script><img src=x onerror=alert(1)>\x00"
    token = (Token(hostile, "x", 0, 5, 0),)
    one = Trace(
        AttentionRequest("tiny", hostile, hostile), (Block("self", token, token, (Dense(np.ones((1, 1, 1), np.float32)),)),)
    )
    pattern = Pattern((hostile,), (hostile,), np.ones((1, 1), np.float32), np.zeros(1), hostile)
    html = export.as_html(pattern, export.provenance(CARD, one, HeadRef(0, 0), ViewOptions())).decode()
    assert "<img" not in html
    assert "\x00" not in html
    assert html.count("</style>") == 1
    assert "<script" not in html


def test_what_cannot_be_seen_is_blank_on_the_page():
    weights = np.array([[1, 0], [0.5, 0.5]], np.float32)
    html = export.as_html(Pattern(("a", "b"), ("a", "b"), weights, np.zeros(2), causal=True), SOURCE).decode()
    assert html.count('class="blank"') == 1
    assert "a cannot look at b: it comes later" in html
    assert len(cells(html)) == 3


def test_a_long_text_becomes_a_picture_with_a_pixel_a_weight():
    weights = random_weights(90, 120)
    names = tuple(f"q{i}" for i in range(90)), tuple(f"k{i}" for i in range(120))
    pattern = Pattern(*names, weights, np.zeros(90))
    levels = np.rint(255 * weights**0.7).astype(np.uint8)
    png = page._png(levels, "dark")
    width, height, depth, kind = struct.unpack(">IIBB", png[16:26])
    assert (width, height, depth, kind) == (120, 90, 8, 3)
    start = png.index(b"IDAT")
    (size,) = struct.unpack(">I", png[start - 4 : start])
    lines = np.frombuffer(zlib.decompress(png[start + 4 : start + 4 + size]), np.uint8).reshape(90, 121)
    assert np.array_equal(lines[:, 1:], levels)
    html = export.as_html(pattern, SOURCE).decode()
    assert cells(html) == []
    assert html.count("data:image/png;base64,") == 2
    assert f"<td><bdi>k{weights[7].argmax()}</bdi></td><td>{weights[7].max():.3f}</td>" in html


def test_nothing_to_show_is_still_a_page():
    empty = Pattern((), (), np.zeros((0, 0), np.float32), np.zeros(0))
    for name in export.FORMATS:
        assert export.exported(name, empty, SOURCE)


def test_exporting_loads_no_heavy_library():
    code = "import sys; from attnviz.figures import export, page; print({'torch', 'transformers', 'plotly'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
