"""`attnviz test-claim`: test how often one head follows one kind of link, and what you can claim about it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from attnviz.cli import io
from attnviz.cli.numbers import evidence_json, or_none, points, points_range
from attnviz.types import Evidence, HeadRef

if TYPE_CHECKING:
    from attnviz.linguistics.claims import ClaimResult


def add(commands: Any) -> None:
    """Add the command and its options."""
    claim = commands.add_parser("test-claim", help="test how often one head follows one kind of link, and what you can claim")
    claim.add_argument("--model", metavar="M", help="a model that has an atlas (default: minilm, or the atlas's own)")
    claim.add_argument("--layer", type=int, required=True, metavar="N", help="counted from 0")
    claim.add_argument("--head", type=int, required=True, metavar="N", help="counted from 0")
    claim.add_argument(
        "--relation", required=True, metavar="R",
        help="e.g. det, nsubj, obj; nmod includes its subtypes, nmod: leaves them out, nmod:poss is one of them; or "
        "coreference, gap, winogender for pronouns",
    )  # fmt: skip
    claim.add_argument(
        "--direction", choices=("dh", "hd"), default="dh", help="dh: the dependent looks at its head; hd: the head looks at it"
    )
    claim.add_argument("--atlas", metavar="FILE", help="a file that `attnviz atlas build` wrote (default: the shipped atlas)")
    claim.add_argument("--format", choices=("text", "json"), default="text")
    claim.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> None:
    """Print how often the head follows the links, beside the rules and the untrained twin."""
    from attnviz.cli.atlas import lookup
    from attnviz.linguistics import claim_text, claims

    if chosen.atlas is None:
        atlas = lookup.shipped(chosen.model or "minilm", "name it with --atlas")
    else:
        atlas = lookup.in_file(chosen.atlas, chosen.model)
    claim = claims.claim(atlas, HeadRef(chosen.layer, chosen.head), chosen.relation, chosen.direction)
    if chosen.format == "json":
        io.show_json(_as_json(claim, claim_text.sentence(claim)))
    else:
        io.show_lines(_as_lines(claim, claim_text.sentence(claim)))


def _as_json(claim: ClaimResult, sentence: str) -> dict[str, Any]:
    found = claim.evidence
    return {
        "model": claim.model, "layer": claim.head.layer, "head": claim.head.head,
        "relation": claim.relation, "direction": claim.direction or None,
        **_counts(found), "offset": claim.offset, "points": or_none(claim.points),
        "points_interval": [or_none(end) for end in claim.interval], "pools": dict(claim.pooled),
        "rank": claim.rank if found.n else None, "heads": claim.heads, "p": claim.p, "p_corrected": claim.p_corrected,
        "verdict": claim.verdict, "held_out": _counts(claim.held_out),
        "parts": [{"source": one.source, **_counts(one)} for one in claim.parts],
        "decidable": None if claim.decidable is None else _counts(claim.decidable),
        "control": None if claim.control is None else {
            "layer": claim.control.head.layer, "head": claim.control.head.head, **_counts(claim.control.evidence)
        },
        "scheme": found.scheme, "source": found.source, "sentence": sentence,
    }  # fmt: skip


def _counts(evidence: Evidence) -> dict[str, Any]:
    """Return the fields of `evidence_json`, n first."""
    return {"n": evidence.n, **evidence_json(evidence)}


def _as_lines(claim: ClaimResult, sentence: str) -> list[str]:
    from attnviz.linguistics.claim_text import MINUS, chance, half

    if not claim.evidence.n:
        back = "hd" if claim.direction == "dh" else "dh"
        return [sentence, *(["", f"Try --direction {back}."] if claim.other_way else [])]
    rows = {"all texts": claim.evidence, half(claim.held_out): claim.held_out} | {
        f"only {one.source}": one for one in claim.parts
    }
    if claim.decidable is not None:
        rows["decidable"] = claim.decidable
    if claim.control is not None:
        rows[f"untrained {claim.control.head}"] = claim.control.evidence
    width = max(map(len, rows))
    lead = f"lead {points(claim.points)} points {points_range(claim.interval)}".replace("-", MINUS)
    chances = f"{chance(claim.p)}, corrected {chance(claim.p_corrected)}"
    return [
        sentence,
        "",
        *(_line(f"{name:<{width}}", one) for name, one in rows.items()),
        f"{lead}; rank {claim.rank} of {claim.heads} heads; {chances}",
    ]


def _line(name: str, evidence: Evidence) -> str:
    """Return the counts of one row of the table."""
    from attnviz.linguistics.claim_text import share, span

    if not evidence.n:
        return f"{name}  nothing to count"
    rules = ", ".join(f"{rule} {share(rate)}" for rule, rate in evidence.baselines)
    wordings = f", wordings of {evidence.groups:,} sentences" if evidence.groups else ""
    ceiling = f"; at most {share(evidence.ceiling)} possible" if evidence.ceiling < 1.0 else ""
    counts = f"{evidence.hits:,} of {evidence.n:,}{wordings}, {share(evidence.rate)} ({span(evidence)})"
    return f"{name}  {counts}; {rules}{ceiling}"
