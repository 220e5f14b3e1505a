"""The worksheet as HTML: room to write on the first page, answers only on the second, text escaped."""

from __future__ import annotations

import re

import numpy as np

from attnviz.analysis.questions import SheetQuestion
from attnviz.figures import matrix_sheet, worksheet
from attnviz.figures.worksheet import Picture, Sheet
from attnviz.lessons import glossary
from attnviz.pages.glossary import worksheet as terms_sheet

ASKED = (SheetQuestion("Which word?", "“animal” (0.640).", 3), SheetQuestion("How many?", "Two."))
SHEET = Sheet("Title", "Model, head L3·H1", ("A <b>sentence</b>",), (Picture("<i>picture</i>", "Cap & tion"),), ASKED)


def test_without_answers_no_answer_is_sent() -> None:
    found = worksheet.html(SHEET, answers=False)
    assert "0.640" not in found
    assert "Two." not in found
    assert found.count("<i class=rule></i>") == 4
    assert "Name" in found
    assert "Date" in found


def test_answers_are_on_a_page_of_their_own() -> None:
    first, second = worksheet.html(SHEET, answers=True).split("</article>")[:2]
    assert "0.640" not in first
    assert 'class="worksheet answers"' in second
    assert "“animal” (0.640)." in second
    assert re.search(r"\.worksheet\.answers \{[^}]*break-before: page", first)


def test_texts_are_escaped_and_several_sentences_numbered() -> None:
    found = worksheet.html(SHEET, answers=True)
    assert "<b>sentence</b>" not in found
    assert "A &lt;b&gt;sentence&lt;/b&gt;" in found
    assert "Cap &amp; tion" in found
    two = Sheet("T", "a", ("One", "Two"), (), ASKED)
    assert "<b>1</b>One" in worksheet.html(two, answers=False)


def test_a_matrix_names_every_word_and_has_no_number() -> None:
    names = tuple(f"w{at}" for at in range(50))
    found = matrix_sheet.cells(np.full((50, 50), 0.37, np.float32), names, names, "alt")
    body = found.partition("</style>")[2]
    assert all(f">w{at}</span>" in body for at in range(50))
    assert "0.37" not in body


def test_terms_are_matched_by_a_key_that_is_right() -> None:
    found = terms_sheet.sheet(glossary.terms())
    shown = re.findall(r"<p>(\d)\. ([^<]+)</p><p>([a-z])\) ([^<]+)</p>", found.pictures[0].html)
    meanings = {letter: meaning for _, _, letter, meaning in shown}
    shorts = {one.name: worksheet.escape(one.short) for one in glossary.terms()}
    key = dict(pair.split() for pair in found.questions[0].answer.rstrip(".").split(", "))
    assert len(shown) == len(key) == terms_sheet.TERMS
    for number, name, _, _ in shown:
        assert meanings[key[number]] == shorts[name]
    assert list(key.values()) != list("abcdefgh")
