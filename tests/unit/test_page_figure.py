"""A page's figures as files: numbers by hand, structure of pictures, captions, BibTeX, and hostile texts."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from pypdf import PdfReader

from attnviz.analysis.compare import Difference
from attnviz.errors import BadInputError
from attnviz.figures import citation, page_figure
from attnviz.figures.head_figure import head_figure
from attnviz.figures.page_figure import ALONE, WHOLE, FigureSource, PageFigure, Table, Word
from attnviz.figures.vector import bars
from attnviz.figures.vector.placing import Frame
from attnviz.models import catalog
from attnviz.types import HeadRef, ModelCard, Pattern, Unit

SVG = "{http://www.w3.org/2000/svg}"
CARD = ModelCard("tiny", "Tiny", "encoder", 2, 3, 64, "MIT", "nowhere", hub="us/tiny")
HOSTILE = ("=1+1", "</svg><script>x</script>", "]]>&\"'", "a\x00b", "\ud83d", "@x")


def source(text: str = "He ran", card: ModelCard = CARD) -> FigureSource:
    return FigureSource(card, text, None, "ab" * 32, HeadRef(1, 2))


def pattern(words: tuple[str, ...] = ("He", "ran")) -> Pattern:
    weights = np.full((len(words), len(words)), 1 / len(words), np.float32)
    weights[0, :2] = 0.75, 0.25
    units = tuple(Unit(word, i, i + 1, (i,)) for i, word in enumerate(words))
    return Pattern(words, words, weights, np.zeros(len(words), np.float32), query_units=units, key_units=units)


def matrix(text: str = "He ran", words: tuple[str, ...] = ("He", "ran")) -> PageFigure:
    return head_figure("before", "Before", "One head.", source(text), pattern(words), rows=(0,), facts={"step": 3})


def bar_picture(*, names: tuple[str, ...] = ("a", "b"), part: str = WHOLE):
    series = bars.Series("share", (0.5, -1.0), -1.0, 1.0, lambda value: f"{value:.1f}", "")
    return bars.drawing(names, (series,), Frame("Bars", "a line", ("A note.",), whole=part == WHOLE), marked=1)


def texts(data: bytes, role: str) -> list[str]:
    return [one.text or "" for one in ElementTree.fromstring(data).iter(f"{SVG}text") if one.get("class") == role]


def comments(data: bytes) -> dict[str, Any]:
    lines = [line[2:].split(": ", 1) for line in data.decode().splitlines() if line.startswith("# ")]
    return {name: json.loads(value) for name, value in lines}


def table(data: bytes) -> list[list[str]]:
    return list(csv.reader(line for line in io.StringIO(data.decode()) if not line.startswith("# ")))


def test_the_csv_has_each_weight_once_below_where_it_comes_from():
    data = page_figure.written(matrix(), "csv")
    assert table(data) == [
        ["query", "key", "weight"], ["[0] He", "[0] He", "0.75"], ["[0] He", "[1] ran", "0.25"],
        ["[1] ran", "[0] He", "0.5"], ["[1] ran", "[1] ran", "0.5"],
    ]  # fmt: skip
    facts = comments(data)
    assert (facts["model"], facts["weights_sha256"], facts["text"], facts["head"], facts["step"]) == (
        "tiny", "ab" * 32, "He ran", "L1·H2", 3,
    )  # fmt: skip


def test_the_json_has_the_same_numbers_with_places_and_caption():
    found = json.loads(page_figure.written(matrix(), "json"))
    assert found["columns"] == ["query", "key", "weight"]
    assert found["rows"][1] == [{"place": 0, "text": "He"}, {"place": 1, "text": "ran"}, 0.25]
    assert found["provenance"]["hub"] == "us/tiny"
    assert found["caption"] == matrix().caption


def test_the_caption_names_text_model_head_version_and_the_strongest_link():
    caption = matrix().caption
    for part in ("“He ran”", "Tiny (us/tiny)", "abababababab", "L1·H2", "attnviz 0", "“He” looks most at “He”, 0.750."):
        assert part in caption


def test_matrix_and_curves_come_together_or_alone():
    whole, cells, curves = (page_figure.written(matrix(), "svg", part) for part in ("both", "matrix", "curves"))
    assert texts(whole, "name") == ["Before"]
    assert texts(cells, "name") == texts(curves, "name") == []
    assert texts(cells, "column") == ["He", "ran"]
    assert texts(cells, "key") == texts(curves, "column") == []
    assert texts(curves, "key") == ["He", "ran"]
    rects = [one for one in ElementTree.fromstring(cells).iter(f"{SVG}rect") if one.get("data-weight")]
    assert [float(one.get("data-weight", "")) for one in rects] == [0.75, 0.25, 0.5, 0.5]


def test_a_difference_is_signed_in_the_table_and_the_caption():
    change = Difference(("He", "ran"), ("He", "ran"), np.array([[0.1, -0.4], [0, 0]], np.float32), np.zeros(2, np.float32))
    found = head_figure("difference", "Difference", "After minus before.", source(), change, rows=(0,))
    assert table(page_figure.written(found, "csv"))[2] == ["[0] He", "[1] ran", "-0.4"]
    assert "“ran”: −0.400." in found.caption


def test_a_pdf_has_one_page_as_large_as_the_picture_and_a_png_has_300_pixels_an_inch():
    drawn = matrix().drawing("matrix", True)
    page = PdfReader(io.BytesIO(page_figure.written(matrix(), "pdf", "matrix"))).pages
    assert len(page) == 1
    assert float(page[0].mediabox.width) == pytest.approx(drawn.width, abs=0.01)
    image = Image.open(io.BytesIO(page_figure.written(matrix(), "png", "matrix")))
    assert image.info["dpi"][0] == pytest.approx(300, abs=0.1)
    assert image.width == pytest.approx(drawn.width * 300 / 72, abs=1)


@pytest.mark.parametrize("kind", page_figure.KINDS)
def test_equal_figures_give_equal_bytes(kind: str):
    assert page_figure.written(matrix(), kind) == page_figure.written(matrix(), kind)


def test_bars_begin_at_0_and_are_green_above_and_purple_below():
    first, second = (mark for mark in bar_picture().marks if getattr(mark, "facts", ()))
    assert first.x == pytest.approx(second.x + second.width)
    assert second.width == pytest.approx(2 * first.width)
    assert (first.fill, second.fill) == ("#2F8A5D", "#8C4A9E")


def test_a_picture_alone_has_no_title_and_no_note():
    whole, alone = bar_picture(), bar_picture(part=ALONE)
    assert {mark.role for mark in whole.marks if hasattr(mark, "role")} > {"name", "model", "note"}
    assert not {mark.role for mark in alone.marks if hasattr(mark, "role")} & {"name", "model", "note"}
    assert alone.height < whole.height
    assert "A note." in alone.description


def test_a_hostile_text_stays_text_in_every_file():
    figure = matrix("=cmd|' /C calc'!A0 </metadata><script>", HOSTILE)
    for kind in page_figure.DRAWN:
        assert page_figure.written(figure, kind)
    tree = ElementTree.fromstring(page_figure.written(figure, "svg"))
    assert not [one for one in tree.iter() if "script" in str(one.tag)]
    rows = table(page_figure.written(figure, "csv"))
    assert not [cell for row in rows for cell in row if cell[:1] in "=+-@"]
    assert json.loads(page_figure.written(figure, "json"))["rows"][0][0]["text"] == "=1+1"


def test_a_bare_text_that_a_spreadsheet_takes_for_a_formula_gets_an_apostrophe():
    found = Table(("name", "value"), (("=1+1", 0.5), (" @x", None), ("−1", True), ("\uff1d1", float("nan"))))
    figure = PageFigure("x", "X", "Says.", source(), lambda part, coded: bar_picture(part=part), lambda: found)
    assert table(page_figure.written(figure, "csv"))[1:] == [["'=1+1", "0.5"], ["' @x", ""], ["−1", "1"], ["'\uff1d1", ""]]
    assert json.loads(page_figure.written(figure, "json"))["rows"] == [
        ["=1+1", 0.5],
        [" @x", None],
        ["−1", True],
        ["\uff1d1", None],
    ]


def test_names_of_files_say_model_head_figure_and_part():
    assert matrix().file_name("svg", "both") == "attnviz-tiny-L1H2-before.svg"
    assert matrix().file_name("png", "curves") == "attnviz-tiny-L1H2-before-curves.png"
    assert matrix().file_name("csv", "curves") == "attnviz-tiny-L1H2-before.csv"


def test_an_unknown_kind_or_part_is_refused():
    for kind, part in (("gif", "both"), ("svg", "half")):
        with pytest.raises(BadInputError):
            page_figure.written(matrix(), kind, part)


def test_bibtex_cites_attnviz_and_the_paper_of_every_model_of_the_catalogue():
    for card in catalog.cards():
        found = citation.bibtex(card)
        assert found.count("@") == 2
        assert "author = {{attnviz contributors}}" in found
        assert catalog.paper(card) is not None, card.id
        assert found.count("{") == found.count("}")
    assert "eprint = {2002.10957}" in citation.bibtex(catalog.card("minilm"))
    assert "BERT: Pre-training of Deep Bidirectional" in citation.bibtex(catalog.card("bert-base-uncased"))


def test_bibtex_cites_the_data_sets_that_were_counted_and_none_of_the_readers_own():
    names = ("GAP coreference", "Winogender schemas", "UD English EWT, dev", "my.conllu")
    found = citation.bibtex(catalog.card("minilm"), data_sets=names)
    assert found.count("@") == 5
    assert all(part in found for part in ("eprint = {1810.05201}", "eprint = {1804.09301}", "treebanks/en", "Webster, Kellie"))
    assert "my.conllu" not in found
    assert found.count("{") == found.count("}")


def test_bibtex_of_a_folder_with_a_hostile_name_has_no_command_and_no_field_of_its_own():
    card = ModelCard("./a},b={", "x} @misc{y, \\input{z}\n%", "encoder", 1, 1, 8, "MIT", "nowhere")
    entry = citation.bibtex(card).partition("\n\n")[2]
    depths = list(itertools.accumulate((c == "{") - (c == "}") for c in entry))
    assert min(depths[entry.index("{") : -2]) == 1, "no text ends the entry"
    assert depths[-1] == 0
    assert (
        re.findall(r"\\\w+", entry)
        == [r"\textbraceright", r"\textbraceleft", r"\textbackslash", r"\textbraceleft", r"\textbraceright"] * 2
    )
    assert entry.startswith("@misc{a-b,\n")


def test_a_word_keeps_its_place_where_it_stands_twice():
    found = Table(("word",), ((Word(0, "it"),), (Word(5, "it"),)))
    figure = PageFigure("x", "X", "Says.", source(), lambda part, coded: bar_picture(part=part), lambda: found)
    assert table(page_figure.written(figure, "csv"))[1:] == [["[0] it"], ["[5] it"]]


def test_a_figure_of_two_models_names_and_cites_both():
    other = FigureSource(catalog.card("minilm"), "She sat", None, "cd" * 32, HeadRef(0, 1))
    figure = head_figure("panel-3", "1 − 2", "A difference.", replace(source(), also=(other,)), pattern())
    assert all(part in figure.caption for part in ("“He ran”", "“She sat”", "Tiny", "all-MiniLM-L6-v2", "L1·H2", "L0·H1"))
    assert figure.caption.count("attnviz") == 1
    assert citation.bibtex(*figure.source.cards).count("@") == 3
    assert json.loads(page_figure.written(figure, "json"))["provenance"]["also"][0]["text"] == "She sat"
    assert table(page_figure.written(figure, "csv"))[0] == ["query", "key", "weight"]
