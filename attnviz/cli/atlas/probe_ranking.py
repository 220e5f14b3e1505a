"""Rank heads by a probe on random tokens, as text, JSON or CSV."""

from __future__ import annotations

from typing import Any

from attnviz.cli import io
from attnviz.cli.atlas.head_table import head_table, more_heads
from attnviz.cli.numbers import three
from attnviz.errors import BadInputError
from attnviz.linguistics import probe_report
from attnviz.linguistics.atlas.reader import Atlas
from attnviz.linguistics.probe_report import ProbeResult
from attnviz.types import HeadRef


def show(atlas: Atlas, key: str, limit: int, form: str) -> None:
    """Print the `limit` best heads by one probe."""
    probe = probe_report.result(atlas, key)
    rows = [_row(probe, head) for head in probe.order[:limit]]
    facts = {"model": atlas.model, "probe": probe.key}
    notes = _notes(atlas, probe)
    if form == "csv":
        io.show_csv([facts | row for row in rows], [*facts, *rows[0]])
    elif form == "json":
        io.show_json(facts | _probe_json(probe) | {"says_of_it": notes, "all_heads": len(probe.order), "heads": rows})
    else:
        title = f"{probe.name} probe in {atlas.model}: {probe.says} ({probe.source})"
        io.show_lines([title, "", *head_table(rows), *more_heads(len(probe.order), len(rows)), "", *notes])


def summary_json(atlas: Atlas) -> dict[str, Any]:
    """Return the JSON fields of all probes, with the best head of each; or the reason why there are none."""
    try:
        results = probe_report.results(atlas)
    except BadInputError as error:
        return {"missing": str(error)}
    return {one.key: _probe_json(one) | {"best": _row(one, one.head)} for one in results}


def summary_lines(atlas: Atlas) -> list[str]:
    """Return lines with the best head of each probe; or the reason why there are none."""
    try:
        results = probe_report.results(atlas)
    except BadInputError as error:
        return [str(error)]
    lines = [f"Probes on random tokens that are repeated. {probe_report.method(atlas)}", ""]
    lines += [f"{'probe':<18} {'head':<8} {'score':>6}  {'95 % interval':<15}  {'uniform':>9}  heads with the name"]
    for one in results:
        low, high = map(three, one.interval(one.head))
        lines.append(
            f"{one.name:<18} {one.head!s:<8} {three(one.at(one.head)):>6}  {f'{low} to {high}':<15}  "
            f"{three(one.uniform):>9}  {_earned(one)}"
        )
    return [*lines, *([] if atlas.header.causal else [probe_report.ENCODER])]


def _probe_json(probe: ProbeResult) -> dict[str, Any]:
    """Return the JSON fields of one probe, without its heads."""
    return {
        "name": probe.name, "says": probe.says, "source": probe.source, "even_look": probe.uniform,
        "role": probe.role or None, "earned": [[head.layer, head.head] for head in probe.earned],
        "sequences": list(probe.sequences),
    }  # fmt: skip


def _row(probe: ProbeResult, head: HeadRef) -> dict[str, Any]:
    """Return the JSON fields of one head's score."""
    low, high = probe.interval(head)
    return {
        "rank": probe.rank(head), "layer": head.layer, "head": head.head, "score": probe.at(head), "interval_low": low,
        "interval_high": high, "chosen_score": float(probe.even[head.layer, head.head]), "earned": head in probe.earned,
    }  # fmt: skip


def _notes(atlas: Atlas, probe: ProbeResult) -> list[str]:
    """Return lines on how the scores were made, and which heads get the name."""
    bar = "if more than half of its attention goes there, with its whole interval"
    name = f"A head is called “{probe.role}” {bar}: {_earned(probe)}." if probe.role else probe_report.ENCODER
    return [f"Uniform attention scores {three(probe.uniform)}. {probe_report.method(atlas)}", name]


def _earned(probe: ProbeResult) -> str:
    """Return a list of the heads that get the name."""
    return ", ".join(map(str, probe.earned)) or ("none" if probe.role else "no such name in this kind of model")
