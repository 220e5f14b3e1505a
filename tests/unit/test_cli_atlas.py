"""`attnviz atlas show`, `top` and `compare` on small atlases: numbers, words, files; every bad argument with exit code 2."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from attnviz import cli
from attnviz.linguistics.atlas.header import FORMAT
from tests import atlases
from tests.atlases import L, Q

ROOT = Path(__file__).parents[2]
Captured = pytest.CaptureFixture[str]


def links(best: tuple[int, int] = (1, 4)) -> list[L]:
    """80 determiners at +1 or +2; one head hits 60 of them."""
    return [L(at, 0, 0, 1 + at // 2 % 2, 4, [best] if at % 4 else []) for at in range(80)]


QUESTIONS = [Q(at, 2, at % 2 == 0, [(0, 3)]) for at in range(12)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Atlases: `small` with probes, `other` of another model with the same texts, `old` without probes."""
    into = tmp_path_factory.mktemp("atlases")
    probed = atlases.header("local:tiny", probes=atlases.PROBES)
    atlases.write(into / "small.npz", atlases.members(links(), QUESTIONS, probed))
    atlases.write(into / "other.npz", atlases.members(links((0, 2)), QUESTIONS, atlases.header("elsewhere", causal=True)))
    atlases.write(into / "old.npz", atlases.members(links(), head=atlases.header("minilm")))
    atlases.write(into / "v1.npz", atlases.members(head=atlases.header(format=1)))
    (into / "broken.npz").write_bytes((into / "small.npz").read_bytes()[:300])
    return into


def printed(capfd: Captured, *arguments: object) -> str:
    """What a command prints that ends well."""
    assert cli.main(["atlas", *map(str, arguments)]) == 0
    return capfd.readouterr().out


def test_show_says_what_is_in_an_atlas(folder: Path, capfd: Captured):
    lines = printed(capfd, "show", folder / "small.npz").splitlines()
    assert lines[0] == "local:tiny: 2 layers with 5 heads, reads both ways"
    assert "weights    sha256 abc" in lines
    assert "Trees: 90 of 100 texts measured; none; nowhere" in lines
    assert "    left out: 10 too long" in lines
    assert ["det", "80", "0"] in [line.split() for line in lines]
    assert "questions  coreference 12, winogender 12" in lines
    assert lines[-1].startswith(
        "probes     induction, duplicate-token, previous-token. 5 sequences: <s> first, then 9 different"
    )
    found = json.loads(printed(capfd, "show", folder / "small.npz", "--format", "json"))
    assert (found["model"], found["digest"], found["format"], found["layers"], found["heads"]) == (
        "local:tiny",
        "abc",
        FORMAT,
        2,
        5,
    )
    assert found["relations"][0] == {"relation": "det", "dh": 80, "hd": 0}
    assert found["corpora"][0]["files"] == [{"name": "conllu.txt", "sha256": "0" * 64}]
    assert found["probes"]["names"] == ["induction", "duplicate-token", "previous-token"]


def test_show_says_when_probes_are_missing_and_when_the_weights_are_others(folder: Path, capfd: Captured):
    output = printed(capfd, "show", folder / "old.npz")
    assert "probes     missing: this atlas was built before there were any; build it again" in output
    assert "Counted on other weights than those that attnviz brings as minilm: sha256 abc…, not 53aa51172d14…" in output
    shown = json.loads(printed(capfd, "show", "--format", "json"))  # the shipped one
    assert (shown["model"], shown["note"]) == ("minilm", "")


def test_top_ranks_by_the_even_texts_and_reports_the_odd_ones(folder: Path, capfd: Captured):
    found = json.loads(printed(capfd, "top", "--model", folder / "small.npz", "--relation", "det", "--format", "json"))
    best = found["heads"][0]
    assert (best["rank"], best["layer"], best["head"], best["hits"], best["n"], best["rate"]) == (1, 1, 4, 40, 40, 1.0)
    assert (best["chosen_on"]["hits"], best["chosen_on"]["n"]) == (20, 40)
    assert best["baselines"] == {"offset": 0.5, "chance": 0.25}
    assert (found["offset"], found["held_out"], found["all_heads"], len(found["heads"])) == (1, True, 10, 10)
    assert any(
        "ranked on the texts with an even number and reported on those with an odd number" in one for one in found["says"]
    )
    lines = printed(capfd, "top", "--atlas", folder / "small.npz", "--relation", "det", "-k", "1").splitlines()
    assert lines[3].split(maxsplit=2)[:2] == ["1", "L1·H4"]
    assert " ".join(lines[3].split()[2:]) == "20 of 40 40 of 40 100.0 (91.2 to 100.0) +50.0 (+34.3 to +65.7) p < 0.001"
    assert lines[4] == "and 9 more heads (-k 10 shows all)"
    assert "Rules that ignore meaning, on the same 40: fixed offset +1 50.0 %, chance 25.0 %." in lines


def test_csv_has_a_row_a_head_and_no_formula(folder: Path, capfd: Captured, tmp_path: Path):
    options = ["--relation", "det", "-k", "2", "--format", "csv"]
    rows = list(csv.DictReader(io.StringIO(printed(capfd, "top", "--model", folder / "small.npz", *options))))
    assert [(row["rank"], row["layer"], row["head"], row["hits"], row["chosen_hits"]) for row in rows] == [
        ("1", "1", "4", "40", "20"), ("2", "0", "0", "0", "0"),
    ]  # fmt: skip
    evil = atlases.write(tmp_path / "evil.npz", atlases.members(links(), head=atlases.header("=cmd|' /C calc'!A0")))
    output = printed(capfd, "top", "--model", evil, *options)
    assert next(csv.DictReader(io.StringIO(output)))["model"].startswith("'=cmd")


def test_names_in_a_file_cannot_steer_the_terminal(tmp_path: Path, capfd: Captured):
    evil = atlases.write(tmp_path / "evil.npz", atlases.members(links(), head=atlases.header("a\x1b[2Jb\u202ec")))
    assert not {"\x1b", "\u202e"} & set(printed(capfd, "show", evil))


def test_top_of_a_habit_a_probe_and_of_everything(folder: Path, capfd: Captured):
    small = folder / "small.npz"
    habit = json.loads(printed(capfd, "top", "--model", small, "--habit", "next", "-k", "1", "--format", "json"))
    assert (habit["heads"][0]["layer"], habit["heads"][0]["head"]) == (1, 4)
    assert habit["heads"][0]["value"] == pytest.approx(19 / 30)
    probe = json.loads(printed(capfd, "top", "--model", small, "--probe", "duplicate-token", "-k", "1", "--format", "json"))
    assert probe["heads"][0]["score"] == pytest.approx(49 / 200)  # of the odd half
    assert probe["heads"][0]["chosen_score"] == pytest.approx(19 / 200)
    assert (probe["even_look"], probe["role"], probe["earned"]) == (0.125, "duplicate-token head", [])
    output = printed(capfd, "top", "--model", small)
    assert "det dh" in output
    assert "duplicate token    L1·H4     0.245" in output
    assert json.loads(printed(capfd, "top", "--model", small, "--format", "json"))["probes"]["induction"]["best"]["head"] == 4


def test_the_old_name_of_a_habit_is_understood_and_reported(tmp_path: Path, capfd: Captured):
    older = atlases.write(
        tmp_path / "old.npz", atlases.members(head=atlases.header(habits=["previous", "induction", "entropy"]))
    )
    assert cli.main(["atlas", "top", "--model", str(older), "--habit", "induction", "--format", "json"]) == 0
    output = capfd.readouterr()
    assert json.loads(output.out)["habit"] == "after-repeated"
    assert "--probe induction measures induction" in output.err


def test_more_heads_than_there_are_is_all_of_them(folder: Path, capfd: Captured):
    for many in ("10", "999999999999999999999"):
        options = ["top", "--model", folder / "small.npz", "--relation", "det", "-k", many, "--format", "json"]
        assert len(json.loads(printed(capfd, *options))["heads"]) == 10


def test_compare_counts_the_links_that_both_have(folder: Path, capfd: Captured):
    options = ["compare", folder / "small.npz", folder / "other.npz"]
    found = json.loads(printed(capfd, *options, "--relation", "det", "--format", "json"))
    assert (found["same_corpora"], found["same_rule"]) == (["Trees", "Names", "Jobs"], True)
    (one,) = found["pairs"]  # no links the other way round
    assert (one["common"], one["difference"]) == (True, {"points": 0.0, "interval": [0.0, 0.0]})
    assert [one[side]["head"] for side in ("first", "second")] == [4, 2]
    assert found["few"] == [["det", "hd"]]
    assert "Counted on the same texts: Trees; Names; Jobs." in printed(capfd, *options)
    (row,) = csv.DictReader(io.StringIO(printed(capfd, *options, "--format", "csv")))
    assert (row["first_model"], row["second_model"], row["first_hits"], row["difference"]) == (
        "local:tiny",
        "elsewhere",
        "40",
        "0.0",
    )


def test_compare_says_when_the_texts_are_others(folder: Path, tmp_path: Path, capfd: Captured):
    head = atlases.header()
    head["corpora"] = [one | {"files": [{"name": "b.txt", "sha256": "f" * 64}]} for one in head["corpora"]]
    moved = atlases.write(tmp_path / "moved.npz", atlases.members(links(), head=head | {"rule": "another"}))
    output = printed(capfd, "compare", folder / "small.npz", moved, "--relation", "det")
    assert "Counted on different texts" in output
    assert "different rules" in output


BAD = {
    "no such model": (["show", "minilmm"], "“minilmm” is neither. Did you mean minilm? Shipped are those of"),
    "a model without an atlas": (["show", "bert-base-uncased"], "none for “bert-base-uncased”. Build one with"),
    "no such file": (["show", "./nowhere.npz"], "There is no atlas in “./nowhere.npz”"),
    "a folder": (["show", "/"], "is a folder"),
    "a broken file": (["show", "{}/broken.npz"], "is none, or damaged"),
    "a file of another version": (["top", "--model", "{}/v1.npz", "--relation", "det"], "Rebuild it"),
    "the atlas of another model": (["top", "--model", "smollm2", "--atlas", "{}/small.npz"], "is of “local:tiny”"),
    "an unknown relation": (["top", "--model", "{}/small.npz", "--relation", "dett"], "Did you mean det? It has: det (80)"),
    "an unknown habit": (["top", "--model", "{}/small.npz", "--habit", "nextt"], "Did you mean next?"),
    "an unknown probe": (["top", "--model", "{}/small.npz", "--probe", "inductio"], "Did you mean induction?"),
    "no probes": (["top", "--model", "{}/old.npz", "--probe", "induction"], "Build it again"),
    "no heads": (["top", "--model", "{}/small.npz", "--relation", "det", "-k", "0"], "-k is a whole number from 1; got “0”"),
    "fewer than none": (["top", "--model", "{}/small.npz", "--relation", "det", "-k", "-3"], "got “-3”"),
    "half a head": (["top", "--model", "{}/small.npz", "--relation", "det", "-k", "1.5"], "got “1.5”"),
    "two things": (["top", "--model", "{}/small.npz", "--relation", "det", "--habit", "next"], "One thing is ranked at a time"),
    "a direction alone": (["top", "--model", "{}/small.npz", "--direction", "hd"], "--direction belongs to a --relation"),
    "a direction of pronouns": (["top", "--model", "{}/small.npz", "--relation", "winogender", "--direction", "hd"], "other"),
    "heads of nothing": (["top", "--model", "{}/small.npz", "-k", "3"], "Add --relation, --habit or --probe"),
    "a table of everything": (["top", "--model", "{}/small.npz", "--format", "csv"], "Add --relation, --habit or --probe"),
    "compare with nothing": (["compare", "{}/small.npz", "./nowhere.npz"], "There is no atlas in"),
    "compare by what is not there": (["compare", "{}/small.npz", "{}/other.npz", "--relation", "xyz"], "counts no links"),
    "compare by a direction alone": (["compare", "{}/small.npz", "{}/other.npz", "--direction", "dh"], "belongs to a"),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "says"), BAD.values(), ids=BAD)
def test_bad_input_says_rule_value_and_remedy(arguments: list[str], says: str, folder: Path, capfd: Captured):
    assert cli.main(["atlas", *(one.replace("{}", str(folder)) for one in arguments)]) == 2
    output = capfd.readouterr()
    assert says in output.err
    assert (output.out, "Traceback" in output.err) == ("", False)


def test_an_atlas_is_read_without_a_heavy_library(folder: Path):
    files = [str(folder / "small.npz"), str(folder / "other.npz")]
    heavy = ("torch", "transformers", "plotly", "streamlit", "spacy", "matplotlib")
    code = (
        "import sys; from attnviz import cli\n"
        f"for options in {[['show'], ['top', '--relation', 'obj'], ['compare', *files, '--relation', 'det']]!r}:\n"
        "    assert cli.main(['atlas', *options]) == 0\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[-1] == "[]"


def test_a_reader_that_closes_early_is_no_failure(folder: Path):
    shell = f"'{sys.executable}' -m attnviz atlas show minilm | head -n 1"
    answer = subprocess.run(["sh", "-c", shell], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (answer.stdout.startswith("all-MiniLM-L6-v2 (minilm)"), answer.stderr) == (True, "")
