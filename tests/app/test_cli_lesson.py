"""`attnviz lesson check` on the lesson of docs/lessons.md, and on files with faults."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from attnviz import cli

ROOT = Path(__file__).parents[2]


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The lesson of the document, as a file."""
    (text,) = re.findall(r"^````markdown\n(.+?)^````", (ROOT / "docs/lessons.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)
    file = tmp_path / "it.lesson.md"
    file.write_text(text, "utf-8")
    return file


def test_the_documented_lesson_is_free_of_faults_and_its_answer_is_the_models(example: Path, capfd: pytest.CaptureFixture[str]):
    assert cli.main(["lesson", "check", "--answers", str(example)]) == 0
    first, second = capfd.readouterr().out.splitlines()
    assert first.endswith("“Who is “it”?”, 2 steps, 1 questions, 45 minutes")
    assert second == "  step 2 (token): animal 0.640"
    assert cli.main(["lesson", "check", "--format", "json", str(example)]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["faults"] == []
    assert found["lessons"][0]["questions"] == [
        {"step": 2, "form": "token", "ask": "Which word does L3·H1 look at most from “it”?", "right": None}
    ]


def test_every_fault_of_every_file_is_named_and_the_exit_code_is_2(
    example: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    bad = tmp_path / "bad.lesson.md"
    bad.write_text(example.read_text("utf-8").replace("45", "0").replace('"it"', '"dog"'), "utf-8")
    assert cli.main(["lesson", "check", str(example), str(bad)]) == 2
    out, err = capfd.readouterr()
    assert out.splitlines()[1] == f"{bad}: cannot be used"
    assert f"{bad}:4: A lesson takes 1 to 600 minutes; got “0”." in err
    assert f"{bad}:30: “query” cannot be used" in err
    assert "found 2 faults" in err
    assert "Traceback" not in err


def test_a_file_that_is_not_there_ends_with_a_message(capfd: pytest.CaptureFixture[str]):
    assert cli.main(["lesson", "check", "none.lesson.md"]) == 2
    assert "No such file" in capfd.readouterr().err
