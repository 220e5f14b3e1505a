"""All panels as one picture: each where it belongs, with its own numbers, the same in SVG, PDF and PNG."""

from __future__ import annotations

import io
import json
from xml.etree import ElementTree

import numpy as np
import pypdf
import pytest
from PIL import Image

from attnviz.engine.block import Block
from attnviz.engine.layers import Dense
from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError, BadInputError
from attnviz.figures import encoding
from attnviz.figures.vector import placing
from attnviz.figures.vector.marks import Box, Dots, Drawing, Ribbon
from attnviz.models import catalog
from attnviz.pages.compare import analysis, print_export
from attnviz.types import AttentionRequest, HeadRef, Token
from attnviz.view_state import Panel, Pin, TokenSelection, ViewOptions

CARDS = {card.id: card for card in catalog.cards()}
pytestmark = pytest.mark.slow  # pictures for print take a tenth of a second each, and there are many

SVG = "{http://www.w3.org/2000/svg}"
FACTS = "{urn:attnviz}provenance"
WORDS = (Token("cat", "cat", 0, 3, 0), Token("sat", "sat", 4, 7, 1), Token("up", "up", 8, 10, 2))
FIRST = np.array([[0.5, 0.25, 0.25], [0.7, 0.2, 0.1], [0.1, 0.1, 0.8]], np.float32)
SECOND = np.array([[0.5, 0.25, 0.25], [0.2, 0.6, 0.2], [0.1, 0.1, 0.8]], np.float32)
TRACE = Trace(
    AttentionRequest("minilm", "cat sat up"), (Block("self", WORDS, WORDS, (Dense(np.stack([FIRST, SECOND])),)),), "digest"
)
GONE = AttentionRequest("minilm", "never read")
TRACES: dict[AttentionRequest, Trace | AttnvizError] = {
    TRACE.request: TRACE,
    GONE: AttnvizError("This text is too long. Shorten it."),
}
PINS = (Pin(TRACE.request, HeadRef(0, 0), "cats"), Pin(TRACE.request, HeadRef(0, 1)), Pin(GONE, HeadRef(0, 0)))
SHOWN = analysis.build_panels(PINS, (Panel("difference", (0, 1)), Panel("sum", (0, 1))), TRACES, ViewOptions())
SAT = TokenSelection(4)


def picture(kind: str, focus: TokenSelection | None = None) -> bytes:
    selected_rows = analysis.selected_rows(SHOWN, focus, (WORDS, WORDS))
    return print_export.as_picture(kind, SHOWN, TRACES, CARDS, ViewOptions(), focus, selected_rows)


def cells(tree: ElementTree.Element, what: str) -> list[ElementTree.Element]:
    """Cells in the order of the panels: whatever has such a value."""
    return [rect for rect in tree.iter(f"{SVG}rect") if f"data-{what}" in rect.attrib]


def test_every_panel_is_in_the_svg_with_its_exact_values():
    tree = ElementTree.fromstring(picture("svg"))
    weights = [np.float32(cell.attrib["data-weight"]) for cell in cells(tree, "weight")]
    assert weights == [*FIRST.ravel().tolist(), *SECOND.ravel().tolist(), *(FIRST + SECOND).ravel().tolist()]
    apart = [np.float32(cell.attrib["data-difference"]) for cell in cells(tree, "difference")]
    assert apart == (FIRST - SECOND).ravel().tolist()
    names = [text.text for text in tree.iter(f"{SVG}text") if text.attrib["class"] == "name"]
    assert names == ["1 cats, L0·H0", "2 L0·H1", "3 L0·H0", "1 − 2", "sum of 1, 2"]


def test_panels_are_two_in_a_row_and_do_not_touch():
    tree = ElementTree.fromstring(picture("svg"))
    found = cells(tree, "weight")
    first, second, added = ([(float(c.attrib["x"]), float(c.attrib["y"])) for c in found[at : at + 9]] for at in (0, 9, 18))
    assert max(x for x, _ in first) < min(x for x, _ in second)
    assert [y for _, y in first] == [y for _, y in second]
    assert [x for x, _ in added] == [x for x, _ in first]  # the fifth panel begins the third row
    assert max(y for _, y in first) < min(y for _, y in added)


def test_a_sum_is_coloured_by_its_part_of_the_most_that_it_can_be():
    tree = ElementTree.fromstring(picture("svg"))
    added = cells(tree, "weight")[18 + 8]  # up, up: 0.8 + 0.8 of 2
    assert added.attrib["fill"] == encoding.weight_colour(np.float32(1.6) / 2, "light")
    ticks = [text.text for text in tree.iter(f"{SVG}text") if text.attrib["class"] == "tick"]
    assert ticks[-len(encoding.LEGEND) :] == ["0.0", "0.2", "0.6", "1.2", "2.0"]


def test_what_could_not_be_read_says_why_in_its_place():
    notes = [text.text for text in ElementTree.fromstring(picture("svg")).iter(f"{SVG}text") if text.attrib["class"] == "note"]
    assert "This text is too long. Shorten it." in notes


def test_the_selected_row_is_ringed_in_every_panel_that_has_it():
    plain, selected_rows = (ElementTree.fromstring(picture("svg", focus)) for focus in (None, SAT))
    rings = [
        sum(rect.attrib.get("stroke") == encoding.LIGHT.accent for rect in tree.iter(f"{SVG}rect"))
        for tree in (plain, selected_rows)
    ]
    assert rings == [0, 4]


def test_every_panel_says_where_its_numbers_come_from():
    found = ElementTree.fromstring(picture("svg")).find(f".//{FACTS}")
    assert found is not None
    facts = json.loads(found.text or "")["panels"]
    assert [(one["kind"], one["of"], len(one["heads"])) for one in facts] == [
        ("head", [1], 1), ("head", [2], 1), ("head", [3], 0), ("difference", [1, 2], 2), ("sum", [1, 2], 2),
    ]  # fmt: skip
    assert facts[0]["heads"][0]["weights_sha256"] == "digest"
    assert facts[2]["problem"] == str(TRACES[GONE])


def test_the_pdf_has_all_names_and_the_png_two_pixels_to_each_of_a_screens():
    page = pypdf.PdfReader(io.BytesIO(picture("pdf"))).pages[0]
    text = page.extract_text()
    assert all(name in text for name in ("1 cats, L0·H0", "2 L0·H1", "sum of 1, 2"))
    size = Image.open(io.BytesIO(picture("png"))).size
    points = float(page.mediabox.width), float(page.mediabox.height)
    assert np.allclose(size, [side / 72 * 192 for side in points], atol=1.0)


@pytest.mark.parametrize("kind", print_export.KINDS)
def test_equal_input_gives_equal_bytes(kind: str):
    assert picture(kind, SAT) == picture(kind, SAT)


@pytest.mark.parametrize("kind", ["gif", ""])
def test_an_unknown_kind_is_refused(kind: str):
    with pytest.raises(BadInputError, match="one of svg, pdf, png"):
        picture(kind)


def test_one_panel_alone_is_its_own_picture():
    one = Drawing(10.0, 20.0, "#FFFFFF", (), "one", "")
    assert placing.sheet([one], "all") is one


def test_every_kind_of_mark_is_moved():
    box, ribbon = Box(1.0, 2.0, 3.0, 4.0), Ribbon(1.0, 2.0, 3.0, 4.0, 0.5, "#000000")
    dots = Dots(((1.0, 2.0), (3.0, 4.0)), 0.5, "#000000")
    assert placing.moved(box, 10.0, 20.0) == Box(11.0, 22.0, 3.0, 4.0)
    assert placing.moved(ribbon, 10.0, 20.0) == Ribbon(11.0, 22.0, 13.0, 24.0, 0.5, "#000000")
    assert placing.moved(dots, 10.0, 20.0) == Dots(((11.0, 22.0), (13.0, 24.0)), 0.5, "#000000")
