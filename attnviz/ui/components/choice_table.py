"""A table of short cells that fits a phone, some of them with a button that chooses.

A component, because Streamlit's own table is wider than a phone, and its cells have no buttons.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import streamlit as st
from streamlit.components import v2

_CSS = """
table { width: 100%; border-collapse: collapse; font: 15px/1.35 var(--st-font); color: var(--st-text-color);
  font-variant-numeric: tabular-nums; }
th, td { padding: 8px 16px 8px 0; text-align: left; vertical-align: top; font-weight: 400; }
thead th { border-bottom: 1px solid var(--st-border-color); vertical-align: bottom; font-size: 14px; }
tbody tr + tr > * { border-top: 1px solid var(--st-border-color); }
b { font-weight: 600; }
small { display: block; font-size: 13px; color: var(--mute, inherit); }
button { min-width: 32px; min-height: 28px; margin: -3px 8px 4px 0; padding: 2px 8px;
  font: inherit; font-weight: 600; cursor: pointer; color: var(--st-primary-color); background: none;
  border: 1px solid var(--st-primary-color); border-radius: 6px; }
button[aria-pressed=true] { color: var(--on-accent, white); background: var(--st-primary-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
@media (max-width: 639px) {
  table { font-size: 14px; }
  thead th, small { font-size: 12px; }
  th, td { padding: 8px 6px 8px 0; overflow-wrap: break-word; }
  button { min-height: 36px; margin: 0 0 4px; padding: 2px 6px; display: block; }
}
@media print {
  button, button[aria-pressed=true] { display: block; border: 0; padding: 0; margin: 0; min-width: 0; min-height: 0;
    color: inherit; background: none; }
  tr { break-inside: avoid; }
  th, td { padding: 5px 12px 5px 0; }
  table { font-size: 13px; }
}
"""
# The table is parsed as HTML, which runs no script of it; all text in it is escaped already.
_JS = """
export default ({ parentElement, data, setTriggerValue }) => {
  const box = parentElement.querySelector(".choices");
  if (box.drawn !== data.html) {
    const focused = box.getRootNode().activeElement?.dataset?.choice;
    box.replaceChildren(new DOMParser().parseFromString(data.html, "text/html").body.firstElementChild);
    if (focused !== undefined) box.querySelector(`[data-choice="${focused}"]`)?.focus();
    box.drawn = data.html;
  }
  box.onclick = (event) => {
    const button = event.target.closest("[data-choice]");
    if (button) setTriggerValue("choice", Number(button.dataset.choice));
  };
};
"""
_table = v2.component("attnviz_choices", html='<div class="choices"></div>', css=_CSS, js=_JS)


@dataclass(frozen=True)
class Cell:
    """A cell: a value, small lines under it, and a button before it, `pressed` if its choice is the present one.

    `text` is a value in plain type, such as a sentence.
    """

    value: str = ""
    notes: tuple[str, ...] = ()
    button: str = ""
    pressed: bool = False
    text: str = ""


def html(columns: Sequence[Cell], rows: Sequence[Sequence[Cell]], label: str) -> str:
    """Return the table; each row begins with its heading, and a button's choice is the number of its row. Text is escaped."""
    head = "".join(f'<th scope="col">{_content(one, 0)}</th>' for one in columns)
    body = "".join(
        f'<tr><th scope="row">{_content(row[0], at)}</th>{"".join(f"<td>{_content(one, at)}</td>" for one in row[1:])}</tr>'
        for at, row in enumerate(rows)
    )
    return f'<table aria-label="{escape(label)}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _content(cell: Cell, choice: int) -> str:
    """Return the content of one cell."""
    button = ""
    if cell.button:
        pressed = str(cell.pressed).lower()
        button = f'<button type="button" data-choice="{choice}" aria-pressed="{pressed}">{escape(cell.button)}</button>'
    value = f"<b>{escape(cell.value)}</b>" if cell.value else ""
    return button + value + escape(cell.text) + "".join(f"<small>{escape(note)}</small>" for note in cell.notes)


def choice_table(
    columns: Sequence[Cell], rows: Sequence[Sequence[Cell]], *, label: str, key: str, on_choice: Callable[[int], None]
) -> None:
    """Draw the table. `on_choice` gets the number of the row whose button is pressed."""

    def on_message() -> None:
        number = st.session_state[key].get("choice")
        if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < len(rows):
            on_choice(number)

    _table(key=key, data={"html": html(columns, rows, label)}, on_choice_change=on_message)
