"""`attnviz rank` and `attnviz test-claim`: heads ranked by links, and a claim about a head tested."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from math import isnan
from typing import TYPE_CHECKING, Any

from attnviz import charset
from attnviz.cli import io
from attnviz.errors import BadInputError
from attnviz.types import AttentionRequest, Evidence, HeadRef, Link, Token, quoted

if TYPE_CHECKING:
    from attnviz.analysis.link_ranking import LinkScore
    from attnviz.linguistics.atlas.reader import Atlas
    from attnviz.linguistics.claims import Claim

SHOWN = 20  # heads of a table
RULE = (
    "weight: attention from the source to the target, mean over the source's pieces, sum over the target's, mean over the "
    "links; margin: weight less that of the strongest other word, where special tokens, the source and words that overlap "
    "the target are none (Clark et al. 2019, section 4)"
)
NOTES = (
    "The margin is what the target gets more than the strongest other word; special tokens are no words.",
    "One text is an example and no evidence: `attnviz test-claim` says how often a head is right.",
)


def add(commands: Any) -> None:
    """Both commands and their options."""
    rank = commands.add_parser("rank", help="every head by how much it follows links that you name, best first")
    rank.add_argument("text", metavar="TEXT", help="the text, or - to read it from standard input")
    rank.add_argument(
        "--link", action="append", required=True, metavar="SOURCE:TARGET",
        help="who looks at whom, e.g. it:animal; each a word, word#2 for its second time, or characters such as 4-10; "
        "may be given several times",
    )  # fmt: skip
    rank.add_argument("--model", default="minilm", metavar="M", help="a model of the catalogue, or a folder such as ./my-model")
    rank.add_argument("--chat", action="store_true", help="the text as a user's message inside the model's chat template")
    rank.add_argument("--format", choices=("text", "json"), default="text", help=f"text shows the best {SHOWN}, json all")
    rank.set_defaults(run=_rank)

    claim = commands.add_parser("test-claim", help="how often one head follows one kind of link, and what one may say of it")
    claim.add_argument("--model", metavar="M", help="a model that has an atlas (default: minilm, or the atlas's own)")
    claim.add_argument("--layer", type=int, required=True, metavar="N", help="counted from 0")
    claim.add_argument("--head", type=int, required=True, metavar="N", help="counted from 0")
    claim.add_argument(
        "--relation", required=True, metavar="R",
        help="e.g. det, nsubj, obj; nmod counts its subtypes too, nmod: leaves them out, nmod:poss is one of them; or "
        "coreference, gap, winogender for pronouns",
    )  # fmt: skip
    claim.add_argument(
        "--direction", choices=("dh", "hd"), default="dh", help="dh: the dependent looks at its head; hd: the head at it"
    )
    claim.add_argument("--atlas", metavar="FILE", help="what `attnviz atlas build` wrote (default: the one that is shipped)")
    claim.add_argument("--format", choices=("text", "json"), default="text")
    claim.set_defaults(run=_test_claim)


def _rank(chosen: argparse.Namespace) -> None:
    """Every head on the links that were named."""
    from attnviz.settings import Settings
    from attnviz.text import checked

    most = Settings.from_env().max_bytes
    text = checked(io.text(chosen.text, most), most)
    named = [charset.argument(written, "--link") for written in chosen.link]
    from attnviz.analysis import legibility_text, link_ranking
    from attnviz.cli import link_syntax

    card = io.card(chosen.model)
    asked = tuple(dict.fromkeys(link_syntax.link(text, written) for written in named))
    trace = io.attended(card, AttentionRequest(card.id, text, chat=chosen.chat))
    found, block = link_ranking.rank_heads(trace, asked, trace.blocks[0]), trace.block(trace.blocks[0])
    if unread := legibility_text.of_links(trace, asked, card.name):
        io.say(io.printable(unread))
    if chosen.format == "text":
        _show(_table(card.name, text, asked, found))
        return
    heads = [{"layer": r.layer, "head": r.head, "weight": r.weight, "margin": r.margin, "rank": r.rank} for r in found]
    written = [
        {"source": _place(text, link.source, block.queries), "target": _place(text, link.target, block.keys)} for link in asked
    ]
    reading = None if trace.reading is None else trace.reading.as_dict()
    answer = {"model": card.id, "text": text, "block": block.name, "rule": RULE, "links": written, "heads": heads}
    ends = [end for link in written for end in link.values() if end.get("unknown")]
    _json(answer | {"unknown": ends, "note": unread, "reading": reading})


def _table(model: str, text: str, asked: Sequence[Link], found: Sequence[LinkScore]) -> list[str]:
    """The best heads as lines."""
    named = [
        f"{quoted(text[slice(*link.source)])} ({link.source[0]}-{link.source[1]}) at "
        f"{quoted(text[slice(*link.target)])} ({link.target[0]}-{link.target[1]})"
        for link in asked
    ]
    lines = [f"How much the heads of {model} look from {'; from '.join(named)}:", "", "rank  head     weight  margin"]
    for one in found[:SHOWN]:
        lines.append(f"{one.rank:>4}  {HeadRef(one.layer, one.head)!s:<8} {one.weight:>6.3f}  {one.margin:>+6.3f}")
    left = len(found) - SHOWN
    lines += [*([f"and {left} more heads (--format json has all)"] if left > 0 else []), ""]
    return [*lines, *NOTES]


def _test_claim(chosen: argparse.Namespace) -> None:
    """One head and one kind of link, counted."""
    from attnviz.linguistics import claim_text, claims

    atlas = _atlas(chosen.model, chosen.atlas)
    claim = claims.claim(atlas, HeadRef(chosen.layer, chosen.head), chosen.relation, chosen.direction)
    sentence = claim_text.sentence(claim)
    if chosen.format == "json":
        _json(_claim(claim, sentence))
        return
    chances = f"{claim_text.chance(claim.p)}, corrected {claim_text.chance(claim.p_corrected)}"
    rows = {"all texts": claim.evidence, "odd half": claim.held_out} | {f"only {one.source}": one for one in claim.parts}
    if claim.decidable is not None:
        rows["decidable"] = claim.decidable
    if claim.control is not None:
        rows[f"untrained {claim.control.head}"] = claim.control.evidence
    width = max(map(len, rows))
    counts = [_line(f"{name:<{width}}", one) for name, one in rows.items()]
    if claim.evidence.n:
        low, high = claim.interval
        lead = f"lead {claim.points:+.1f} points ({low:+.1f} to {high:+.1f})".replace("-", claim_text.MINUS)
        _show([sentence, "", *counts, f"{lead}; rank {claim.rank} of {claim.heads} heads; {chances}"])
        return
    back = "hd" if claim.direction == "dh" else "dh"
    _show([sentence, *(["", f"Try --direction {back}."] if claim.other_way else [])])


def _atlas(model: str | None, file: str | None) -> Atlas:
    """The atlas in a file, or the one shipped for a model; BadInputError says how to make one where there is none."""
    from attnviz.linguistics.atlas import reader

    if file is not None:
        found = reader.read(file)
        if model not in (None, found.model):
            raise BadInputError(
                f"An atlas answers for its own model; {quoted(file)} is of {quoted(found.model)}, and --model says "
                f"{quoted(model or '')}. Leave --model out, or name another atlas."
            )
        return found
    card = io.card(model or "minilm")
    found = reader.shipped(card.id)
    if found is None:
        raise BadInputError(
            f"A claim is tested on an atlas, and none is shipped for {card.name}. Build one with `attnviz atlas build --model "
            f"{model or card.id} --conllu FILE --gap FILE -o FILE`, then name it with --atlas."
        )
    return found


def _claim(claim: Claim, sentence: str) -> dict[str, Any]:
    """A tested claim as JSON has it."""
    return {
        "model": claim.model, "layer": claim.head.layer, "head": claim.head.head,
        "relation": claim.relation, "direction": claim.direction or None,
        **_evidence(claim.evidence), "offset": claim.offset, "points": _number(claim.points),
        "points_interval": [_number(end) for end in claim.interval], "pools": dict(claim.pooled),
        "rank": claim.rank if claim.evidence.n else None, "heads": claim.heads, "p": claim.p, "p_corrected": claim.p_corrected,
        "verdict": claim.verdict, "held_out": _evidence(claim.held_out),
        "parts": [{"source": one.source, **_evidence(one)} for one in claim.parts],
        "decidable": None if claim.decidable is None else _evidence(claim.decidable),
        "control": None if claim.control is None else {
            "layer": claim.control.head.layer, "head": claim.control.head.head, **_evidence(claim.control.evidence)
        },
        "scheme": claim.evidence.scheme, "source": claim.evidence.source, "sentence": sentence,
    }  # fmt: skip


def _evidence(found: Evidence) -> dict[str, Any]:
    """Counts as JSON has them."""
    numbers = {"n": found.n, "hits": found.hits, "rate": _number(found.rate), "interval": list(found.interval)}
    return numbers | {"baselines": dict(found.baselines), "groups": found.groups, "ceiling": found.ceiling}


def _line(name: str, found: Evidence) -> str:
    """Counts as a line of the table."""
    from attnviz.analysis.row_stats import percent
    from attnviz.linguistics.claim_text import share, span

    if not found.n:
        return f"{name}  nothing to count"
    rules = ", ".join(f"{rule} {percent(rate)}" for rule, rate in found.baselines)
    alike = f", wordings of {found.groups:,} sentences" if found.groups else ""
    most = f"; at most {share(found.ceiling)} possible" if found.ceiling < 1.0 else ""
    return f"{name}  {found.hits:,} of {found.n:,}{alike}, {percent(found.rate)} ({span(found)}); {rules}{most}"


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return None if isnan(value) else value


def _place(text: str, span: tuple[int, int], tokens: Sequence[Token]) -> dict[str, Any]:
    """One end of a link; `unknown` where the model cannot read it, or not all of it."""
    from attnviz.analysis import legibility_text

    place = {"text": text[slice(*span)], "start": span[0], "end": span[1]}
    return place | ({"unknown": True} if legibility_text.is_unknown(tokens, span) else {})


def _show(lines: Sequence[str]) -> None:
    """Lines to standard output."""
    io.show("\n".join(lines) + "\n")


def _json(value: dict[str, Any]) -> None:
    """One object to standard output; half a surrogate pair, which UTF-8 cannot hold, is escaped."""
    io.show(f"{json.dumps(value, ensure_ascii=False, indent=1)}\n")
