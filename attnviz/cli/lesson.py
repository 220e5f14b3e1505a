"""`attnviz lesson check`: check lesson files line by line, and print what the model answers to their questions."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

from attnviz.cli import io
from attnviz.errors import BadInputError
from attnviz.settings import Settings
from attnviz.types import AttentionRequest

if TYPE_CHECKING:
    from attnviz.linguistics.corpora.types import BrokenLine
    from attnviz.teaching.lesson_file import Lesson
    from attnviz.teaching.measures import Tracer
    from attnviz.teaching.questions import LessonQuestion

SHOWN = 5  # right answers of one question that a line names


def add(commands: Any) -> None:
    """Add the command and its options."""
    lesson = commands.add_parser("lesson", help="check lesson files, and print the right answers to their questions")
    actions = lesson.add_subparsers(dest="action", metavar="ACTION", required=True)
    check = actions.add_parser("check", help="name every fault with its file and line")
    check.add_argument("files", metavar="FILE", nargs="+", help="a lesson, *.lesson.md; docs/lessons.md describes the format")
    check.add_argument(
        "--answers", action="store_true", help="ask the model too, and print the right answers that it gives to each question"
    )
    check.add_argument("--format", choices=("text", "json"), default="text")
    check.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> None:
    """Print one line for each lesson; faults go to standard error, and end the command with exit code 2."""
    from attnviz.teaching import lesson_file

    broken: list[BrokenLine] = []
    found = [(file, lesson_file.lesson(file, broken.append)) for file in chosen.files]
    for line in broken:
        io.note(io.printable(str(line)))
    with closing(_Backend()) as backend:
        tracer = backend.trace if chosen.answers else None
        reports = [_report(file, lesson, tracer) for file, lesson in found]
    if chosen.format == "json":
        io.show_json(
            {"lessons": reports, "faults": [{"file": one.path, "line": one.line, "reason": one.reason} for one in broken]}
        )
    else:
        io.show_lines([line for report in reports for line in _as_lines(report)])
    if broken:
        many = f"{len(broken)} fault{'s' if len(broken) > 1 else ''}"
        raise BadInputError(f"A lesson can be given without faults only; found {many}, named above. Mend the named lines.")


class _Backend:
    """Opens the backend when the first question needs it."""

    def __init__(self) -> None:
        self._backend: Any = None

    def trace(self, model: str, text: str) -> Any:
        """Return the trace of a text."""
        from attnviz.backends import open_backend

        if self._backend is None:
            settings = Settings.from_env()
            self._backend = open_backend(settings.backend, settings, io.report)
        return self._backend.attend(AttentionRequest(model, text))

    def close(self) -> None:
        """Close what was opened."""
        if self._backend is not None:
            self._backend.close()


def _report(file: str, lesson: Lesson | None, trace: Tracer | None) -> dict[str, Any]:
    """Return what is known of one file."""
    if lesson is None:
        return {"file": file, "ok": False}
    asked = [(number, step.question) for number, step in enumerate(lesson.steps, start=1) if step.question]
    return {
        "file": file, "ok": True, "title": lesson.title, "language": lesson.language, "minutes": lesson.minutes,
        "model": lesson.model, "steps": len(lesson.steps),
        "questions": [
            {"step": number, "form": one.form, "ask": one.ask, "right": None if trace is None else list(_right(one, trace))}
            for number, one in asked
        ],
    }  # fmt: skip


def _right(question: LessonQuestion, trace: Tracer) -> Iterator[str]:
    """Yield the right answers of a question in words, with their numbers; nothing where none is computed."""
    from attnviz.teaching import grading, measures

    if not question.measure:
        return
    choices = measures.choices(question, trace)
    if question.form in ("number", "yesno"):
        given = "0" if question.form == "number" else grading.YES
        yield grading.grade(question, (given,), choices).reason.partition(";")[0]
        return
    right = grading.right_choices(question, choices) if question.form != "order" else tuple(choices)
    for one in right[:SHOWN]:
        yield f"{one.label} {grading.written(question, one.value)}"


def _as_lines(report: dict[str, Any]) -> list[str]:
    """Return one file as lines: its title and size, then its questions with the right answers, where they were asked for."""
    if not report["ok"]:
        return [f"{report['file']}: cannot be used"]
    lines = [
        f"{report['file']}: “{report['title']}”, {report['steps']} steps, {len(report['questions'])} questions, "
        f"{report['minutes']} minutes"
    ]
    for one in report["questions"]:
        if one["right"] is not None:
            lines.append(f"  step {one['step']} ({one['form']}): {', '.join(one['right']) or 'not computed'}")
    return lines
