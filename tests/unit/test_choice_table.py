"""The table with buttons: its cells in order, which choice is pressed, and text that stays text."""

from __future__ import annotations

from attnviz.ui.components.choice_table import Cell, html


def test_a_row_begins_with_its_heading_and_its_button_chooses_the_row():
    found = html(
        [Cell("relation"), Cell("best")],
        [[Cell("det"), Cell()], [Cell("obj", ("object",)), Cell("74 %", (), "L2·H0", True)]],
        "All",
    )
    assert '<table aria-label="All"><thead><tr><th scope="col"><b>relation</b></th>' in found
    assert '<tr><th scope="row"><b>det</b></th><td></td></tr>' in found
    assert '<th scope="row"><b>obj</b><small>object</small></th>' in found
    assert '<td><button type="button" data-choice="1" aria-pressed="true">L2·H0</button><b>74 %</b></td>' in found


def test_text_is_escaped():
    evil = '"><img src=x>'
    found = html([Cell(evil)], [[Cell(evil, (evil,), evil)]], evil)
    assert "<img" not in found
    assert found.count("&lt;img") == 5
