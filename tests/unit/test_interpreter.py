"""Which Python `make` takes: one that runs and fits, `python3` first, also where version managers leave names that do not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HERE = "{}.{}".format(*sys.version_info)
NAMES = ("python3", f"python{HERE}", "python", "py")


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine on which every usual name is a link to a version that is switched off."""
    for name in NAMES:
        program(tmp_path / "bin" / name, "echo 'that version is not set' >&2; exit 127")
    home = {name: str(tmp_path / "home") for name in ("HOME", "PYENV_ROOT", "UV_PYTHON_INSTALL_DIR")}
    return {**home, "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}


def program(path: Path, script: str) -> None:
    """Write a program of one line of shell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def python(path: Path) -> None:
    """Write a program that is this very Python, and says by which path it was run."""
    program(path, f'[ "$#" -gt 2 ] || echo "{path}"; exec {sys.executable} "$@"')


def found(machine: dict[str, str], *versions: str) -> list[str]:
    """The lines that the search prints; none where it finds nothing."""
    answer = subprocess.run([ROOT / ".ci/interpreter", *versions], env=machine, capture_output=True, text=True, check=False)
    assert answer.returncode == (0 if answer.stdout else 1)
    assert not answer.stderr
    return answer.stdout.splitlines()


def test_names_that_do_not_run_are_passed_over_for_a_version_manager_s_own_folder(machine, tmp_path):
    assert found(machine, "3.99", HERE) == []
    kept = tmp_path / "home" / "versions" / f"{HERE}.9" / "bin" / "python"
    python(kept)
    assert found(machine, "3.99", HERE) == [str(kept), sys.executable]


def test_the_one_called_python3_comes_first_where_it_fits(machine, tmp_path):
    python(tmp_path / "bin" / f"python{HERE}")
    python(tmp_path / "bin" / "python3")
    assert found(machine, "3.99", HERE)[0] == str(tmp_path / "bin" / "python3")
    assert found(machine, "3.99") == []


def made(*arguments: str) -> subprocess.CompletedProcess:
    """What make answers."""
    return subprocess.run(["make", *arguments], cwd=ROOT, env={**os.environ}, capture_output=True, text=True, check=False)


def test_where_no_python_fits_make_lists_the_versions_and_how_to_get_one(tmp_path):
    answer = made("environment", "PYTHON=/bin/false", f"VENV={tmp_path / 'venv'}")
    assert answer.returncode == 2
    assert "attnviz needs CPython 3.11, 3.12 or 3.13 with its module venv; `/bin/false` is none of them." in answer.stderr
    assert "make environment PYTHON=/path/to/python3.13" in answer.stderr
    assert not (tmp_path / "venv").exists()


def test_another_version_of_python_builds_the_environment_again(tmp_path):
    stamps = {}
    for version in ("3.12", "3.13"):
        program(tmp_path / version, f"echo {version}")
        answer = made("--dry-run", "environment", f"PYTHON={tmp_path / version}", f"VENV={tmp_path / 'venv'}")
        assert f'= "{version}" ] || {tmp_path / version} -m venv --clear {tmp_path / "venv"}' in answer.stdout
        stamps[version] = re.findall(r"touch \S+/(app-\d+)", answer.stdout)
    assert stamps["3.12"] != stamps["3.13"]
