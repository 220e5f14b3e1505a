"""Program that measures a plan, given as JSON, and prints one line of JSON per result; it uses one thread.

    python -m attnviz.pages.cost.bench.worker \
        '{"heads": 12, "dim": 32, "bytes": 1000000000, "repeat_seconds": 0.3, "cells": [["tiled", 128]]}'

A separate process can be killed at any moment and does not slow down the server. Seconds are processor time. `bytes` is how
much more memory it may allocate than at its start, `repeat_seconds` the time for repeating one measurement. It exits when
its standard input closes, since its parent is then gone.
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

WARM = 8  # tokens of an unreported warm-up text: the first call in a process takes longer


def main(plan: str) -> int:
    """Measure all cells of a plan in order; return 0."""
    parsed = json.loads(plan)
    sizes = parsed["heads"], parsed["dim"]
    torch.set_num_threads(1)
    threading.Thread(target=_exit_with_parent, args=(sys.stdin,), daemon=True).start()
    for algorithm in algorithms.ALGORITHMS:
        algorithms.measure(algorithm, WARM, *sizes, max_seconds=0)
    _limit_memory(parsed["bytes"])
    for algorithm, tokens in parsed["cells"]:
        _emit({"now": [algorithm, tokens]})
        try:
            found = algorithms.measure(algorithm, tokens, *sizes, parsed["repeat_seconds"], time.process_time)
        except (MemoryError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and "allocate" not in str(error):  # torch's message when memory runs out
                raise
            _emit({"failed": [algorithm, tokens]})
        else:
            _emit(asdict(found))
    _emit({"done": True})
    return 0


def _emit(line: dict[str, Any]) -> None:
    """Print one line and flush."""
    print(json.dumps(line), flush=True)


def _exit_with_parent(stream: Any) -> None:
    """Exit when the parent process closes the stream."""
    stream.buffer.read()
    os._exit(1)


def _limit_memory(more: int) -> None:
    """Limit this process to `more` bytes beyond its current memory, where the system supports it."""
    try:
        import resource

        with open("/proc/self/statm") as file:
            has = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (has + more, resource.RLIM_INFINITY))
    except (ImportError, OSError, ValueError):
        return  # the plan already leaves out what would need too much


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
