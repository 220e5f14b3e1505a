"""A benchmark that misses its bound says so in its line, and fails."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.report import Report

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"


def test_each_line_says_whether_the_figure_keeps_its_bound(capsys: pytest.CaptureFixture[str]):
    report = Report()
    report.show("fast", ok=True, ratio=1.0412345, bound=1.15)
    assert report.code == 0

    report.show("slow", ok=False, ratio=1.5, model="minilm")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert lines[0] == {"figure": "fast", "ratio": 1.04123, "bound": 1.15, "ok": True}
    assert lines[1] == {"figure": "slow", "ratio": 1.5, "model": "minilm", "ok": False}
    assert (report.missed, report.code) == (["slow"], 1)


def test_one_missed_bound_fails_the_process_after_all_figures_were_shown():
    code = (
        "import sys; from report import Report; report = Report(); report.show('a', ok=False); report.show('b', ok=True); "
        "sys.exit(report.code)"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=BENCHMARKS, capture_output=True, text=True)
    assert ran.returncode == 1
    assert [json.loads(line)["figure"] for line in ran.stdout.splitlines()] == ["a", "b"]


@pytest.mark.parametrize("file", sorted(BENCHMARKS.glob("*.py")), ids=lambda file: file.name)
def test_every_benchmark_shows_its_figures_by_the_report(file: Path):
    names = {node.id for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Name)}
    assert "Report" in names or file.name in ("report.py", "student.py")  # what others use, as in the Makefile


@pytest.mark.slow
@pytest.mark.parametrize(("folder", "says"), [(None, "ATTNVIZ_CORPORA names no folder"), ("", "there is no ewt-dev.conllu")])
def test_the_benchmark_of_atlases_fails_by_name_where_there_are_no_texts(folder: str | None, says: str, tmp_path: Path):
    environment = {name: value for name, value in os.environ.items() if name != "ATTNVIZ_CORPORA"}
    environment |= {} if folder is None else {"ATTNVIZ_CORPORA": str(tmp_path / folder)}
    ran = subprocess.run([sys.executable, "atlas.py"], cwd=BENCHMARKS, env=environment, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert says in ran.stderr
    assert "Nothing was measured" in ran.stderr
