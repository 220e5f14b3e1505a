"""`attnviz roles`: print what every head does on one text, as a table or as JSON."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from attnviz import charset
from attnviz.cli import io, options
from attnviz.types import AttentionRequest, HeadRef
from attnviz.view_state import ViewOptions

if TYPE_CHECKING:
    from attnviz.analysis.head_roles import HeadProfile, Role

NOTES = (
    "A head is named after the place that most words look at first, if it gets clearly more than from uniform attention.",
    "One text is an example, not evidence: the head may do something else on another text.",
)


def add(commands: Any) -> None:
    """Add the command and its options."""
    roles = commands.add_parser(
        "roles", help="describe what every head does on a text: where it looks most, and how much attention goes there"
    )
    options.add_text(roles)
    options.add_second_text(roles)
    options.add_model(roles)
    options.add_block(roles)
    roles.add_argument("--tokens", action="store_true", help="show tokens instead of words")
    options.add_special(roles)
    roles.add_argument("--format", choices=("text", "json"), default="text", help="json has the whole profile of each head")
    options.add_output(roles)
    roles.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> None:
    """Print every head's role on one text, in the order of layers and heads."""
    text = io.checked_text(chosen.text)
    text_b = None if chosen.text_b is None else charset.decode_argument(chosen.text_b, "--text-b")
    from attnviz.analysis import head_profile, head_roles, view
    from attnviz.analysis.positions import PositionClasses

    card = io.card(chosen.model)
    trace = io.attended(card, AttentionRequest(card.id, text, text_b))
    block = trace.blocks[0] if chosen.block is None else chosen.block
    options = ViewOptions(words=not chosen.tokens, special=chosen.special)
    found: list[tuple[HeadRef, Role, HeadProfile]] = []
    classes: PositionClasses | None = None
    for layer, of_layer in enumerate(view.patterns(trace, options, block)):
        for head, pattern in enumerate(of_layer):
            classes = classes or PositionClasses.of(pattern, options.words)
            role = head_roles.role(pattern, options.words, classes)
            facts = head_profile.profile(pattern, options.words, classes)
            found.append((HeadRef(layer, head, block), role, facts))
    made = _json(card.id, text, text_b, options, found) if chosen.format == "json" else _table(options, found)
    io.write(made.encode("utf-8", "backslashreplace"), chosen.output)


def _json(
    model: str, text: str, text_b: str | None, options: ViewOptions, found: list[tuple[HeadRef, Role, HeadProfile]]
) -> str:
    """Return one object; `heads` in the order of layers and heads, one on each line."""
    about = {
        "model": model, "text": text, "text_b": text_b, "block": found[0][0].block, "words": options.words,
        "special": options.special, "rows": found[0][2].rows,
    }  # fmt: skip
    heads = [
        {"layer": head.layer, "head": head.head, "role": role.as_dict(), "profile": facts.as_dict()}
        for head, role, facts in found
    ]
    lines = [f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in about.items()]
    listed = ",\n  ".join(json.dumps(one, ensure_ascii=False) for one in heads)
    return "{\n " + ",\n ".join(lines) + f',\n "heads": [\n  {listed}\n ]\n}}\n'


def _table(options: ViewOptions, found: list[tuple[HeadRef, Role, HeadProfile]]) -> str:
    """Return one line for each head, then how many heads have each role."""
    from attnviz.figures import encoding

    rows, word = found[0][2].rows, "word" if options.words else "token"
    lines = [f"{'head':<9} {'role':<10} {'share':>6} {'uniform':>10} {'first choice':>14}  place"]
    for head, role, facts in found:
        even = "" if role.uniform is None else encoding.percent(role.uniform)
        first = f"{role.chosen} of {role.rows}" if role.rows else ""
        if role.kind == "broad":
            share, first, place = "", "", facts.spread
        else:
            share, place = role.share_text, role.place
        lines.append(f"{head!s:<9} {role.kind:<10} {share:>6} {even:>10} {first:>14}  {encoding.visible(place)}")
    counts = ", ".join(f"{many} {kind}" for kind, many in Counter(role.kind for _, role, _ in found).most_common())
    each = f"{rows} {word}{'' if rows == 1 else 's'} that can choose where to look"
    return "\n".join([*lines, "", f"{len(found)} heads on {each}: {counts}.", *NOTES]) + "\n"
