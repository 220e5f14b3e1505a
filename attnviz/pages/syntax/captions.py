"""Sentences about a sentence's links: their source, their quality, and the score of a head."""

from __future__ import annotations

from collections.abc import Sequence

from attnviz.linguistics import claim_text, head_predictions
from attnviz.linguistics.head_predictions import Outcome
from attnviz.linguistics.probes.dependencies import MAX_WORDS, MIN_WORDS
from attnviz.pages.syntax.parsed_links import SentenceLinks
from attnviz.ui import widgets
from attnviz.ui.parser_note import RELIABILITY


def source(sentence_links: SentenceLinks) -> str:
    """Return the source of the links in one line: gold with its lesson, or the parser with its accuracy."""
    if sentence_links.sentence is not None:
        return f"**Gold**: annotated by hand, in Universal Dependencies. {widgets.plain(sentence_links.sentence.teaches)}"
    arcs = "arc" if sentence_links.changed == 1 else "arcs"
    changed = (
        f" **You have changed {sentence_links.changed} {arcs}**; yours are marked with a star."
        if sentence_links.changed
        else ""
    )
    return (
        "**Parsed automatically, unchecked**: these links are guesses of an English parser (spaCy’s en\\_core\\_web\\_sm). "
        f"{RELIABILITY}. For other languages they mean nothing. The parser has its own labels, such as dobj for what the "
        f"corpus calls obj.{changed}"
    )


def length(words: int) -> str:
    """Return a note if this text is longer than those of the test texts; else ""."""
    if words <= MAX_WORDS:
        return ""
    return (
        f"The test texts are sentences of {MIN_WORDS} to {MAX_WORDS} words. This text has {words} words, so their figures "
        f"do not cover it."
    )


def hits(found: Sequence[Outcome], head: str, direction: str) -> str:
    """Return how many links of the sentence a head gets right, and how many the best fixed distance would."""
    right, n = sum(one.state == head_predictions.HIT for one in found), sum(one.counts for one in found)
    if not n:
        return "**No link of this sentence can be counted.**"
    offset, times = head_predictions.best_distance(found)
    rule = claim_text.place(offset)
    text = f"{head} is **right on {right} of {n}** links of this sentence; the best fixed rule, always {rule}, on {times}."
    if direction == "hd":
        most = len({one.source for one in found if one.counts})
        text += f" At most {most} of {n} can be right, because each word looks most at only one other word."
    return text
