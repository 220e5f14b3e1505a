"""Rank heads by one habit, or by how far they follow similarity of meaning, as text, JSON or CSV."""

from __future__ import annotations

from typing import Any

from attnviz.cli import io
from attnviz.cli.atlas.head_table import head_table, more_heads
from attnviz.cli.numbers import three
from attnviz.errors import BadInputError
from attnviz.linguistics import habit_report
from attnviz.linguistics.atlas.reader import Atlas, nearest
from attnviz.linguistics.habit_report import HabitResult, similarity
from attnviz.linguistics.probes.habits import RENAMED
from attnviz.types import HeadRef, joined, quoted


def show(atlas: Atlas, name: str, limit: int, form: str) -> None:
    """Print the `limit` best heads by one habit."""
    habit = _habit(atlas, name)
    rows = [_row(atlas, habit, rank, head) for rank, head in enumerate(habit.order[:limit], 1)]
    facts = {"model": atlas.model, "habit": habit.key}
    if form == "csv":
        io.show_csv([facts | row for row in rows], [*facts, *rows[0]])
    elif form == "json":
        chosen_on = "the same texts" if habit.even is None else "the even half"
        io.show_json(
            facts | {
                "name": habit.name, "says": habit.says, "unit": habit.scores.unit, "least": habit.least, "n": habit.n,
                "counted": habit.counted, "mean": habit.mean, "chosen_on": chosen_on, "all_heads": len(habit.order),
                "heads": rows,
            }
        )  # fmt: skip
    else:
        halves = (
            "Heads are ranked and reported on the same texts"
            if habit.even is None
            else "Heads are ranked by the texts with an even number and reported on those with an odd one"
        )
        means = f"All heads on average: {three(habit.mean)}. Means over {habit.n:,} {habit.counted}. {halves}."
        title = f"{habit.name} in {atlas.model}: {habit.says}"
        io.show_lines([title, "", *head_table(rows), *more_heads(len(habit.order), len(rows)), "", means])


def _habit(atlas: Atlas, name: str) -> HabitResult:
    """Return the habit of that name or older name; raises BadInputError, which lists the atlas's habits."""
    key, known = RENAMED.get(name, name), {one.key: one for one in habit_report.results(atlas)}
    if key != name:
        io.note(f"The habit {name} is called {key} now, after what it counts; --probe induction measures induction.")
    if key not in known:
        missing = ", ".join(habit_report.missing(atlas))
        none = f" This model has none of: {missing}." if missing else ""
        raise BadInputError(
            f"A habit is one that this atlas measured; got {quoted(name)}.{nearest(key, list(known))}{none} "
            f"There are {joined(tuple(known)) or 'none'}."
        )
    return known[key]


def _row(atlas: Atlas, habit: HabitResult, rank: int, head: HeadRef) -> dict[str, Any]:
    """Return the JSON fields of one head; with interval and shuffled words where heads are chosen on the even half."""
    row = {"rank": rank, "layer": head.layer, "head": head.head, "value": habit.at(head)}
    held_out = None if habit.even is None else similarity(atlas, head)
    if habit.even is None or held_out is None:
        return row
    low, high = held_out.interval
    return row | {
        "interval_low": low, "interval_high": high, "shuffled": held_out.shuffled,
        "chosen_value": float(habit.even.values[head.layer, head.head]),
    }  # fmt: skip
