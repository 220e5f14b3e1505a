"""A text with a pronoun and its candidates on the page: the minimal pair, every head ranked, and what it does not show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from attnviz import text as texts
from attnviz.analysis import links, view
from attnviz.engine.trace import Trace
from attnviz.figures import encoding, headmap, sentence
from attnviz.lessons import examples
from attnviz.lessons.examples import Example, Span
from attnviz.selection import CANDIDATES, Selection
from attnviz.types import AttentionRequest, Focus, HeadRef, HeadScores, ViewOptions
from attnviz.ui import blocks, state
from attnviz.ui.backend import backend

PRONOUNS = frozenset(
    (
        "he she it they him her them his hers its their theirs himself herself itself themselves "
        "i we you me us who this that these those"
    ).split(" ")
)
WORDS = ViewOptions(words=True)


@dataclass(frozen=True)
class Question:
    """Whom does the pronoun mean? `right` counts the candidates; None where the reader did not say."""

    text: str
    pronoun: Span
    candidates: tuple[Span, ...]
    right: int | None = None
    example: Example | None = None

    def word(self, span: Span) -> str:
        """The text of a span, with its number where the text has it more than once."""
        return _numbered(self.text, texts.words(self.text), span)

    @property
    def marks(self) -> sentence.Marks:
        """What is marked in the sentence."""
        return sentence.Marks(self.pronoun, self.candidates, None if self.right is None else self.candidates[self.right])


def title() -> None:
    """What this page asks, whatever comes below it."""
    st.header("Whom does the pronoun mean?", anchor=False)


def read(selection: Selection) -> Selection:
    """The selection as this page reads it: the first text alone, by the source side of an encoder-decoder."""
    request = AttentionRequest(selection.request.model, selection.request.text)
    return replace(selection, request=request, head=chosen())


def chosen() -> HeadRef:
    """The chosen head, in the block that this page shows."""
    head, block = state.current().head, state.card().blocks[0]
    return head if head.block == block else HeadRef(head.layer, head.head, block)


def question(request: AttentionRequest, trace: Trace) -> Question | None:
    """The question of the text on screen: a ready sentence's own, or what the reader says of theirs; None after a message."""
    if state.current().request.text_b:
        st.caption("This page reads the first sentence alone; the second one is left out here.")
    known = next((e for e in examples.examples() if e.text == request.text), None)
    if known is not None:
        st.markdown(blocks.plain(f"{known.note} This sentence teaches: {known.teaches}."))
        return Question(known.text, known.pronoun, known.candidates, known.answer, known)
    return _own(request.text, trace)


def _own(text: str, trace: Trace) -> Question | None:
    """The reader's own sentence: which word is the pronoun, and who may be meant. Both are kept in the link."""
    starts = {token.start for token in trace.block(chosen().block).queries if not token.special}
    places = [place for place in texts.words(text) if starts & set(range(*place))]
    if len(places) < 3:
        st.info("Type a sentence with a pronoun and at least two words that it could mean, or choose an example above.")
        return None
    labels = {place: _numbered(text, places, place) for place in places}
    with st.container(horizontal=True, gap="small"):
        key = state.fill("pronoun", _pronoun(text, places))
        held = st.selectbox(
            "Pronoun", places, format_func=labels.__getitem__, key=key, width=208,
            on_change=lambda: state.hold(Focus(st.session_state[key][0])),
        )  # fmt: skip
        others = [place for place in places if place != held]
        kept = [place for place in others if place[0] in state.current().candidates]
        several = state.fill("candidates", kept)
        named = st.multiselect(
            "Whom could it mean? Choose two or more words",
            others,
            format_func=labels.__getitem__,
            key=several,
            max_selections=CANDIDATES,
            on_change=lambda: state.change(candidates=tuple(place[0] for place in st.session_state[several])),
        )
    if len(named) < 2:
        st.info(
            "Choose the pronoun and at least two words that it could mean: then every head "
            "is ranked by how it divides its attention between them."
        )
        return None
    return Question(text, held, tuple(named))


def _pronoun(text: str, places: Sequence[Span]) -> Span:
    """The held word; else the first word that may be a pronoun, else the first word."""
    focus = state.current().focus
    if focus is not None and not focus.special and not focus.segment:
        for place in places:
            if place[0] <= focus.start < place[1]:
                return place
    return next((p for p in places if text[p[0] : p[1]].casefold() in PRONOUNS), places[0])


def _numbered(text: str, places: Sequence[Span], place: Span) -> str:
    """A word, with its number where the text has it more than once."""
    same = [p for p in places if text[p[0] : p[1]] == text[place[0] : place[1]]]
    word = text[place[0] : place[1]]
    return f"{word} ({same.index(place) + 1})" if len(same) > 1 else word


def pair_of(asked: Question) -> Question | None:
    """The other sentence of a minimal pair."""
    if asked.example is None or asked.example.pair is None:
        return None
    other = examples.example(asked.example.pair)
    return Question(other.text, other.pronoun, other.candidates, other.answer, other)


def sentences(asked: Question, trace: Trace) -> None:
    """The sentence, and beside it the other one of its pair, tinted by where the pronoun looks in the chosen head."""
    pronoun = blocks.plain(asked.word(asked.pronoun))
    st.caption(
        f"{encoding.head_name(chosen())}: blue is how much “{pronoun}” looks at each word. "
        f"Candidates are underlined{'' if asked.right is None else ', the right one with a solid line'}. "
        "Choose another head in the table below."
    )
    both = _both(asked, trace, pair_of(asked))
    for column, (one, its_trace) in zip(st.columns(len(both), gap="large"), both, strict=True):
        with column:
            _sentence(one, its_trace)
    if len(both) == 2:
        _change(*both)


def _both(asked: Question, trace: Trace, other: Question | None) -> list[tuple[Question, Trace]]:
    """The sentence and, where there is one, its partner with its own trace."""
    found = [(asked, trace)]
    if other is not None:
        found.append((other, backend().attend(AttentionRequest(trace.request.model, other.text))))
    return found


def _sentence(asked: Question, trace: Trace) -> None:
    """One sentence, tinted, and the candidates' weights in words."""
    head = chosen()
    pattern = view.pattern(trace, head, WORDS)
    rows = [i for i, unit in enumerate(pattern.query_units) if (unit.start, unit.end) == asked.pronoun and not unit.special]
    weights = pattern.weights[rows[0]] if rows else None
    st.html(sentence.tinted(asked.text, pattern.key_units, blocks.theme(), asked.marks, weights))
    shares = _divided(asked, trace).values[head.layer, head.head]
    parts = [
        f"{blocks.plain(asked.word(span))} **{encoding.three(float(share))}**"
        for span, share in zip(asked.candidates, shares, strict=True)
    ]
    st.markdown(f"“{blocks.plain(asked.word(asked.pronoun))}” gives " + ", ".join(parts))


def _change(first: tuple[Question, Trace], second: tuple[Question, Trace]) -> None:
    """What the other sentence of the pair changes, in the chosen head."""
    head = chosen()
    before, after = (_divided(one, trace).values[head.layer, head.head] for one, trace in (first, second))
    parts = [
        f"{blocks.plain(first[0].word(span))} **{encoding.signed(float(there - here))}**"
        for span, here, there in zip(first[0].candidates, before, after, strict=True)
    ]
    st.markdown(f"Change from the first sentence to the second, in {encoding.head_name(head)}: " + ", ".join(parts))


def _divided(asked: Question, trace: Trace) -> links.Division:
    """How every head divides the pronoun's attention."""
    return links.division(trace, asked.pronoun, asked.candidates, chosen().block)


def ranking(asked: Question, trace: Trace) -> None:
    """Every head by how it divides its attention between the candidates, with the change in the other sentence."""
    division = _divided(asked, trace)
    other = pair_of(asked)
    change = None
    if other is not None:
        theirs = _divided(other, backend().attend(AttentionRequest(trace.request.model, other.text)))
        change = theirs.values - division.values
    left, right = st.columns([2, 3], gap="large")
    with left:
        _map(asked, division)
    with right:
        _table(asked, division, change)


def _map(asked: Question, division: links.Division) -> None:
    """Layers by heads: whom each head prefers; pale where it hardly looks at any candidate."""
    first, second = (asked.word(span) for span in asked.candidates[:2])
    values = division.values[..., 0] - division.values[..., 1]
    scores = HeadScores(f"{first} minus {second}", values, "more", -1.0, 1.0)
    st.markdown(f"**Every head**  \nGreen looks more at {blocks.plain(first)}, purple more at {blocks.plain(second)}.")
    st.plotly_chart(
        headmap.figure(scores, blocks.theme(), chosen(), ends=(second, first)), theme=None, config=headmap.CONFIG,
        key="coreference-map", alt=f"Layers by heads: attention to {first} minus attention to {second}",
    )  # fmt: skip


def _table(asked: Question, division: links.Division, change: np.ndarray | None) -> None:
    """All heads, best first for the right candidate; a click on a row chooses the head."""
    right = asked.right or 0
    order = [right, *(i for i in range(len(asked.candidates)) if i != right)]
    ordered = links.Division(division.values[..., order], _share(division.values, right), division.late, division.note)
    ranked = links.ranking(ordered)
    names = [asked.word(span) for span in asked.candidates]
    rows = []
    for one in ranked:
        values = division.values[one.layer, one.head]
        row = {"rank": one.rank, "head": str(HeadRef(one.layer, one.head))}
        row |= {f"to {name}": float(value) for name, value in zip(names, values, strict=True)}
        row[f"{names[right]}’s share"] = 100 * one.share if one.counts else None
        if change is not None:
            row[f"change to {names[right]}"] = float(change[one.layer, one.head, right])
        rows.append(row)
    st.markdown(
        f"**All {len(rows)} heads, ranked by the share of {blocks.plain(names[right])}** "
        f"{'among the candidates' if asked.right is not None else '(the first you chose) among the candidates'}. "
        f"Heads that give them less than "
        f"{encoding.percent(links.ENOUGH)} together have no share and stand last."
    )
    number = st.column_config.NumberColumn(format="%.3f")
    columns = {name: number for name in rows[0] if name.startswith("to ")}
    columns |= {name: st.column_config.NumberColumn(format="%+.3f") for name in rows[0] if name.startswith("change ")}
    columns[f"{names[right]}’s share"] = st.column_config.ProgressColumn(
        format="%.0f %%", min_value=0, max_value=100, color=encoding.weight_colour(0.5, blocks.theme())
    )
    found = st.dataframe(
        rows, hide_index=True, column_config=columns, height=420, on_select="rerun", selection_mode="single-row",
        key=f"coreference-table-{asked.text}-{state.current().request.model}", alt="Every head, ranked",
    )  # fmt: skip
    if picked := found.selection.rows:
        head = ranked[picked[0]]
        if (head.layer, head.head) != (chosen().layer, chosen().head):
            state.change(head=HeadRef(head.layer, head.head, chosen().block))
            st.rerun()


def _share(values: np.ndarray, right: int) -> np.ndarray:
    """The right candidate's part of what all candidates get; NaN where they get nothing."""
    mass = values.sum(-1)
    return np.where(mass > 0, values[..., right] / np.where(mass > 0, mass, 1.0), np.nan).astype(np.float32)


def cautions(asked: Question, trace: Trace) -> None:
    """What this picture does not show, where it is seen."""
    st.caption(
        "One sentence is one example: among many heads some will prefer the right word by luck. "
        "A head that looks at a word need not use it: "
        "attention is a signal, not an explanation."
    )
    if not trace.causal:
        return
    pronoun = blocks.plain(asked.word(asked.pronoun))
    st.info(
        f"This model reads from left to right. What comes after “{pronoun}” cannot change where “{pronoun}” looks, "
        f"so a cue at the end of the sentence, "
        "such as “tired” or “wide”, leaves this row as it is: "
        "the two sentences of such a pair give the same numbers up to rounding. "
        "Choose an encoder such as all\\-MiniLM\\-L6\\-v2, or a sentence whose cue comes first."
    )
