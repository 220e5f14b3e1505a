"""Rank heads by one kind of link, chosen on one half of the texts and reported on the other, as text, JSON or CSV."""

from __future__ import annotations

from math import isnan
from typing import Any

from attnviz.cli import io
from attnviz.cli.atlas.head_table import more_heads
from attnviz.cli.numbers import evidence_json, or_none, percentage, points, points_range, rate
from attnviz.linguistics.atlas.reader import Atlas
from attnviz.linguistics.claim_text import CAUTION, WORDINGS, chance, control, named, share, signed
from attnviz.linguistics.claims import ENOUGH
from attnviz.linguistics.head_ranking import HeadRanking, RankedHead, rank_heads
from attnviz.types import joined

DIRECTIONS = {
    "dh": "the dependent looks at its head",
    "hd": "the head looks at its dependent",
    "": "the pronoun looks at a candidate",
}


def show(atlas: Atlas, relation: str, direction: str, limit: int, form: str) -> None:
    """Print the `limit` best heads by one kind of link."""
    ranking = rank_heads(atlas, relation, direction)
    if form == "json":
        io.show_json(_as_json(atlas, ranking, limit))
    elif form == "csv":
        _show_csv(atlas, ranking, limit)
    else:
        io.show_lines(_as_lines(atlas, ranking, limit))


def ranked_json(ranked: RankedHead) -> dict[str, Any]:
    """Return the JSON fields of a ranked head: the reported counts, and those of the half that it was chosen on."""
    return {
        "rank": ranked.rank, "layer": ranked.head.layer, "head": ranked.head.head, **evidence_json(ranked.evidence),
        "points": ranked.points, "points_interval": [or_none(end) for end in ranked.interval],
        "p_corrected": ranked.p_corrected, "beats": ranked.beats, "chosen_on": evidence_json(ranked.chosen_on),
    }  # fmt: skip


def _as_json(atlas: Atlas, ranking: HeadRanking, limit: int) -> dict[str, Any]:
    heads, twin = ranking.heads[:limit], ranking.control
    return {
        "model": atlas.model, "relation": ranking.relation, "direction": ranking.direction or None,
        "offset": ranking.offset, "pooled": dict(ranking.pooled),
        "control": None if twin is None else
        {"layer": twin.head.layer, "head": twin.head.head, **evidence_json(twin.evidence)},
        "held_out": ranking.held_out, "halves_share_sentences": ranking.shared, "all_heads": len(ranking.heads),
        "source": heads[0].evidence.source if heads else "", "says": _notes(atlas, ranking),
        "heads": [ranked_json(one) for one in heads],
    }  # fmt: skip


def _show_csv(atlas: Atlas, ranking: HeadRanking, limit: int) -> None:
    heads = ranking.heads[:limit]
    rules = [name for name, _ in heads[0].evidence.baselines] if heads else []
    facts = {"model": atlas.model, "relation": ranking.relation, "direction": ranking.direction or None}
    rows = [
        facts | ranked_json(one) | dict(zip(("interval_low", "interval_high"), one.evidence.interval, strict=True))
        | dict(zip(("points_low", "points_high"), map(or_none, one.interval), strict=True))
        | {"chosen_hits": one.chosen_on.hits, "chosen_n": one.chosen_on.n}
        | {f"baseline_{name}": right for name, right in one.evidence.baselines}
        for one in heads
    ]  # fmt: skip
    io.show_csv(
        rows,
        ["model", "relation", "direction", "rank", "layer", "head", "chosen_hits", "chosen_n", "hits", "n", "rate",
         "interval_low", "interval_high", *(f"baseline_{name}" for name in rules), "points", "points_low",
         "points_high", "p_corrected"],
    )  # fmt: skip


def _as_lines(atlas: Atlas, ranking: HeadRanking, limit: int) -> list[str]:
    title, notes = f"{ranking.relation} {ranking.direction}".rstrip(), _notes(atlas, ranking)
    if not ranking.heads:
        return [f"{title} in {named(atlas.model)}: {DIRECTIONS[ranking.direction]}.", *notes]
    best, heads = ranking.heads[0], ranking.heads[:limit]
    rules = ", ".join(f"{_rule(name, ranking.offset)} {percentage(right)} %" for name, right in best.evidence.baselines)
    return [
        f"{title} in {named(atlas.model)}: {DIRECTIONS[ranking.direction]} ({best.evidence.source})",
        "",
        f"{'rank':>4}  {'head':<8}  {'chosen on':>14}  {'reported':>14}  {'rate, %':<22}  {'lead in points':<23}  corrected",
        *(_line(one) for one in heads),
        *more_heads(len(ranking.heads), len(heads)),
        "",
        f"Rules that ignore meaning, on the same {best.evidence.n:,}: {rules}.",
        *notes,
    ]


def _rule(name: str, offset: int | None) -> str:
    return f"fixed offset {signed(offset)}" if name == "offset" and offset is not None else name


def _line(ranked: RankedHead) -> str:
    chosen, reported = (f"{half.hits:,} of {half.n:,}" for half in (ranked.chosen_on, ranked.evidence))
    lead = f"{points(ranked.points)} {'' if isnan(ranked.interval[0]) else points_range(ranked.interval)}"
    return (
        f"{ranked.rank:>4}  {ranked.head!s:<8}  {chosen:>14}  {reported:>14}  {rate(ranked.evidence):<22}  {lead:<23}  "
        f"{chance(ranked.p_corrected)}"
    )


def _notes(atlas: Atlas, ranking: HeadRanking) -> list[str]:
    """Return what a reader must know about these numbers."""
    if not ranking.heads:
        back = "hd" if ranking.direction == "dh" else "dh"
        why = " (the model reads from left to right: only earlier words are seen)" if atlas.header.causal else ""
        other = f" Try --direction {back}, which has {ranking.other_way:,}." if ranking.other_way else ""
        return [f"No such links were counted{why}, so nothing can be said about any head.{other}"]
    heads, evidence = len(ranking.heads), ranking.heads[0].evidence
    half = (
        "Heads are ranked on the texts with an even number and reported on those with an odd number"
        if ranking.held_out
        else "Only one half of the texts has such links, so heads are ranked and reported on the same texts and look too good"
    )
    notes = [
        f"{half}. Leads are over the strongest rule on the same links, by sentences; p is corrected for trying all {heads} "
        "heads (Holm)."
    ]
    if ranking.pooled:
        subtypes = joined(tuple(f"{name} {n:,}" for name, n in ranking.pooled.items()))
        notes.append(f"Subtypes are counted together: {subtypes}. Name one to rank it alone.")
    if evidence.ceiling < 1.0:
        notes.append(f"No head can be right in more than {share(evidence.ceiling)}: some of these look the same to the model.")
    if ranking.control is not None:
        notes.append(control(ranking.control, heads))
    if ranking.shared:
        notes.append(WORDINGS)
    if evidence.independent < ENOUGH:
        notes.append(f"{evidence.independent:,} are fewer than {ENOUGH}: too few to say anything about a head.")
    if atlas.header.causal:
        seen = "links to an earlier word" if ranking.direction else "pronouns after both candidates"
        notes.append(f"The model reads from left to right: only {seen} are counted.")
    return [*notes, CAUTION]
