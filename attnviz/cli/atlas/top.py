"""`attnviz atlas top`: print the best heads by a relation, a habit or a probe from an atlas, without a new build."""

from __future__ import annotations

import argparse

from attnviz.cli import io
from attnviz.cli.atlas import habit_ranking, lookup, probe_ranking, relation_ranking, summary
from attnviz.errors import BadInputError
from attnviz.types import quoted


def run(chosen: argparse.Namespace, heads: int) -> None:
    """Print the best heads by the chosen criterion; `heads` of them without -k."""
    atlas = lookup.by_name(chosen.model or "minilm") if chosen.atlas is None else lookup.in_file(chosen.atlas, chosen.model)
    criteria = [name for name in ("relation", "habit", "probe") if getattr(chosen, name) is not None]
    if len(criteria) > 1:
        raise BadInputError(f"One thing is ranked at a time; got --{' and --'.join(criteria)}. Leave all but one out.")
    if chosen.direction and criteria != ["relation"]:
        raise BadInputError(
            f"--direction belongs to a --relation; got {chosen.direction} without one. Name one, or leave it out."
        )
    if warning := lookup.weights_warning(atlas):
        io.note(warning)
    if not criteria:
        _check_no_list(chosen)
        summary.show(atlas, chosen.format)
        return
    most, form = _limit(chosen.k, heads), chosen.format
    if criteria == ["relation"]:
        relation_ranking.show(atlas, chosen.relation, chosen.direction or "dh", most, form)
    elif criteria == ["habit"]:
        habit_ranking.show(atlas, chosen.habit, most, form)
    else:
        probe_ranking.show(atlas, chosen.probe, most, form)


def _limit(written: str | None, default: int) -> int:
    """Return the number of heads from -k; more than there are means all."""
    if written is None:
        return default
    written = written.strip()
    if not written.isascii() or not written.isdigit() or not written.strip("0"):
        raise BadInputError(f"-k is a whole number from 1; got {quoted(written)}. Leave it out for the best {default} heads.")
    return int(written[:9]) if len(written) < 10 else 10**9


def _check_no_list(chosen: argparse.Namespace) -> None:
    """Raise BadInputError if an option needs a list of heads and no criterion was named."""
    if chosen.k is not None or chosen.format == "csv":
        option = "-k counts" if chosen.k is not None else "--format csv lists"
        raise BadInputError(
            f"{option} heads by one thing, and nothing was named to rank them by. Add --relation, --habit or --probe, e.g. "
            "--relation obj."
        )
