"""`attnviz roles` on the real models: every head, its numbers against the weights themselves, its table, and bad input."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import attnviz
from attnviz import cli

TEXT = "The dog chased the cat in the garden"


def report(capfd: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert cli.main(["roles", *arguments, "--format", "json"]) == 0
    return json.loads(capfd.readouterr().out)


def test_every_head_has_a_role_and_a_profile_that_adds_up(capfd: pytest.CaptureFixture[str]):
    found = report(capfd, TEXT, "--model", "smollm2")
    assert (found["model"], found["text"], found["words"], found["rows"]) == ("smollm2", TEXT, True, 7)
    assert [(one["layer"], one["head"]) for one in found["heads"]] == [(at // 9, at % 9) for at in range(270)]
    weights = attnviz.attend(TEXT, "smollm2").weights()  # of this text every word is one token
    for one in found["heads"]:
        places = {place["place"]: place for place in one["profile"]["places"]}
        assert list(places) == ["the first word", "the word before", "itself", "other words"]
        assert sum(place["percent"] for place in places.values()) == 100
        mine = weights[one["layer"], one["head"]]
        assert places["the first word"]["share"] == pytest.approx(mine[1:, 0].mean(), abs=1e-6)
        assert places["itself"]["share"] == pytest.approx(np.diag(mine)[1:].mean(), abs=1e-6)
        if one["role"]["kind"] == "first":
            assert one["role"]["share"] == places["the first word"]["share"]
            assert one["role"]["chosen"] * 2 > one["role"]["rows"] == 7


def test_the_table_has_a_line_a_head_and_counts_them(capfd: pytest.CaptureFixture[str]):
    assert cli.main(["roles", TEXT, "--model", "smollm2"]) == 0
    table = capfd.readouterr().out.splitlines()
    kinds = Counter(one["role"]["kind"] for one in report(capfd, TEXT, "--model", "smollm2")["heads"])
    assert sum(line.startswith("L") for line in table) == 270
    assert f"{kinds['first']} first" in next(line for line in table if line.startswith("270 heads on 7 words"))
    line = next(line for line in table if line.startswith("L0·H8 "))
    assert line.split() == "L0·H8 first 67\u202f% 25\u202f% 6 of 7 the first word, “The”".replace("\u202f", " ").split()


def test_by_tokens_and_to_a_file(capfd: pytest.CaptureFixture[str], tmp_path: Path):
    file = tmp_path / "roles.json"
    assert cli.main(["roles", TEXT, "--tokens", "--special", "hide", "--format", "json", "-o", str(file)]) == 0
    assert capfd.readouterr().out == ""
    found = json.loads(file.read_text("utf-8"))
    assert (found["words"], found["special"], len(found["heads"])) == (False, "hide", 72)
    assert found["heads"][0]["profile"]["places"][-1]["place"] == "hidden tokens"


def test_a_file_of_one_head_has_its_role_also_with_a_filter(capfd: pytest.CaptureFixture[str]):
    ask = ["attend", TEXT, "--model", "smollm2", "--layer", "25", "--head", "0", "--words"]
    assert cli.main([*ask, "--format", "json"]) == 0
    whole = json.loads(capfd.readouterr().out)
    assert [place["percent"] for place in whole["profile"]["places"]] == [93, 3, 1, 3]
    assert whole["role"]["kind"] == "first"
    assert cli.main([*ask, "--keep", "top:1", "--format", "json"]) == 0
    kept = json.loads(capfd.readouterr().out)
    assert (kept["role"], kept["profile"]) == (whole["role"], whole["profile"])
    assert cli.main([*ask, "--format", "csv"]) == 0
    lines = capfd.readouterr().out.splitlines()
    message = next(line.removeprefix("# role: ") for line in lines if line.startswith("# role: "))
    assert json.loads(message) == whole["role"]["sentence"]
    assert len(list(csv.reader(io.StringIO("\n".join(line for line in lines if not line.startswith("#")))))) == 9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["", "--model", "minilm"], "text"), ([TEXT, "--block", "cross"], "no block"), ([TEXT, "--model", "x"], "x")],
)
def test_bad_input_ends_with_a_message(arguments: list[str], message: str, capfd: pytest.CaptureFixture[str]):
    assert cli.main(["roles", *arguments]) == 2
    caught = capfd.readouterr()
    assert message in caught.err
    assert "Traceback" not in caught.err


def test_a_text_of_one_word_has_no_habit(capfd: pytest.CaptureFixture[str]):
    found = report(capfd, "dog", "--model", "smollm2")
    assert {one["role"]["kind"] for one in found["heads"]} == {"mixed"}
    assert "too short" in found["heads"][0]["role"]["sentence"]
