"""Grade an answer with the model's own numbers: credit from 0 to 1, the right answers, and a sentence with the reason.

Ties: values within `TIED` of the best are all right, so no answer is wrong by a digit that no page shows. Partial credit:

- pick a word, a head or a link; choose one: half, where the choice is not right and its value is at least half of the best
  (for `largest`; not of differences and hit rates); else none.
- choose all that fit: the right ones chosen less the wrong ones, over all right ones, never below 0.
- put in order: the share of pairs that stand in the right order; a tied pair is right either way.
- estimate a number: 1 within the distance, then falling in a straight line to 0 at three times the distance.
- a claim: 1 if it holds against the baseline after correcting for all heads, half if it holds before, else none.
- own words: not graded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import isfinite

from attnviz.analysis.row_stats import percent
from attnviz.errors import BadInputError
from attnviz.linguistics import claim_text, claims
from attnviz.linguistics.atlas import reader
from attnviz.rounding import fixed
from attnviz.teaching.measures import OpenAnswer
from attnviz.teaching.questions import DIRECTIONS, TIED, LessonQuestion
from attnviz.types import HeadRef, joined, quoted

LONGEST = 2_000  # characters of an answer in own words
MOST = 8  # answers that a list holds
HALF = 0.5
NO_HALF = ("difference", "hit rate")  # numbers of which a half means nothing: they may be below 0, or chance
BEYOND = 3.0  # times the distance at which a number gets nothing
SHOWN = 5  # right answers that a sentence names
ENDS = {"entropy": " bits", "distance": " words", "tokens": " tokens"}
YES, NO = "yes", "no"


@dataclass(frozen=True)
class Grade:
    """Credit from 0 to 1, None where an answer is not graded; the ids of the right answers; the reason in a sentence.

    `value` is the model's number for what was answered, None where there is none.
    """

    credit: float | None
    right: tuple[str, ...]
    reason: str
    value: float | None = None


def answer(question: LessonQuestion, raw: object) -> tuple[str, ...]:
    """Return an answer from outside as ids: one, or several for lists and claims.

    Raises BadInputError for what is no answer of this form. Whether an id is one of the choices is found by `grade`.
    """
    if question.form in ("several", "order"):
        if not isinstance(raw, list) or len(raw) > MOST or not all(isinstance(one, str) and len(one) <= 40 for one in raw):
            raise BadInputError(f"An answer to this question is a list of at most {MOST} options; got {quoted(str(raw))}.")
        if len(set(raw)) < len(raw):
            raise BadInputError(f"Each option stands once in an answer; got {quoted(', '.join(raw))}.")
        return tuple(raw)
    if question.form == "claim":
        parts = raw if isinstance(raw, list) else []
        if len(parts) != 3 or not all(isinstance(one, str) and len(one) <= 60 for one in parts) or parts[2] not in DIRECTIONS:
            raise BadInputError('A claim is a head, a relation and a direction: ["3.1", "nsubj", "dh"].')
        return str(HeadRef.parse(parts[0])), parts[1], parts[2]
    longest = LONGEST if question.form == "free" else 60
    if not isinstance(raw, str) or not raw.strip() or len(raw) > longest:
        raise BadInputError(f"An answer to this question is a text of 1 to {longest:,} characters; got {quoted(str(raw))}.")
    if question.form == "yesno" and raw not in (YES, NO):
        raise BadInputError(f"An answer to this question is yes or no; got {quoted(raw)}.")
    if question.form == "number":
        _number(raw)
    return (raw,)


def grade(question: LessonQuestion, given: Sequence[str], choices: Sequence[OpenAnswer]) -> Grade:
    """Grade an answer, as `answer` returns it; `choices` are those of `measures.choices`, none for claims and own words.

    Raises BadInputError for an id that is no choice.
    """
    if question.form == "free":
        return Grade(None, (), "This answer is not graded.")
    if question.form == "claim":
        return _claim(question.model, HeadRef.parse(given[0]), given[1], given[2])
    if question.form == "number":
        return _estimate(question, _number(given[0]), choices[0].value)
    if question.form == "yesno":
        return _yes_or_no(question, given[0], choices[0].value)
    by_id = {one.id: one for one in choices}
    if missing := [one for one in given if one not in by_id]:
        raise BadInputError(
            f"{quoted(missing[0])} is not one of the {len(choices)} answers to this question. Choose one of them."
        )
    chosen = [by_id[one] for one in given]
    if question.form == "order":
        return _order(question, chosen, choices)
    right = right_choices(question, choices)
    ids = tuple(one.id for one in right)
    if question.form == "several":
        hits = sum(one.id in ids for one in chosen)
        credit = max(0.0, (2 * hits - len(chosen)) / len(right)) if right else float(not chosen)
        return Grade(credit, ids, _several_reason(question, choices, right))
    one = chosen[0]
    credit = 1.0 if one.id in ids else HALF if _near(question, one, choices) else 0.0
    return Grade(credit, ids, _one_reason(question, one, right, choices), one.value)


def right_choices(question: LessonQuestion, choices: Sequence[OpenAnswer]) -> tuple[OpenAnswer, ...]:
    """Return the right answers: the best and those tied with it, or those beyond the bound."""
    rule = question.rule
    real = [one for one in choices if isfinite(one.value)]
    if rule.kind in ("above", "below"):
        return tuple(one for one in real if _is_beyond(question, one.value))
    sign = 1.0 if rule.kind == "largest" else -1.0
    ordered = sorted((sign * one.value for one in real), reverse=True)
    if not ordered:
        return ()
    least = ordered[min(rule.top, len(ordered)) - 1]
    return tuple(one for one in real if sign * one.value > least - TIED)


def _is_beyond(question: LessonQuestion, value: float) -> bool:
    return value > question.rule.bound if question.rule.kind == "above" else value < question.rule.bound


def _near(question: LessonQuestion, chosen: OpenAnswer, choices: Sequence[OpenAnswer]) -> bool:
    """Return whether a wrong choice earns half: at least half of the best."""
    if question.rule.kind != "largest" or question.measure in NO_HALF or not isfinite(chosen.value):
        return False
    best = max(one.value for one in choices if isfinite(one.value))
    return best > 0 and chosen.value >= HALF * best


def _order(question: LessonQuestion, chosen: Sequence[OpenAnswer], choices: Sequence[OpenAnswer]) -> Grade:
    """Grade an order by its pairs."""
    if len(chosen) != len(choices):
        raise BadInputError(f"An order has each of the {len(choices)} options once; got {len(chosen)}. Place the others too.")
    sign = 1.0 if question.rule.kind == "largest" else -1.0
    pairs = list(combinations(chosen, 2))
    good = sum(sign * (one.value - other.value) > -TIED for one, other in pairs)
    best = sorted(choices, key=lambda one: -sign * one.value)
    listed = ", ".join(f"{one.label} {written(question, one.value)}" for one in best)
    return Grade(good / len(pairs), tuple(one.id for one in best), f"The order is {listed}.")


def _estimate(question: LessonQuestion, guess: float, value: float) -> Grade:
    """Grade a number by its distance from the model's."""
    away = abs(guess - value)
    near, far = question.within, BEYOND * question.within
    credit = 1.0 if away <= near else max(0.0, (far - away) / (far - near))
    reason = f"The model's number is {written(question, value)}; the estimate is {written(question, away, bare=True)} away."
    return Grade(credit if isfinite(value) else None, (fixed(value, 3),), reason, value)


def _yes_or_no(question: LessonQuestion, given: str, value: float) -> Grade:
    """Grade yes or no by the bound. A value as near to the bound as a tie makes both right."""
    truth = YES if _is_beyond(question, value) else NO
    tied = abs(value - question.rule.bound) < TIED
    reason = f"The model's number is {written(question, value)}, {_against(question, value)}."
    return Grade(float(tied or given == truth), (YES, NO) if tied else (truth,), reason, value)


def _against(question: LessonQuestion, value: float) -> str:
    """Return in words how a value stands to the bound."""
    bound = written(question, question.rule.bound)
    if abs(value - question.rule.bound) < TIED:
        return f"so near to {bound} that both answers count"
    return f"{'above' if value > question.rule.bound else 'below'} {bound}"


def _claim(model: str, head: HeadRef, relation: str, direction: str) -> Grade:
    """Grade a claim about a head with the claim tester, on annotated texts."""
    atlas = reader.shipped(model)
    if atlas is None:
        raise BadInputError(f"The heads of {quoted(model)} were not measured on annotated texts. Ask about another model.")
    result = claims.claim(atlas, head, relation, direction)
    if result.verdict in ("unseen", "few"):
        return Grade(None, (), f"There are too few annotated links for a claim: {result.evidence.n} of {claims.ENOUGH} needed.")
    credit = {"none": 0.0, "uncorrected": HALF}.get(result.verdict, 1.0)
    found = result.evidence
    low, high = (fixed(one, 1) for one in result.interval)
    reason = (
        f"{head} is right on {percent(found.rate)} of {found.n:,} links; {claim_text.baseline(found, result.offset)}. "
        f"Its lead is {fixed(result.points, 1)} points (95 % interval {low} to {high}), rank {result.rank} of {result.heads}."
    )
    return Grade(credit, (), reason, found.rate)


def _one_reason(
    question: LessonQuestion, chosen: OpenAnswer, right: Sequence[OpenAnswer], choices: Sequence[OpenAnswer]
) -> str:
    """Return why one choice is right or not, with the numbers."""
    got = f"“{chosen.label}” has {written(question, chosen.value)}"
    if not right:
        return f"{got}; no answer fits."
    if question.rule.kind in ("above", "below"):
        return f"{got}, {_against(question, chosen.value)}."
    best = max(right, key=lambda one: one.value) if question.rule.kind == "largest" else min(right, key=lambda one: one.value)
    if chosen in right:
        rest = [one for one in choices if one not in right and isfinite(one.value)]
        if not rest:
            return f"{got}."
        sign = max if question.rule.kind == "largest" else min
        following = sign(rest, key=lambda one: one.value)
        return f"{got}; next comes “{following.label}” with {written(question, following.value)}."
    return f"{got}; the {question.rule.kind} is “{best.label}” with {written(question, best.value)}."


def _several_reason(question: LessonQuestion, choices: Sequence[OpenAnswer], right: Sequence[OpenAnswer]) -> str:
    """Return the numbers of all options, and which are right."""
    listed = ", ".join(f"{one.label} {written(question, one.value)}" for one in choices)
    fits = joined([one.label for one in right[:SHOWN]]) or "none of them"
    return f"{question.rule.kind.capitalize()} {written(question, question.rule.bound)}: {fits} ({listed})."


def written(question: LessonQuestion, value: float, bare: bool = False) -> str:
    """Return a value as a sentence has it; `bare` without its sign of a share."""
    if not isfinite(value):
        return "no value"
    if question.measure == "tokens":
        return f"{fixed(value, 0)} tokens"
    unit = ENDS.get(question.measure, "")
    if question.measure == "hit rate":
        return fixed(value, 2) if bare else percent(value)
    return f"{fixed(value, 2 if unit else 3)}{unit}"


def _number(raw: str) -> float:
    """Return a number that a student typed, with a decimal point or comma."""
    try:
        value = float(raw.strip().replace(",", ".").replace("−", "-"))
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise BadInputError(f"An answer to this question is a number, such as 0.5; got {quoted(raw)}.")
    return value
