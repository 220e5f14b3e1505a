"""What capturing costs: a captured forward pass plus one head against the plain fused pass, and against eager.

Prints one JSON line a figure. Times are medians of interleaved pairs in one process; peak memory is measured in a
child process of its own for each road, beyond what the loaded model already takes.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from report import Report

import attnviz
from attnviz.engine import capture
from attnviz.engine.forward import forward

WORDS = "The animal did not cross the street because it was too tired and the night was long . "
LONG = 2048


def inputs(loaded: Any, tokens: int) -> dict[str, torch.Tensor]:
    """Return exactly `tokens` tokens of running text."""
    ids = loaded.tokenizer(WORDS * (tokens // 8 + 2), add_special_tokens=False)["input_ids"][:tokens]
    tensor = torch.tensor([ids])
    return {"input_ids": tensor, "attention_mask": torch.ones_like(tensor)}


def seconds(call: Callable[[], object]) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def paired(one: Callable[[], object], other: Callable[[], object], count: int) -> tuple[float, float, float]:
    """Return the median seconds of each, measured in turns after a warm-up, and the median of their ratios pair by pair."""
    one()
    other()
    times = []
    for turn in range(count):
        if turn % 2:
            first = seconds(one)
            times.append((first, seconds(other)))
        else:
            first = seconds(other)
            times.append((seconds(one), first))
    return (
        statistics.median(a for a, _ in times),
        statistics.median(b for _, b in times),
        statistics.median(a / b for a, b in times),
    )


def plain(model: Any, x: dict[str, torch.Tensor]) -> Callable[[], object]:
    """Return the fused forward pass as the library does it, on the same weights."""
    fused = capture.shadow(model, "sdpa")

    def call() -> object:
        with torch.inference_mode():
            return forward(fused, dict(x))

    return call


def overheads(report: Report) -> None:
    """Measure a captured pass plus one head relative to the plain pass, and one more head relative to the plain pass."""
    for name, tokens, count, bound in (
        ("minilm", 16, 200, 1.15),
        ("minilm", 512, 30, 1.15),
        ("smollm2", 1024, 9, 1.10),
        ("smollm2", LONG, 7, 1.10),
    ):
        overhead(report, name, tokens, count, bound)


def overhead(report: Report, name: str, tokens: int, count: int, bound: float) -> None:
    """Measure the same of one model at one length."""
    loaded = attnviz.load(name)
    x = inputs(loaded, tokens)
    layer, head = loaded.card.head
    captured, fused, ratio = paired(
        lambda: capture.capture(loaded.model, **x).weights(layer, head), plain(loaded.model, x), count
    )
    report.show(
        "captured + one head / fused",
        ok=ratio <= bound,
        model=name,
        tokens=tokens,
        captured_s=captured,
        fused_s=fused,
        ratio=ratio,
        bound=bound,
    )
    trace = capture.capture(loaded.model, **x)
    further = statistics.median(seconds(lambda: trace.weights(layer, head)) for _ in range(max(count, 15)))
    share = further / fused
    report.show(
        "one further head / fused", ok=share <= 0.01, model=name, tokens=tokens, head_s=further, ratio=share, bound=0.01
    )  # fmt: skip


def against_eager(report: Report) -> None:
    """Compare eager output_attentions with captured plus one head at 2,048 tokens: time, and extra peak memory."""
    found = {}
    for road in ("captured", "eager", "fused"):
        ran = subprocess.run([sys.executable, __file__, road], capture_output=True, text=True, check=True)
        found[road] = json.loads(ran.stdout.splitlines()[-1])
    captured, eager = found["captured"], found["eager"]
    faster, extra = eager["s"] / captured["s"], captured["peak"] / eager["peak"]
    report.show(
        "eager / captured, seconds", ok=faster >= 3, tokens=LONG, eager_s=eager["s"], captured_s=captured["s"],
        ratio=faster, bound=3,
    )  # fmt: skip
    report.show(
        "captured / eager, extra peak bytes", ok=extra <= 0.2, tokens=LONG, eager=eager["peak"], captured=captured["peak"],
        fused=found["fused"]["peak"], ratio=extra, bound=0.2,
    )  # fmt: skip


def one_road(road: str) -> None:
    """In a child process: the seconds and extra peak memory of one road, the median of three runs after a short one."""
    loaded = attnviz.load("smollm2")
    roads = {
        "captured": lambda x: capture.capture(loaded.model, **x).weights(16, 5),
        "eager": lambda x: capture.eager_attentions(loaded.model, **x),
        "fused": lambda x: plain(loaded.model, x)(),
    }
    roads[road](inputs(loaded, 32))
    x = inputs(loaded, LONG)
    Path("/proc/self/clear_refs").write_text("5")
    before = memory("VmRSS")
    first = seconds(lambda: roads[road](x))
    peak = memory("VmHWM") - before
    print(json.dumps({"s": statistics.median([first, *(seconds(lambda: roads[road](x)) for _ in range(2))]), "peak": peak}))


def memory(name: str) -> int:
    """Return one line of the process's own status, in bytes."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name + ":"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    if len(sys.argv) > 1:
        one_road(sys.argv[1])
    else:
        shown = Report()
        overheads(shown)
        against_eager(shown)
        sys.exit(shown.code)
