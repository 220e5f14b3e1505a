"""`attnviz rank`: rank every head by how much it follows links that the user names."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from attnviz import charset
from attnviz.cli import io, link_syntax, options
from attnviz.cli.numbers import signed_three, three
from attnviz.types import AttentionRequest, HeadRef, Link, Token, quoted

if TYPE_CHECKING:
    from attnviz.analysis.link_ranking import LinkScore

LISTED = 20  # heads of the table
RULE = (
    "weight: attention from the source to the target, mean over the source's pieces, sum over the target's, mean over the "
    "links; margin: weight less that of the strongest other word, where special tokens, the source and words that overlap "
    "the target are none (Clark et al. 2019, section 4)"
)
NOTES = (
    "The margin is what the target gets more than the strongest other word; special tokens are no words.",
    "One text is an example, not evidence: `attnviz test-claim` says how often a head is right.",
)


def add(commands: Any) -> None:
    """Add the command and its options."""
    rank = commands.add_parser("rank", help="rank every head by how much it follows the links that you name")
    options.add_text(rank)
    rank.add_argument(
        "--link", action="append", required=True, metavar="SOURCE:TARGET",
        help="the word that looks and the word it looks at, e.g. it:animal; each a word, word#2 for its second occurrence, or "
        "characters such as 4-10; may be given several times",
    )  # fmt: skip
    options.add_model(rank)
    options.add_chat(rank)
    rank.add_argument("--format", choices=("text", "json"), default="text", help=f"text shows the best {LISTED}, json all")
    rank.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> None:
    """Print every head by the links that were named."""
    text = io.checked_text(chosen.text)
    written = [charset.decode_argument(link, "--link") for link in chosen.link]
    card = io.card(chosen.model)
    links = tuple(dict.fromkeys(link_syntax.link(text, link) for link in written))

    from attnviz.analysis import legibility_text, link_ranking  # after all checks: they load torch

    trace = io.attended(card, AttentionRequest(card.id, text, chat=chosen.chat))
    ranked, block = link_ranking.rank_heads(trace, links, trace.blocks[0]), trace.block(trace.blocks[0])
    if unread := legibility_text.of_links(trace, links, card.name):
        io.note(io.printable(unread))
    if chosen.format == "text":
        io.show("\n".join(_as_lines(card.name, text, links, ranked)) + "\n")
        return
    ends = [{"source": _end(text, link.source, block.queries), "target": _end(text, link.target, block.keys)} for link in links]
    io.show_json(
        {
            "model": card.id, "text": text, "block": block.name, "rule": RULE, "links": ends,
            "heads": [
                {"layer": r.layer, "head": r.head, "weight": r.weight, "margin": r.margin, "rank": r.rank} for r in ranked
            ],
            "unknown": [end for link in ends for end in link.values() if end.get("unknown")], "note": unread,
            "reading": None if trace.reading is None else trace.reading.as_dict(),
        }
    )  # fmt: skip


def _as_lines(model: str, text: str, links: Sequence[Link], ranked: Sequence[LinkScore]) -> list[str]:
    """Return the best heads as a table."""
    named = [
        f"{quoted(text[slice(*link.source)])} ({link.source[0]}-{link.source[1]}) at "
        f"{quoted(text[slice(*link.target)])} ({link.target[0]}-{link.target[1]})"
        for link in links
    ]
    lines = [f"How much the heads of {model} look from {'; from '.join(named)}:", "", "rank  head     weight  margin"]
    for one in ranked[:LISTED]:
        head = HeadRef(one.layer, one.head)
        lines.append(f"{one.rank:>4}  {head!s:<8} {three(one.weight):>6}  {signed_three(one.margin):>6}")
    more = len(ranked) - LISTED
    return [*lines, *([f"and {more} more heads (--format json has all)"] if more > 0 else []), "", *NOTES]


def _end(text: str, span: tuple[int, int], tokens: Sequence[Token]) -> dict[str, Any]:
    """Return JSON fields of one end of a link; `unknown` where the model cannot read it, or not all of it."""
    from attnviz.analysis import legibility_text

    fields = {"text": text[slice(*span)], "start": span[0], "end": span[1]}
    return fields | ({"unknown": True} if legibility_text.is_unknown(tokens, span) else {})
