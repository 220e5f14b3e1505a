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


@pytest.mark.parametrize(("model", "count"), [("minilm", 9), ("smollm2", 8)])
def test_beside_the_weight_stands_what_the_other_words_give(model: str, count: int, capfd: pytest.CaptureFixture[str]):
    found = ranked(capfd, "--link", "it:animal", "--model", model, "--sort", "difference")
    trace = attnviz.attend(TEXT, model)
    words = [
        [at for at, token in enumerate(trace.tokens) if token.word == word]
        for word in dict.fromkeys(t.word for t in trace.tokens)
    ]
    (animal,) = next(word for word in words if trace.tokens[word[0]].text.strip() == "animal")
    others = [word for word in words if not {trace.tokens[at].text.strip() for at in word} & {"animal", "it"}]
    others = [word for word in others if trace.tokens[word[0]].word is not None and (model == "minilm" or word[0] > animal)]
    assert (found["sort"], found["links"][0]["other_words"], len(others)) == ("difference", count, count)
    assert "at least half as much as the source does" in found["rule"]
    weights = trace.weights()
    for one in found["heads"]:
        gives = [float(weights[one["layer"], one["head"], word, animal].mean()) for word in others]
        assert one["others"] == pytest.approx(sum(gives) / count, abs=1e-6)
        assert one["difference"] == pytest.approx(one["weight"] - one["others"], abs=1e-6)
        too = sum(gave >= max(one["weight"] / 2, 0.1) for gave in gives)
        assert one["everywhere"] == (one["weight"] >= 0.1 and 2 * too > count)
    differences = [one["difference"] for one in found["heads"]]
    assert differences == sorted(differences, reverse=True)
    assert any(one["everywhere"] for one in found["heads"])


def test_a_head_that_looks_there_from_everywhere_is_marked_in_the_table(capfd: pytest.CaptureFixture[str]):
    assert cli.main(["rank", TEXT, "--link", "it:animal", "--model", "smollm2"]) == 0
    out = capfd.readouterr().out
    assert "the other words that may see the target (8) give it" in out
    (best,) = (line for line in out.splitlines() if "L13·H8" in line)
    assert best.endswith("*")
    assert "*  most words look there, not only the source" in out


def test_each_head_has_its_rank_on_annotated_texts_where_the_kind_of_link_is_known(capfd: pytest.CaptureFixture[str]):
    found = ranked(capfd, "--link", "it:animal")
    assert found["corpus"] == {
        "relation": "gap", "direction": None, "on": "pronoun → antecedent, GAP held-out", "n": 1111, "heads": 72,
        "source": "GAP", "half": "held-out",
    }  # fmt: skip
    ranks = {(one["layer"], one["head"]): one["corpus_rank"] for one in found["heads"]}
    assert ranks[3, 1] == 1
    assert sorted(ranks.values())[0] == 1
    assert max(ranks.values()) <= 72
    assert cli.main(["rank", TEXT, "--link", "it:animal"]) == 0
    assert "corpus: the head's rank of 72 on pronoun → antecedent, GAP held-out (1,111 links)." in capfd.readouterr().out


def test_of_other_links_the_rank_is_not_known_unless_the_relation_is_named(capfd: pytest.CaptureFixture[str]):
    unknown = ranked(capfd, "--link", "street:animal")
    assert unknown["corpus"] is None
    assert {one["corpus_rank"] for one in unknown["heads"]} == {None}
    named = ranked(capfd, "--link", "cross:street", "--relation", "obj", "--direction", "hd")
    assert named["corpus"]["on"] == "verb → object, UD English EWT dev held-out"
    assert {(one["layer"], one["head"]): one["corpus_rank"] for one in named["heads"]}[3, 1] == 1
    assert cli.main(["rank", TEXT, "--link", "cross:street", "--relation", "objj"]) == 2
    assert "Did you mean obj" in capfd.readouterr().err


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
