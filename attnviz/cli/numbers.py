"""Format the counts of a head for the commands: as JSON fields, and as text rounded like the pages."""

from __future__ import annotations

from math import isnan
from typing import Any

from attnviz.rounding import fixed
from attnviz.types import Evidence


def or_none(value: float) -> float | None:
    """Return the number, or None for NaN, which JSON does not have."""
    return None if isnan(value) else value


def evidence_json(evidence: Evidence) -> dict[str, Any]:
    """Return the JSON fields of the counts: hits, n, rate, interval, baselines, groups and ceiling."""
    counts = {"hits": evidence.hits, "n": evidence.n, "rate": or_none(evidence.rate), "interval": list(evidence.interval)}
    return counts | {"baselines": dict(evidence.baselines), "groups": evidence.groups, "ceiling": evidence.ceiling}


def percentage(rate: float) -> str:
    """Format a rate in percent with one decimal and without the sign, `74.0`."""
    return fixed(100 * rate, 1)


def percentages(interval: tuple[float, float]) -> str:
    """Format both ends of an interval of rates in percent, `70.3 to 77.5`."""
    return " to ".join(map(percentage, interval))


def rate(evidence: Evidence) -> str:
    """Format a rate with its interval in percent, `74.0 (70.3 to 77.5)`."""
    return f"{percentage(evidence.rate)} ({percentages(evidence.interval)})"


def points(value: float) -> str:
    """Format a difference in percentage points with its sign, `+35.5`."""
    return f"{'' if value < 0 else '+'}{fixed(value, 1)}"


def points_range(interval: tuple[float, float]) -> str:
    """Format both ends of an interval of differences, `(+30.6 to +40.5)`."""
    return f"({points(interval[0])} to {points(interval[1])})"


def signed_three(value: float) -> str:
    """Format a difference with three decimals and its sign, `+0.120`."""
    return f"{'' if value < 0 else '+'}{fixed(value, 3)}"


def three(value: float) -> str:
    """Format a number with three decimals, `0.063`; never `-0.000`."""
    written = fixed(value, 3)
    return "0.000" if written == "-0.000" else written
