"""A server that is killed under its clients: no wrong answer, no hanging client, and all are answered when it is back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

KILLED = Path(__file__).parents[2] / "benchmarks" / "killed.py"


@pytest.mark.parametrize(
    ("kills", "in_time"),
    [
        pytest.param(2, False, id="some", marks=pytest.mark.slow),  # beside other tests a start may take long
        pytest.param(20, True, id="many", marks=[pytest.mark.soak, pytest.mark.timeout(1200)]),
    ],
)
def test_a_server_that_is_killed_gives_no_wrong_answer_and_no_client_hangs(kills: int, in_time: bool):
    done = subprocess.run([sys.executable, KILLED, str(kills)], capture_output=True, text=True, check=False)

    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert (found["wrong"], found["hung"]) == (0, 0)
    assert found["answers"] > 8
    assert set(found["errors"]) <= {"BackendError", "AnswerError", "LateError", "BusyError"}
    assert found["longest_s"] < found["deadline_s"] + 3
    assert found["ok"] or not in_time, found
