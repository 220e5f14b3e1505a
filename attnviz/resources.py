"""Where the page scripts, their settings and the list of pinned models are: beside the package, or inside it in a wheel.

setup.py copies them to `_app/` in the wheel, so that each exists once in the repository.
"""

from __future__ import annotations

from pathlib import Path

PACKED = "_app"


def app_folder() -> Path:
    """Return the folder that holds `app.py`: inside the installed package, or the root of the checkout."""
    package = Path(__file__).parent
    inside = package / PACKED
    return inside if inside.is_dir() else package.parent
