"""The fold Figure and data: nothing before it is opened; then each picture of a page with its files, caption and BibTeX."""

from __future__ import annotations

import base64
from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from streamlit.testing.v1 import AppTest

pytestmark = pytest.mark.slow  # a page takes seconds, and there are eight

FILES = ["SVG", "PDF", "PNG", "CSV", "JSON"]
PAGES = {
    "attention": ("pages/explore/attention.py", {"open": "download"}, ("L3·H1",)),
    "compare": ("pages/explore/compare.py", {}, ("1 L3·H1",)),
    "whatif": ("pages/learn/whatif.py", {"what": "mask", "seen": "1"}, ("Before", "After", "Difference")),
    "heads": (
        "pages/explore/heads.py",
        {},
        ("Ranking of heads on the links", "The claim on many texts", "Habit: previous token"),
    ),
    "inside": ("pages/learn/inside.py", {"step": "mask"}, ("Mask", "Weights", "Softmax")),
    "cost": ("pages/learn/cost.py", {}, ("One tile of the matrix",)),
    "syntax": ("pages/learn/syntax.py", {}, ("Arcs", "Relations of this sentence", "Best heads on test texts")),
    "coreference": ("pages/learn/coreference.py", {}, ("The sentence", "How often the head is right", "Ranking of heads")),
}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_offers_its_figures_once_they_are_asked_for(opened: Callable[..., AppTest], page: str):
    script, params, wanted = PAGES[page]
    app = opened(page=script, **params)
    assert not app.exception
    before = len(app.get("download_button"))  # on two pages, of the whole head or of all panels
    assert not before or page in ("attention", "compare")
    assert "BibTeX" not in [one.value for one in app.caption]
    app.session_state[f"figures-{page}"] = True
    app.run()
    assert not app.exception
    name = f"figures-{page}-which{'-' * ('step' in params)}{params.get('step', '')}"
    field = app.selectbox(key=name)
    assert set(wanted) <= set(field.options)
    for id in range(len(field.options)):
        field = app.selectbox(key=name)
        field.select_index(id).run()
        assert not app.exception
        assert not app.error
        assert [one.proto.label for one in app.get("download_button")][before:] == FILES
        assert any("data:image/svg+xml;base64," in one.proto.body for one in app.get("html"))
        caption, bibtex = (one.value for one in app.code[-2:])
        assert "Computed and drawn with attnviz" in caption
        assert bibtex.startswith("@software{attnviz,")


def test_coreference_says_which_head_is_right_whether_leads_are_significant_and_cites_the_data_sets(
    opened: Callable[..., AppTest],
):
    app = opened(page="pages/learn/coreference.py")
    app.session_state["figures-coreference"] = True
    app.run()
    assert "L3·H1 is right here: “animal”, the right candidate, gets the most of all candidates." in app.code[-2].value
    app.selectbox(key="figures-coreference-which").set_value("rates").run()
    caption, bibtex = (one.value for one in app.code[-2:])
    assert caption.count("(no significant lead)") == 1, "that on Winogender"
    assert caption.count("(significant lead)") == 2, "those on GAP"
    assert all(f"@misc{{{key}," in bibtex for key in ("GAP-coreference", "Winogender-schemas"))


def test_a_hostile_sentence_is_text_in_the_picture_the_caption_and_the_file_names(opened: Callable[..., AppTest]):
    text = "=1+1 </svg><script>alert(1)</script> %}@misc{x it was"
    app = opened(page="pages/learn/syntax.py", text=text)
    app.session_state["figures-syntax"] = True
    app.run()
    assert not app.exception
    assert f"“{text}”" in app.code[-2].value
    assert "@misc{x" not in app.code[-1].value
    shown = next(one.proto.body for one in app.get("html") if "data:image/svg+xml;base64," in one.proto.body)
    picture = base64.b64decode(shown.partition("base64,")[2].partition('"')[0])
    assert not [one for one in ElementTree.fromstring(picture).iter() if str(one.tag).endswith("script")]
