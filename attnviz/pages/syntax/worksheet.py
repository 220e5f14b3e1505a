"""The worksheet of Syntax: a sentence with room for arrows, one head's matrix, and the links that grammar has."""

from __future__ import annotations

from attnviz.analysis import view
from attnviz.analysis.questions import SheetQuestion
from attnviz.engine.trace import Trace
from attnviz.figures import encoding
from attnviz.figures.matrix_sheet import READING, matrix
from attnviz.figures.worksheet import Picture, Sheet
from attnviz.linguistics import claim_text, head_predictions
from attnviz.linguistics.head_predictions import Outcome
from attnviz.models import catalog
from attnviz.pages.syntax.parsed_links import SentenceLinks
from attnviz.types import HeadRef
from attnviz.view_state import ViewOptions

TITLE = "Does this head follow grammar?"
LISTED = 12  # links that an answer names one by one


def sheet(links: SentenceLinks, found: tuple[Outcome, ...], trace: Trace, head: HeadRef) -> Sheet:
    """Return the sheet on one head and one sentence."""
    pattern = view.pattern(trace, head, ViewOptions(words=True))
    name = encoding.head_name(head)
    return Sheet(
        TITLE, f"{catalog.card(trace.request.model).name}, head {name}", (links.parsed.text,),
        (Picture(matrix(pattern, "The weights of one head")),), _questions(links, found, name), READING, spaced=True,
    )  # fmt: skip


def _questions(links: SentenceLinks, found: tuple[Outcome, ...], name: str) -> tuple[SheetQuestion, ...]:
    words, counted = links.words, [one for one in found if one.counts]
    right = [one for one in counted if one.state == head_predictions.HIT]
    offset, times = head_predictions.best_distance(found)
    source = "Annotated by hand" if links.sentence is not None else "By an automatic parser, which can be wrong"
    named = [f"{words[one.source]} → {words[one.target]} ({one.link.kind})" for one in found]
    chosen = {one.source: one.choice for one in found}
    looks = [
        f"{words[at]} → {words[choice.word]} ({encoding.three(choice.weight)})"
        for at, choice in chosen.items()
        if choice.word is not None
    ]
    return (
        SheetQuestion(
            "Draw an arrow above the sentence from each word to the word that it depends on (an article to its noun, a subject "
            "to its verb).",
            f"{source}: {_listed(named)}.", 0,
        ),
        SheetQuestion(
            f"Draw below the sentence, in another colour: from each word to the other word that it looks at most in {name}. "
            "Leave out tokens in brackets.",
            f"{_listed(looks)}.", 0,
        ),
        SheetQuestion(
            "How many of your arrows above have the same arrow below?",
            f"{name} is right on {len(right)} of {len(counted)} links.", 1,
        ),
        SheetQuestion(
            "Which simple rule, such as “always the next word”, would be right how often?",
            f"The best fixed rule, always {claim_text.place(offset)}, is right on {times} of {len(counted)}.",
        ),
        SheetQuestion(
            "Would you say that this head knows grammar? What else would you test?",
            "Open. One sentence is not evidence: count on many sentences, relation by relation, beside the simple rule, as the "
            "table of the page does.",
            2,
        ),
    )  # fmt: skip


def _listed(parts: list[str]) -> str:
    more = f" and {len(parts) - LISTED} more" if len(parts) > LISTED else ""
    return "; ".join(parts[:LISTED]) + more if parts else "none"
