"""The shipped lessons against the real models: free of faults, and each question can be answered rightly and wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from importlib import resources
from pathlib import Path

import pytest

from attnviz.backends import open_backend
from attnviz.engine.trace import Trace
from attnviz.settings import Settings
from attnviz.teaching import grading, lesson_file, measures
from attnviz.teaching.measures import OpenAnswer, Tracer
from attnviz.teaching.questions import LessonQuestion
from attnviz.types import AttentionRequest

FILES = sorted(Path(str(resources.files("attnviz").joinpath("content/lessons"))).glob("*.lesson.md"))
CLAIMS = {"right": ["L2·H0", "obj", "dh"], "wrong": ["L0·H2", "obj", "dh"]}  # on annotated texts, of minilm
STEPS = range(8, 15)


@pytest.fixture(scope="module")
def trace() -> Iterator[Tracer]:
    """The real models, by name."""
    with closing(open_backend(Settings().backend, Settings())) as backend:

        def attended(model: str, text: str) -> Trace:
            return backend.attend(AttentionRequest(model, text))

        yield attended


def asked(file: Path) -> list[LessonQuestion]:
    broken: list[object] = []
    lesson = lesson_file.lesson(file, broken.append)
    assert broken == []
    assert lesson is not None
    return [step.question for step in lesson.steps if step.question is not None]


def right_and_wrong(question: LessonQuestion, found: tuple[OpenAnswer, ...]) -> tuple[object, object]:
    """An answer that is right and one that is wrong, as a student would send them."""
    if question.form == "number":
        value = found[0].value
        return f"{value:.3f}", f"{value + 4 * question.within:.3f}"
    if question.form == "yesno":
        right = grading.grade(question, ("yes",), found).right[0]
        return right, "no" if right == "yes" else "yes"
    if question.form == "order":
        by_value = [one.id for one in sorted(found, key=lambda one: one.value, reverse=question.rule.kind == "largest")]
        return by_value, by_value[::-1]
    good = [one.id for one in grading.right_choices(question, found)]
    bad = [
        one.id
        for one in sorted(found, key=lambda one: one.value, reverse=question.rule.kind == "smallest")
        if one.id not in good
    ]
    return (good, bad) if question.form == "several" else (good[0], bad[0])


def test_there_are_six_lessons_of_45_minutes_with_8_to_14_steps_each_with_a_view_and_goals():
    broken: list[object] = []
    lessons = [lesson_file.lesson(file, broken.append) for file in FILES]
    assert broken == []
    assert len(lessons) == 6
    for lesson in lessons:
        assert lesson is not None
        assert lesson.minutes == 45
        assert len(lesson.steps) in STEPS
        assert len(lesson.goals) >= 3
        assert sum(bool(step.view) for step in lesson.steps) >= len(lesson.steps) - 1
        assert all(step.prose for step in lesson.steps)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_each_question_is_answered_rightly_and_wrongly_by_the_live_model(file: Path, trace: Tracer):
    questions = asked(file)
    assert len(questions) >= 8
    for question in questions:
        if question.form == "free":
            assert grading.grade(question, grading.answer(question, "Because."), ()).credit is None
            continue
        if question.form == "claim":
            for name, credit in (("right", 1.0), ("wrong", 0.0)):
                assert grading.grade(question, grading.answer(question, CLAIMS[name]), ()).credit == credit
            continue
        found = measures.choices(question, trace)
        right, wrong = right_and_wrong(question, found)
        good = grading.grade(question, grading.answer(question, right), found)
        bad = grading.grade(question, grading.answer(question, wrong), found)
        assert good.credit == 1.0, (question.ask, good)
        assert bad.credit == 0.0, (question.ask, bad)
        assert good.reason
        assert bad.reason


def test_numbers_that_the_lessons_tell_are_the_models(trace: Tracer):
    rates = measures.held_out_rates("minilm", "gap", "dh")
    assert round(float(rates[3, 1]), 2) == 0.73
    assert all(abs(rates[at] - 0.5) < 0.08 for at in ((0, 2), (1, 8), (1, 10)))  # "near to guessing"
    assert round(float(measures.held_out_rates("minilm", "det", "dh")[2, 8]), 2) == 0.82
    assert len(trace("minilm", "The cat sat on the mat").tokens) == 8
