"""What happened so far, counted; the text that Prometheus reads, out (exposition format 0.0.4). No text of readers in it."""

from __future__ import annotations

import os
import sys
import threading
from bisect import bisect_left
from pathlib import Path

TYPE = "text/plain; version=0.0.4; charset=utf-8"
EDGES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)  # seconds
NAMES = {
    "attnviz_requests_total": ("counter", "Requests by route and status."),
    "attnviz_errors_total": ("counter", "Errors by their kind."),
    "attnviz_answers_kept_total": ("counter", "Answers that were kept from an earlier request."),
    "attnviz_answer_bytes_total": ("counter", "Bytes of answers sent."),
    "attnviz_left_total": ("counter", "Requests whose client left before the answer."),
    "attnviz_seconds": ("histogram", "Seconds by stage: waiting for a turn, work, or all of a request."),
    "attnviz_waiting": ("gauge", "Requests that wait for a turn now."),
    "attnviz_working": ("gauge", "Requests that are worked on now."),
    "attnviz_sharing": ("gauge", "Requests that wait without a turn for a text that is worked out for another."),
    "attnviz_kept_bytes": ("gauge", "Bytes of answers kept in memory."),
    "attnviz_model_held": ("gauge", "1 for each model that is in memory."),
    "process_resident_memory_bytes": ("gauge", "Resident memory of this process."),
}
Labels = tuple[tuple[str, str], ...]


class Metrics:
    """Counters and histograms. Thread-safe; label values are ours, never a reader's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, Labels], float] = {}
        self._times: dict[tuple[str, Labels], tuple[list[int], float]] = {}

    def count(self, name: str, by: float = 1.0, **labels: str) -> None:
        """Add to a counter."""
        key = name, tuple(sorted(labels.items()))
        with self._lock:
            self._counts[key] = self._counts.get(key, 0.0) + by

    def took(self, seconds: float, stage: str) -> None:
        """One duration of a stage."""
        key = "attnviz_seconds", (("stage", stage),)
        with self._lock:
            buckets, total = self._times.get(key, ([0] * (len(EDGES) + 1), 0.0))
            buckets[bisect_left(EDGES, seconds)] += 1
            self._times[key] = buckets, total + seconds

    def text(self, gauges: dict[tuple[str, Labels], float]) -> str:
        """All of it, with what the gauges show now."""
        with self._lock:
            values = self._counts | gauges | {("process_resident_memory_bytes", ()): resident()}
            times = {key: (list(buckets), total) for key, (buckets, total) in self._times.items()}
        lines = []
        for name, (kind, meaning) in NAMES.items():
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
            lines += [_line(name, labels, value) for (own, labels), value in values.items() if own == name]
            for (own, labels), (buckets, total) in times.items():
                lines += _histogram(name, labels, buckets, total) if own == name else []
        return "\n".join(lines) + "\n"


def _histogram(name: str, labels: Labels, buckets: list[int], total: float) -> list[str]:
    """A histogram: how many took at most so long, their sum and their number."""
    lines, so_far = [], 0
    for edge, many in zip((*map(str, EDGES), "+Inf"), buckets, strict=True):
        so_far += many
        lines.append(_line(f"{name}_bucket", (*labels, ("le", edge)), so_far))
    return [*lines, _line(f"{name}_sum", labels, total), _line(f"{name}_count", labels, so_far)]


def _line(name: str, labels: Labels, value: float | int) -> str:
    """One sample."""
    shown = ",".join(f'{label}="{found}"' for label, found in labels)
    return f"{name}{{{shown}}} {value}" if labels else f"{name} {value}"


def resident() -> float:
    """Bytes of memory that this process has now; where the system does not tell, the most it ever had."""
    try:
        return float(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource

        return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * (1 if sys.platform == "darwin" else 1024)
