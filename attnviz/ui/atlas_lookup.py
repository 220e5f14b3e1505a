"""The trace on screen in, what was measured of its very weights out; where nothing was, how to measure them, on the page."""

from __future__ import annotations

import streamlit as st

from attnviz.engine.trace import Trace
from attnviz.errors import AttnvizError
from attnviz.linguistics.atlas import reader
from attnviz.linguistics.atlas.reader import Atlas
from attnviz.ui import glossary_links, state, widgets
from attnviz.ui.single_text import chosen


def measured(trace: Trace, relation: str) -> Atlas | None:
    """The atlas of the weights that read this text; None after a word on why there is none, and on how to make one.

    `relation` is the kind of link that the example of a claim names.
    """
    try:
        found = reader.shipped(trace.request.model)
    except AttnvizError as error:  # a damaged atlas: the rest of the page stands
        st.error(widgets.plain(str(error)))
        return None
    if chosen().block != "self":
        st.info(glossary_links.linked("An atlas counts what a model's own attention does; this block is not among it."))
    elif found is None or found.header.digest != trace.digest:
        _how(trace.request.model, relation, others=found is not None)
    else:
        return found
    return None


def _how(model: str, relation: str, *, others: bool) -> None:
    """How to measure a model that comes without an atlas, or of which other weights were measured."""
    name = widgets.plain(state.card().name)
    why = (
        f"The measurements of {name} that are at hand belong to other weights than those that read your text, so they say "
        "nothing about these heads"
        if others
        else f"{name} has not been measured on annotated texts here"
    )
    st.info(
        f"{why}. How often its heads are right is not known, and this one picture is all there is: conclude nothing from it. "
        "This measures them, and tests a claim about one:"
    )
    st.code(
        f"attnviz atlas build --model {model} --conllu TREEBANK.conllu --gap GAP.tsv -o {model}.npz\n"
        f"attnviz test-claim --atlas {model}.npz --layer {chosen().layer} --head {chosen().head} --relation {relation}",
        language=None,
        wrap_lines=True,
    )
