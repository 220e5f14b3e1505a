"""The floors and the fences of docs/architecture.md hold in every import of the project, wherever in a file it stands."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLES = (ROOT / "docs/architecture.md").read_text()
ROWS = re.findall(r"^\| (\d) \| (.+?) \|", TABLES, re.M)
ROOMS = {module: room for _, rooms in ROWS for room in rooms.split(", ") for module in re.findall(r"`(\w+)`", room)}
FLOORS = {room: int(floor) for floor, rooms in ROWS for room in rooms.split(", ")}
FENCES = {library: re.findall(r"`(.+?)`", places) for library, places in re.findall(r"^\| `(\w+)` \| (.+) \|$", TABLES, re.M)}
PYTHON = [path for top in ("attnviz", "pages") for path in (ROOT / top).rglob("*.py")]
SOURCES = [Path("app.py"), *sorted(path.relative_to(ROOT) for path in PYTHON)]


@cache
def modules(path: Path) -> frozenset[str]:
    """Every module that a file imports, by its full name; `from attnviz import text` counts as `attnviz.text`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively; write the full name"
            inner = {f"attnviz.{alias.name}" for alias in node.names if alias.name in ROOMS}
            found |= inner if node.module == "attnviz" and inner else {str(node.module)}
    return frozenset(found)


def higher(path: Path) -> set[str]:
    """The rooms that a file imports from and must not: those of its own floor and of the floors above."""
    own = room(str(path.with_suffix("")).replace("/", ".").removesuffix(".__init__"))
    used = {room(name) for name in modules(path) if name.split(".")[0] in ("attnviz", "pages", "app")}
    return {other for other in used - {own} if FLOORS[other] >= FLOORS[own]}


def strayed(path: Path) -> set[str]:
    """The libraries that a file imports and must not."""
    used = {name.split(".")[0] for name in modules(path)}
    return {library for library, places in FENCES.items() if library in used and not str(path).startswith(tuple(places))}


def room(dotted: str) -> str:
    """The room of a module: `attnviz.engine.trace` lies in engine, `pages.explore.heads` in pages."""
    parts = dotted.split(".")
    return ROOMS[parts[1] if parts[0] == "attnviz" and len(parts) > 1 else parts[0]]


def test_the_tables_were_read():
    assert set(FLOORS.values()) == set(range(9))
    assert {"streamlit", "torch", "transformers"} <= set(FENCES)


def test_a_room_imports_only_from_floors_below():
    assert {str(path): rooms for path in SOURCES if (rooms := higher(path))} == {}


def test_a_library_stays_behind_its_fence():
    assert {str(path): libraries for path in SOURCES if (libraries := strayed(path))} == {}


def test_importing_attnviz_loads_no_heavy_library():
    code = f"import sys, attnviz, attnviz.cli; print([name for name in {sorted(FENCES)} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"


def test_a_server_answers_before_it_loads_torch():
    code = (
        "import sys, attnviz.ui.start_up, attnviz.web.middleware as it; it.PageMiddleware(None); print('torch' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout == "False\n"
