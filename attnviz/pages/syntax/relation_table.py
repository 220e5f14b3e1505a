"""Table of a sentence's relations: the chosen head on this sentence, and the best head on the test texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from attnviz.engine.trace import Trace
from attnviz.errors import BadInputError
from attnviz.figures import encoding
from attnviz.figures import evidence as evidence_figure
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
from attnviz.ui import caution, glossary_links, state, widgets
from attnviz.ui.components.choice_table import Cell, choice_table
from attnviz.ui.single_text import chosen

NAMED = 20  # most relations that a sentence lists


def table(sentence_links: SentenceLinks, found: tuple[Outcome, ...], trace: Trace) -> None:
    """Draw one row per relation, each with a button for its best head, the limits of these numbers, and more in folds."""
    head, way = chosen(), direction()
    known, counts = _known(), head_predictions.counts(found)
    if not counts:
        st.info("No link of this sentence can be counted. Choose another sentence.")
        return
    meanings = [relation(one.relation, sentence_links.scheme) for one in counts]
    bests = [_best(known, one, way) for one in meanings]
    st.subheader("Relation by relation", anchor=False)
    st.markdown(glossary_links.linked(_intro(known, sentence_links), everyday=("interval",)))

    def choose(row: int) -> None:
        if (best := bests[row]) is not None:
            state.change(head=replace(head, layer=best.head.layer, head=best.head.head))

    rows = [_row(known, *one, _own(known, one[1], head, way), head) for one in zip(counts, meanings, bests, strict=True)]
    choice_table(_columns(known, head), rows, label="Every relation of this sentence", key="syntax-relations", on_choice=choose)
    if known is not None and (length := captions.length(len(sentence_links.parsed.words))):
        st.caption(length)
    if known is not None and trace.digest != known.header.digest:
        st.caption(
            "These figures were measured on a different checkpoint with the same name as the model that read your sentence."
        )
    _cautions(sentence_links, trace.causal)
    if known is not None:
        _unbeaten(known)
    _labels(known, meanings, bests, sentence_links.scheme)


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


def _columns(known: Atlas | None, head: HeadRef) -> list[Cell]:
    """Return the headings: a measured model has figures of the test texts beside those of the sentence."""
    columns = [Cell("relation"), Cell("this sentence", (str(head),))]
    if known is None:
        return columns
    texts = sum(one.used for one in known.header.corpora if one.kind == "conllu")
    return [
        *columns,
        Cell(f"{encoding.thousands(texts)} test texts", (str(head),)),
        Cell("best head there"),
        Cell("guessing there"),
    ]


def _row(
    known: Atlas | None, count: RelationCount, meaning: Relation, best: BestHead | None, own: Evidence | None, head: HeadRef
) -> list[Cell]:
    """Return the row of one relation."""
    later = (f"{count.unseen} not visible",) if count.unseen else ()
    row = [Cell(count.relation, (meaning.plain,)), Cell(f"{count.hits} of {count.n}", later)]
    if known is None:
        return row
    if best is None:
        return [*row, Cell(), Cell("", (_nothing(known, meaning),)), Cell()]
    found = best.evidence
    return [
        *row,
        Cell() if own is None else Cell(encoding.percent(own.rate, 1), (evidence_figure.interval(own),)),
        Cell(
            encoding.percent(found.rate, 1),
            (evidence_figure.interval(found), f"n = {encoding.thousands(found.n)}"),
            str(best.head),
            (best.head.layer, best.head.head) == (head.layer, head.head),
        ),
        Cell(encoding.percent(found.baseline[1], 1), (_rule(best), _lead(best))),
    ]


def _rule(best: BestHead) -> str:
    """Return the strongest rule that reads nothing, in words."""
    name = best.evidence.baseline[0]
    return f"always {claim_text.place(best.offset)}" if name == "offset" and best.offset is not None else name


def _corpus_name(known: Atlas | None, meaning: Relation) -> str:
    """Return the corpus name of a relation; “in” plus its family where the corpus lacks the subtype and counts the family."""
    name = "" if known is None else known.counting(meaning.counted)
    exact = not name or name in (meaning.counted, meaning.corpus)
    return meaning.corpus_name if exact else f"in UD {name}"


def _nothing(known: Atlas | None, meaning: Relation) -> str:
    """Return why a relation has no best head."""
    if not meaning.counted:
        return "no gold links"
    return "never visible" if known is not None and known.counting(meaning.counted) else "not measured"


def _lead(best: BestHead) -> str:
    """Return the lead of the best head over the strongest rule that reads nothing, where it is significant."""
    if best.evidence.n < claims.ENOUGH:
        return "too few links to compare"
    if best.beats:
        return f"lead of {best.points:.1f} points"
    apart = best.evidence.interval[0] > best.evidence.baseline[1]
    return f"lead not significant{': the links of a sentence count together' if apart else ''}"


def _intro(known: Atlas | None, sentence_links: SentenceLinks) -> str:
    """Explain the columns and the scheme of the labels."""
    here = f"**This sentence**: labels by {SCHEMES[sentence_links.scheme]}. One example is not evidence."
    if known is None:
        return f"{here} {widgets.plain(state.card().name)} has not been measured on a corpus. Use `attnviz atlas build`."
    sources = ", ".join(one.name for one in known.header.corpora if one.kind == "conllu")
    return (
        f"{here} **Test texts**: {widgets.plain(sources)}, with gold links. Heads and rules were chosen on one half of them; "
        f"figures are from the other half, each with its 95{encoding.NARROW}% interval. Press a head to see where it looks."
    )


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
    title = f"{len(without)} of {len(leads)} relations on which no head is shown to beat guessing"
    with st.expander(title):
        st.markdown(
            _terms(
                f"On {len(without)} of the {len(leads)} kinds of link with at least {claims.ENOUGH} links in the test "
                f"texts, subtypes counted separately, "
                f"no head is shown to beat the best simple rule (a fixed distance or chance), in either "
                f"direction{missed if without else ''}. "
                "Head and rule were compared on the same links, by sentences, with a correction for trying all heads in "
                "both directions "
                f"(Holm).{_elsewhere(known)}{visible}"
            )
        )


def _terms(text: str) -> str:
    """Return a sentence as Markdown with its terms as links."""
    return glossary_links.linked(widgets.plain(text), everyday=("chance",))


def _elsewhere(known: Atlas) -> str:
    """Report what other texts show for the relations on which nothing is shown here."""
    sentences = []
    for corpus in external_results.corpora(known.model):
        named = joined(tuple(f"{claim_text.label(one.relation)} {one.points:.0f}" for one in corpus.leads))
        sentences.append(f" On other texts ({corpus.name}), heads chosen on these texts lead by these points: {named}.")
    return "".join(sentences)


def _labels(known: Atlas | None, meanings: Sequence[Relation], bests: Sequence[BestHead | None], scheme: str) -> None:
    """Explain the labels of this sentence, how far both schemes agree on them, and what an untrained twin reaches."""
    with st.expander("What these labels mean"):
        labels = widgets.plain(f"By {SCHEMES[scheme]}. {about(scheme)}{_counting(known)}")
        st.caption(glossary_links.linked(labels, "universal-dependencies", "corpus", "parser"))
        for one, best in zip(meanings, bests, strict=True):
            differs = f" {one.differs}" if one.differs else ""
            untrained = ""
            if best is not None and best.control is not None:
                untrained = f" Untrained: {encoding.percent(best.control.evidence.rate, 1)}."
            st.markdown(
                f"**{widgets.plain(one.name)}** ({widgets.plain(_corpus_name(known, one))}), "
                f"{widgets.plain(one.explains + differs + untrained)}"
            )


def _counting(known: Atlas | None) -> str:
    """Explain how the test texts count a label, and the rate of an untrained twin."""
    if known is None:
        return ""
    control = (
        " “Untrained”: how often the best head of the same architecture with random weights is right."
        if known.header.control is not None
        else ""
    )
    return (
        " In the test texts a subtype such as nmod:poss counts separately, and nmod without its subtypes. “in UD …”: the "
        f"corpus counts this relation together with others, and the figures are for all of them.{control}"
    )


def _cautions(sentence_links: SentenceLinks, causal: bool) -> None:
    """Draw the limits of these numbers."""
    parts = []
    if sentence_links.sentence is None:
        parts.append(
            "The parser makes mistakes even in English, so some misses are its mistakes. In other languages all of them may be."
        )
    if causal:
        parts.append(
            "This model reads from left to right, so no head can look at a later word. Such links are not visible, which is "
            "not the same as missed."
        )
    parts.append("To judge a head, use the test texts with their interval. All of them are English.")
    caution.show(widgets.plain(" ".join(parts)), terms=("head", "interval", "self-attention"))
