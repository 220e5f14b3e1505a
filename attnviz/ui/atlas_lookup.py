"""The atlas of the weights on screen; where there is none, the page says how to measure them."""

from __future__ import annotations

import streamlit as st

from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError
from attnviz.linguistics.atlas import reader
from attnviz.linguistics.atlas.reader import Atlas
from attnviz.ui import glossary_links, state, widgets
from attnviz.ui.single_text import chosen


def measured(trace: Trace, relation: str) -> Atlas | None:
    """Return the atlas of the weights that read this text; None after a message on why there is none and how to make one.

    `relation` is the kind of link in the example command.
    """
    try:
        found = reader.shipped(trace.request.model)
    except AttnvizError as error:  # a damaged atlas: the rest of the page stands
        st.error(widgets.plain(str(error)))
        return None
    if chosen().block != "self":
        st.info(glossary_links.linked("An atlas covers self-attention only; this block is not in it."))
    elif found is None or found.header.digest != trace.digest:
        _show_commands(trace.request.model, relation, others=found is not None)
    else:
        return found
    return None


def _show_commands(model: str, relation: str, *, others: bool) -> None:
    """Show how to measure a model that has no atlas, or whose atlas is of other weights."""
    name = widgets.plain(state.card().name)
    why = (
        f"The measurements of {name} here are of a different checkpoint with the same name, so they say nothing about "
        "these heads"
        if others
        else f"{name} has not been measured on annotated texts here"
    )
    st.info(
        glossary_links.linked(
            f"{why}. How often its heads are right is unknown, and one example is not evidence. "
            "These commands measure the heads and test a claim about one of them:"
        )
    )
    st.code(
        f"attnviz atlas build --model {model} --conllu TREEBANK.conllu --gap GAP.tsv -o {model}.npz\n"
        f"attnviz test-claim --atlas {model}.npz --layer {chosen().layer} --head {chosen().head} --relation {relation}",
        language=None,
        wrap_lines=True,
    )
