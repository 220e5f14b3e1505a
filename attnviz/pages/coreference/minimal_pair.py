"""The sentence on the page, and its partner beside it: whom the chosen head looks at, whether that is right, what changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from attnviz.analysis import view
from attnviz.figures import encoding
from attnviz.pages.coreference import fork_figure, sentence_figure
from attnviz.pages.coreference.question import Asked
from attnviz.ui import widgets
from attnviz.ui.single_text import chosen
from attnviz.view_state import ViewOptions

WORDS = ViewOptions(words=True)


def sentences(asked: Asked, other: Asked | None) -> None:
    """The sentence and its partner, each tinted by where the pronoun looks in the chosen head, and the change between them."""
    _legend(asked)
    both = [asked] if other is None else [asked, other]
    for column, one in zip(st.columns(len(both), gap="large"), both, strict=True):
        with column:
            _sentence(one)
    if other is not None and not (asked.division.late or other.division.late):
        _change(asked, other)
    _rule(both)


def _legend(asked: Asked) -> None:
    """What the marks mean."""
    question = asked.question
    pronoun = widgets.plain(question.word(question.pronoun))
    parts = [
        f"{encoding.head_name(chosen())}: blue is how much “{pronoun}” looks at each word.",
        f"Candidates are underlined{'' if question.right is None else ', the right one with a solid line'}.",
    ]
    if question.example is not None and question.example.cue:
        parts.append("What decides has a dashed frame.")
    st.caption(" ".join([*parts, "Choose another head below."]))


def _sentence(asked: Asked) -> None:
    """One sentence, tinted, and a line to each candidate with its weight."""
    question, head, hit = asked.question, chosen(), asked.hit(chosen())
    pattern = view.pattern(asked.trace, head, WORDS)
    rows = [i for i, unit in enumerate(pattern.query_units) if (unit.start, unit.end) == question.pronoun and not unit.special]
    weights = pattern.weights[rows[0]] if rows else None
    st.html(sentence_figure.tinted(question.text, pattern.key_units, widgets.theme(), question.marks(hit), weights))
    division = asked.division
    shares, peaks = (values[head.layer, head.head] for values in (division.values, asked.antecedents.peaks))
    branches = [
        fork_figure.Branch(question.word(span), float(share), float(peak), at == question.right, at in division.late)
        for at, (span, share, peak) in enumerate(zip(question.candidates, shares, peaks, strict=True))
    ]
    st.html(fork_figure.drawn(question.word(question.pronoun), branches, widgets.theme(), hit))
    if question.right is not None and asked.sum_disagrees(head):
        st.caption(widgets.plain(_disagreement(branches, question.right, bool(hit))))
    if division.note:
        st.caption(widgets.plain(division.note))


def _disagreement(branches: Sequence[fork_figure.Branch], right: int, hit: bool) -> str:
    """Why the verdict is another one than the sums would give, with both pairs of numbers.

    The right candidate is compared with its strongest rival, once by the largest piece and once by the sum.
    """

    def against(value: Callable[[fork_figure.Branch], float]) -> str:
        rival = max((one for at, one in enumerate(branches) if at != right), key=value)
        return f"“{name}” {encoding.three(value(branches[right]))}, “{rival.name}” {encoding.three(value(rival))}"

    name = branches[right].name
    pieces, sums = against(lambda one: one.peak or 0.0), against(lambda one: one.share)
    return (
        f"The two ways to count disagree here. By the largest piece: {pieces}, so this is a {'hit' if hit else 'miss'}. "
        f"By the sum over all pieces: {sums}, which would be a {'miss' if hit else 'hit'}."
    )


def _change(asked: Asked, other: Asked) -> None:
    """What the other sentence of the pair changes, in the chosen head."""
    head = chosen()
    before, after = (one.division.values[head.layer, head.head] for one in (asked, other))
    parts = [
        f"{widgets.plain(asked.question.word(span))} **{encoding.signed(float(there - here))}**"
        for span, here, there in zip(asked.question.candidates, before, after, strict=True)
    ]
    st.markdown(
        f"Change from the first sentence to the second, in {encoding.head_name(head)}: "
        + ", ".join(parts)
        + _both(asked, other)
    )


def _both(asked: Asked, other: Asked) -> str:
    """In how many sentences of a pair the chosen head is right, and what that is worth."""
    hits = [one.hit(chosen()) for one in (asked, other)]
    if None in hits:
        return ""
    said = f".  \nRight in **{hits.count(True)} of 2** sentences."
    if asked.question.right == other.question.right:
        return said
    return f"{said} A head that never changes its mind is right in one of them."


def _rule(both: Sequence[Asked]) -> None:
    """By which rule a head is right, and where none can be."""
    question = both[0].question
    if question.own and question.right is None:
        st.caption(
            "Numbers are sums over the pieces of a word. Only you know which word is right: until you say so, nothing is a hit "
            "or a miss."
        )
        return
    if question.right is None:
        st.markdown("There is no right answer here, so no head hits or misses.")
        return
    st.caption(
        "Numbers are sums over the pieces of a word. A hit gives the right word more than every other candidate, counted by "
        "the largest piece of each (as on GAP), since a sum favours long names; a tie is a miss."
    )
