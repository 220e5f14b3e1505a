"""`attnviz atlas compare`: two atlases side by side, on the links that both counted where they read the same texts."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from attnviz.cli import atlas_show, io
from attnviz.cli.atlas_top import ranked, span
from attnviz.errors import BadInputError

if TYPE_CHECKING:
    from attnviz.linguistics.atlas.comparison import Comparison, Pair
    from attnviz.linguistics.atlas.reader import Atlas


def add(actions: Any) -> None:
    """`compare` among the actions of `atlas`."""
    compare = actions.add_parser("compare", help="two atlases side by side, on the links that both counted")
    compare.add_argument("first", metavar="A", help=atlas_show.ATLAS)
    compare.add_argument("second", metavar="B", help="the same")
    compare.add_argument("--relation", metavar="R", help="one kind of link only, e.g. obj or gap (default: all)")
    compare.add_argument(
        "--direction", choices=("dh", "hd"), help="dh: the dependent looks at its head; hd: the head at it (default: both)"
    )
    compare.add_argument("--format", choices=("text", "json", "csv"), default="text")
    compare.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> None:
    """Both atlases by what was asked."""
    from attnviz.linguistics.atlas import comparison

    if chosen.direction and not chosen.relation:
        raise BadInputError(
            f"--direction belongs to a --relation; got {chosen.direction} without one. Name one, or leave it out."
        )
    both = atlas_show.named(chosen.first), atlas_show.named(chosen.second)
    for one in both:
        if note := atlas_show.other_weights(one):
            io.say(note)
    asked: list[tuple[str, str] | None] = [None]
    if chosen.relation is not None:
        question = chosen.relation in {kind for one in both for kind in one.kinds}
        asked = [
            (chosen.relation, way) for way in ([chosen.direction] if chosen.direction else ["dh"] if question else ["dh", "hd"])
        ]
    parts = [comparison.compare(*both, one) for one in asked]
    found, pairs = parts[0], tuple(pair for part in parts for pair in part.pairs)
    few = tuple(kind for part in parts for kind in part.few)
    if chosen.format == "json":
        io.show_json(_as_json(both, found, pairs, few))
    elif chosen.format == "csv":
        _csv(both, pairs)
    else:
        io.show_lines(_lines(both, found, pairs, few))


def _as_json(both: tuple[Atlas, Atlas], found: Comparison, pairs: tuple[Pair, ...], few: tuple) -> dict[str, Any]:
    """A comparison as JSON has it."""
    first, second = ({"model": one.model, "file": one.file.name, "digest": one.header.digest} for one in both)
    return {
        "first": first, "second": second, "same_corpora": list(found.same),
        "only_first": list(found.only[0]), "only_second": list(found.only[1]), "same_rule": found.same_rule,
        "says": _notes(found),
        "pairs": [
            {
                "relation": one.relation, "direction": one.direction or None, "common": one.common,
                "links": list(one.whole), "first": ranked(one.first), "second": ranked(one.second),
                "difference": None if one.difference is None else
                {"points": one.difference[0], "interval": list(one.difference[1:])},
            }
            for one in pairs
        ],
        "few": [list(kind) for kind in few],
    }  # fmt: skip


def _csv(both: tuple[Atlas, Atlas], pairs: tuple[Pair, ...]) -> None:
    """A row a kind of link."""
    names = ("layer", "head", "hits", "n", "rate", "interval_low", "interval_high")
    rows = []
    for one in pairs:
        row: dict[str, Any] = {"relation": one.relation, "direction": one.direction, "common": one.common}
        for side, atlas, best in (("first", both[0], one.first), ("second", both[1], one.second)):
            low, high = best.evidence.interval
            made = ranked(best) | {"interval_low": low, "interval_high": high}
            row |= {f"{side}_model": atlas.model} | {f"{side}_{name}": made[name] for name in names}
        row |= {"baseline": one.first.evidence.baseline[0], "baseline_rate": one.first.evidence.baseline[1]}
        if one.difference is not None:
            row |= dict(zip(("difference", "difference_low", "difference_high"), one.difference, strict=True))
        rows.append(row)
    columns = ["relation", "direction", "common"]
    columns += [f"{side}_{name}" for side in ("first", "second") for name in ("model", *names)]
    io.show_csv(rows, [*columns, "baseline", "baseline_rate", "difference", "difference_low", "difference_high"])


def _lines(both: tuple[Atlas, Atlas], found: Comparison, pairs: tuple[Pair, ...], few: tuple) -> list[str]:
    """A comparison as lines."""
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
        lines += ["", "Difference: first minus second in points, with its 95 % interval; texts are what is independent."]
    return lines


def _line(one: Pair) -> str:
    """One kind of link."""
    ns = (one.first.evidence.n, one.second.evidence.n)
    n = f"{ns[0]:,}" if one.common else f"{ns[0]:,}, {ns[1]:,}"
    heads = [f"{best.head!s:<7} {span(best.evidence)}" for best in (one.first, one.second)]
    rule, rate = one.first.evidence.baseline
    apart = "" if one.difference is None else "{:+.1f} ({:+.1f} to {:+.1f})".format(*one.difference)
    named = f"{rule} {100 * rate:.1f}"
    return f"{f'{one.relation} {one.direction}':<18}  {n:>12}  {heads[0]:<31}  {heads[1]:<31}  {named:<14}  {apart}"


def _heading(both: tuple[Atlas, Atlas], found: Comparison) -> list[str]:
    """Which atlases, and what must be known of their numbers."""
    from attnviz.linguistics.claim_text import named

    first, second = both
    lines = [f"first   {named(first.model)} ({first.file.name})", f"second  {named(second.model)} ({second.file.name})", ""]
    return lines + _notes(found)


def _notes(found: Comparison) -> list[str]:
    """On which texts both were counted, and how."""
    lines = []
    if found.same:
        lines.append(f"Counted on the same texts: {'; '.join(found.same)}. Only links that both were asked are compared.")
    else:
        lines.append(
            "Counted on different texts: no corpus has the same files in both, so no links are the same and no difference is "
            "given."
        )
    for side, names in zip(("first", "second"), found.only, strict=True):
        if names:
            lines.append(f"Only in the {side}{', and left out' if found.same else ''}: {'; '.join(names)}.")
    if not found.same_rule:
        lines.append("They were counted by different rules (see `attnviz atlas show`): rates may differ for that alone.")
    lines.append("Of each the best head on the texts with an even number, reported on those with an odd one.")
    return lines
