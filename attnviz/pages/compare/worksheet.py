"""The worksheet of the Compare page: the first two panels side by side, and questions on both."""

from __future__ import annotations

from attnviz.analysis import questions
from attnviz.analysis.questions import SheetQuestion
from attnviz.figures.matrix_sheet import READING, matrix
from attnviz.figures.worksheet import Picture, Sheet
from attnviz.models import catalog
from attnviz.pages.compare.analysis import ComparePanel
from attnviz.pages.compare.data_export import panel_title
from attnviz.types import Pattern

WIDE = 240  # pixels of the cells of each
TITLE = "What is different between two pictures?"


def sheet(panels: tuple[ComparePanel, ...], selected: tuple[tuple[int, ...], ...]) -> Sheet | None:
    """Return the sheet on the first two panels of heads, or on one if there is no second; None if there is none.

    `selected` are the rows of the selected words in each panel; without one, the last word of the text is asked about.
    """
    shown = [
        (panel, panel.pattern, next(iter(rows), _last_word(panel.pattern)))
        for panel, rows in zip(panels, selected, strict=True)
        if isinstance(panel.pattern, Pattern)
    ][:2]
    if not shown:
        return None
    pictures, texts, titles = [], [], []
    for at, (panel, pattern, _) in enumerate(shown, start=1):
        model = catalog.card(panel.pins[0].request.model).name
        titles.append(panel_title(panel).partition(" ")[2] or panel_title(panel))
        pictures.append(Picture(matrix(pattern, f"Picture {at}", WIDE), f"Picture {at}: {titles[-1]}, {model}"))
        texts.append(panel.pins[0].request.text)
    asked = [pattern for _, pattern, _ in shown]
    found = _questions(asked, [row for _, _, row in shown], titles, shown[0][0])
    return Sheet(TITLE if len(asked) > 1 else "Where does this head look?", " and ".join(dict.fromkeys(titles)),
                 tuple(dict.fromkeys(texts)), tuple(pictures), found, READING)  # fmt: skip


def _questions(patterns: list[Pattern], rows: list[int], titles: list[str], first: ComparePanel) -> tuple[SheetQuestion, ...]:
    if len(patterns) > 1:
        return questions.about_two((patterns[0], patterns[1]), (rows[0], rows[1]), (titles[0], titles[1]))
    return questions.about_head(patterns[0], rows[0], first.pins[0].head)


def _last_word(pattern: Pattern) -> int:
    """Return the row of the last word that is not special: with a decoder, it sees the others."""
    return max((at for at, unit in enumerate(pattern.query_units) if not unit.special), default=0)
