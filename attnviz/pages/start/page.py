"""Start: what attnviz shows, on one live sentence; a field for one's own, and doors by what one wants."""

from __future__ import annotations

from html import escape

import streamlit as st

from attnviz.pages.start import picture
from attnviz.ui import glossary_links, state, widgets
from attnviz.web import navigation, panels

# Where the window has room, arcs are drawn; else the words alone are tinted (attnviz/board/css/start.css).
ARCS = "An arc is a weight of self-attention: the thicker it is, the more the word looks there."
TINTS = "A tint is a weight of self-attention: the stronger it is, the more the chosen word looks there."
HOW = (
    "All weights of a word sum to 1. "
    "A head is one of the units of a model that each spread their attention in their own way; this model has 72."
)
DOORS = {  # by the group of pages
    "Look": ("Look at a sentence", "Choose a word, and all heads answer at once."),
    "Find": ("Find the head that …", "… links “it” to its noun, or a verb to its object."),
    "Understand": ("Understand how it works", "Small steps, with the numbers of your own sentence in them."),
}
# The door for teachers leads to what every page has; a press on a name opens it (panels.js). The worksheet is the board's.
TEACH = (
    "<section><h2>Teach a class</h2><p>Any page fills the projector, a QR code opens it on phones, and a worksheet asks about "
    "it on paper. A lesson to begin with: what does “it” refer to?</p>"
    '<p><a href="coreference" data-page="coreference">Coreference</a>, '
    '<a href="#" data-panel="worksheet">Worksheet</a>, '
    '<a href="#" data-panel="present">Present</a>, <a href="#" data-panel="share">Share a QR code</a></p></section>'
)


def show() -> None:
    """Draw the page for the current reader; field and doors stand before the model has read the sentence."""
    with st.container(key="start", gap=None):
        st.html(f'<p class="start-lead">{escape(navigation.LEAD)}</p>')
        room = st.container(key="start-picture-room")
        _own_sentence()
        st.html(f'<p class="start-tour">{panels.TOUR}</p>')
        st.html(f'<div class="start-doors">{"".join(map(_door, navigation.GROUPS))}{TEACH}</div>')
        for key, drawn in (("start-arcs", ARCS), ("start-tints", TINTS)):
            with st.container(key=key):
                st.markdown(glossary_links.linked(f"{drawn} {HOW}", everyday=("weight",)))
    with room:
        widgets.show_notices(state.notices())
        picture.show()


def _own_sentence() -> None:
    """Show the field for a sentence; Look opens it on the board."""
    with st.form("start-form", border=False), st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        text = st.text_input(
            "Your sentence", key="start_sentence", placeholder="Type your own sentence", label_visibility="collapsed"
        )
        looks = st.form_submit_button("Look", type="primary")
    if looks:
        if text.strip():
            state.choose_text(text)
        st.switch_page(navigation.page("attention").script)


def _door(group: navigation.PageGroup) -> str:
    """Return the door to a group of pages; a group without a door has none."""
    if group.name not in DOORS:
        return ""
    title, text = DOORS[group.name]
    links = ", ".join(f'<a href="{page.address}" data-page="{page.name}">{escape(page.label)}</a>' for page in group.pages)
    return f"<section><h2>{escape(title)}</h2><p>{escape(text)}</p><p>{links}</p></section>"
