"""The pages of the app, by their names in the address: one list, read from the scripts in `pages/`, for all tests."""

from __future__ import annotations

from tests.conftest import ROOT

# `attention` is both `/attention` and `/`; a page's script has the name of its address.
SCRIPTS = {path.stem: path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "pages").glob("*/*.py"))}
PATHS = ("", *(name for name in SCRIPTS if name != "attention"))


def scripts(*without: str) -> tuple[str, ...]:
    """Return the scripts of all pages but some, each named; a name that no page has is an error."""
    assert set(without) <= set(SCRIPTS), without
    return tuple(script for name, script in SCRIPTS.items() if name not in without)
