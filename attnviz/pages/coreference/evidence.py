"""How often the chosen head is right on whole collections of pronoun questions."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from attnviz.errors import AttnvizError
from attnviz.figures import encoding
from attnviz.figures import evidence as evidence_figure
from attnviz.linguistics import claim_text, claims
from attnviz.linguistics.atlas import shared_texts
from attnviz.linguistics.atlas.reader import Atlas
from attnviz.linguistics.claims import BestHead, ClaimResult
from attnviz.pages.coreference.question import HeadAnswers
from attnviz.text.english import is_english
from attnviz.types import Evidence, HeadRef
from attnviz.ui import glossary_links, state, widgets
from attnviz.ui.atlas_lookup import measured
from attnviz.ui.single_text import chosen

COLLECTIONS = {"gap": "GAP", "winogender": "Winogender"}


def evidence(answers: HeadAnswers) -> None:
    """Show how often the chosen head is right on GAP and on Winogender, beside guessing without reading."""
    head = chosen()
    st.subheader(f"One sentence is one example. How often is {encoding.head_name(head)} right?", anchor=False)
    trace = answers.trace
    if not is_english(trace.request.text, trace.block(trace.blocks[0]).queries):
        st.info("These rates are of English texts. This text does not look English, so they say nothing about it.")
    known = measured(trace, "gap")
    if known is None:
        return
    try:
        kinds = [kind for kind in COLLECTIONS if kind in known.kinds]
        if kinds:
            _counted(known, [claims.claim(known, head, kind) for kind in kinds])
        else:
            st.info("The measurements of this model have no pronoun questions, so how often its heads are right is unknown.")
    except AttnvizError as error:  # a damaged atlas: the rest of the page stands
        st.error(widgets.plain(str(error)))


def _counted(known: Atlas, found: Sequence[ClaimResult]) -> None:
    """Draw the counts as a picture and in numbers, and a sentence that can be claimed."""
    best = claims.best_head(known, found[0].relation)
    left, right = st.columns(2, gap="large")
    with left:
        rows, doubted = _rows(found, best)
        st.html(evidence_figure.drawn(rows, doubted=doubted))
    with right:
        st.markdown(glossary_links.linked("\n".join(f"- {_facts(one)}" for one in found), everyday=("interval",)))
        if best is not None and best.head != found[0].head:
            _best(best, found[0].heads)
        for line in _shared_texts(known, found[0].relation):
            st.caption(glossary_links.linked(widgets.plain(line)))
        if found[0].causal:
            st.caption("This model reads from left to right, so only pronouns after both candidates are counted.")
    with st.expander("What you can claim"):
        st.code("\n\n".join(claim_text.finding(one) for one in found), language=None, wrap_lines=True)


def rows(known: Atlas, head: HeadRef) -> tuple[list[tuple[str, Evidence]], list[str]]:
    """Return what the picture shows of a head: named rates, and the names of those without a significant lead."""
    found = [claims.claim(known, head, kind) for kind in COLLECTIONS if kind in known.kinds]
    return _rows(found, claims.best_head(known, found[0].relation)) if found else ([], [])


def _rows(found: Sequence[ClaimResult], best: BestHead | None) -> tuple[list[tuple[str, Evidence]], list[str]]:
    named = [(f"{one.head} on {COLLECTIONS[one.relation]}", one) for one in found]
    rates = [(label, one.evidence) for label, one in named]
    doubted = [label for label, one in named if not one.significant]
    if best is not None:
        half = "held-out" if best.p_corrected is None else "second half of"
        rates.append((f"{best.head} (best), {half} {COLLECTIONS[best.relation]}", best.evidence))
        doubted += [] if best.beats else [rates[-1][0]]
    return rates, doubted


def _facts(one: ClaimResult) -> str:
    """Return every number of one collection, in Markdown."""
    found = one.evidence
    rules = ", ".join(f"{evidence_figure.NAMES.get(name, name)} {encoding.percent(rate, 1)}" for name, rate in found.baselines)
    significant = "significant" if one.p_corrected < claims.ERROR else "not significant"
    corrected = widgets.plain(claim_text.chance(one.p_corrected).replace(" ", encoding.NARROW))
    return (
        f"**{COLLECTIONS[one.relation]}: {encoding.percent(found.rate, 1)}** right, {evidence_figure.counts(found)}. "
        f"Guessing without reading: {rules}. "
        f"Rank {one.rank} of {one.heads} heads; {significant} after correcting for trying "
        f"{one.heads} heads ({corrected}).{_luck(one)}{_ceiling(one)}{_untrained(one)}"
    )


def _luck(one: ClaimResult) -> str:
    """Explain an interval that excludes guessing beside a lead that is not significant; "" otherwise."""
    explained = widgets.plain(claim_text.luck(one))
    return f" {explained}" if explained else ""


def _ceiling(one: ClaimResult) -> str:
    """Return the rate that no head can exceed, and why; "" if there is no such limit."""
    return f" {widgets.plain(claim_text.ceiling(one))}" if one.evidence.ceiling < 1.0 else ""


def _untrained(one: ClaimResult) -> str:
    """Return the rate of the best head of an untrained twin."""
    if one.control is None:
        return ""
    return f" The best head of an untrained twin: {encoding.percent(one.control.evidence.rate, 1)}."


def _shared_texts(known: Atlas, kind: str) -> list[str]:
    """Compare the best head of this model with that of each other model, on the texts that both have answered."""
    found = []
    for other in shared_texts.others(known):
        mine, theirs = shared_texts.best_head(known, other, kind), shared_texts.best_head(other, known, kind)
        if mine is not None and theirs is not None:
            found.append(
                f"To compare two models, use the {COLLECTIONS[kind]} texts that both have answered "
                f"({encoding.thousands(mine.evidence.n)} of the held-out half): {mine.head} of "
                f"{claim_text.named(known.model)} is "
                f"right in {encoding.percent(mine.evidence.rate, 1)}, {theirs.head} of {claim_text.named(other.model)} in "
                f"{encoding.percent(theirs.evidence.rate, 1)}."
            )
    return found


def _best(best: BestHead, heads: int) -> None:
    """Draw a button that shows the head that is right most often."""
    st.button(
        f"Show {best.head}, the best of {heads} heads", on_click=lambda: state.change(head=best.head), key="coreference-best",
        help=f"Chosen on one half of {COLLECTIONS[best.relation]}; its rate is from the other half{_same_sentences(best)}",
    )  # fmt: skip


def _same_sentences(best: BestHead) -> str:
    """Return a warning where the other half has the same sentences in other wordings."""
    return "" if best.p_corrected is None else ", which holds the same sentences in other wordings"
