"""Print a benchmark's figures as JSON lines; the exit code is 1 where a figure misses its bound."""

from __future__ import annotations

import json
from dataclasses import dataclass, field


@dataclass
class Report:
    """What was measured so far; `missed` are the figures beyond their bounds."""

    missed: list[str] = field(default_factory=list)

    def show(self, figure: str, *, ok: bool, **numbers: object) -> None:
        """Print one figure and whether it keeps its bound; a figure to which none is promised is always ok."""
        short = {name: round(value, 5) if isinstance(value, float) else value for name, value in numbers.items()}
        print(json.dumps({"figure": figure, **short, "ok": bool(ok)}), flush=True)
        if not ok:
            self.missed.append(figure)

    @property
    def code(self) -> int:
        """The exit code."""
        return 1 if self.missed else 0
