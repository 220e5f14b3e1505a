"""Every head ranked by how it divides the pronoun's attention: a map with hits and misses, and a table to choose a head."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from attnviz.analysis import link_ranking, tables
from attnviz.figures import encoding
from attnviz.pages.coreference.question import HeadAnswers, PronounQuestion
from attnviz.types import HeadRef, HeadScores
from attnviz.ui import glossary_links, state, widgets
from attnviz.ui.head_map import head_map
from attnviz.ui.single_text import chosen

OTHERS, DIFFERENCE, EVERYWHERE = "others", "difference", "∗"


def ranking(answers: HeadAnswers, other: HeadAnswers | None) -> None:
    """Draw the map and the table of all heads, with the change in the other sentence."""
    shares = answers.shares
    hits, by_sum = answers.hits, answers.hits_by_sum
    change = None if other is None else other.shares.values - shares.values
    left, right = st.columns([2, 3], gap="large")
    with left:
        _map(answers.question, shares, hits, by_sum)
    with right:
        _table(answers, change)


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
    alt = description if hits is None else f"{description}; {hits.sum()} of {hits.size} heads hit"
    head_map("coreference-map", scores, alt, chosen(), ends=(second, first), marks=marks)


def _guessing(hits: np.ndarray, by_sum: np.ndarray, candidates: int) -> str:
    """Return how many heads are right, how many would be by guessing, and for how many the sums give another verdict."""
    luck = f"guessing would give {hits.size / candidates:.0f}"
    summary = f"{encoding.HIT} {hits.sum()} of {hits.size} heads hit, {encoding.MISS} {(~hits).sum()} miss; {luck}."
    if differ := int((hits != by_sum).sum()):
        summary += f" In {differ} {'head' if differ == 1 else 'heads'} the sum over pieces gives the other verdict."
    return summary


def _table(answers: HeadAnswers, change: np.ndarray | None) -> None:
    """Draw all heads, best first for the right candidate; a click on a row chooses the head."""
    question, shares, right = answers.question, answers.shares, answers.question.right or 0
    order = [right, *(i for i in range(len(question.candidates)) if i != right)]
    ordered = link_ranking.CandidateShares(shares.values[..., order], _share(shares.values, right), shares.late, shares.note)
    ranked = link_ranking.rank_candidates(ordered)
    names = [question.word(span) for span in question.candidates]
    first, by_difference = widgets.plain(names[right]), widgets.rank_by_difference("coreference", "Share")
    if by_difference:
        beyond = np.nan_to_num(_difference(answers, right), nan=-np.inf)
        ranked = tuple(sorted(ranked, key=lambda one: -beyond[one.layer, one.head]))
        st.markdown(
            f"**All {len(ranked)} heads, ranked by how much more {first}** gets from the pronoun than from other words."
        )
    else:
        st.markdown(
            f"**All {len(ranked)} heads, ranked by the share of {first}**{_why(question)} among "
            f"the candidates. Heads that give all candidates together less than {encoding.percent(link_ranking.ENOUGH)} "
            "come last and have no share."
        )
    rows = [_row(one, answers, names, right, change, by_difference) for one in ranked]
    number = st.column_config.NumberColumn(format="%.3f")
    columns: dict[str, Any] = {name: number for name in rows[0] if name.startswith(("to ", OTHERS))}
    columns[f"{names[right]}’s share"] = st.column_config.ProgressColumn(
        format=f"%.0f{encoding.NARROW}%%", min_value=0, max_value=100, color=encoding.weight_colour(0.5, widgets.theme())
    )
    signs = {name: encoding.signed for name in rows[0] if name.startswith(("change ", DIFFERENCE))}
    key = f"coreference-table-{question.text}-{state.current().request.model}{'-difference' if by_difference else ''}"
    heads = tuple(HeadRef(one.layer, one.head, chosen().block) for one in ranked)
    st.dataframe(
        tables.formatted(rows, signs),
        hide_index=True, column_config=columns, height=420, selection_mode="single-row",
        on_select=partial(_select_row, key, heads), key=key, alt="Every head, ranked",
    )  # fmt: skip
    st.caption(glossary_links.linked(_legend(answers, right, first)))


def _select_row(key: str, heads: Sequence[HeadRef]) -> None:
    """Choose the head of the row that was clicked just now: in another order, a row that stays marked chooses nothing."""
    if rows := st.session_state[key].selection.rows:
        state.change(head=heads[rows[0]])


def _difference(answers: HeadAnswers, right: int) -> np.ndarray:
    """Return how much more the right candidate gets from the pronoun than from other words, `[layer, head]`."""
    return answers.shares.values[..., right] - answers.others.mean[..., right]


def _legend(answers: HeadAnswers, right: int, first: str) -> str:
    """Say what the columns beside the weight are, and what the mark means where it stands."""
    n, pronoun = int(answers.others.n[right]), widgets.plain(answers.question.word(answers.question.pronoun))
    if not n:
        return f"No other word can see {first}."
    words = "the one other word that can see it gives" if n == 1 else f"the {n} other words that can see it give"
    legend = f"Others: what {words} {first}, on average."
    if answers.others.everywhere[..., right].any():
        legend += f" {EVERYWHERE} Most words look at {first}, not only {pronoun}: "
        legend += "over half give at least half as much, and 0.1 or more."
    return (
        legend if answers.on_corpus is None else f"{legend} Corpus: the head’s rank on {widgets.plain(answers.on_corpus.on)}."
    )


def _why(question: PronounQuestion) -> str:
    """Return why heads are ranked by this candidate."""
    if question.right is not None:
        return ""
    return " (the first you chose)" if question.own else " (only the first: none is right)"


def _row(
    one: link_ranking.RankedShares,
    answers: HeadAnswers,
    names: list[str],
    right: int,
    change: np.ndarray | None,
    by_difference: bool,
) -> dict[str, Any]:
    """Return one head in the table; a column for the sums only where they give another verdict somewhere."""
    at, hits, by_sum = (one.layer, one.head), answers.hits, answers.hits_by_sum
    others, head = answers.others, HeadRef(*at)
    row: dict[str, Any] = {"head": f"{head} {EVERYWHERE}" if others.everywhere[*at, right] else str(head)}
    if hits is not None and by_sum is not None:
        hit, summed = bool(hits[at]), bool(by_sum[at])
        row["right?"] = encoding.verdict(hit)
        if (hits != by_sum).any():
            row["by the sum"] = "" if summed == hit else encoding.verdict(summed)
    row[f"{names[right]}’s share"] = 100 * one.share if one.counts else None
    weights = {f"to {name}": float(value) for name, value in zip(names, answers.shares.values[at], strict=True)}
    row |= {f"to {names[right]}": weights.pop(f"to {names[right]}")}
    if others.n[right]:
        row[OTHERS] = float(others.mean[*at, right])
        if by_difference:
            row[DIFFERENCE] = float(_difference(answers, right)[at])
    if answers.on_corpus is not None:
        row["corpus"] = answers.on_corpus.rank(head)
    row |= weights
    if change is not None:
        row[f"change to {names[right]}"] = float(change[*at, right])
    return row


def _share(values: np.ndarray, right: int) -> np.ndarray:
    """Return the right candidate's part of what all candidates get; NaN if they get nothing."""
    mass = values.sum(-1)
    return np.where(mass > 0, values[..., right] / np.where(mass > 0, mass, 1.0), np.nan).astype(np.float32)
