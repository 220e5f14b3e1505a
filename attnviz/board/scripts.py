"""The components' scripts as files that a browser fetches once: their names change with what they hold.

Streamlit sends a component's script again with every change of its data. So a page gets a few lines that import a file; the
board's file has its modules, HTML and CSS, and the files of the other components import from it what they share.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache

from attnviz.board.source import COMPARE, LINKS, MODULES, RANKING, START, component_source, joined, script

FOLDER = "attnviz"  # under the folder of Streamlit's own files
BOARD = "board"
# What each component has beyond the board's modules, and the function that mounts it.
COMPONENTS = {
    BOARD: ((), "$main.mount"),
    "compare": (COMPARE, "$compare.mountCompare"),
    "links": (LINKS, "$links.mountLinks"),
    "ranking": (RANKING, "$ranking.mountRanking"),
    "start": (START, "$start.mountStart"),
    "carrier": ((), "$store.carry"),
}
_SHARED = ", ".join(("TOKENS", *(f"${name}" for name in MODULES)))
# Streamlit's own script says where static files are, under any base path. A failed import is tried again.
_LOADER = """
const folder = new URL("../{folder}/", document.querySelector('script[src*="/static/js/"]').src);
const pause = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));
const load = (turn) => import(new URL(turn ? "{file}?" + turn : "{file}", folder)).catch((error) => {{
  if (turn > 4) throw error;
  return pause(turn).then(() => load(turn + 1));
}});
const {{ {export} }} = await load(0);
export default {export};
"""


@cache
def files() -> dict[str, bytes]:
    """Return the files by name; the first is the board's."""
    board = f"{script()}{_mount(BOARD)}const carrier = (component) => $store.carry(component);\n"
    board = f"{board}export {{ {_SHARED}, board, carrier }};\n"
    found = {_name(BOARD, board): board}
    for name, (modules, _) in COMPONENTS.items():
        if modules:
            text = f'import {{ {_SHARED} }} from "./{_name(BOARD, board)}";\n{joined(modules)}{_mount(name)}'
            text = f"{text}export {{ {name} }};\n"
            found[_name(name, text)] = text
    return {name: text.encode() for name, text in found.items()}


@cache
def loader(name: str) -> str:
    """Return the script that a page gets for the component called `name`: it imports the component's file."""
    start = f"{name if COMPONENTS[name][0] else BOARD}-"
    file = next(file for file in files() if file.startswith(start))
    return _LOADER.format(folder=FOLDER, file=file, export=name)


def _mount(name: str) -> str:
    """Return the function `name`, which furnishes a component's element and mounts it."""
    html, css = component_source(name)
    parts = json.dumps({"html": html, "css": css})
    return (
        f"const {name}Parts = {parts};\nconst {name} = (component) => {{\n"
        f"$mounter.furnish(component.parentElement, {name}Parts);\nreturn {COMPONENTS[name][1]}(component, TOKENS);\n}};\n"
    )


def _name(name: str, text: str) -> str:
    """Return the name of a file with this text."""
    return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.js"
