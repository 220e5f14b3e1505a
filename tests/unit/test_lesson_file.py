"""Lesson files: what is read, and what each fault says with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from attnviz.linguistics.corpora.lines import FileInMemory
from attnviz.linguistics.corpora.types import BrokenLine
from attnviz.teaching import lesson_file
from attnviz.teaching.lesson_file import Lesson
from attnviz.types import HeadRef

STRANGE = (
    "",
    "\ufeff",
    "\r\n\r",
    "\u202e\u2066",
    "\ud800",
    "<!--",
    "]]>",
    "{{7*7}}",
    "@{x}",
    "\\",
    "+++",
    "```",
    "~~~view",
    "$$",
    "|a|\n|-|\n|b|",
)

HEAD = """+++
title = "Who is it?"
language = "en"
minutes = 45
goals = ["See one head"]
model = "minilm"
+++
"""
STEP = """
## Look

Read *it*, $a_{ij}$ and [the page](/coreference).

- one

```view
/coreference?text=The+animal+slept+because+it+was+tired&layer=3&head=1
```

```question
form = "token"
ask = "Where does it look?"
measure = "weight"
head = "L3·H1"
query = "it"
right = "largest"
```

After it.
"""


def read(text: str) -> tuple[Lesson | None, list[tuple[int, str]]]:
    broken: list[BrokenLine] = []
    found = lesson_file.lesson(FileInMemory("a.lesson.md", text.encode("utf-8", "surrogatepass")), broken.append)
    return found, [(one.line, one.reason) for one in broken]


def test_a_lesson_has_its_head_its_prose_without_fences_its_view_and_its_question():
    found, faults = read(HEAD + STEP)
    assert faults == []
    assert found is not None
    assert (found.title, found.language, found.minutes, found.goals, found.model) == (
        "Who is it?", "en", 45, ("See one head",), "minilm",
    )  # fmt: skip
    (step,) = found.steps
    assert (step.title, step.line) == ("Look", 9)
    assert step.prose.split() == "Read *it*, $a_{ij}$ and [the page](/coreference). - one After it.".split()
    assert (step.page, step.parameters["text"]) == ("coreference", "The animal slept because it was tired")
    assert step.question is not None
    assert (step.question.text, step.question.open) == ("The animal slept because it was tired", "key")
    assert step.question.given == {"head": HeadRef(3, 1), "query": (25, 27)}


def test_a_step_needs_neither_view_nor_question_and_a_code_block_stays_prose():
    found, faults = read(HEAD + "\n## One\n\nText.\n\n```\n## no step\n```\n\n## Two\n\nMore.\n")
    assert faults == []
    assert found is not None
    assert [(one.title, one.view, one.question) for one in found.steps] == [("One", "", None), ("Two", "", None)]
    assert "## no step" in found.steps[0].prose


FAULTS = [
    ("no head", "## Look\n", 1, "begins with a line"),
    ("no end", "+++\ntitle = \"a\"\n", 1, "has no end"),
    ("broken TOML", HEAD.replace("minutes = 45", "minutes = = 45") + STEP, 4, "This is not TOML"),
    ("a missing field", HEAD.replace("minutes = 45\n", "") + STEP, 1, "needs minutes"),
    ("a field of another kind", HEAD.replace("45", '"45"') + STEP, 4, "needs minutes"),
    ("an unknown field", HEAD.replace("+++\ntitle", "+++\nauthor = \"me\"\ntitle") + STEP, 2, "not “author”"),
    ("a language", HEAD.replace('"en"', '"English"') + STEP, 3, "is written en"),
    ("a model", HEAD.replace("minilm", "gpt9") + STEP, 6, "A model is one of"),
    ("too many minutes", HEAD.replace("45", "9000") + STEP, 4, "1 to 600 minutes"),
    ("goals that are no texts", HEAD.replace('["See one head"]', "[1]") + STEP, 5, "Goals are"),
    ("no step", HEAD, 7, "has steps"),
    ("text before a step", HEAD + "\nHello\n" + STEP, 9, "Before the first step"),
    ("a step without a title", HEAD + "\n##\n\nText\n", 9, "title of 1 to"),
    ("HTML", HEAD + "\n## A\n\n<b>x</b>\n", 11, "no HTML"),
    ("an HTML block", HEAD + "\n## A\n\n<script>\nx\n</script>\n", 11, "no HTML"),
    ("an image", HEAD + "\n## A\n\nText\n![i](x.png)\n", 12, "pictures of the app"),
    ("a link elsewhere", HEAD + "\n## A\n\n[x](https://elsewhere.example)\n", 11, "opens a page of this app"),
    ("a link to another host", HEAD + "\n## A\n\n[x](//elsewhere.example/coreference)\n", 11, "opens a page of this app"),
    ("a script as a link", HEAD + "\n## A\n\n[x](javascript:alert)\n", 11, "opens a page of this app"),
    ("a great heading", HEAD + "\n## A\n\n# B\n", 11, "three marks"),
    ("a macro", HEAD + "\n## A\n\n$\\def\\a{\\a\\a}\\a$\n", 11, "may not use \\def"),
    ("a link in a formula", HEAD + "\n## A\n\nA $\\href{x}{y}$.\n", 11, "may not use \\href"),
    ("an environment", HEAD + "\n## A\n\n$$\\begin{CD}a\\end{CD}$$\n", 11, "has the environments"),
    ("a long formula", HEAD + "\n## A\n\n$" + "a" * 501 + "$\n", 11, "at most 500 characters"),
    ("a deep formula", HEAD + "\n## A\n\n$" + "{" * 13 + "a" + "}" * 13 + "$\n", 11, "12 deep"),
    ("many formulas", HEAD + "\n## A\n\n" + "$a$ b " * 41 + "\n", 9, "at most 40 formulas"),
    ("two views", HEAD + "\n## A\n\n```view\n/syntax\n```\n\n```view\n/syntax\n```\n", 15, "one view"),
    ("a view of no page", HEAD + "\n## A\n\n```view\n/nowhere\n```\n", 12, "opens a page of this app"),
    ("a head that is not there", HEAD + "\n## A\n\n```view\n/?layer=77\n```\n", 12, "Layer “77” does not exist"),
    ("a question without TOML", HEAD + "\n## A\n\n```question\nform\n```\n", 12, "This is not TOML"),
    ("a question without a form", HEAD + "\n## A\n\n```question\nask = \"a\"\n```\n", 12, "form is one of"),
    ("a word that is not there", HEAD + STEP.replace('query = "it"', 'query = "dog"'), 24, "“dog” stands 0 times"),
    ("a wrong bound", HEAD + STEP.replace('right = "largest"', "above = \"x\""), 25, "is a number"),
    ("a long prose", HEAD + "\n## A\n\n" + "word " * 1300 + "\n", 9, "at most 6,000 characters"),
    ("many steps", HEAD + "\n## A\n" * 41, 89, "at most 40 steps"),
    ("NUL", HEAD + "\n## A\n\n\0\n", 11, "NUL"),
    ("much", HEAD + "\n## A\n" + ("x" * 1000 + "\n") * 201, 209, "at most 200,000 bytes"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "reason"), [one[1:] for one in FAULTS], ids=[one[0] for one in FAULTS])
def test_a_fault_is_named_with_its_line(text: str, line: int, reason: str):
    found, faults = read(text)
    assert found is None
    assert faults[0][0] == line, faults
    assert reason in faults[0][1]


def test_all_faults_are_named_at_once_in_the_order_of_their_lines():
    _, faults = read(HEAD.replace("45", "0") + "\n## A\n\n<b>x\n\n```view\n/no\n```\n")
    assert [line for line, _ in faults] == [4, 11, 14]


def test_any_text_is_read_or_refused_in_words():
    for text in STRANGE:
        for whole in (text, HEAD + text, f"{HEAD}\n## A\n\n{text}\n", f"{HEAD}\n## A\n\n```question\nask = {text!r}\n```\n"):
            found, faults = read(whole)
            assert (found is None) == bool(faults)


def test_deep_quotes_and_lists_end_soon():
    for mark in ("> ", "- ", "* _", "[", "`", "$"):
        found, faults = read(HEAD + "\n## A\n\n" + mark * 1500 + "x\n")
        assert (found is None) == bool(faults)


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(Exception, match=r"No such file"):
        lesson_file.lesson(tmp_path / "none.lesson.md", print)
