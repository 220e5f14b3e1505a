"""`attnviz atlas compare`: print two atlases side by side, on the links that both counted where they read the same texts."""

from __future__ import annotations

import argparse
from typing import Any

from attnviz.cli import io
from attnviz.cli.atlas import lookup
from attnviz.cli.atlas.relation_ranking import ranked_json
from attnviz.cli.numbers import percentage, points, points_range, rate
from attnviz.errors import BadInputError
from attnviz.linguistics.atlas import comparison
from attnviz.linguistics.atlas.comparison import AtlasComparison, ComparedHeads
from attnviz.linguistics.atlas.reader import Atlas
from attnviz.linguistics.claim_text import named


def run(chosen: argparse.Namespace) -> None:
    """Print both atlases by all kinds of links, or by the one that was chosen."""
    if chosen.direction and not chosen.relation:
        raise BadInputError(
            f"--direction belongs to a --relation; got {chosen.direction} without one. Name one, or leave it out."
        )
    both = lookup.by_name(chosen.first), lookup.by_name(chosen.second)
    for one in both:
        if warning := lookup.weights_warning(one):
            io.note(warning)
    kinds: list[tuple[str, str] | None] = [None]
    if chosen.relation is not None:
        is_question = chosen.relation in {kind for one in both for kind in one.kinds}
        directions = [chosen.direction] if chosen.direction else ["dh"] if is_question else ["dh", "hd"]
        kinds = [(chosen.relation, direction) for direction in directions]
    parts = [comparison.compare(*both, kind) for kind in kinds]
    found, pairs = parts[0], tuple(pair for part in parts for pair in part.pairs)
    few = tuple(kind for part in parts for kind in part.few)
    if chosen.format == "json":
        io.show_json(_as_json(both, found, pairs, few))
    elif chosen.format == "csv":
        _show_csv(both, pairs)
    else:
        io.show_lines(_lines(both, found, pairs, few))


def _as_json(both: tuple[Atlas, Atlas], found: AtlasComparison, pairs: tuple[ComparedHeads, ...], few: tuple) -> dict[str, Any]:
    """Return the JSON fields of a comparison."""
    first, second = ({"model": one.model, "file": one.file.name, "digest": one.header.digest} for one in both)
    return {
        "first": first, "second": second, "same_corpora": list(found.same),
        "only_first": list(found.only[0]), "only_second": list(found.only[1]), "same_rule": found.same_rule,
        "says": _notes(found),
        "pairs": [
            {
                "relation": one.relation, "direction": one.direction or None, "common": one.common,
                "links": list(one.totals), "first": ranked_json(one.first), "second": ranked_json(one.second),
                "difference": None if one.difference is None else
                {"points": one.difference[0], "interval": list(one.difference[1:])},
            }
            for one in pairs
        ],
        "few": [list(kind) for kind in few],
    }  # fmt: skip


def _show_csv(both: tuple[Atlas, Atlas], pairs: tuple[ComparedHeads, ...]) -> None:
    """Print one row for each kind of link."""
    names = ("layer", "head", "hits", "n", "rate", "interval_low", "interval_high")
    rows = []
    for one in pairs:
        row: dict[str, Any] = {"relation": one.relation, "direction": one.direction, "common": one.common}
        for side, atlas, best in (("first", both[0], one.first), ("second", both[1], one.second)):
            low, high = best.evidence.interval
            fields = ranked_json(best) | {"interval_low": low, "interval_high": high}
            row |= {f"{side}_model": atlas.model} | {f"{side}_{name}": fields[name] for name in names}
        row |= {"baseline": one.first.evidence.baseline[0], "baseline_rate": one.first.evidence.baseline[1]}
        if one.difference is not None:
            row |= dict(zip(("difference", "difference_low", "difference_high"), one.difference, strict=True))
        rows.append(row)
    columns = ["relation", "direction", "common"]
    columns += [f"{side}_{name}" for side in ("first", "second") for name in ("model", *names)]
    io.show_csv(rows, [*columns, "baseline", "baseline_rate", "difference", "difference_low", "difference_high"])


def _lines(both: tuple[Atlas, Atlas], found: AtlasComparison, pairs: tuple[ComparedHeads, ...], few: tuple) -> list[str]:
    """Return the lines of a comparison."""
    lines = _heading(both, found)
    if pairs:
        n = "n" if found.same else "n, n"
        lines += [
            "",
            f"{'relation':<18}  {n:>12}  {'first: head, rate':<31}  {'second: head, rate':<31}  {'rule':<14}  difference",
        ]
        lines += [_line(one) for one in pairs]
    if few:
        lines += ["", f"Too few links in both to compare: {', '.join(f'{name} {way}' for name, way in few)}."]
    if found.same:
        lines += ["", "Difference: first minus second in points, with its 95 % interval, which treats texts as independent."]
    return lines


def _line(one: ComparedHeads) -> str:
    """Return the line of one kind of link."""
    ns = (one.first.evidence.n, one.second.evidence.n)
    n = f"{ns[0]:,}" if one.common else f"{ns[0]:,}, {ns[1]:,}"
    heads = [f"{best.head!s:<7} {rate(best.evidence)}" for best in (one.first, one.second)]
    rule, right = one.first.evidence.baseline
    difference = "" if one.difference is None else f"{points(one.difference[0])} {points_range(one.difference[1:])}"
    baseline = f"{rule} {percentage(right)}"
    return f"{f'{one.relation} {one.direction}':<18}  {n:>12}  {heads[0]:<31}  {heads[1]:<31}  {baseline:<14}  {difference}"


def _heading(both: tuple[Atlas, Atlas], found: AtlasComparison) -> list[str]:
    """Return lines on the atlases compared, and on what a reader must know about the numbers."""
    first, second = both
    lines = [f"first   {named(first.model)} ({first.file.name})", f"second  {named(second.model)} ({second.file.name})", ""]
    return lines + _notes(found)


def _notes(found: AtlasComparison) -> list[str]:
    """Return lines on the texts and the rules by which both were counted."""
    lines = []
    if found.same:
        lines.append(f"Counted on the same texts: {'; '.join(found.same)}. Only links that both were tested on are compared.")
    else:
        lines.append(
            "Counted on different texts: no corpus has the same files in both, so no links are the same and no difference is "
            "given."
        )
    for side, names in zip(("first", "second"), found.only, strict=True):
        if names:
            lines.append(f"Only in the {side}{', and left out' if found.same else ''}: {'; '.join(names)}.")
    if not found.same_rule:
        lines.append("They were counted by different rules (see `attnviz atlas show`): rates may differ only because of that.")
    lines.append("The best head of each, chosen on the texts with an even number and reported on those with an odd number.")
    return lines
