"""Format a table of heads with one score each, as lines."""

from __future__ import annotations

from typing import Any

from attnviz.cli.numbers import three
from attnviz.types import HeadRef

TITLES = {"interval_low": "95 % from", "interval_high": "to", "chosen_value": "chosen on", "chosen_score": "chosen on"}


def head_table(rows: list[dict[str, Any]]) -> list[str]:
    """Return lines with rank, head (of `layer` and `head`) and every further field of the rows as a column."""
    names = [name for name in rows[0] if name not in ("rank", "layer", "head")]
    lines = [f"{'rank':>4}  {'head':<8}" + "".join(f"  {TITLES.get(name, name):>9}" for name in names)]
    for row in rows:
        cells = (_cell(row[name]) for name in names)
        lines.append(f"{row['rank']:>4}  {HeadRef(row['layer'], row['head'])!s:<8}" + "".join(f"  {cell:>9}" for cell in cells))
    return lines


def more_heads(total: int, listed: int) -> list[str]:
    """Return a line that counts the heads not listed; none where all are."""
    return [f"and {total - listed} more heads (-k {total} shows all)"] if total > listed else []


def _cell(value: float | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    return three(value)
