"""Every head ranked by how it divides the pronoun's attention: a map with hits and misses, and a table to choose a head."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from attnviz.analysis import link_ranking, tables
from attnviz.figures import encoding, headmap
from attnviz.pages.coreference.question import HeadAnswers, PronounQuestion
from attnviz.types import HeadRef, HeadScores
from attnviz.ui import state, widgets
from attnviz.ui.single_text import chosen


def ranking(answers: HeadAnswers, other: HeadAnswers | None) -> None:
    """Draw the map and the table of all heads, with the change in the other sentence."""
    shares = answers.shares
    hits, by_sum = answers.hits, answers.hits_by_sum
    change = None if other is None else other.shares.values - shares.values
    left, right = st.columns([2, 3], gap="large")
    with left:
        _map(answers.question, shares, hits, by_sum)
    with right:
        _table(answers.question, shares, hits, by_sum, change)


def _map(
    question: PronounQuestion, shares: link_ranking.CandidateShares, hits: np.ndarray | None, by_sum: np.ndarray | None
) -> None:
    """Draw a map of layers by heads: the candidate that each head prefers, pale if it hardly looks at any."""
    first, second = (question.word(span) for span in question.candidates[:2])
    values = shares.values[..., 0] - shares.values[..., 1]
    scores = HeadScores(f"{first} minus {second}", values, "more", -1.0, 1.0)
    signs = "" if hits is None or by_sum is None else f"  \n{_guessing(hits, by_sum, len(question.candidates))}"
    st.markdown(
        f"**Every head**  \nGreen: more attention to {widgets.plain(first)}. Purple: more to {widgets.plain(second)}.{signs}"
    )
    marks = [] if hits is None else [[encoding.mark(bool(hit)) for hit in row] for row in hits]
    description = f"Layers by heads: attention to {first} minus attention to {second}"
    st.plotly_chart(
        headmap.figure(scores, widgets.theme(), chosen(), ends=(second, first), marks=marks), theme=None, config=headmap.CONFIG,
        key="coreference-map", alt=description if hits is None else f"{description}; {hits.sum()} of {hits.size} heads hit",
    )  # fmt: skip


def _guessing(hits: np.ndarray, by_sum: np.ndarray, candidates: int) -> str:
    """Return how many heads are right, how many would be by guessing, and for how many the sums give another verdict."""
    luck = f"guessing would give {hits.size / candidates:.0f}"
    summary = f"{encoding.HIT} {hits.sum()} of {hits.size} heads hit, {encoding.MISS} {(~hits).sum()} miss; {luck}."
    if differ := int((hits != by_sum).sum()):
        summary += f" In {differ} {'head' if differ == 1 else 'heads'} the sum over pieces gives the other verdict."
    return summary


def _table(
    question: PronounQuestion,
    shares: link_ranking.CandidateShares,
    hits: np.ndarray | None,
    by_sum: np.ndarray | None,
    change: np.ndarray | None,
) -> None:
    """Draw all heads, best first for the right candidate; a click on a row chooses the head."""
    right = question.right or 0
    order = [right, *(i for i in range(len(question.candidates)) if i != right)]
    ordered = link_ranking.CandidateShares(shares.values[..., order], _share(shares.values, right), shares.late, shares.note)
    ranked = link_ranking.rank_candidates(ordered)
    names = [question.word(span) for span in question.candidates]
    rows = [_row(one, shares, names, right, hits, by_sum, change) for one in ranked]
    st.markdown(
        f"**All {len(rows)} heads, ranked by the share of {widgets.plain(names[right])}**{_why(question)} among "
        f"the candidates. Heads that give all candidates together less than {encoding.percent(link_ranking.ENOUGH)} "
        "come last and have no share."
    )
    number = st.column_config.NumberColumn(format="%.3f")
    columns: dict[str, Any] = {name: number for name in rows[0] if name.startswith("to ")}
    columns[f"{names[right]}’s share"] = st.column_config.ProgressColumn(
        format=f"%.0f{encoding.NARROW}%%", min_value=0, max_value=100, color=encoding.weight_colour(0.5, widgets.theme())
    )
    signs = {name: encoding.signed for name in rows[0] if name.startswith("change ")}
    found = st.dataframe(
        tables.formatted(rows, signs),
        hide_index=True, column_config=columns, height=420, on_select="rerun", selection_mode="single-row",
        key=f"coreference-table-{question.text}-{state.current().request.model}", alt="Every head, ranked",
    )  # fmt: skip
    if picked := found.selection.rows:
        head = ranked[picked[0]]
        if (head.layer, head.head) != (chosen().layer, chosen().head):
            state.change(head=HeadRef(head.layer, head.head, chosen().block))
            st.rerun()


def _why(question: PronounQuestion) -> str:
    """Return why heads are ranked by this candidate."""
    if question.right is not None:
        return ""
    return " (the first you chose)" if question.own else " (only the first: none is right)"


def _row(
    one: link_ranking.RankedShares,
    shares: link_ranking.CandidateShares,
    names: list[str],
    right: int,
    hits: np.ndarray | None,
    by_sum: np.ndarray | None,
    change: np.ndarray | None,
) -> dict[str, Any]:
    """Return one head in the table; a column for the sums only where they give another verdict somewhere."""
    values = shares.values[one.layer, one.head]
    row: dict[str, Any] = {"head": str(HeadRef(one.layer, one.head))}
    if hits is not None and by_sum is not None:
        hit, summed = bool(hits[one.layer, one.head]), bool(by_sum[one.layer, one.head])
        row["right?"] = encoding.verdict(hit)
        if (hits != by_sum).any():
            row["by the sum"] = "" if summed == hit else encoding.verdict(summed)
    row[f"{names[right]}’s share"] = 100 * one.share if one.counts else None
    row |= {f"to {name}": float(value) for name, value in zip(names, values, strict=True)}
    if change is not None:
        row[f"change to {names[right]}"] = float(change[one.layer, one.head, right])
    return row


def _share(values: np.ndarray, right: int) -> np.ndarray:
    """Return the right candidate's part of what all candidates get; NaN if they get nothing."""
    mass = values.sum(-1)
    return np.where(mass > 0, values[..., right] / np.where(mass > 0, mass, 1.0), np.nan).astype(np.float32)
