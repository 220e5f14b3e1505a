"""The server's metrics for Prometheus. No label or value comes from a user's text."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)  # seconds


class _Registry(CollectorRegistry):
    """A registry without the `_created` time of each series, which no dashboard of ours reads."""

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        for metric in super().collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric


class Metrics:
    """Counters and histograms of one server, in a registry of their own. Thread-safe."""

    def __init__(self) -> None:
        self.registry = registry = _Registry()
        self.requests = Counter("attnviz_requests", "Requests by route and status.", ("route", "status"), registry=registry)
        self.errors = Counter("attnviz_errors", "Errors by kind.", ("kind",), registry=registry)
        self.cached = Counter("attnviz_answers_kept", "Answers served from memory.", registry=registry)
        self.sent_bytes = Counter("attnviz_answer_bytes", "Bytes of answers sent.", registry=registry)
        self.disconnects = Counter("attnviz_left", "Requests whose client disconnected before the answer.", registry=registry)
        self.seconds = Histogram(
            "attnviz_seconds", "Seconds by stage: wait (queue), work (computation), all (whole request).", ("stage",),
            buckets=BUCKETS, registry=registry,
        )  # fmt: skip
        memory = Gauge("process_resident_memory_bytes", "Resident memory of this process.", registry=registry)
        memory.set_function(resident_bytes)

    def text(self) -> bytes:
        """Return all metrics in the text format 0.0.4 of Prometheus."""
        return generate_latest(self.registry)


def resident_bytes() -> float:
    """Return the resident memory of this process in bytes, or the most it has had where the system has no `/proc`."""
    try:
        return float(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource

        return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * (1 if sys.platform == "darwin" else 1024)
