"""Two records compared: prose that may change is separated from data that must stay."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def loaded(name: str) -> ModuleType:
    """A module of `.ci`."""
    spec = importlib.util.spec_from_file_location(Path(name).stem, ROOT / ".ci" / name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def outputs() -> ModuleType:
    return loaded("outputs.py")


@pytest.fixture(scope="module")
def folder() -> ModuleType:
    return loaded("recording/folder.py")


def written(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


OLD: dict[str, str | bytes] = {
    "cli/a.csv": "query,weight\nit,0.64\n",
    "cli/a.words": "Row = who looks\nat most 72 heads\nthe same\n",
    "cli/b.words": "Row = who looks\n",
    "python/Trace.names": "heads\nlayers\n",
    "pages/a.code": "script 1\n",
    "pages/a.png": b"\x89PNG\x00\xff1",
}


def test_a_record_compared_with_itself_passes(outputs, tmp_path, capsys):
    written(tmp_path / "old", OLD)
    written(tmp_path / "new", OLD)
    assert outputs.main(["compare", str(tmp_path / "old"), str(tmp_path / "new")]) == 0
    assert "6 records are identical" in capsys.readouterr().out


def test_wording_code_and_new_names_are_listed_and_do_not_fail(outputs, tmp_path, capsys):
    new = OLD | {
        "cli/a.words": "Row: the word that looks\nat most 27 heads\nthe same\n",
        "cli/b.words": "Row: the word that looks\n",
        "python/Trace.names": "heads\nlayers\nrows\n",
        "pages/a.code": "script 2\n",
    }
    written(tmp_path / "old", OLD)
    written(tmp_path / "new", new)
    assert outputs.main(["compare", str(tmp_path / "old"), str(tmp_path / "new")]) == 0
    shown = capsys.readouterr().out
    assert shown.count("+ Row: the word that looks") == 1
    assert "cli/a.words and 1 more" in shown
    assert shown.index("numbers differ too: 1 changes") < shown.index("at most 27 heads") < shown.index("WORDING: 1 changes")
    assert "NAMES that are new\n  python/Trace.names\n    rows" in shown
    assert "CODE that differs: 1 records" in shown


@pytest.mark.parametrize(
    ("name", "content", "shown"),
    [
        ("cli/a.csv", "query,weight\nit,0.65\n", "+it,0.65"),
        ("python/Trace.names", "heads\n", "lost: failure\n  python/Trace.names\n    layers"),
        ("pages/a.png", b"\x89PNG\x00\xfe1", "7 bytes and 7 bytes; they differ from byte 5 on"),
        ("cli/new.csv", "", "ONLY IN THE NEW RECORD: failure\n  cli/new.csv"),
    ],
)
def test_data_that_differs_fails(outputs, tmp_path, capsys, name, content, shown):
    written(tmp_path / "old", OLD)
    written(tmp_path / "new", OLD | {name: content})
    both = ["compare", str(tmp_path / "old"), str(tmp_path / "new")]
    assert outputs.main(both) == 1
    assert shown in capsys.readouterr().out
    assert outputs.main([*both, "--allow", f"{name[:5]}*"]) == 0
    assert name in capsys.readouterr().out


def test_a_lost_record_of_data_fails(outputs, tmp_path):
    written(tmp_path / "old", OLD)
    written(tmp_path / "new", {name: content for name, content in OLD.items() if name != "cli/a.csv"})
    assert outputs.compare(tmp_path / "old", tmp_path / "new").only_old == ["cli/a.csv"]


def test_prose_is_taken_out_of_json_and_everything_around_it_stays(folder):
    raw = '{"kind": "TooLongError", "message": "Shorten it", "n": [1.50,2], "text": "one two three", "id": "a b"}'
    data, words = folder.split(raw)
    assert data == '{"kind": "TooLongError", "message": "<prose>", "n": [1.50,2], "text": "<prose>", "id": "a b"}'
    assert words == ["Shorten it", "one two three"]
    assert folder.split(raw, inputs=["one two three"])[1] == ["Shorten it"]


def test_markup_is_split_into_data_wording_and_code(folder):
    page = '<p class="x" title="Where it looks" style="width:3px">0.64</p><p>Words of several pieces</p><script>f()</script>'
    found = folder.Folder(Path()).marked(page)
    assert found.data == ["p style=width:3px", "0.64", "/p", "p", "<prose>", "/p", "script", "/script"]
    assert found.words == ["title: Where it looks", "Words of several pieces"]
    assert [line.partition(",")[0] for line in found.code] == ["p class=x", "3 bytes"]
