"""Add to pyproject.toml what only code can say: the wheel carries the pages inside the package, and asks for pip."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
PACKED = Path("attnviz", "_app")  # as attnviz/resources.py reads it
PATTERNS = ("app.py", "pages/**/*.py", ".streamlit/config.toml", "requirements-models.txt")
TESTS = "# Only of requirements-dev.txt"  # the heading of what the program itself does not need
# `attnviz models get` fetches with pip, which environments made by uv lack; earlier versions do not report their progress.
PIP = "pip>=24.1"


def pins() -> list[str]:
    """Return the exact versions of everything that runs: an application is the same wherever it is installed."""
    own = (ROOT / "requirements.txt").read_text("utf-8")
    brought, _, _ = (ROOT / "constraints.txt").read_text("utf-8").partition(TESTS)
    lines = (line.partition("#")[0].strip() for line in f"{own}\n{brought}".splitlines())
    return [line for line in lines if line]


class BuildWithPages(build_py):
    """Build the package, and copy the page scripts, their settings and the pinned models into it."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:  # a checkout has them beside the package
            return
        for pattern in PATTERNS:
            for file in ROOT.glob(pattern):
                target = Path(self.build_lib) / PACKED / file.relative_to(ROOT)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)


setup(cmdclass={"build_py": BuildWithPages}, install_requires=[*pins(), PIP])
