"""`attnviz rank` on the real models: its JSON against the weights themselves, its table, and links that cannot be."""

from __future__ import annotations

import io
import json
import sys

import pytest

import attnviz
from attnviz import cli

TEXT = "The animal didn't cross the street because it was too tired"


def ranked(capfd: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert cli.main(["rank", TEXT, *arguments, "--format", "json"]) == 0
    return json.loads(capfd.readouterr().out)


@pytest.mark.parametrize(("model", "heads"), [("minilm", 72), ("smollm2", 270)])
def test_every_head_is_ranked_by_its_weight_best_first(model: str, heads: int, capfd: pytest.CaptureFixture[str]):
    found = ranked(capfd, "--link", "it:animal", "--model", model)
    trace = attnviz.attend(TEXT, model)
    it, animal = (next(at for at, token in enumerate(trace.tokens) if token.text == word) for word in ("it", "animal"))
    weights = trace.weights()
    assert (found["model"], len(found["heads"])) == (model, heads)
    assert [link["source"] for link in found["links"]] == [{"text": "it", "start": 43, "end": 45}]
    assert found["links"][0]["target"] == {"text": "animal", "start": 4, "end": 10}
    assert [one["rank"] for one in found["heads"]] == list(range(1, heads + 1))
    for one in found["heads"]:
        assert one["weight"] == pytest.approx(float(weights[one["layer"], one["head"], it, animal]), abs=1e-6)
    assert [one["weight"] for one in found["heads"]] == sorted((one["weight"] for one in found["heads"]), reverse=True)
    assert "Clark et al. 2019" in found["rule"]


def test_several_links_are_averaged_and_a_link_given_twice_counts_once(capfd: pytest.CaptureFixture[str]):
    one = {(h["layer"], h["head"]): h["weight"] for h in ranked(capfd, "--link", "it:animal")["heads"]}
    two = {(h["layer"], h["head"]): h["weight"] for h in ranked(capfd, "--link", "tired:animal")["heads"]}
    both = ranked(capfd, "--link", "it:animal", "--link", "tired:4-10", "--link", "43-45:animal")
    assert len(both["links"]) == 2
    for head in both["heads"]:
        at = head["layer"], head["head"]
        assert head["weight"] == pytest.approx((one[at] + two[at]) / 2, abs=1e-6)


def test_the_table_shows_the_best_heads_and_a_caution(capfd: pytest.CaptureFixture[str]):
    assert cli.main(["rank", TEXT, "--link", "it:animal"]) == 0
    out = capfd.readouterr().out
    assert "look from “it” (43-45) at “animal” (4-10):" in out
    assert "\n   1  L" in out
    assert "\n  20  L" in out
    assert "and 52 more heads" in out
    assert "One text is an example, not evidence" in out


def test_a_text_from_standard_input(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{TEXT}\n".encode())))
    assert cli.main(["rank", "-", "--link", "it:animal"]) == 0
    assert "L5·H11" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("text", "more", "says"),
    [
        (TEXT, ["--link", "it:horse"], "“horse” is no word of the text"),
        (TEXT, ["--link", "it"], "SOURCE:TARGET"),
        (TEXT, ["--link", "it:animal", "--link", "it:900-901"], "from 0 to the text's 59"),
        (TEXT, ["--link", "it:10-11"], "No token starts in the characters 10 to 11"),
        (TEXT, ["--model", "smollm2", "--link", "animal:it"], "“it” comes after “animal”, so no head can look at it"),
        (TEXT, ["--model", "no-such", "--link", "it:animal"], "no-such"),
        (" ", ["--link", "it:animal"], "this one is empty"),
        ("half \udcff of it", ["--link", "it:of"], "only whole characters"),
    ],
)
def test_a_ranking_that_cannot_be_says_rule_value_and_remedy(
    text: str, more: list[str], says: str, capfd: pytest.CaptureFixture[str]
):
    assert cli.main(["rank", text, *more]) == 2
    output = capfd.readouterr()
    assert says in output.err
    assert (output.out, "Traceback" in output.err) == ("", False)


def test_a_ranking_without_a_link_ends_with_usage(capfd: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        cli.main(["rank", TEXT])
    assert ended.value.code == 2
    assert "--link" in capfd.readouterr().err
