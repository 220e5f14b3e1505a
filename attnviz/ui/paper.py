"""What a printed page says about itself: the script of the pages (attnviz/web/index_page/paper.js) writes it on the sheet."""

from __future__ import annotations

from html import escape

import streamlit as st

from attnviz.models import catalog
from attnviz.selection import Selection
from attnviz.ui import state

WITHOUT_MODEL = ("start", "glossary", "places")  # addresses of pages on no model that the reader chooses
WITH_HEAD = ("attention", "heads", "coreference", "syntax", "inside", "whatif")  # addresses of pages on one head


def facts(address: str) -> None:
    """Leave the model, the head and the sentence for the printed page; the sentence only if the URL does not have it."""
    st.html(html(address, state.current()))


def html(address: str, selection: Selection) -> str:
    """Return them as an element that is not shown. Text is escaped."""
    found = {} if address in WITHOUT_MODEL else {"model": catalog.card(selection.request.model).name}
    if address in WITH_HEAD:
        found["head"] = str(selection.head)
    if address in WITHOUT_MODEL:
        found["text"] = ""
    elif not selection.fits:
        found |= {"text": selection.request.text, "second": selection.request.text_b or ""}
    written = "".join(f' data-{name}="{escape(value)}"' for name, value in found.items())
    return f'<p class="paper-facts" hidden{written}></p>'
