"""Words that must not come back, one public class a name, no circle among modules, and documents that name real files."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TREES = ("attnviz", "pages", "tests", "benchmarks", "deploy", ".ci")
PYTHON = [ROOT / "app.py", *sorted(path for tree in TREES for path in (ROOT / tree).rglob("*.py") if path != Path(__file__))]
SCRIPTS = sorted(path for tree in ("attnviz", "tests/js") for path in (ROOT / tree).rglob("*.*js"))
DOCUMENTS = sorted([*(ROOT / "docs").glob("*.md"), *(path for path in ROOT.glob("*.md") if path.name != "CHANGELOG.md")])

# Words of a private language; each has a standard term: message, selected, scheduler, timeout, caption, …
NAMES = frozenset("told said whoever nobody patience leanings sieve saidOf letGo walkedTo spoken asking".split())
# Right words in a sentence, and so in the name of a test; wrong for a thing of ours.
ALONE = frozenset("alike worth turned barred expanded desk tried walked quiet".split())
CLASSES = frozenset(
    "Left Turns Exchange Breaker Parcel Sent Stages Copy Pace Gate Focus Crew Alone Meter Ground Division Exhibit Desk "
    "Notice Still Shown Asked".split()
)
FORMULA = re.compile(r"^[^.\n]*\bin[,;]\s[^.\n]*\bout\b[.:;,]|^[^.\n]*\bin\s[^.\n]*,\sout[.:;,]")
PROSE = re.compile(r"\b(whoever|nobody|somebody|by any road|lets? go of|what of it|otherwise than)\b", re.IGNORECASE)


def names(path: Path) -> Iterator[str]:
    """Every name that a Python file defines: classes, functions, parameters and variables."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def script_names(path: Path) -> set[str]:
    """Every name that a JavaScript file declares."""
    return set(re.findall(r"\b(?:const|let|function|class)\s+(\w+)", path.read_text("utf-8")))


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_name_comes_from_the_old_private_language(path: Path):
    found = {name for name in names(path) if name.strip("_") in CLASSES | ALONE or NAMES & set(name.lower().split("_"))}
    assert not found


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_name_of_a_script_comes_from_it_either(path: Path):
    assert not script_names(path) & (NAMES | CLASSES | ALONE)


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_docstring_says_what_a_thing_does(path: Path):
    tree = ast.parse(path.read_text("utf-8"))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    texts = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, documented)]
    assert not [text for text in texts if FORMULA.match(text)]


OURS = [path for path in (*PYTHON, *SCRIPTS) if path.is_relative_to(ROOT / "attnviz")]  # tests have sentences to read as data


@pytest.mark.parametrize("path", [*OURS, *DOCUMENTS], ids=lambda path: str(path.relative_to(ROOT)))
def test_prose_is_plain_english(path: Path):
    assert not PROSE.findall(path.read_text("utf-8"))


def test_no_two_public_classes_have_one_name():
    files = [path for path in PYTHON if path.is_relative_to(ROOT / "attnviz")]
    classes = [node.name for path in files for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]
    assert not [name for name, count in Counter(classes).items() if count > 1 and not name.startswith("_")]


def imports(path: Path, modules: dict[str, Path]) -> set[str]:
    """The modules of ours that a file imports, wherever in the file: also inside functions, and only for types."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {inner if (inner := f"{node.module}.{alias.name}") in modules else node.module for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & modules.keys()


def test_no_two_modules_import_each_other_even_by_a_way_round():
    files = sorted((ROOT / "attnviz").rglob("*.py"))
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in files}
    waiting = {name: imports(path, modules) - {name} for name, path in modules.items()}
    while ready := {name for name, needs in waiting.items() if not needs}:
        waiting = {name: needs - ready for name, needs in waiting.items() if name not in ready}
    assert not sorted(waiting), "these import each other, or need one that does"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_names_files_that_exist(path: Path):
    named = re.findall(r"`((?:attnviz|pages|tests|docs|deploy|benchmarks|\.ci)/[\w./-]+)`", path.read_text("utf-8"))
    assert not [name for name in named if not (ROOT / name).exists()]
