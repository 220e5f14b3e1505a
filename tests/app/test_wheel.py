"""An installed wheel serves the pages and answers on the command line, from an empty folder, without the checkout."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import attnviz
from attnviz.ui import warm_up

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
TEXT = "The animal didn't cross the street because it was too tired"
CARRIED = ("app.py", "pages/", ".streamlit/", "requirements-models.txt")  # beside the package here, inside it in a wheel
PAGE = """
import sys
from streamlit.testing.v1 import AppTest
from attnviz import resources
app = AppTest.from_file(str(resources.app_folder() / "app.py"), default_timeout=120)
app.query_params["text"] = sys.argv[1]
app.run()
print(len(app.exception), len(app.error), len(app.get("bidi_component")))
"""


def sources() -> list[str]:
    """Every file of the checkout that is not ignored, by its path."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@dataclass(frozen=True)
class Built:
    """The two files that `python -m build` makes."""

    wheel: Path
    sdist: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Both distributions, made from a copy of the sources, so that nothing is left in the checkout."""
    folder = tmp_path_factory.mktemp("build")
    for name in sources():
        if not name.startswith(("tests/", "benchmarks/")):
            target = folder / "source" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist", folder / "source"],
        env=clean(), check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    (wheel,) = (folder / "dist").glob("*.whl")
    (sdist,) = (folder / "dist").glob("*.tar.gz")
    return Built(wheel, sdist)


def clean() -> dict[str, str]:
    """The environment without what would lead to the checkout."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}


@dataclass(frozen=True)
class Installed:
    """A new environment with the wheel in it, and an empty folder to work in."""

    programs: Path
    folder: Path

    def run(self, *command: str) -> str:
        """The standard output of a command of this environment."""
        answer = subprocess.run(
            [self.programs / command[0], *command[1:]],
            cwd=self.folder, env=clean(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert answer.returncode == 0, answer.stderr
        return answer.stdout


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel in an environment that has the libraries of this one, but neither the checkout nor a network."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    programs = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", programs / "python", "--disable-pip-version-check", "install", "--quiet",
         "--no-deps", "--no-index", built.wheel],
        env=clean(), check=True,
    )  # fmt: skip
    (site,) = (folder / "venv").glob("**/site-packages")
    # Folders named in a .pth file have no such files of their own read: the checkout, which pip added so, stays out.
    (site / "libraries.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    (folder / "empty").mkdir()
    return Installed(programs, folder / "empty")


def test_the_wheel_has_every_file_of_the_package_and_of_the_pages_and_no_other(built: Built):
    names = {name for name in zipfile.ZipFile(built.wheel).namelist() if ".dist-info/" not in name}
    package = {name for name in sources() if name.startswith("attnviz/")}
    assert names == package | {f"attnviz/_app/{name}" for name in sources() if name.startswith(CARRIED)}


def test_the_source_distribution_has_all_that_the_wheel_is_made_of(built: Built):
    with tarfile.open(built.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = ("attnviz/", "docs/", *CARRIED, "requirements.txt", "constraints.txt", "pyproject.toml", "setup.py", "LICENSE")
    assert not {name for name in sources() if name.startswith(wanted)} - names


def test_the_wheel_asks_for_the_pinned_versions_and_for_pip(built: Built):
    with zipfile.ZipFile(built.wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        metadata = archive.read(name).decode()
    asked = [line.removeprefix("Requires-Dist: ") for line in metadata.splitlines() if line.startswith("Requires-Dist: ")]
    files = (ROOT / "requirements.txt").read_text() + (ROOT / "constraints.txt").read_text().partition("# Only of")[0]
    pins = [line.partition(" ")[0] for line in files.splitlines() if line and not line.startswith("#")]
    assert asked == [*pins, "pip>=24.1"]


def test_the_installed_program_gives_the_head_that_the_checkout_gives(installed: Installed):
    where = installed.run("python", "-c", "import attnviz; print(attnviz.__file__)")
    assert Path(where.strip()).is_relative_to(installed.programs.parent)
    answer = installed.run("attnviz", "attend", TEXT, "--layer", "3", "--head", "1", "--format", "json")
    want = attnviz.attend(TEXT).weights(3, 1)
    assert json.loads(answer)["weights"] == [[pytest.approx(float(weight), abs=1e-6) for weight in row] for row in want]


def test_the_installed_page_shows_a_sentence_without_an_error(installed: Installed):
    exceptions, errors, boards = installed.run("python", "-c", PAGE, TEXT).split()[-3:]
    assert (exceptions, errors) == ("0", "0")
    assert int(boards) > 0


@pytest.fixture
def address(installed: Installed) -> Iterator[str]:
    """Where `attnviz app` of the new environment serves."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (installed.folder.parent / "log.txt").open("w+") as log:
        server = subprocess.Popen(
            [installed.programs / "attnviz", "app", "--no-browser", "--port", str(port)],
            cwd=installed.folder, env=clean(), stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            assert warm_up.visit(port), log.seek(0) or log.read()
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(server.pid, signal.SIGTERM)  # with the first visitor that it started
            server.wait(20)
            log.seek(0)
            assert f"http://localhost:{port} (Ctrl+C stops it)" in log.read()


def test_the_installed_server_answers_with_our_page_and_runs_it(address: str):
    for path in ("/", "/heads"):
        with urllib.request.urlopen(f"{address}{path}", timeout=30) as answer:
            assert b'translate="no"' in answer.read()
            assert "frame-ancestors" in answer.headers["Content-Security-Policy"]
