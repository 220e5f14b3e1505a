"""No file, request or text can run code: what could do that stands nowhere in the package, and archives hold no pickles."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted([ROOT / "app.py", *(path for top in ("attnviz", "pages") for path in (ROOT / top).rglob("*.py"))])
# Ways to make code of data.
CODE = {"eval", "exec", "compile", "__import__", "system", "popen", "getoutput", "getstatusoutput", "literal_eval_node"}
MODULES = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "yaml", "jinja2", "mako", "code", "codeop", "runpy"}
# Calls that are safe only with this argument, and those that are safe only without one.
NEEDED = {"load": ("allow_pickle", False), "savez": ("allow_pickle", False), "write_array": ("allow_pickle", False)}
BANNED = {"shell": True, "trust_remote_code": True, "unsafe_allow_html": True, "unsafe_allow_javascript": True}
# One process of a run hands its own work to another one of the same run, through Ray, which does the same to everything.
OWN = {"attnviz/linguistics/atlas/ray_workers.py": {"pickle"}}


def calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str, str]]:
    """Every call: the node, what is called, and on what (`np` of `np.load`), "" for a plain name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                yield node, node.func.id, ""
            elif isinstance(node.func, ast.Attribute):
                yield node, node.func.attr, ast.unparse(node.func.value)


def wrong(source: str, path: str = "attnviz/x.py") -> list[str]:
    """What stands in a source that could run what comes from outside."""
    tree, found = ast.parse(source), []
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        found += [f"import {name}" for name in names if name.split(".")[0] in MODULES - OWN.get(path, set())]
    for node, name, of in calls(tree):
        given = {word.arg: word.value.value for word in node.keywords if isinstance(word.value, ast.Constant)}
        if name in CODE and of in ("", "os", "subprocess", "builtins"):
            found.append(f"{of}.{name}()")
        if name in NEEDED and of in ("np", "numpy", "np.lib.format") and given.get(NEEDED[name][0]) is not NEEDED[name][1]:
            found.append(f"{of}.{name}() without {NEEDED[name][0]}={NEEDED[name][1]}")
        if name == "load" and of == "torch":
            found.append("torch.load()")
        if name == "from_pretrained" and of.startswith("Auto") and given.get("trust_remote_code") is not False:
            found.append("from_pretrained() without trust_remote_code=False")
        found += [f"{name}({word}={value})" for word, value in given.items() if word in BANNED and BANNED[word] == value]
    return found


def test_nothing_here_makes_code_of_data():
    sources = {str(path.relative_to(ROOT)): path.read_text() for path in SOURCES}
    assert {path: found for path, source in sources.items() if (found := wrong(source, path))} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from yaml import load",
        "from os import path\nos.system('ls')",
        "eval(text)",
        "np.load(file)",
        "np.load(file, allow_pickle=True)",
        "torch.load(file, weights_only=True)",
        "subprocess.run(text, shell=True)",
        "AutoModel.from_pretrained(folder)",
        "AutoModel.from_pretrained(folder, trust_remote_code=True)",
        "st.markdown(text, unsafe_allow_html=True)",
    ],
)
def test_what_would_be_wrong_is_found(source: str):
    assert wrong(source)


def test_what_is_right_passes():
    assert not wrong(
        "model.eval()\nnp.load(file, allow_pickle=False)\nsubprocess.run(['ls'])\nre.compile('a')\njson.load(file)"
    )
