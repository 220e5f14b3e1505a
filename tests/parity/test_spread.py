"""Corpora measured by Ray Data in two processes, against this process with another number of threads, for real.

Needs the corpora and Ray, which is optional: pip install -r requirements-ray.txt -c constraints.txt
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from attnviz.linguistics import claims
from attnviz.linguistics.atlas import reader

SLICES = {"ewt-dev.conllu": ("\n\n", 300), "gap-development.tsv": ("\n", 41)}  # two batches; 40 questions and their heading
FLIPPED = 1e-5  # the part of the decisions that another number of threads may turn: two words with the same attention
EXACT = {
    "habits": 1e-6,
    "probes": 1e-6,
    "meaning": 2e-5,
}  # means of weights; of ranks, of which two change places where weights are alike


def sliced(folder: Path, into: Path) -> list[Path]:
    """The beginnings of the corpora."""
    for name, (between, many) in SLICES.items():
        some = islice((folder / name).read_text("utf-8").split(between), many)
        (into / name).write_text("".join(f"{one}{between}" for one in some), "utf-8")
    return [into / name for name in SLICES]


def built(texts: list[Path], output: Path, threads: int, *more: str) -> reader.Atlas:
    """An atlas by the command line, in a process of its own with so many threads."""
    sentences, questions = map(str, texts)
    command = [sys.executable, "-m", "attnviz", "atlas", "build", "--conllu", sentences, "--gap", questions, "-o", str(output)]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
    subprocess.run([*command, *more], check=True, capture_output=True, env=environment)
    return reader.read(output)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install -r requirements-ray.txt")
def test_ray_in_two_processes_counts_what_one_process_with_other_threads_counts(corpora: Path, tmp_path: Path, record_property):
    texts = sliced(corpora, tmp_path)
    one, ray = built(texts, tmp_path / "one.npz", 2), built(texts, tmp_path / "ray.npz", 1, "--ray", "--workers", "2")
    assert one.header == ray.header  # counts, what was left out, hashes of texts and weights
    assert one.header.corpora[0].texts == 300
    assert one.header.corpora[1].texts == 40
    different, total, apart = 0, 0, {}
    with np.load(one.file) as mine, np.load(ray.file) as theirs:
        assert mine.files == theirs.files
        for name in mine.files:
            if name in EXACT:
                np.testing.assert_array_equal(np.isnan(mine[name]), np.isnan(theirs[name]))
                apart[name] = float(np.nanmax(np.abs(mine[name] - theirs[name])))
            elif name.endswith(".hits"):
                different += int(np.unpackbits(mine[name] ^ theirs[name]).sum())
                total += mine[name].shape[0] * one.header.layers * one.header.heads
            elif name.startswith("control."):  # counts of the untrained twin's decisions
                different += int(np.abs(mine[name].astype(int) - theirs[name].astype(int)).sum())
            elif name != "header.json":
                np.testing.assert_array_equal(mine[name], theirs[name])
    record_property(
        "summary",
        f"Ray in two processes: {different} of {total:,} decisions differ from one process with two threads; "
        f"habits by at most {apart['habits']:.1e}, meaning by {apart['meaning']:.1e}",
    )
    assert all(apart[name] <= bound for name, bound in EXACT.items())
    assert total > 500_000
    assert different <= FLIPPED * total
    chosen = [
        [(best.relation, best.direction, best.head, best.evidence.n) for best in claims.best_heads(made)] for made in (one, ray)
    ]
    assert chosen[0] == chosen[1]
