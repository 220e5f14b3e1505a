"""Pictures for print: labels and values read back from the SVG, fonts of the PDF, pixels of the PNG, letters without a font."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from pypdf import PdfReader

from attnviz.errors import BadInputError
from attnviz.figures import encoding, provenance, vector
from attnviz.figures.vector import lettering
from attnviz.types import AttentionRequest, HeadRef, Keep, Pattern, Token, Unit
from attnviz.view_state import ViewOptions

pytestmark = pytest.mark.slow  # pictures for print take a tenth of a second each, and there are many

SVG = "{http://www.w3.org/2000/svg}"
WORDS = ("[CLS]", "The", "animal", "it", "it")
HOSTILE = ("</script>", "]]>", "=1+1", "a\x00b\x1b", "\ud83d", "<&\"'>", "$x^2$", "\ufffe", "  ", "")


def pattern(words: tuple[str, ...] = WORDS, *, causal: bool = False, hidden: float = 0.0, seed: int = 0) -> Pattern:
    weights = np.random.default_rng(seed).dirichlet(np.full(len(words), 0.4), len(words)).astype(np.float32)
    weights = np.tril(weights) if causal else weights
    units = tuple(Unit(word, i, i + 1, (i,), special=word == "[CLS]") for i, word in enumerate(words))
    return Pattern(words, words, weights * (1 - hidden), np.full(len(words), hidden), "A note.", units, units, causal)


def source(words: tuple[str, ...] = WORDS, number: int = 1) -> provenance.Provenance:
    tokens = tuple(Token(word, word, i, i + 1, i) for i, word in enumerate(words))
    request = AttentionRequest("tiny", " ".join(words))
    versions = (("attnviz", "0.1.0"),)
    return provenance.Provenance(
        "tiny", "Tiny", "ab" * 32, "", versions, request.text, None, HeadRef(3, number), ViewOptions(), tokens, tokens
    )


def root(data: bytes) -> ElementTree.Element:
    return ElementTree.fromstring(data)


def texts(tree: ElementTree.Element, role: str) -> list[str]:
    return [one.text or "" for one in tree.iter(f"{SVG}text") if one.get("class") == role]


def cells(tree: ElementTree.Element, kind: str = "weight") -> dict[tuple[int, int], ElementTree.Element]:
    found = [one for one in tree.iter(f"{SVG}rect") if one.get(f"data-{kind}")]
    return {(int(one.get("data-query", "")), int(one.get("data-key", ""))): one for one in found}


@pytest.mark.parametrize(("width", "columns"), [("page", 1), ("column", 2)])
def test_labels_and_values_of_the_svg_read_back_equal_to_the_pattern(width: str, columns: int):
    shown = pattern()
    tree = root(vector.svg(shown, source(), width=width))
    assert texts(tree, "key") == texts(tree, "column") == list(WORDS)
    assert texts(tree, "query") == list(WORDS) * columns  # in a narrow column the curves stand below, with words of their own
    found = cells(tree)
    assert len(found) == 25
    assert all(np.float32(one.get("data-weight")) == shown.weights[at] for at, one in found.items())
    assert found[1, 2].find(f"{SVG}title").text == f"\u2068The\u2069 → \u2068animal\u2069 {shown.weights[1, 2]:.3f}"
    assert texts(tree, "name") == ["L3·H1"]
    assert texts(tree, "note") == ["A note."]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_cells_have_the_colours_of_the_encoding_and_the_ground_is_the_pages(theme: str):
    shown = pattern()
    tree = root(vector.svg(shown, source(), theme=theme))
    assert tree.find(f"{SVG}rect").get("fill") == encoding.theme(theme).page
    for at, one in cells(tree).items():
        assert one.get("fill") == encoding.weight_colour(float(shown.weights[at]), theme)


@pytest.mark.parametrize(("width", "millimetres"), [("page", 170), ("column", 85)])
def test_pictures_are_as_wide_as_a_journal_wants_them(width: str, millimetres: int):
    shown, about = pattern(), source()
    tree = root(vector.svg(shown, about, width=width))
    assert tree.get("width") == f"{millimetres}.00mm"
    page = PdfReader(io.BytesIO(vector.pdf(shown, about, width=width))).pages[0]
    assert float(page.mediabox.width) == pytest.approx(millimetres / 25.4 * 72, abs=0.01)
    picture = Image.open(io.BytesIO(vector.png(shown, about, width=width)))
    assert picture.width == int(millimetres / 25.4 * 96 * 2)  # two pixels to each of a screen's
    with pytest.raises(BadInputError, match="as wide as a column or a page of a journal; got 'poster'"):
        vector.svg(shown, about, width="poster")


def test_a_ribbon_is_as_thick_as_its_weight_and_a_band_is_handed_out_whole():
    weights = np.array([[0.25, 0.75], [1, 0]], np.float32)
    tree = root(vector.svg(Pattern(("a", "b"), ("c", "d"), weights, np.zeros(2)), source()))
    ribbons = {one.find(f"{SVG}title").text[-5:]: one for one in tree.iter(f"{SVG}path") if one.get("stroke-width") and one}
    thick = {name: float(one.get("stroke-width", "")) for name, one in ribbons.items()}
    assert thick["0.750"] == pytest.approx(3 * thick["0.250"], abs=0.002)
    assert thick["1.000"] == pytest.approx(4 * thick["0.250"], abs=0.002)
    start = {name: float(re.match(r"M[\d.]+ ([\d.]+)C", one.get("d", "")).group(1)) for name, one in ribbons.items()}
    assert start["0.750"] - start["0.250"] == pytest.approx((thick["0.750"] + thick["0.250"]) / 2, abs=0.01)


def test_a_causal_head_has_dots_where_it_cannot_look():
    tree = root(vector.svg(pattern(causal=True), source()))
    assert len(cells(tree)) == 15
    dots = [one for one in tree.iter(f"{SVG}path") if one.get("stroke-linecap") == "round"]
    assert [one.get("d", "").count("M") for one in dots] == [10]
    x, y = map(float, re.match(r"M([\d.]+) ([\d.]+)h0", dots[0].get("d", "")).groups())
    picture = np.asarray(Image.open(io.BytesIO(vector.png(pattern(causal=True), source()))).convert("L")).astype(int)
    assert picture[int(y * 192 / 72), int(x * 192 / 72)] < 190  # a muted dot on white


def test_weights_that_a_filter_leaves_out_have_no_cell():
    weights = np.array([[0.9, 0], [0, 0.7]], np.float32)
    kept = Pattern(("a", "b"), ("a", "b"), weights, np.array([0.1, 0.3]), keep=Keep("top", 1.0))
    tree = root(vector.svg(kept, source()))
    assert set(cells(tree)) == {(0, 0), (1, 1)}
    assert texts(tree, "hidden") == ["10\u202f%", "30\u202f%"]


def test_hidden_shares_are_beside_their_rows_and_leave_their_part_of_the_band_empty():
    tree = root(vector.svg(pattern(hidden=0.4), source()))
    assert texts(tree, "hidden") == ["40\u202f%"] * 5
    assert texts(tree, "caption").count("hidden") == 1
    assert "hidden" not in texts(root(vector.svg(pattern(), source())), "caption")


def test_a_selected_row_is_ringed_and_only_its_ribbons_keep_their_colour():
    tree = root(vector.svg(pattern(), source(), selected_rows=[3]))
    rings = [one for one in tree.iter(f"{SVG}rect") if one.get("stroke") == encoding.LIGHT.accent]
    assert len(rings) == 1
    strong = [one for one in tree.iter(f"{SVG}path") if one.get("fill") == "none" and not one.get("stroke-opacity")]
    assert strong
    assert all(one.find(f"{SVG}title").text.startswith("\u2068it\u2069") for one in strong)


def test_the_difference_of_two_is_signed_dashed_and_has_two_sources():
    first, second = pattern(seed=1), pattern(seed=2)
    data = vector.svg((first, second), (source(), source(number=11)))
    tree = root(data)
    for at, one in cells(tree, "difference").items():
        assert np.float32(one.get("data-difference")) == first.weights[at] - second.weights[at]
        assert one.get("fill") == encoding.difference_colour(float(first.weights[at] - second.weights[at]), "light")
    assert texts(tree, "name") == ["L3·H1 − L3·H11"]
    below = [one for one in tree.iter(f"{SVG}path") if one.get("stroke-dasharray")]
    assert below
    assert all("−" in one.find(f"{SVG}title").text for one in below)
    facts = json.loads(tree.find(f"{SVG}metadata/{{urn:attnviz}}provenance").text)
    assert (facts["first"]["head"], facts["second"]["head"]) == ("L3·H1", "L3·H11")
    for made in (vector.pdf, vector.png):
        assert made((first, second), (source(), source()))


def test_every_picture_says_where_its_numbers_come_from():
    shown, about = pattern(), source()
    want = json.loads(json.dumps(about.as_dict(shown)))
    assert json.loads(root(vector.svg(shown, about)).find(f"{SVG}metadata/{{urn:attnviz}}provenance").text) == want
    found = PdfReader(io.BytesIO(vector.pdf(shown, about))).metadata
    assert json.loads(found["/Keywords"]) == want
    assert not [name for name in found if "Date" in name]
    assert found["/Title"] == "L3·H1: Tiny: [CLS] The animal it it"
    picture = Image.open(io.BytesIO(vector.png(shown, about)))
    assert json.loads(picture.info["Source"]) == want
    assert not [name for name in picture.info if "date" in name.lower() or "time" in name.lower()]


def test_fonts_of_the_pdf_are_embedded_truetype():
    reader = PdfReader(io.BytesIO(vector.pdf(pattern(("Ψ", "ж", "مرحبا", "שלום", "it")), source())))
    fonts = [font.get_object() for font in reader.pages[0]["/Resources"]["/Font"].values()]
    assert fonts
    for font in fonts:
        inner = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
        assert (font["/Subtype"], inner["/Subtype"]) in {("/Type0", "/CIDFontType2"), ("/TrueType", "/TrueType")}
        assert "/FontFile2" in inner["/FontDescriptor"].get_object()
        assert "DejaVuSans" in font["/BaseFont"]


def test_words_of_the_pdf_are_text():
    page_text = PdfReader(io.BytesIO(vector.pdf(pattern(), source()))).pages[0].extract_text()
    assert page_text.count("animal") == 4  # beside a row, beside a column, above a column, in the line below the name
    assert "L3·H1" in page_text


def test_pixels_of_the_png_have_the_colours_of_the_weights():
    weights = np.array([[0.03, 0.97], [0.6, 0.4]], np.float32)
    shown = Pattern(("a", "b"), ("a", "b"), weights, np.zeros(2))
    cell = cells(root(vector.svg(shown, source())))
    picture = np.asarray(Image.open(io.BytesIO(vector.png(shown, source()))).convert("RGB")).astype(int)
    for at, one in cell.items():
        x, y = (round((float(one.get(side, "")) + 1.2) * 192 / 72) for side in ("x", "y"))  # a corner, away from the number
        assert np.abs(picture[y, x] - encoding.weight_rgb(np.array(weights[at]), "light").astype(int)).max() <= 1


def test_right_to_left_words_are_laid_out_from_the_right_and_joined():
    laid = lettering.laid("שלום", False)
    names = [name for name, _, _ in laid.glyphs]
    alone = [lettering.laid(letter, False).glyphs[0][0] for letter in "שלום"]
    assert names == alone[::-1]  # the first letter stands rightmost
    joined = {name for name, _, _ in lettering.laid("ههه", False).glyphs}
    assert len(joined) == 3  # first, middle and last form of one letter
    tree = root(vector.svg(pattern(("שלום", "it")), source()))
    hebrew = [one for one in tree.iter(f"{SVG}text") if one.text == "שלום"]
    assert {one.get("direction") for one in hebrew} == {"rtl"}
    assert {one.get("text-anchor") for one in hebrew if one.get("class") == "query"} == {"start"}  # its right edge


@pytest.fixture
def no_other_fonts(monkeypatch: pytest.MonkeyPatch):
    def forget():
        for kept in (lettering.other_fonts, lettering.fonts_for, lettering.missing, lettering.laid):
            kept.cache_clear()

    forget()
    monkeypatch.setattr("matplotlib.font_manager.fontManager.ttflist", [])
    yield
    monkeypatch.undo()
    forget()


@pytest.mark.usefixtures("no_other_fonts")
def test_letters_without_a_font_are_text_in_the_svg_and_code_points_elsewhere():
    shown, about = pattern(("猫", "it")), source(("猫", "it"))
    tree = root(vector.svg(shown, about))
    cats = [one for one in tree.iter(f"{SVG}text") if one.text == "猫"]
    assert len(cats) == 3
    assert all(one.get("fill") != "none" for one in cats)
    assert "text, set in the fonts of the viewer" in texts(tree, "note")[-1]
    page_text = PdfReader(io.BytesIO(vector.pdf(shown, about))).pages[0].extract_text()
    assert page_text.count("U+732B") == 4
    assert "install a font" in page_text
    assert "LastResort" not in str([font.get_object() for font in PdfReader(
        io.BytesIO(vector.pdf(shown, about))).pages[0]["/Resources"]["/Font"].values()])  # fmt: skip


def test_letters_of_another_font_of_this_machine_are_outlined_and_the_font_is_named(monkeypatch: pytest.MonkeyPatch):
    bundled = lettering.file(False)
    other = str(bundled.with_name("STIXGeneral.ttf"))
    letter = chr(min(lettering.characters_in(other) - lettering.characters_in(str(bundled))))
    for kept in (lettering.fonts_for, lettering.missing, lettering.laid):
        kept.cache_clear()
    monkeypatch.setattr(lettering, "other_fonts", lambda: (("STIXGeneral", other),))
    tree = root(vector.svg(pattern((letter, "it")), source((letter, "it"))))
    assert {one.get("fill") for one in tree.iter(f"{SVG}text") if one.text == letter} == {"none"}
    assert tree.find(f"{SVG}desc").text.endswith("Letters: DejaVu Sans, STIXGeneral.")
    fonts = PdfReader(io.BytesIO(vector.pdf(pattern((letter, "it")), source()))).pages[0]["/Resources"]["/Font"]
    assert all("DejaVuSans" in font.get_object()["/BaseFont"] for font in fonts.values())  # the other's are outlines
    for kept in (lettering.fonts_for, lettering.missing, lettering.laid):
        kept.cache_clear()


@pytest.mark.parametrize("width", ["page", "column"])
@pytest.mark.parametrize("made", [vector.svg, vector.pdf, vector.png], ids=["svg", "pdf", "png"])
def test_hostile_words_are_words(made, width: str):
    shown, about = pattern(HOSTILE), source(HOSTILE)
    data = made(shown, about, width=width)
    if made is vector.svg:
        tree = root(data)
        assert {"script", "foreignObject", "a"}.isdisjoint(one.tag.removeprefix(SVG) for one in tree.iter())
        assert texts(tree, "key")[:3] == ["</script>", "]]>", "=1+1"]
        assert texts(tree, "key")[4:7] == ["U+D83D", "<&\"'>", "$x^2$"]
        assert not [name for one in tree.iter() for name in one.attrib if name.startswith("on")]


def test_many_weights_become_one_picture_inside_the_picture_and_it_says_so():
    words = tuple(f"w{i}" for i in range(120))
    tree = root(vector.svg(pattern(words), source(words)))
    assert cells(tree) == {}
    assert len(list(tree.iter(f"{SVG}image"))) == 1
    notes = " ".join(texts(tree, "note"))
    assert "14,400 values, a pixel each" in notes
    assert "1,500 strongest ribbons" in notes
    for made in (vector.pdf, vector.png):
        assert len(made(pattern(words), source(words))) < 2_000_000


def test_no_word_and_one_word_are_pictures_too():
    none = Pattern((), (), np.zeros((0, 0), np.float32), np.zeros(0))
    for made in (vector.svg, vector.pdf, vector.png):
        assert made(none, source())
        assert made(pattern(("a",)), source())


RESVG = (
    "import sys, resvg_py; sys.stdout.buffer.write(bytes(resvg_py.svg_to_bytes(svg_string=sys.stdin.read(), dpi=96, zoom=2)))"
)


def test_another_renderer_draws_the_same_picture_as_the_png():
    shown, about = pattern(("The", "animal", "مرحبا", "שלום")), source()
    svg = vector.svg(shown, about)
    drawn = subprocess.run([sys.executable, "-c", RESVG], input=svg, capture_output=True, check=True).stdout
    other = Image.open(io.BytesIO(drawn)).convert("L")
    ours = Image.open(io.BytesIO(vector.png(shown, about))).convert("L").resize(other.size)
    far = np.abs(np.asarray(other).astype(int) - np.asarray(ours).astype(int))
    assert far.mean() < 2.5  # of 255: edges are smoothed in two ways, 1.7; without its letters it is 3.3 away


TWICE = """
import sys, hashlib
sys.path.insert(0, sys.argv[1])
import test_vector as t
from attnviz.figures import vector
words = ("The", "animal", "مرحبا", "it")
for made in (vector.svg, vector.pdf, vector.png):
    print(hashlib.sha256(made(t.pattern(words), t.source(words), selected_rows=[1])).hexdigest())
"""


def test_equal_input_gives_equal_bytes_in_another_process_at_another_time():
    outputs = []
    for seed, day in (("1", "1000000000"), ("2", "2000000000")):
        environment = os.environ | {"PYTHONHASHSEED": seed, "SOURCE_DATE_EPOCH": day, "TZ": f"UTC-{seed}"}
        arguments = [sys.executable, "-c", TWICE, str(Path(__file__).parent)]
        outputs.append(subprocess.run(arguments, capture_output=True, text=True, check=True, env=environment).stdout)
    assert outputs[0] == outputs[1]
    assert len(outputs[0].split()) == 3


def test_the_readers_own_settings_of_matplotlib_change_nothing_and_are_left_alone():
    import matplotlib

    before = vector.pdf(pattern(), source())
    with matplotlib.rc_context({"font.size": 40, "pdf.fonttype": 3, "axes.facecolor": "red"}):
        assert vector.pdf(pattern(), source()) == before
        assert matplotlib.rcParams["pdf.fonttype"] == 3
