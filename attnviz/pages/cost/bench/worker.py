"""A plan as JSON in, a line of JSON for each thing measured out, as it comes: a program of its own, with one thread.

    python -m attnviz.pages.cost.bench.worker \
        '{"heads": 12, "dim": 32, "bytes": 1000000000, "most": 0.3, "cells": [["tiled", 128]]}'

A process of its own can be ended at any moment, and what it takes is taken from nobody who reads. Seconds are those in which
it had a processor, whoever else wants one. `bytes` is how much more memory it may take than it has at the start, `most` the
seconds for repeating one measurement. It ends by itself when its standard input does: then nobody is there any more.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from dataclasses import asdict
from typing import Any

import torch

from attnviz.pages.cost.bench import algorithms

WARM = 8  # tokens of a text that nobody is told about: what is first done in a process takes longer


def main(plan: str) -> int:
    """Measure all cells of a plan, in order; 0 when all has been said."""
    wanted = json.loads(plan)
    torch.set_num_threads(1)
    threading.Thread(target=_leave_with, args=(sys.stdin,), daemon=True).start()
    for way in algorithms.WAYS:
        algorithms.measured(way, WARM, wanted["heads"], wanted["dim"], most=0)
    _bound(wanted["bytes"])
    for way, tokens in wanted["cells"]:
        _say({"now": [way, tokens]})
        try:
            found = algorithms.measured(way, tokens, wanted["heads"], wanted["dim"], wanted["most"], time.process_time)
        except (MemoryError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and "allocate" not in str(error):  # how torch says that memory ran out
                raise
            _say({"failed": [way, tokens]})
        else:
            _say(asdict(found))
    _say({"done": True})
    return 0


def _say(line: dict[str, Any]) -> None:
    """One line, at once."""
    print(json.dumps(line), flush=True)


def _leave_with(stream: Any) -> None:
    """End with whoever started this process."""
    stream.buffer.read()
    os._exit(1)


def _bound(more: int) -> None:
    """Let this process take so many bytes more than it has, where the system can be asked to see to it."""
    try:
        import resource

        with open("/proc/self/statm") as file:
            has = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (has + more, resource.RLIM_INFINITY))
    except (ImportError, OSError, ValueError):
        return  # the plan itself leaves out what would take too much


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
