"""Summarise the best head of each relation, habit and probe, for the end of `atlas build` and for a plain `atlas top`.

Heads are chosen on the even half of the texts and counted on the odd half.
"""

from __future__ import annotations

from typing import Any

from attnviz.cli import io
from attnviz.cli.atlas import probe_ranking
from attnviz.cli.atlas.show import corpora_json
from attnviz.cli.numbers import or_none, percentage, percentages, three
from attnviz.linguistics import claim_text, claims, habit_report
from attnviz.linguistics.atlas.reader import Atlas
from attnviz.linguistics.claims import BestHead
from attnviz.linguistics.habit_report import HabitResult


def show(atlas: Atlas, form: str) -> None:
    """Print the summary as text or as JSON."""
    if form == "json":
        io.show_json(_as_json(atlas))
    else:
        io.show_lines(_as_lines(atlas))


def _as_json(atlas: Atlas) -> dict[str, Any]:
    best = claims.best_heads(atlas)
    return {
        "model": atlas.model,
        "corpora": corpora_json(atlas),
        "relations": [
            {"relation": one.relation, "direction": one.direction} | _best_json(one) for one in best if one.direction
        ],
        "coreference": {one.relation: _best_json(one) for one in best if not one.direction},
        "habits": {one.key: _habit_json(one) for one in habit_report.results(atlas)},
        "probes": probe_ranking.summary_json(atlas),
    }


def _as_lines(atlas: Atlas) -> list[str]:
    best = claims.best_heads(atlas)
    lines = []
    for corpus in atlas.header.corpora:
        lines.append(f"{corpus.name}: {corpus.used:,} of {corpus.texts:,} texts measured")
        lines += [f"    left out: {many:,} {reason}" for reason, many in corpus.left_out]
    lines += ["", "The best head of each relation, chosen on the even texts and counted on the odd ones:", ""]
    lines += [f"{'relation':<18} {'head':<8} {'n':>6}  {'rate':>6}  {'95 % interval':<15}  strongest baseline"]
    lines += [_best_line(one) for one in best]
    for one in best:
        if one.p_corrected is not None:
            reason = "Both halves hold wordings of the same sentences; corrected for the choice among all heads"
            lines.append(f"{one.relation}: {reason}, {claim_text.chance(one.p_corrected)}.")
    lines += ["", "Habits, means over all texts: the head that has most of each, and all heads on average:", ""]
    lines += [f"{'habit':<26} {'head':<8} {'mean':>6}  {'all heads':>9}  {'unit':<16}  on the odd texts, chosen on the even"]
    lines += [_habit_line(one) for one in habit_report.results(atlas)]
    return [*lines, "", *probe_ranking.summary_lines(atlas)]


def _best_json(best: BestHead) -> dict[str, Any]:
    found, (rule, rate) = best.evidence, best.evidence.baseline
    return {
        "n": found.n, "head": [best.head.layer, best.head.head], "rate": found.rate, "interval": list(found.interval),
        "baseline": rate, "baseline_name": rule, "groups": found.groups, "beats": best.beats, "ceiling": found.ceiling,
        "points_interval": [or_none(end) for end in best.interval],
        "control": None if best.control is None else {
            "head": [best.control.head.layer, best.control.head.head], "rate": best.control.evidence.rate,
            "interval": list(best.control.evidence.interval),
        },
    }  # fmt: skip


def _best_line(best: BestHead) -> str:
    found, (rule, rate) = best.evidence, best.evidence.baseline
    name = f"{best.relation} {best.direction}"
    untrained = "" if best.control is None else f"; untrained {percentage(best.control.evidence.rate)}"
    ceiling = f"; at most {percentage(found.ceiling)} possible" if found.ceiling < 1.0 else ""
    return (
        f"{name:<18} {best.head!s:<8} {found.n:>6,}  {percentage(found.rate):>6}  {percentages(found.interval):<15}  "
        f"{rule} {percentage(rate)}{untrained}{ceiling}"
    )


def _habit_json(habit: HabitResult) -> dict[str, Any]:
    fields = {
        "head": [habit.head.layer, habit.head.head], "value": habit.value, "mean": habit.mean, "unit": habit.scores.unit,
        "n": habit.n, "counted": habit.counted, "shuffled": habit.baseline,
    }  # fmt: skip
    if habit.held_out is None:
        return fields
    return fields | {
        "interval": list(habit.held_out.interval), "texts": habit.held_out.texts, "chosen_on": "the even half",
    }  # fmt: skip


def _habit_line(habit: HabitResult) -> str:
    line = f"{habit.name:<26} {habit.head!s:<8} {three(habit.value):>6}  {three(habit.mean):>9}  {habit.scores.unit:<16}"
    if habit.held_out is None:
        return line
    low, high = map(three, habit.held_out.interval)
    return f"{line}  95 % interval {low} to {high}; words shuffled {three(habit.held_out.shuffled)}"
