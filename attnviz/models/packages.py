"""Packages of weights: where they are on this machine.

`make app` installs them beside the program. `attnviz models get` keeps them in the user's cache instead, because the
environment of an installed program may be read-only or recreated at each upgrade. Nothing of a package is imported: most
need libraries that only their own code uses.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path


def folders(package: str, requirement: str, cache_dir: Path) -> tuple[Path, ...]:
    """Return the folders that hold a package: first the downloaded one, which replaces a damaged one."""
    spec = importlib.util.find_spec(package) if package else None
    installed = map(Path, (spec.submodule_search_locations if spec else None) or ())
    fetched = package_folder(requirement, cache_dir) / package
    return (*([fetched] if package and fetched.is_dir() else []), *installed)


def package_folder(requirement: str, cache_dir: Path) -> Path:
    """Return the folder for a downloaded package, one for each version."""
    return cache_dir / "packages" / requirement.replace("==", "-")
