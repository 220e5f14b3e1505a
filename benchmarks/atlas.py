"""What measuring an atlas costs: minilm on all of the EWT sentences, in passes of many, against one sentence at a time.

Prints one JSON line a figure. Both roads do the same scoring; the other one reads each sentence by itself with the library's
eager `output_attentions`. Chunk by chunk they take turns, and the times are sums. Memory is that of processes of their own.
Threads are as many as the library takes by itself, unless the environment says otherwise; a figure says how many.
Needs the corpora, in the folder that ATTNVIZ_CORPORA names: without them it measures nothing, says so and fails (exit code 2).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from report import Report

from attnviz.engine import batch, capture
from attnviz.engine.forward import forward
from attnviz.linguistics.atlas import workers
from attnviz.linguistics.atlas.build import build
from attnviz.linguistics.atlas.chunks import CorpusFiles, chunks
from attnviz.linguistics.atlas.measure import Measurer, ReadText, passes
from attnviz.linguistics.atlas.shards import Chunk
from attnviz.models import catalog
from attnviz.settings import Settings

Layers = Callable[..., Iterator[batch.LayerWeights]]

MODEL, FILE = "minilm", "ewt-dev.conllu"
ONE, TWO = 1.7, 2.0  # how many times faster than the simple way: in one process, and in two with one thread each
GROWTH = 16 * 2**20  # bytes by which the whole corpus may take more than its half: an allocator's whims


def one_by_one(model: Any) -> Layers:
    """Return the library's eager weights of one sentence, in the place of `batch.layers`."""
    eager = capture.shadow(model, "eager")

    def layers(_: Any, readings: Sequence[batch.EncodedText]) -> Iterator[batch.LayerWeights]:
        with torch.inference_mode():
            found = eager(**batch.padded(model, readings), output_attentions=True).attentions
        return (layer.numpy() for layer in found)

    return layers


def ceiling(measurer: Measurer) -> Callable[[Sequence[ReadText]], None]:
    """Return the plain fused pass over the same batches, and nothing else."""
    fused = capture.shadow(measurer.loaded.model, "sdpa")

    def call(read: Sequence[ReadText]) -> None:
        with torch.inference_mode():
            for some in passes(read, measurer.tokens):
                forward(fused, batch.padded(measurer.loaded.model, [one.reading for one in some]))

    return call


def corpus(folder: Path) -> CorpusFiles:
    """Return the sentences."""
    return CorpusFiles.of("conllu", [folder / FILE])


def speeds(report: Report, folder: Path) -> None:
    """Measure the seconds of each way over the whole corpus."""
    many = workers.load_measurer(catalog.card(MODEL), Settings.from_env())
    single = replace(many, tokens=1, layers=one_by_one(many.loaded.model))
    plain = ceiling(many)
    found = list(chunks([corpus(folder)], lambda number, line: None))
    for measurer in (many, single):
        measurer.measure(Chunk(0, 0, 0, found[0].texts[:16]))  # warm
    spent = {"batched": 0.0, "eager": 0.0, "ceiling": 0.0}
    for chunk in found:
        read = [one for at, text in enumerate(chunk.texts) if (one := many.read(at, text, Counter()))]
        roads = {
            "batched": partial(many.measure, chunk),
            "eager": partial(single.measure, chunk),
            "ceiling": partial(plain, read),
        }
        for name, call in roads.items():
            start = time.perf_counter()
            call()
            spent[name] += time.perf_counter() - start
    ratio = spent["eager"] / spent["batched"]
    report.show(
        "one sentence at a time / batched, one process", ok=ratio >= ONE, eager_s=spent["eager"], batched_s=spent["batched"],
        ratio=ratio, bound=ONE, threads=torch.get_num_threads(), texts=sum(len(chunk.texts) for chunk in found),
    )  # fmt: skip
    report.show(
        "one sentence at a time / ceiling (batched pass without scoring)", ok=True, ceiling_s=spent["ceiling"],
        ratio=spent["eager"] / spent["ceiling"],
    )  # fmt: skip
    start = time.perf_counter()
    pool = workers.ProcessPool(catalog.card(MODEL), Settings.from_env(), 2)
    ready = time.perf_counter()
    try:
        for _ in pool.parts(iter(found), lambda texts: None):
            pass
    finally:
        pool.close()
    two = time.perf_counter() - ready
    report.show(
        "one sentence at a time / batched, two processes of one thread", ok=spent["eager"] / two >= TWO, two_s=two,
        start_s=ready - start, ratio=spent["eager"] / two, bound=TWO,
    )  # fmt: skip


def memory(report: Report) -> None:
    """Measure peak memory of a whole build, on half of the corpus and on all of it."""
    peaks = {}
    for part in ("half", "whole"):
        ran = subprocess.run([sys.executable, __file__, part], capture_output=True, text=True, check=True)
        peaks[part] = json.loads(ran.stdout.splitlines()[-1])
    grown = peaks["whole"] - peaks["half"]
    report.show(
        "peak memory of the whole corpus beyond its half", ok=grown <= GROWTH, half=peaks["half"], whole=peaks["whole"],
        grown=grown, bound=GROWTH,
    )  # fmt: skip


def peak(part: str, folder: Path) -> int:
    """In a process of its own: bytes at the most while an atlas is built."""
    card = catalog.card(MODEL)
    pool = workers.InProcessPool(workers.load_measurer(card, Settings.from_env()))
    with TemporaryDirectory() as kept:
        file = folder / FILE
        if part == "half":
            file = Path(kept) / FILE
            sentences = (folder / FILE).read_text().split("\n\n")
            file.write_text("\n\n".join(sentences[: len(sentences) // 2]) + "\n\n")
        build(card, pool, [CorpusFiles.of("conllu", [file])], Path(kept) / "atlas.npz", lambda line: None, lambda line: None)
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def sentences() -> Path | None:
    """Return the folder of the corpora; None if it is not named, or has no such file, which is printed."""
    named = os.environ.get("ATTNVIZ_CORPORA", "")
    if named and (Path(named) / FILE).is_file():
        return Path(named)
    why = f"ATTNVIZ_CORPORA names {named}, and there is no {FILE}" if named else "ATTNVIZ_CORPORA names no folder"
    print(f"benchmarks/atlas.py measures {MODEL} on {FILE}; {why}. Nothing was measured.", file=sys.stderr)
    return None


if __name__ == "__main__":
    if (where := sentences()) is None:
        sys.exit(2)
    if len(sys.argv) > 1:
        print(json.dumps(peak(sys.argv[1], where)))
    else:
        shown = Report()
        speeds(shown, where)
        memory(shown)
        sys.exit(shown.code)
