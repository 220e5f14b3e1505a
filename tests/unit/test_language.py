"""Words that must not come back, one public class a name, no circle among modules, and documents that name real files."""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
TREES = ("attnviz", "pages", "tests", "benchmarks", "deploy", ".ci")
PYTHON = [ROOT / "app.py", *sorted(path for tree in TREES for path in (ROOT / tree).rglob("*.py") if path != Path(__file__))]
SCRIPTS = sorted(path for tree in ("attnviz", "tests/js") for path in (ROOT / tree).rglob("*.*js"))
DOCUMENTS = sorted([*(ROOT / "docs").glob("*.md"), *(path for path in ROOT.glob("*.md") if path.name != "CHANGELOG.md")])

# Words of a private language; each has a standard term: message, selected, scheduler, timeout, caption, …
NAMES = frozenset("told said whoever nobody patience leanings sieve saidOf letGo walkedTo spoken asking".split())
# Right words in a sentence, and so in the name of a test; wrong for a thing of ours.
ALONE = frozenset(
    "alike worth turned barred expanded desk tried walked quiet twins held saying complain dress HELD LEFT FEWEST".split()
)
CLASSES = frozenset(
    "Left Turns Exchange Breaker Parcel Sent Stages Copy Pace Gate Focus Crew Alone Meter Ground Division Exhibit Desk "
    "Notice Still Shown Asked Found Look What".split()
)
FORMULA = re.compile(r"^[^.\n]*\bin[,;]\s[^.\n]*\bout\b[.:;,]|^[^.\n]*\bin\s[^.\n]*,\sout[.:;,]")
PROSE = re.compile(r"\b(whoever|nobody|somebody|by any road|lets? go of|what of it|otherwise than)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Contents:
    """What a Python file defines by name, its docstrings, its classes, and what it imports from which module."""

    names: set[str] = field(default_factory=set)
    docstrings: list[str] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    imports: set[tuple[str, str]] = field(default_factory=set)


@cache
def contents(path: Path) -> Contents:
    """Read a Python file once for all rules; imports count wherever they stand, also inside functions or for types alone."""
    tree, found = ast.parse(path.read_text("utf-8")), Contents()
    found.classes.extend(node.name for node in tree.body if isinstance(node, ast.ClassDef))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Store):
                found.names.add(node.id)
        elif isinstance(node, ast.arg):
            found.names.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
            found.docstrings.append(ast.get_docstring(node) or "")
            if not isinstance(node, ast.Module):
                found.names.add(node.name)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.imports.update((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            found.imports.update((alias.name, "") for alias in node.names)
    return found


def script_names(path: Path) -> set[str]:
    """Every name that a JavaScript file declares."""
    return set(re.findall(r"\b(?:const|let|function|class)\s+(\w+)", path.read_text("utf-8")))


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def private_names(path: Path) -> set[str]:
    """The names in a file that come from the old private language."""
    if path.suffix != ".py":
        return script_names(path) & (NAMES | CLASSES | ALONE)
    return {name for name in contents(path).names if name.strip("_") in CLASSES | ALONE or NAMES & set(name.lower().split("_"))}


def test_no_name_comes_from_the_old_private_language():
    assert {relative(path): found for path in (*PYTHON, *SCRIPTS) if (found := private_names(path))} == {}


def test_a_docstring_says_what_a_thing_does():
    found = {relative(path): [text for text in contents(path).docstrings if FORMULA.match(text)] for path in PYTHON}
    assert {path: texts for path, texts in found.items() if texts} == {}


def test_prose_is_plain_english():
    ours = [path for path in (*PYTHON, *SCRIPTS) if path.is_relative_to(ROOT / "attnviz")]  # tests read sentences as data
    found = {relative(path): PROSE.findall(path.read_text("utf-8")) for path in (*ours, *DOCUMENTS)}
    assert {path: words for path, words in found.items() if words} == {}


def test_the_rules_find_what_they_forbid(tmp_path: Path):
    file = tmp_path / "old.py"
    file.write_text('"""A trace in, its weights out: all of them."""\n\ndef what_is_told(_alike):\n    said = Crew = 1\n')
    assert private_names(file) == {"what_is_told", "_alike", "said", "Crew"}
    assert FORMULA.match(contents(file).docstrings[0])
    assert FORMULA.match("Links in; how much every head follows them, ranked, out.")
    assert not FORMULA.match("Return the weights of one head, in the order in which it was written out.")
    assert PROSE.findall("Whoever asks, nobody lets go of it.") == ["Whoever", "nobody", "lets go of"]


def test_no_two_public_classes_have_one_name():
    files = [path for path in PYTHON if path.is_relative_to(ROOT / "attnviz")]
    counts = Counter(name for path in files for name in contents(path).classes)
    assert not [name for name, count in counts.items() if count > 1 and not name.startswith("_")]


def imports(path: Path, modules: dict[str, Path]) -> set[str]:
    """The modules of ours that a file imports."""
    named = ((f"{module}.{name}", module) for module, name in contents(path).imports)
    return {inner if inner in modules else module for inner, module in named} & modules.keys()


def test_no_two_modules_import_each_other_even_by_a_way_round():
    files = sorted((ROOT / "attnviz").rglob("*.py"))
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in files}
    waiting = {name: imports(path, modules) - {name} for name, path in modules.items()}
    while ready := {name for name, needs in waiting.items() if not needs}:
        waiting = {name: needs - ready for name, needs in waiting.items() if name not in ready}
    assert not sorted(waiting), "these import each other, or need one that does"


def test_a_document_names_files_that_exist():
    form = re.compile(r"`((?:attnviz|pages|tests|docs|deploy|benchmarks|\.ci)/[\w./-]+)`")
    named = {name for path in DOCUMENTS for name in form.findall(path.read_text("utf-8"))}
    assert not sorted(name for name in named if not (ROOT / name).exists())
