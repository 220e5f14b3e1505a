"""`attnviz rank`: rank every head by how much it follows links that the user names."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from attnviz import charset
from attnviz.cli import io, link_syntax, options
from attnviz.cli.numbers import signed_three, three
from attnviz.types import AttentionRequest, HeadRef, Link, Token, quoted

if TYPE_CHECKING:
    from attnviz.analysis.link_ranking import LinkScore
    from attnviz.engine.trace import Trace
    from attnviz.linguistics.corpus_rank import CorpusRanks

LISTED = 20  # heads of the table
WEIGHT, DIFFERENCE = "weight", "difference"
RULE = (
    "weight: attention from the source to the target, mean over the source's pieces, sum over the target's, mean over the "
    "links; margin: weight less that of the strongest other word, where special tokens, the source and words that overlap "
    "the target are none (Clark et al. 2019, section 4)"
)
EVERYWHERE = "*  most words look there, not only the source: more than half give at least half as much, and 0.1 or more."
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
    rank.add_argument(
        "--sort", choices=(WEIGHT, DIFFERENCE), default=WEIGHT,
        help="by the weight, or by how much more the source gives the target than other words do (default: weight)",
    )  # fmt: skip
    rank.add_argument(
        "--relation", metavar="R",
        help="the kind of link, as in `attnviz test-claim`, to print each head's rank on annotated texts (default: gap for a "
        "pronoun and an earlier word; what the ready sentences say of theirs)",
    )  # fmt: skip
    rank.add_argument(
        "--direction", choices=("dh", "hd"), default="dh", help="of --relation: dh from the dependent to its head, hd back"
    )
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

    io.note("Loading the model library.")  # seconds, before anything else can be said
    from attnviz.analysis import legibility_text, link_ranking, specificity  # after all checks: they load torch

    trace = io.attended(card, AttentionRequest(card.id, text, chat=chosen.chat))
    name = trace.blocks[0]
    ranked, block = link_ranking.rank_heads(trace, links, name, chosen.sort), trace.block(name)
    others = link_ranking.others_of(trace, links, name)
    corpus = _corpus_ranks(trace, links, name, chosen)
    if unread := legibility_text.of_links(trace, links, card.name):
        io.note(io.printable(unread))
    if chosen.format == "text":
        io.show("\n".join(_as_lines(card.name, text, links, ranked, others, corpus)) + "\n")
        return
    ends = [
        {"source": _end(text, link.source, block.queries), "target": _end(text, link.target, block.keys), "other_words": n}
        for link, n in zip(links, others, strict=True)
    ]
    io.show_json(
        {
            "model": card.id, "text": text, "block": block.name, "rule": f"{RULE}; {specificity.RULE}", "sort": chosen.sort,
            "links": ends, "corpus": None if corpus is None else corpus.as_dict(),
            "heads": [asdict(one) | {"corpus_rank": None if corpus is None else corpus.rank(_head(one))} for one in ranked],
            "unknown": [end for link in ends for end in (link["source"], link["target"]) if end.get("unknown")], "note": unread,
            "reading": None if trace.reading is None else trace.reading.as_dict(),
        }
    )  # fmt: skip


def _corpus_ranks(trace: Trace, links: Sequence[Link], block: str, chosen: argparse.Namespace) -> CorpusRanks | None:
    """Return the ranks on annotated texts: of the relation that is named, or of the links' kind where it is known."""
    from attnviz.linguistics import corpus_rank

    if chosen.relation is None:
        return corpus_rank.of_links(trace, links, block)
    from attnviz.cli.atlas import lookup
    from attnviz.linguistics import claims

    atlas = lookup.shipped(chosen.model, "test it with `attnviz test-claim`")
    claims.hits(atlas, chosen.relation, chosen.direction)  # raises for a kind that is not there
    return corpus_rank.of_kind(trace, chosen.relation, chosen.direction, block)


def _head(one: LinkScore) -> HeadRef:
    return HeadRef(one.layer, one.head)


def _as_lines(
    model: str, text: str, links: Sequence[Link], ranked: Sequence[LinkScore], others: Sequence[int],
    corpus: CorpusRanks | None,
) -> list[str]:  # fmt: skip
    """Return the best heads as a table; `others` is the number of other words for each link."""
    named = [
        f"{quoted(text[slice(*link.source)])} ({link.source[0]}-{link.source[1]}) at "
        f"{quoted(text[slice(*link.target)])} ({link.target[0]}-{link.target[1]})"
        for link in links
    ]
    lines = [
        f"How much the heads of {model} look from {'; from '.join(named)}:",
        "",
        f"rank  head     weight  others  difference  margin{'' if corpus is None else '  corpus'}",
    ]
    shown = ranked[:LISTED]
    for one in shown:
        others_give = "–" if one.others is None else three(one.others)
        difference = "–" if one.difference is None else signed_three(one.difference)
        known = "" if corpus is None else f"  {corpus.rank(_head(one)):>6}"
        mark = "  *" if one.everywhere else ""
        lines.append(
            f"{one.rank:>4}  {_head(one)!s:<8} {three(one.weight):>6}  {others_give:>6}  {difference:>10}  "
            f"{signed_three(one.margin):>6}{known}{mark}"
        )
    more = [f"and {len(ranked) - LISTED} more heads (--format json has all)"] if len(ranked) > LISTED else []
    count = " to ".join(str(n) for n in sorted({min(others), max(others)}))
    rated = [] if corpus is None else [f"corpus: the head's rank of {corpus.ranks.size} on {corpus.on} ({corpus.n:,} links)."]
    compared = (
        f"others: what the other words that may see the target ({count}) give it, on average; difference: weight less that."
    )
    return [*lines, *more, "", *([EVERYWHERE] if any(one.everywhere for one in shown) else []), compared, *rated, *NOTES]


def _end(text: str, span: tuple[int, int], tokens: Sequence[Token]) -> dict[str, Any]:
    """Return JSON fields of one end of a link; `unknown` where the model cannot read it, or not all of it."""
    from attnviz.analysis import legibility_text

    fields = {"text": text[slice(*span)], "start": span[0], "end": span[1]}
    return fields | ({"unknown": True} if legibility_text.is_unknown(tokens, span) else {})
