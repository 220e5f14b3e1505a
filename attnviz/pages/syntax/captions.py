"""A sentence's links in, what the page says of them in words out: whose they are and what that is worth."""

from __future__ import annotations

from collections.abc import Sequence

from attnviz.linguistics import head_predictions
from attnviz.linguistics.head_predictions import Outcome
from attnviz.linguistics.probes.dependencies import FEWEST, MOST
from attnviz.pages.syntax.parsed_links import SentenceLinks
from attnviz.ui import widgets
from attnviz.ui.parser_note import WORTH


def source(shown: SentenceLinks) -> str:
    """Where the links come from, in one line: gold and what it teaches, or silver, by whom, and of what worth."""
    if shown.sentence is not None:
        return f"**Gold**, in Universal Dependencies, by hand. {widgets.plain(shown.sentence.teaches)}"
    arcs = "arc" if shown.changed == 1 else "arcs"
    changed = f" **You have changed {shown.changed} {arcs}**; yours are marked with a star." if shown.changed else ""
    return (
        "**Silver**: these links are guesses of an English parser (spaCy’s en\\_core\\_web\\_sm), which nobody has "
        f"checked; {WORTH}. Of another language they mean nothing. It writes labels of its own, such as dobj for what the "
        f"corpus calls obj.{changed}"
    )


def length(words: int) -> str:
    """That the figures there cover no text as long as this one, where they do not; else nothing."""
    if words <= MOST:
        return ""
    counted = f"The figures there were counted on sentences of {FEWEST} to {MOST} words"
    return f"{counted}; this text has {words} words, and they cover none of that length."


def hits(found: Sequence[Outcome], head: str, direction: str) -> str:
    """How many links of the sentence a head gets right, and how many the one distance that suits the sentence best would."""
    right, n = sum(one.state == head_predictions.HIT for one in found), sum(one.counts for one in found)
    if not n:
        return "**No link of this sentence can be counted.**"
    offset, times = head_predictions.best_distance(found)
    said = f"**{head} is right on {right} of {n} links of this sentence; {_word(offset)} would be right on {times} of {n}.**"
    said += " That rule is the one distance that suits this very sentence best."
    if direction == "hd":
        most = len({one.source for one in found if one.counts})
        said += f" At most {most} of {n} can be right, since each word looks most at one other only."
    return said


def _word(offset: int) -> str:
    """The word at a distance, by name."""
    if abs(offset) == 1:
        return "the next word" if offset > 0 else "the word before"
    return f"the word {abs(offset)} places {'on' if offset > 0 else 'back'}"
