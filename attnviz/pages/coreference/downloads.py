"""The pictures of a pronoun's question as figures with data: sentences, rates on collections, and all heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from attnviz.analysis import link_ranking, view
from attnviz.errors import AttnvizError
from attnviz.figures import encoding
from attnviz.figures.page_figure import WHOLE, FigureSource, PageFigure, Table, Word
from attnviz.figures.rates_figure import rates_figure
from attnviz.linguistics.atlas import reader
from attnviz.pages.coreference import evidence
from attnviz.pages.coreference.minimal_pair import WORDS, branches
from attnviz.pages.coreference.question import HeadAnswers
from attnviz.types import HeadRef, HeadScores, Pattern, unknown_mark

if TYPE_CHECKING:
    from attnviz.figures.vector.marks import Drawing
    from attnviz.figures.vector.placing import Frame

SHOWN = 20  # heads of the list that is drawn


def figures(source: FigureSource, answers: HeadAnswers, other: HeadAnswers | None) -> list[PageFigure]:
    """Return the figures of a question, its partner, the chosen head's counts, and every head."""
    head = source.head
    if head is None:
        return []
    found = [_sentence("sentence", "The sentence", source, answers, head)]
    if other is not None:
        there = replace(source, text=other.question.text)
        found.append(_sentence("partner", "The other sentence of the pair", there, other, head))
    return [*found, *_rates(source, answers, head), _map(source, answers, head), _list(source, answers)]


def _sentence(id: str, name: str, source: FigureSource, answers: HeadAnswers, head: HeadRef) -> PageFigure:
    """Return a sentence, tinted by where the pronoun looks, over lines to the candidates."""
    question, hit = answers.question, answers.hit(head)
    pattern = view.pattern(answers.trace, head, WORDS)
    row = next((i for i, unit in enumerate(pattern.query_units) if (unit.start, unit.end) == question.pronoun), None)
    weights = None if row is None else pattern.weights[row]
    pronoun, parts = question.word(question.pronoun), branches(answers, head)

    def drawing(part: str, coded: bool) -> Drawing:
        from attnviz.figures.vector.placing import Frame, framed, moved
        from attnviz.pages.coreference import fork_print

        notes = ("Tint: weight. Underlined: candidates, the right one with a solid line. Framed: the deciding word.",)
        frame = Frame(f"{encoding.head_name(head)}: “{pronoun}”", source.card.name, notes, "", part == WHOLE, coded)
        words, width, height = _words(answers, pattern, weights, hit, frame)
        fork, fork_width, fork_height = fork_print.marks(pronoun, parts, frame, hit)
        below = [moved(mark, 0.0, height + 8.0) for mark in fork]
        return framed([*words, *below], max(width, fork_width) + 1.0, height + 8.0 + fork_height, frame)

    def table() -> Table:
        right = None if question.right is None else question.candidates[question.right]
        rows = (
            (
                Word(place, unit.text), None if weights is None else weights[place],
                (unit.start, unit.end) == question.pronoun, (unit.start, unit.end) in question.candidates,
                (unit.start, unit.end) == right,
            )
            for place, unit in enumerate(pattern.key_units)
        )  # fmt: skip
        return Table(("word", "weight", "pronoun", "candidate", "right"), tuple(rows))

    weighed = "; ".join(f"“{one.name}” {'not visible' if one.late else encoding.three(one.share)}" for one in parts)
    verdict = _judged(answers, head)
    says = f"How much “{pronoun}” looks at each word: {weighed}.{verdict} Weights add up the pieces of a word."
    return PageFigure(id, name, says, source, drawing, table, facts={"pronoun": pronoun, "hit": hit})


def _judged(answers: HeadAnswers, head: HeadRef) -> str:
    """Return whether a head is right on this sentence, in a sentence; "" where no candidate is the right one."""
    question, hit = answers.question, answers.hit(head)
    if hit is None or question.right is None:
        return ""
    right = question.word(question.candidates[question.right])
    how, done = ("right", "gets") if hit else ("wrong", "does not get")
    return f" {head} is {how} here: “{right}”, the right candidate, {done} the most of all candidates."


def _words(
    answers: HeadAnswers, pattern: Pattern, weights: np.ndarray | None, hit: bool | None, frame: Frame
) -> tuple[list, float, float]:
    """Return the words of the sentence with their marks."""
    from attnviz.figures.vector import sentence

    given, question, end = answers.question.marks(hit), answers.question, 0
    words = []
    for at, unit in enumerate(pattern.key_units):
        place, weight = (unit.start, unit.end), None if weights is None else float(weights[at])
        candidate = not unit.special and place in given.candidates
        number = "" if weight is None else sentence.shown(weight, candidate)
        sign = f"{encoding.mark(hit)} " if number and hit is not None and place == given.right else ""
        words.append(
            sentence.TintedWord(
                encoding.label(unit.text), weight, sign + number, not unit.special and place == given.selected,
                "" if not candidate else "solid" if place == given.right else "dotted",
                not unit.special and place in given.cue, unit.special,
                not unit.special and at > 0 and question.text[end : unit.start] == "", unknown_mark(unit),
            )
        )  # fmt: skip
        end = end if unit.special else unit.end
    return sentence.marks(words, frame)


def _rates(source: FigureSource, answers: HeadAnswers, head: HeadRef) -> list[PageFigure]:
    """Return how often the chosen head is right on collections of questions; nothing where that is not measured."""
    try:
        known = reader.shipped(source.card.id)
        if known is None or head.block != "self" or known.header.digest != answers.trace.digest:
            return []
        rows, doubted = evidence.rows(known, head)
    except AttnvizError:  # the page says that the measurements cannot be read
        return []
    says = f"How often {encoding.head_name(head)} is right on collections of pronoun questions."
    counted = replace(source, text="", text_b=None)
    return [rates_figure("rates", "How often the head is right", says, counted, rows, doubted=doubted)] if rows else []


def _map(source: FigureSource, answers: HeadAnswers, head: HeadRef) -> PageFigure:
    """Return the map of all heads: the first candidate's weight minus the second one's."""
    question, values, hits = answers.question, answers.shares.values, answers.hits
    first, second = (question.word(span) for span in question.candidates[:2])
    scores = HeadScores(f"{first} minus {second}", values[..., 0] - values[..., 1], "more", -1.0, 1.0)
    signs = [] if hits is None else [[encoding.mark(bool(hit)) for hit in row] for row in hits]
    counted = (
        "" if hits is None else f" {int(hits.sum())} of {hits.size} heads are right; guessing would give {_luck(answers)}."
    )

    def drawing(part: str, coded: bool) -> Drawing:
        from attnviz.figures.vector import head_map
        from attnviz.figures.vector.placing import Frame

        notes = (f"Green: more attention to “{first}”. Purple: more to “{second}”.{counted}",)
        frame = Frame("Every head", f"{source.card.name}: {source.text}", notes, "", part == WHOLE, coded)
        return head_map.drawing(scores, frame, head, ends=(second, first), marks=signs)

    says = f"Every head: attention of “{question.word(question.pronoun)}” to “{first}” minus attention to “{second}”.{counted}"
    whole = replace(source, head=None)
    return PageFigure("all-heads", "Map of all heads", says, whole, drawing, lambda: _table(answers))


def _luck(answers: HeadAnswers) -> str:
    return f"{answers.shares.share.size / len(answers.question.candidates):.0f}"


def _ranked(answers: HeadAnswers) -> tuple[Sequence[link_ranking.RankedShares], int]:
    """Return all heads by the share of the right candidate, or of the first one where none is right."""
    right = answers.question.right or 0
    values = answers.shares.values
    order = [right, *(at for at in range(values.shape[-1]) if at != right)]
    mass = values.sum(-1)
    share = np.where(mass > 0, values[..., right] / np.where(mass > 0, mass, 1.0), np.nan).astype(np.float32)
    ordered = link_ranking.CandidateShares(values[..., order], share, answers.shares.late, answers.shares.note)
    return link_ranking.rank_candidates(ordered), right


def _list(source: FigureSource, answers: HeadAnswers) -> PageFigure:
    """Return the best heads as bars; the data has all of them."""
    ranked, right = _ranked(answers)
    name = answers.question.word(answers.question.candidates[right])
    best = [one for one in ranked if one.counts][:SHOWN]

    def drawing(part: str, coded: bool) -> Drawing:
        from attnviz.figures.vector import bars
        from attnviz.figures.vector.placing import Frame

        shares = bars.Series("share", tuple(one.share for one in best), 0.0, 1.0, encoding.percent)
        weights = bars.Series(
            "weight", tuple(one.values[0] for one in best), 0.0, 1.0, encoding.three, encoding.LIGHT.sequential[2]
        )
        names = tuple(str(HeadRef(one.layer, one.head)) for one in best)
        chosen = next((at for at, label in enumerate(names) if label == str(source.head)), None)
        line = f"{source.card.name}: {source.text}"
        return bars.drawing(
            names, (shares, weights), Frame(f"Heads by the share of “{name}”", line, whole=part == WHOLE, coded=coded), chosen
        )

    says = (
        f"The {len(best)} heads in which “{name}” has the largest share of what the candidates get, and its weight. "
        f"Heads that give all candidates together less than {encoding.percent(link_ranking.ENOUGH)} are left out; the data has "
        f"all {len(ranked)}."
    )
    return PageFigure("ranking", "Ranking of heads", says, replace(source, head=None), drawing, lambda: _table(answers))


def _table(answers: HeadAnswers) -> Table:
    """Return every head: its rank, the share, the weight of each candidate, and whether it hits."""
    ranked, right = _ranked(answers)
    names = [answers.question.word(span) for span in answers.question.candidates]
    values, hits = answers.shares.values, answers.hits
    rows = tuple(
        (
            one.layer, one.head, one.rank, one.share if one.counts else None, *values[one.layer, one.head],
            None if hits is None else bool(hits[one.layer, one.head]),
        )
        for one in ranked
    )  # fmt: skip
    columns = ("layer", "head", "rank", f"share of {names[right]}", *(f"weight to {name}" for name in names), "hit")
    return Table(columns, rows)
