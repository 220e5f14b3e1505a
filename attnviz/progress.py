"""Progress of slow work, for the person who waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ProgressEvent:
    """One message about slow work.

    `kind` says how to show it: a `step` begins now; `progress` replaces the message before it, and `share` of the work, 0
    to 1, is done; a `notice` stays true afterwards, and the reader should still see it then; `waiting` repeats while
    another request is served, and a listener may raise an error there to stop waiting.
    """

    message: str
    kind: Literal["step", "progress", "notice", "waiting"] = "step"
    share: float = 0.0


OnProgress = Callable[[ProgressEvent], None]


def ignore(event: ProgressEvent) -> None:
    """Do nothing with an event: for work that has no listener."""


LEAST_LEFT = 2.0  # seconds: what takes less is not worth a number


def time_left(seconds: float, share: float) -> str:
    """Return what to say of the time that is left, ", about 8 s left", after `seconds` for a `share` of the work; or ""."""
    left = seconds / share - seconds if share > 0 else 0.0
    if left < LEAST_LEFT:
        return ""
    return f", about {left:.0f} s left" if left < 100 else f", about {left / 60:.0f} min left"
