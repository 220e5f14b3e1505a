"""The worksheet of the Glossary: terms to match with what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from attnviz.analysis.questions import SheetQuestion
from attnviz.figures.worksheet import Picture, Sheet, listed
from attnviz.lessons.glossary import Term

TITLE = "Match the terms"
TERMS = 8
FIRST = ("attention", "head", "layer", "token", "query", "key", "value", "softmax", "weight", "encoder", "decoder")


def sheet(terms: Sequence[Term]) -> Sheet:
    """Return the sheet on the terms that are shown, at most `TERMS`: the most basic ones first. Their order is fixed."""
    basic = {name: at for at, name in enumerate(FIRST)}
    chosen = sorted(terms, key=lambda one: (basic.get(one.id, len(FIRST)), one.name.casefold()))[:TERMS]
    order = list(range(len(chosen)))
    Random(",".join(one.id for one in chosen)).shuffle(order)
    rows = [
        (f"{at}. {chosen[at - 1].name}", f"{chr(96 + at)}) {chosen[order[at - 1]].short}") for at in range(1, len(chosen) + 1)
    ]
    pairs = [f"{at + 1} {chr(97 + order.index(at))}" for at in range(len(chosen))]
    everyday = ", ".join(one.name for one in chosen if one.everyday)
    asked = (
        SheetQuestion("Write the letter of its meaning beside each term.", f"{', '.join(pairs)}."),
        SheetQuestion(
            f"Write one sentence in which both “{chosen[0].name}” and “{chosen[-1].name}” occur.",
            "Open. Compare with the entries of the glossary.", 2,
        ),
        SheetQuestion(
            "Which of these terms also has a meaning in everyday language? What is different here?",
            f"Open. The glossary marks as such: {everyday or 'none of these'}.", 2,
        ),
    )  # fmt: skip
    return Sheet(TITLE, f"{len(chosen)} terms of the glossary", (), (Picture(listed(rows)),), asked, scaled=False)
