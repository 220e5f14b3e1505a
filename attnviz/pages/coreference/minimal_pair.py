"""The sentence and its partner: where the chosen head looks, whether that is right, and what changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from attnviz.analysis import view
from attnviz.figures import encoding
from attnviz.pages.coreference import fork_figure, sentence_figure
from attnviz.pages.coreference.question import HeadAnswers, PronounQuestion
from attnviz.types import HeadRef
from attnviz.ui import glossary_links, widgets
from attnviz.ui.single_text import chosen
from attnviz.view_state import ViewOptions

WORDS = ViewOptions(words=True)


def draw_sentences(answers: HeadAnswers, other: HeadAnswers | None) -> None:
    """Draw the sentence and its partner, tinted by where the pronoun looks in the chosen head, and the change between them."""
    with st.container(key="off-stage-legend"):
        _legend(answers)
    both = [answers] if other is None else [answers, other]
    for column, one in zip(st.columns(len(both), gap="large"), both, strict=True):
        with column:
            _sentence(one)
    if other is not None and not (answers.shares.late or other.shares.late):
        _change(answers, other)
        if answers.trace.causal:
            st.info(glossary_links.linked(_causal(answers.question)))
    with st.container(key="off-stage-rule"):
        _rule(both)


def _legend(answers: HeadAnswers) -> None:
    """Explain the marks."""
    question = answers.question
    pronoun = widgets.plain(question.word(question.pronoun))
    parts = [
        f"{encoding.head_name(chosen())}: the bluer a word, the more “{pronoun}” looks at it.",
        f"Candidates are underlined{'' if question.right is None else ', the right one with a solid line'}.",
    ]
    if question.example is not None and question.example.cue:
        parts.append("The deciding word is framed.")
    st.caption(glossary_links.linked(" ".join([*parts, "Choose another head below."])))


def _sentence(answers: HeadAnswers) -> None:
    """Draw one sentence, tinted, and a line to each candidate with its weight."""
    question, head, hit = answers.question, chosen(), answers.hit(chosen())
    pattern = view.pattern(answers.trace, head, WORDS)
    rows = [i for i, unit in enumerate(pattern.query_units) if (unit.start, unit.end) == question.pronoun and not unit.special]
    weights = pattern.weights[rows[0]] if rows else None
    st.html(sentence_figure.tinted_sentence(question.text, pattern.key_units, encoding.LIVE.name, question.marks(hit), weights))
    found, parts = answers.shares, branches(answers, head)
    st.html(fork_figure.fork(question.word(question.pronoun), parts, encoding.LIVE.name, hit))
    if question.right is not None and answers.sum_disagrees(head):
        st.caption(widgets.plain(_disagreement(parts, question.right, bool(hit))))
    if found.note:
        st.caption(widgets.plain(found.note))


def branches(answers: HeadAnswers, head: HeadRef) -> list[fork_figure.Branch]:
    """Return what each candidate gets from the pronoun in a head."""
    question, found = answers.question, answers.shares
    shares, peaks = (values[head.layer, head.head] for values in (found.values, answers.antecedents.peaks))
    return [
        fork_figure.Branch(question.word(span), float(share), float(peak), at == question.right, at in found.late)
        for at, (span, share, peak) in enumerate(zip(question.candidates, shares, peaks, strict=True))
    ]


def _disagreement(branches: Sequence[fork_figure.Branch], right: int, hit: bool) -> str:
    """Return why the largest pieces and the sums give different verdicts, with both pairs of numbers.

    The right candidate is compared with its strongest rival, once by the largest piece and once by the sum.
    """

    def against(value: Callable[[fork_figure.Branch], float]) -> str:
        rival = max((one for at, one in enumerate(branches) if at != right), key=value)
        return f"“{name}” {encoding.three(value(branches[right]))}, “{rival.name}” {encoding.three(value(rival))}"

    name = branches[right].name
    pieces, sums = against(lambda one: one.peak or 0.0), against(lambda one: one.share)
    return (
        f"The two ways of counting disagree here. By the largest piece: {pieces}, so this is a {'hit' if hit else 'miss'}. "
        f"By the sum over all pieces: {sums}, which would be a {'miss' if hit else 'hit'}."
    )


def _change(answers: HeadAnswers, other: HeadAnswers) -> None:
    """Show how the attention of the chosen head changes in the other sentence of the pair."""
    head = chosen()
    before, after = (one.shares.values[head.layer, head.head] for one in (answers, other))
    parts = [
        f"{widgets.plain(answers.question.word(span))} **{encoding.signed(float(there - here))}**"
        for span, here, there in zip(answers.question.candidates, before, after, strict=True)
    ]
    st.markdown(f"Change from the first sentence to the second, in {encoding.head_name(head)}: {', '.join(parts)}")


def _causal(question: PronounQuestion) -> str:
    """Return what reading from left to right means for a pair of sentences."""
    pronoun = widgets.plain(question.word(question.pronoun))
    cue = () if question.example is None else question.example.cue
    if cue and max(cue) <= question.pronoun:
        return (
            f"This model reads from left to right. Here the deciding word does not come after “{pronoun}”, so this model can "
            "use it."
        )
    return (
        f"This model reads from left to right: the deciding word comes after “{pronoun}”, so it cannot change where "
        f"“{pronoun}” looks. Both sentences give the same numbers, up to rounding. Choose an encoder such as "
        "all\\-MiniLM\\-L6\\-v2, or a pair whose deciding word comes first."
    )


def _rule(both: Sequence[HeadAnswers]) -> None:
    """Draw the rule for a right head, or why no head can be right."""
    question = both[0].question
    if question.own and question.right is None:
        st.caption(
            "Numbers add up the pieces of a word. Only you know which word is right: until you choose it, nothing is a hit "
            "or a miss."
        )
        return
    if question.right is None:
        st.markdown("There is no right answer here, so no head hits or misses.")
        return
    rule = (
        "Numbers add up the pieces of a word. A head hits if it gives the right word more than every other candidate. That is "
        "decided by the largest piece of each word (as on GAP), because sums favour long names. A tie is a miss."
    )
    st.caption(glossary_links.linked(rule, everyday=("tie",)))
