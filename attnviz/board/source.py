"""The board's HTML, CSS and JavaScript as strings: its modules joined into one script, without a build step."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from attnviz.figures import encoding

HERE = Path(__file__).parent
# Each module may import only from those before it.
MODULES = (
    "element", "mounter", "updates", "encoding", "paper", "theme", "store", "thousandths", "frame", "filters", "pattern",
    "specificity", "unknownTokens", "notes", "selection", "state", "tray", "gestures", "canvas", "layout", "labels", "sentence",
    "readout", "pictures", "overview", "matrix", "zoom", "raster", "lens", "curves", "headProfile", "head", "headLabel",
    "chips", "pinActions", "filterMenu", "menu", "tables", "presenter", "lensInput", "keys", "input", "actions", "board",
    "main",
)  # fmt: skip
# Extra modules of the panels side by side.
COMPARE = (
    "library", "align", "combine", "linked", "compareWords", "gallery", "grid", "panels", "textLines", "compareTools",
    "compareInput", "compareActions", "compare",
)  # fmt: skip
# Extra modules for drawing links on a sentence and for choosing among the heads that follow them.
LINKS = ("drawnLinks", "arcs", "linkWords", "linkInput", "links")
RANKING = ("headGrid", "headRows", "ranking")
# Extra modules of the live picture of the page Start.
START = ("startPicture", "start")
OWN_STYLE = ("board", "start")
_IMPORT = re.compile(r'^import \{ (\w+(?:, \w+)*) \} from "\.{1,2}/(?:\w+/)?(\w+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (async function|function|class|const) (\w+)", re.MULTILINE)
_OTHER_FORM = re.compile(r"^\s*(import|export)\b.*$", re.MULTILINE)


@cache
def source() -> tuple[str, str]:
    """Return HTML and CSS of the board."""
    return component_source("board")


@cache
def component_source(name: str) -> tuple[str, str]:
    """Return HTML and CSS of the component called `name`; most have the board's style, and their own after it."""
    html, css = ((HERE / f"{kind}/{name}.{kind}").read_text("utf-8") for kind in ("html", "css"))
    return html, css if name in OWN_STYLE else f"{source()[1]}\n{css}"


@cache
def script() -> str:
    """Return every module and the tokens of the encoding as plain JavaScript, without exports."""
    return f"const TOKENS = {encoding.as_json()};\n{joined(MODULES)}"


def joined(names: tuple[str, ...]) -> str:
    """Join the modules called `names` into one script: each becomes a function that returns its exports.

    Imports and exports must be written in the one form that this reads; anything else raises ValueError and says where.
    """
    return "".join(wrapped(name, module(name)) for name in names)


def module(name: str) -> str:
    """Return the text of the module called `name`, in any folder of `js/`: names of modules are unique."""
    return _files()[name].read_text("utf-8")


@cache
def _files() -> dict[str, Path]:
    return {file.stem: file for file in sorted((HERE / "js").rglob("*.js"))}


def wrapped(name: str, text: str) -> str:
    """Return one module as `const $name = (() => { … })();`."""
    body = _IMPORT.sub(r"const { \1 } = $\2;", text)
    names = [match[2] for match in _EXPORT.finditer(body)]
    body = _EXPORT.sub(r"\1 \2", body)
    other = _OTHER_FORM.search(body)
    if other:
        raise ValueError(
            f'{name}.js: write import {{ a, b }} from "./module.js"; and export before a declaration, not {other[0]!r}.'
        )
    return f"const ${name} = (() => {{\n{body}return {{ {', '.join(names)} }};\n}})();\n"
