"""Table of a sentence's relations: the chosen head on this sentence, and the best head on the test texts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from attnviz.analysis.row_stats import NARROW, percent
from attnviz.engine.trace import Trace
from attnviz.errors import BadInputError
from attnviz.linguistics import claim_text, claims, external_results, head_predictions
from attnviz.linguistics.atlas import reader
from attnviz.linguistics.atlas.reader import Atlas
from attnviz.linguistics.claims import BestHead
from attnviz.linguistics.head_predictions import Outcome, RelationCount
from attnviz.linguistics.relations import SCHEMES, Relation, about, relation
from attnviz.pages.syntax import captions
from attnviz.pages.syntax.parsed_links import SentenceLinks
from attnviz.pages.syntax.view import direction
from attnviz.types import Evidence, HeadRef, joined
from attnviz.ui import caution, state, widgets
from attnviz.ui.single_text import chosen

NAMED = 20  # most relations that a sentence lists


def table(sentence_links: SentenceLinks, found: tuple[Outcome, ...], trace: Trace) -> None:
    """Draw one row per relation; a click chooses its best head."""
    head, way = chosen(), direction()
    known, counts = _known(), head_predictions.counts(found)
    if not counts:
        st.info("No link of this sentence can be counted. Choose another sentence.")
        return
    meanings = [relation(one.relation, sentence_links.scheme) for one in counts]
    bests = [_best(known, one, way) for one in meanings]
    rows = [_row(known, *one, _own(known, one[1], head, way), head) for one in zip(counts, meanings, bests, strict=True)]
    st.subheader("Relation by relation", anchor=False)
    st.markdown(_intro(known, sentence_links, head))
    key = f"syntax-table-{sentence_links.parsed.text}-{sentence_links.scheme}-{state.card().id}-{way}"

    def choose() -> None:
        rows = st.session_state[key].selection.rows
        best = bests[rows[0]] if rows else None
        if best is not None:
            state.change(head=replace(head, layer=best.head.layer, head=best.head.head))

    st.dataframe(
        rows, hide_index=True, on_select=choose, selection_mode="single-row", alt="Every relation of this sentence",
        column_config={"links in test texts": st.column_config.NumberColumn(format="localized")}, key=key,
        height="content", placeholder="",
    )  # fmt: skip
    if known is not None:
        if length := captions.length(len(sentence_links.parsed.words)):
            st.caption(length)
        _unbeaten(known)
        if trace.digest != known.header.digest:
            st.caption(
                "These figures were measured on a different checkpoint with the same name as the model that read your sentence."
            )
    _labels(meanings, sentence_links.scheme)


def _known() -> Atlas | None:
    """Return the measurements of the chosen model; None if there are none, or after a message if they cannot be read."""
    try:
        return reader.shipped(state.card().id)
    except BadInputError as error:
        st.info(widgets.plain(str(error)))
        return None


def _best(known: Atlas | None, meaning: Relation, direction: str) -> BestHead | None:
    """Return the best head of a relation by gold links; None if there are none."""
    name = "" if known is None else known.counting(meaning.counted)
    return claims.best_head(known, name, direction) if known is not None and name else None


def _own(known: Atlas | None, meaning: Relation, head: HeadRef, direction: str) -> Evidence | None:
    """Return how often the chosen head is right on the same held-out links; None if there are none."""
    name = "" if known is None else known.counting(meaning.counted)
    if known is None or not name:
        return None
    try:
        found = claims.claim(known, head, name, direction).held_out
    except BadInputError:  # the reader's own weights may have more heads than the measured ones
        return None
    return found if found.n else None


def _row(
    known: Atlas | None, count: RelationCount, meaning: Relation, best: BestHead | None, own: Evidence | None, head: HeadRef
) -> dict[str, Any]:
    """Return the row of one relation."""
    later = f" ({count.unseen} not visible)" if count.unseen else ""
    row: dict[str, Any] = {
        "relation": count.relation, "the corpus says": _corpus_name(known, meaning), "which is": meaning.plain,
        f"{head}, this sentence": f"{count.hits} of {count.n}{later}",
    }  # fmt: skip
    if best is None:
        return row | {"best head": _nothing(known, meaning)}
    found = best.evidence
    return row | {
        f"{head}, test texts": own and _share(own),
        "best head": str(best.head),
        "best head, test texts": _share(found),
        "links in test texts": found.n,
        "best head’s lead": _lead(best),
        "untrained": best.control and percent(best.control.evidence.rate),
        "best rule": claim_text.baseline(found, best.offset),
    }


def _corpus_name(known: Atlas | None, meaning: Relation) -> str:
    """Return the corpus name of a relation; “in” plus its family where the corpus lacks the subtype and counts the family."""
    name = "" if known is None else known.counting(meaning.counted)
    exact = not name or name in (meaning.counted, meaning.corpus)
    return meaning.corpus_name if exact else f"in UD {name}"


def _share(found: Evidence) -> str:
    """Write how often a head is right, with the interval of that share: `67 % (64 to 70)`."""
    low, high = found.interval
    return f"{percent(found.rate)} ({100 * low:.0f} to {100 * high:.0f})"


def _nothing(known: Atlas | None, meaning: Relation) -> str:
    """Return why a relation has no best head."""
    if not meaning.counted:
        return "no gold links"
    return "never visible" if known is not None and known.counting(meaning.counted) else "not measured"


def _lead(best: BestHead) -> str:
    """Return the lead of the best head over the strongest rule that reads nothing, where it is significant."""
    if best.evidence.n < claims.ENOUGH:
        return "too few to say"
    return f"{best.points:.0f} points" if best.beats else "not shown"


def _intro(known: Atlas | None, sentence_links: SentenceLinks, head: HeadRef) -> str:
    """Explain the columns and the scheme of the labels."""
    here = f"**This sentence**: labels by {SCHEMES[sentence_links.scheme]}. One example is not evidence."
    if known is None:
        return f"{here} {widgets.plain(state.card().name)} has not been measured on a corpus. Use `attnviz atlas build`."
    sources = ", ".join(one.name for one in known.header.corpora if one.kind == "conllu")
    return (
        f"{here} **Test texts**: {widgets.plain(sources)}, with gold links in Universal Dependencies. Heads and rules "
        f"were chosen on "
        f"one half of the texts, and every figure is from the other half, with its 95{NARROW}% interval in brackets. A subtype "
        "such as nmod:poss counts separately, and nmod without its subtypes. “in UD …”: the corpus counts this "
        "relation together "
        f"with others, and the figures are for all of them. {_control_note(known)}Click a row to choose its best head."
    )


def _control_note(known: Atlas) -> str:
    """Explain the column of the untrained twin."""
    if known.header.control is None:
        return ""
    return "**Untrained** is the best head of the same architecture with random weights. "


def _unbeaten(known: Atlas) -> None:
    """Say for how many relations no head is shown to beat a rule that reads nothing, and what could have been missed."""
    leads = claims.leads(known)
    without = [one for one in leads if not one.significant]
    named = [f"{claim_text.label(one.relation)} ({one.detectable:.0f})" for one in without]
    names = ", ".join(named[:NAMED]) + (" and more" if len(named) > NAMED else "")
    missed = (
        f": {names}. In brackets: the lead in points that a test on this many sentences finds four times in five. A "
        f"smaller lead "
        "is possible"
    )
    visible = " Only links to an earlier word are counted, since the model reads left to right." if known.header.causal else ""
    st.markdown(
        widgets.plain(
            f"On {len(without)} of the {len(leads)} kinds of link with at least {claims.ENOUGH} links in the test "
            f"texts, subtypes counted separately, "
            f"no head is shown to beat the best simple rule (a fixed distance or chance), in either "
            f"direction{missed if without else ''}. "
            "Head and rule were compared on the same links, by sentences, with a correction for trying all heads in "
            "both directions "
            f"(Holm).{_elsewhere(known)}{visible}"
        )
    )


def _elsewhere(known: Atlas) -> str:
    """Report what other texts show for the relations on which nothing is shown here."""
    sentences = []
    for corpus in external_results.corpora(known.model):
        named = joined(tuple(f"{claim_text.label(one.relation)} {one.points:.0f}" for one in corpus.leads))
        sentences.append(f" On other texts ({corpus.name}), heads chosen on these texts lead by these points: {named}.")
    return "".join(sentences)


def _labels(meanings: list[Relation], scheme: str) -> None:
    """Explain the labels of this sentence, and how far both schemes agree on them."""
    with st.expander("What these labels mean"):
        st.caption(widgets.plain(f"By {SCHEMES[scheme]}. {about(scheme)}"))
        for one in meanings:
            differs = f" {one.differs}" if one.differs else ""
            st.markdown(
                f"**{widgets.plain(one.name)}** ({widgets.plain(one.corpus_name)}), {widgets.plain(one.explains + differs)}"
            )


def cautions(sentence_links: SentenceLinks, causal: bool) -> None:
    """Draw the limits of these numbers."""
    parts = [
        "One sentence is one example. To judge a head, use the figures of the test texts, with their number of links "
        "and interval."
    ]
    if sentence_links.sentence is None:
        parts.append(
            "The parser makes mistakes even in English, so some misses are its mistakes. In other languages all of them may be."
        )
    if causal:
        parts.append(
            "This model reads from left to right, so no head can look at a later word. Such links are not visible, which is "
            "not the same as missed."
        )
    parts.append("All figures are for English texts from these sources only.")
    caution.show(widgets.plain(" ".join(parts)), terms=("head", "interval", "self-attention"))
