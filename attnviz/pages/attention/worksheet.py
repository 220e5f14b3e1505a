"""The worksheet of the Attention page: one head's matrix, and questions on it."""

from __future__ import annotations

from attnviz.analysis import questions
from attnviz.figures import encoding
from attnviz.figures.matrix_sheet import READING, matrix
from attnviz.figures.worksheet import Picture, Sheet
from attnviz.models import catalog
from attnviz.pages.attention.head_view import HeadView, selected_rows, strongest_row

TITLE = "Where does this head look?"


def sheet(head_view: HeadView) -> Sheet:
    """Return the sheet on one head; its first question is on the selected word, or on the row of the strongest link."""
    pattern, request = head_view.unfiltered, head_view.trace.request
    row = next(iter(selected_rows(pattern, head_view.focus)), None)
    row = strongest_row(pattern) if row is None else row
    about = f"{catalog.card(request.model).name}, head {encoding.head_name(head_view.head)}"
    texts = tuple(text for text in (request.text, request.text_b) if text)
    asked = questions.about_head(pattern, row, head_view.head)
    return Sheet(TITLE, about, texts, (Picture(matrix(pattern, "The weights of one head")),), asked, READING)
