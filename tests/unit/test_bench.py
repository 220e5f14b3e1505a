"""Benchmarks in a separate process: results are kept, and the process ends when it should."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from attnviz.errors import BadInputError
from attnviz.pages.cost import flops
from attnviz.pages.cost.bench import algorithms
from attnviz.pages.cost.bench.plan import MAX_PEAK_BYTES, BenchmarkPlan
from attnviz.pages.cost.bench.report import BenchmarkReport
from attnviz.pages.cost.bench.runner import BenchmarkRunner

ROOT = Path(__file__).parents[2]
PLAN = BenchmarkPlan(heads=3, dim=5, longest=2048)
WAIT = 60.0  # seconds that a process may take on a busy machine
RESULTS = """
import json, sys, time
plan = json.loads(sys.argv[1])
def say(**line):
    print(json.dumps(line), flush=True)
for algorithm, tokens in plan["cells"][:3]:
    say(now=[algorithm, tokens])
    say(algorithm=algorithm, tokens=tokens, seconds=0.5, peak_bytes=7)
say(now=["window", 128])
"""


def fake(then: str) -> tuple[str, ...]:
    """A process that measures three things, begins a fourth, and then does something else."""
    return sys.executable, "-c", RESULTS + then


def until(runner: BenchmarkRunner, ready: Callable[[BenchmarkReport], bool], reader: str = "one") -> BenchmarkReport:
    """What a desk reports as soon as it is `ready`; the reader looks all the time."""
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        found = runner.poll(reader)
        if found is not None and ready(found):
            return found
        time.sleep(0.02)
    raise AssertionError(f"not ready: {runner.poll(reader)}")


def begun(runner: BenchmarkRunner) -> BenchmarkReport:
    """The report of a fake process that has printed everything."""
    assert runner.start(PLAN, "one")
    return until(runner, lambda report: report.now == ("window", 128) or not report.running)


def gone(pid: int) -> bool:
    """Whether no process has this number any more."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_lengths_grow_by_the_root_of_two_up_to_the_longest():
    assert PLAN.lengths == (128, 181, 256, 362, 512, 724, 1024, 1448, 2048)
    assert PLAN.cells[:6] == (*((algorithm, 128) for algorithm in algorithms.ALGORITHMS), ("matrix", 181))
    assert json.loads(PLAN.to_json())["cells"] == [list(cell) for cell in PLAN.cells]


def test_what_would_take_too_much_memory_on_paper_is_left_out_and_named():
    wide = BenchmarkPlan(heads=12, dim=32, longest=8192)
    # 2 matrices of 2,896 x 2,896 for 12 heads, 4 bytes each: 805 MB.
    assert wide.left_out == (("matrix", 2896, 2 * 2896**2 * 12 * 4),)
    assert max(tokens for algorithm, tokens in wide.cells if algorithm == "matrix") == 2048
    assert ("tiled", 8192) in wide.cells
    assert all(flops.estimate(algorithm, tokens, wide.layer).peak_bytes <= MAX_PEAK_BYTES for algorithm, tokens in wide.cells)
    assert PLAN.left_out == ()


@pytest.mark.parametrize("wrong", [(12, 32, 4096), (0, 32, 2048), (64, 128, 2048)])
def test_plans_without_bounds_are_refused(wrong: tuple[int, int, int]):
    with pytest.raises(BadInputError, match="got"):
        BenchmarkPlan(*wrong)


def program(cells: list, bytes_: int = 10**9) -> subprocess.Popen[str]:
    """Start the real program on these measurements."""
    plan = {"heads": 3, "dim": 5, "bytes": bytes_, "repeat_seconds": 0.0, "cells": cells}
    return subprocess.Popen(
        [sys.executable, "-m", "attnviz.pages.cost.bench.worker", json.dumps(plan)], cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux bounds the memory of a process.")
def test_the_program_prints_what_it_measures_line_by_line_and_continues_where_memory_does_not_suffice():
    with program([["matrix", 6000], ["matrix", 40], ["recurrent", 30]], bytes_=300_000_000) as process:  # 864 MB, and little
        assert process.stdout is not None
        lines = [json.loads(line) for line in process.stdout]
    assert process.returncode == 0
    assert lines[:3] == [{"now": ["matrix", 6000]}, {"failed": ["matrix", 6000]}, {"now": ["matrix", 40]}]
    assert [(line["algorithm"], line["tokens"]) for line in lines if "algorithm" in line] == [("matrix", 40), ("recurrent", 30)]
    assert lines[3]["seconds"] > 0
    assert 0.8 <= lines[3]["peak_bytes"] / flops.matrix(40, PLAN.layer).peak_bytes <= 2.3
    assert lines[-1] == {"done": True}


@pytest.mark.slow
def test_the_program_ends_with_its_parent_process():
    with program([["recurrent", 2_000_000]]) as process:
        assert process.stdout is not None
        assert "now" in process.stdout.readline()
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(WAIT) == 1


def test_printed_results_are_kept_when_it_is_stopped_and_the_process_has_ended():
    runner = BenchmarkRunner(fake("time.sleep(600)"))
    report = begun(runner)
    assert (report.state, report.now, len(report.found)) == ("running", ("window", 128), 3)
    assert report.share == 3 / 45
    assert not gone(report.pid)

    runner.stop("one", WAIT)

    after = runner.poll("one")
    assert after is not None
    assert (after.state, after.found, after.running) == ("stopped", report.found, False)
    assert gone(report.pid)
    assert after.seconds < WAIT


def test_one_run_at_a_time_and_only_its_owner_stops_it():
    runner = BenchmarkRunner(fake("time.sleep(600)"))
    number = begun(runner).number
    assert not runner.start(PLAN, "two")
    runner.stop("two")
    seen = runner.poll("two")
    assert seen is not None
    assert (seen.number, seen.running, len(seen.found)) == (number, True, 3)  # who waits sees how it fares
    assert (runner.owns("one"), runner.owns("two")) == (True, False)

    runner.stop("one", WAIT)

    assert runner.start(PLAN, "two")
    assert until(runner, lambda report: report.number == number + 1, "two").running
    runner.stop("two", WAIT)


def test_it_ends_when_the_one_who_started_it_is_gone_though_others_look():
    runner = BenchmarkRunner(fake("time.sleep(600)"), owner_timeout=0.5)
    pid = begun(runner).pid
    report = until(runner, lambda report: not report.running, "two")
    assert (report.state, len(report.found)) == ("abandoned", 3)
    assert gone(pid)


def test_it_ends_when_it_takes_too_long():
    runner = BenchmarkRunner(fake("time.sleep(600)"), time_limit=0.5)
    assert runner.start(PLAN, "one")
    assert until(runner, lambda report: not report.running).state == "late"


@pytest.mark.parametrize(
    ("then", "why"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "signal 9), as it does when memory runs out"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", "signal 15"),
        ("raise RuntimeError('no such luck')", "code 1: RuntimeError: no such luck"),
        ("sys.exit(0)", "code 0"),
        ("print('hello', flush=True); time.sleep(600)", "not a measurement"),
    ],
    ids=["killed", "ended", "raised", "silent", "other words"],
)
def test_a_failed_process_is_reported_and_what_it_measured_stays(then: str, why: str):
    runner = BenchmarkRunner(fake(then))
    assert runner.start(PLAN, "one")
    report = until(runner, lambda report: not report.running)
    assert report.state == "broken"
    assert why in report.why
    assert len(report.found) == 3
    assert gone(report.pid)
    assert runner.start(PLAN, "two")  # without waiting for it


def test_a_missing_program_is_reported():
    runner = BenchmarkRunner(("no-such-program",))
    assert runner.start(PLAN, "one")
    assert "could not be started: No such file" in until(runner, lambda report: not report.running).why


def test_what_memory_does_not_suffice_for_is_named_and_the_rest_continues():
    runner = BenchmarkRunner(fake("say(failed=['window', 128]); say(done=True)"))
    assert runner.start(PLAN, "one")
    report = until(runner, lambda report: not report.running)
    assert (report.state, report.failed, report.share) == ("done", (("window", 128),), 4 / 45)


@pytest.mark.parametrize(("load", "overloaded"), [(1.9, False), (2.1, True)])
def test_a_run_that_begins_on_a_busy_machine_says_so(monkeypatch: pytest.MonkeyPatch, load: float, overloaded: bool):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 9.0, 0.0))
    runner = BenchmarkRunner(fake("say(done=True)"))
    assert runner.start(PLAN, "one")
    assert until(runner, lambda report: not report.running).overloaded is overloaded


def test_which_lengths_ways_share():
    runner = BenchmarkRunner(fake(""))
    assert runner.start(PLAN, "one")
    report = until(runner, lambda report: not report.running)
    assert report.longest("matrix", "tiled", "fused") == 128
    assert report.longest("matrix", "window") == 0
    assert report.at("tiled", 128) == algorithms.Measurement("tiled", 128, 0.5, 7)
    assert report.at("window", 128) is None
