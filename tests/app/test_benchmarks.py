"""The long figures of the app, as `make bench` has them: memory over a thousand sentences, and a whole school at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.app.visitors import ROOT

SECONDS = 3600


@pytest.mark.soak
@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize(
    ("benchmark", "figures"),
    [
        (
            "soak.py",
            [
                "memory over sentences through the app",
                "memory over sessions that open and close",
                "closed sessions are released",
                "memory over sentences through the HTTP server",
            ],
        ),
        ("classroom.py", ["a class", "a class", "a class", "numbers equal to those of a student alone"]),
    ],
)
def test_each_figure_is_within_its_bound(benchmark: str, figures: list[str]):
    env = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}  # as for a reader, unlike in tests
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / benchmark], env=env, capture_output=True, text=True, check=False
    )

    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["figure"] for line in found] == figures, done.stderr
    assert [line for line in found if not line["ok"]] == []
    assert done.returncode == 0
