"""A heatmap on a page: as tall as its square cells make it in the width that it has."""

from __future__ import annotations

import streamlit as st

from attnviz.figures import heatmap
from attnviz.figures.heatmap import RowSelection
from attnviz.types import Pattern
from attnviz.ui import shell


def show(pattern: Pattern, key: str, what: str, *, selected_rows: RowSelection = None) -> None:
    """Draw the heatmap of a pattern, `what` being what it shows, for screen readers; `key` is unique on the page.

    The height is a CSS length in parts of the container's width, which frame.css applies to every `heatmap-room`.
    """
    room = f"heatmap-room-{key}"
    with st.container(key=room):
        st.html(f"<style>.st-key-{room} {{ --tall: {heatmap.height(pattern)} }}</style>")
        st.plotly_chart(
            heatmap.figure(pattern, shell.theme(), selected_rows=selected_rows), theme=None, height="stretch",
            config=heatmap.CONFIG, key=f"heatmap-{key}", alt=heatmap.description(pattern, what),
        )  # fmt: skip
