"""Every example of docs/python.md runs, in order, as in a notebook; and what its comments say is so."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import attnviz
from tests.small_models import saved

PAGE = (Path(__file__).parents[2] / "docs" / "python.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```python\n(.+?)^```", PAGE, re.M | re.S)


def test_the_page_has_its_examples():
    assert len(EXAMPLES) >= 9


@pytest.mark.slow
def test_every_example_runs_and_says_what_its_comment_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(attnviz, "_folder_backends", [])
    saved(tmp_path / "my-model")
    names: dict[str, object] = {}
    for number, code in enumerate(EXAMPLES):
        lines = code.splitlines()
        for node in ast.parse(code).body:
            source = ast.unparse(node)
            if not isinstance(node, ast.Expr):
                exec(compile(source, f"example {number}", "exec"), names)
                continue
            value = eval(compile(source, f"example {number}", "eval"), names)
            comment = lines[node.end_lineno - 1].partition("  # ")[2] if node.end_lineno else ""
            if comment.startswith(("(", "[")):
                assert value == ast.literal_eval(comment), source
    assert "has none" in capsys.readouterr().out
    tagged = eval(
        "[(token.text, tags[token.word]) for token in attnviz.attend(words=words).tokens if not token.special]", names
    )
    assert ("York", "PROPN") in tagged
