"""`attnviz test-claim` on small atlases: its JSON, its words, and every bad argument with exit code 2 and no traceback."""

from __future__ import annotations

import json
from math import sqrt
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from attnviz import cli
from tests import atlases
from tests.atlases import L, Q


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An atlas of minilm's name in which L1·H4 hits 50 of 60 determiners, and the offset +1 30 of them; 3 questions."""
    links = [L(at, 0, 0, 1 + at // 2 % 2, 4, [(1, 4)] if at < 50 else []) for at in range(60)]
    questions = [Q(at, 1, True) for at in range(3)]
    parts = atlases.members(links, questions, atlases.header("minilm"))
    return atlases.write(tmp_path_factory.mktemp("atlas") / "small.npz", parts)


def command_line(file: Path, *more: str, layer: str = "1", head: str = "4", relation: str = "det") -> list[str]:
    return ["test-claim", "--atlas", str(file), "--layer", layer, "--head", head, "--relation", relation, *more]


def test_json_has_every_number_of_the_claim(file: Path, capfd: pytest.CaptureFixture[str]):
    assert cli.main(command_line(file, "--format", "json")) == 0
    found = json.loads(capfd.readouterr().out)
    # The head is right in the first 50 sentences and the offset in every other two, in 26 of those and 4 behind them: the head
    # is ahead in 24 and behind in 4.
    chance = float(norm.sf((24 - 4 - 1) / sqrt(28)))
    assert (found["model"], found["layer"], found["head"], found["relation"], found["direction"]) == (
        "minilm", 1, 4, "det", "dh",
    )  # fmt: skip
    assert (found["hits"], found["n"], found["rate"]) == (50, 60, 50 / 60)
    assert found["interval"] == pytest.approx([0.7197, 0.9069], abs=1e-4)  # Wilson, worked by hand
    assert found["baselines"] == {"offset": 0.5, "chance": 0.25}
    assert (found["offset"], found["rank"], found["heads"], found["verdict"]) == (1, 1, 10, "clear")
    assert found["p"] == pytest.approx(chance)
    assert found["p_corrected"] == pytest.approx(10 * chance)
    assert (found["held_out"]["hits"], found["held_out"]["n"]) == (25, 30)
    assert found["sentence"].startswith(
        "On 60 determiners of Trees, L1·H4 of all-MiniLM-L6-v2 looks most at the head noun in 83"
    )


def test_text_is_the_sentence_and_the_counts_below_it(file: Path, capfd: pytest.CaptureFixture[str]):
    assert cli.main(command_line(file)) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].startswith("On 60 determiners of Trees")
    reach = 1.96 * sqrt(60 / 59 * (24 * (2 / 3) ** 2 + 4 * (4 / 3) ** 2 + 32 / 9)) / 60
    assert lines[2:] == [
        "all texts      50 of 60, 83.3\u202f% (72.0 to 90.7\u202f%); offset 50.0\u202f%, chance 25.0\u202f%",
        "held-out half  25 of 30, 83.3\u202f% (66.4 to 92.7\u202f%); offset 50.0\u202f%, chance 25.0\u202f%",
        f"lead +33.3 points ({100 * (1 / 3 - reach):+.1f} to {100 * (1 / 3 + reach):+.1f}); rank 1 of 10 heads; p < 0.001, "
        "corrected p = 0.0016",
    ]


def test_nothing_to_count_is_reported_without_a_number(file: Path, capfd: pytest.CaptureFixture[str]):
    assert cli.main(command_line(file, "--format", "json", relation="obj")) == 0
    found = json.loads(capfd.readouterr().out)
    assert (found["n"], found["rate"], found["points"], found["rank"], found["baselines"]) == (0, None, None, None, {})
    assert found["verdict"] == "unseen"
    assert "nothing can be said" in found["sentence"]


def test_where_nothing_is_seen_one_way_the_other_one_is_named(file: Path, capfd: pytest.CaptureFixture[str]):
    assert cli.main(command_line(file, "--direction", "hd")) == 0
    lines = capfd.readouterr().out.splitlines()
    assert "The other way round, the determiner looking at the head noun, 60 are counted: direction dh." in lines[0]
    assert lines[1:] == ["", "Try --direction dh."]


def test_a_subtype_is_tested_alone_and_all_of_them_say_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    links = [L(at, at % 2, 0, 1, 4, [(1, 4)] if at % 2 else []) for at in range(80)]
    head = atlases.header("minilm", relations=["nmod", "nmod:poss"])
    small = atlases.write(tmp_path / "poss.npz", atlases.members(links, head=head))
    found = {}
    for name in ("nmod", "nmod:", "nmod:poss"):
        assert cli.main(command_line(small, "--format", "json", relation=name)) == 0
        found[name] = json.loads(capfd.readouterr().out)
    assert [(found[name]["hits"], found[name]["n"]) for name in found] == [(40, 80), (0, 40), (40, 40)]
    assert [found[name]["pools"] for name in found] == [{"nmod:": 40, "nmod:poss": 40}, {}, {}]
    assert "On 40 possessors of Trees" in found["nmod:poss"]["sentence"]
    assert "nmod counts subtypes together: nmod: 40 and nmod:poss 40 (nmod: has no subtype)." in found["nmod"]["sentence"]


def test_the_ceiling_of_minimal_pairs_is_shown_beside_the_rate(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    pairs = [Q(at, 1, True, [(1, 4)] if at % 2 == 0 else [], answer=at % 2, back=at % 2) for at in range(60)]
    others = [Q(60 + at, 1, True, [(1, 4)] if at < 12 else []) for at in range(20)]
    head = atlases.header("smollm2", causal=True)
    small = atlases.write(tmp_path / "pairs.npz", atlases.members(questions=[*pairs, *others], head=head))
    assert cli.main(command_line(small, "--format", "json", relation="gap")) == 0
    found = json.loads(capfd.readouterr().out)
    assert (found["rate"], found["ceiling"]) == (42 / 80, 50 / 80)
    assert (found["decidable"]["hits"], found["decidable"]["n"], found["decidable"]["ceiling"]) == (12, 20, 1.0)
    expected = (
        "Up to the pronoun, which is as far as this model has read, 60 of these 80 are the same as others with another answer, "
        "so no head can be right in more than 62.5\u202f%. On the other 20 it is right in 60.0\u202f%"
    )
    assert expected in found["sentence"]
    assert cli.main(command_line(small, relation="gap")) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[2].endswith("; at most 62.5\u202f% possible")
    assert any(line.startswith("decidable      12 of 20") for line in lines)


def test_the_untrained_twin_is_shown_beside_the_rate(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    counts = {"control.links": np.zeros((3, 2, 2, 2, 5), np.uint32), "control.questions": np.zeros((3, 2, 2, 5), np.uint32)}
    counts["control.links"][0, 0, :, 0, 3] = (9, 12)
    links = [L(at, 0, 0, 1, 4, [(1, 4)]) for at in range(60)]
    head = atlases.header("minilm", control={"seed": 0})
    small = atlases.write(tmp_path / "twin.npz", atlases.members(links, (), head, counts))
    assert cli.main(command_line(small, "--format", "json")) == 0
    found = json.loads(capfd.readouterr().out)
    assert [found["control"][name] for name in ("layer", "head", "hits", "n")] == [0, 3, 12, 30]
    assert "untrained model with the same architecture, L0·H3, is right in 40.0\u202f% of 30" in found["sentence"]
    assert cli.main(command_line(small)) == 0
    assert "untrained L0·H3  12 of 30" in capfd.readouterr().out


BAD = {
    "an unknown relation": (["--relation", "pobj"], "(obl, nmod). It has: det (60), coreference (3), gap (3)."),
    "a layer that is not there": (["--layer", "2"], "has layers 0 to 1 with heads 0 to 4; there is no L2·H4"),
    "a head that is not there": (["--head", "5"], "there is no L1·H5"),
    "a negative layer": (["--layer", "-1"], "count from 0"),
    "a direction where there is none": (["--relation", "gap", "--direction", "hd"], "no other direction"),
    "the atlas of another model": (["--model", "smollm2"], "is of “minilm”, and --model says “smollm2”"),
    "no such file": (["--atlas", "no-such.npz"], "There is no atlas in “no-such.npz”"),
    "a file that is no atlas": (["--atlas", __file__], "is none, or damaged"),
}


@pytest.mark.parametrize(("more", "says"), BAD.values(), ids=BAD)
def test_a_claim_that_cannot_be_tested_says_rule_value_and_remedy(
    more: list[str], says: str, file: Path, capfd: pytest.CaptureFixture[str]
):
    assert cli.main(command_line(file, *more)) == 2  # of an option given twice the last one counts
    output = capfd.readouterr()
    assert says in output.err
    assert (output.out, "Traceback" in output.err) == ("", False)


def test_a_model_without_an_atlas_says_how_to_build_one(capfd: pytest.CaptureFixture[str]):
    model = "distilbert-base-uncased"
    assert cli.main(["test-claim", "--model", model, "--layer", "0", "--head", "0", "--relation", "det"]) == 2
    assert f"Build one with `attnviz atlas build --model {model} --conllu FILE --gap FILE -o FILE`" in capfd.readouterr().err
    assert cli.main(["test-claim", "--model", "no-such", "--layer", "0", "--head", "0", "--relation", "det"]) == 2
    assert "There is no model 'no-such'" in capfd.readouterr().err


def test_rank_says_that_a_link_ends_at_a_word_the_model_cannot_read(capsys):
    text = "The boy saw a 🦜 because it sang"
    assert cli.main(["rank", text, "--link", "it:🦜", "--format", "json"]) == 0

    output = capsys.readouterr()
    found = json.loads(output.out)
    assert "“🦜” is unknown to all-MiniLM-L6-v2, which sees [UNK] in its place" in output.err
    assert found["note"].startswith("“🦜” is unknown")
    assert found["unknown"] == [{"text": "🦜", "start": 14, "end": 15, "unknown": True}] == [found["links"][0]["target"]]
    assert found["links"][0]["source"] == {"text": "it", "start": 24, "end": 26}
    assert (found["reading"]["unknown_words"], found["reading"]["words"]) == (1, 8)
    assert len(found["heads"]) == 72


def test_rank_has_no_note_if_the_model_can_read_both_ends(capsys):
    assert cli.main(["rank", "The boy saw it", "--link", "it:boy", "--format", "json"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert (found["unknown"], found["note"]) == ([], "")
