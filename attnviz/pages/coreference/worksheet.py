"""The worksheet of Coreference: the sentences, where the pronoun looks in one head, and what to decide first."""

from __future__ import annotations

from attnviz.analysis import view
from attnviz.analysis.questions import SheetQuestion
from attnviz.figures import encoding
from attnviz.figures.matrix_sheet import row
from attnviz.figures.worksheet import Picture, Sheet
from attnviz.models import catalog
from attnviz.pages.coreference.minimal_pair import branches
from attnviz.pages.coreference.question import HeadAnswers
from attnviz.types import HeadRef, joined
from attnviz.view_state import ViewOptions

TITLE = "What does the pronoun refer to?"
READING = (
    "Each strip is the pronoun’s row in one head: the stronger the colour of a cell, the more the pronoun looks at that word."
)


def sheet(answers: HeadAnswers, other: HeadAnswers | None, head: HeadRef) -> Sheet:
    """Return the sheet on one head and the sentences."""
    both = [answers] if other is None else [answers, other]
    pictures = []
    for at, one in enumerate(both, start=1):
        pattern = view.pattern(one.trace, head, ViewOptions(words=True))
        place = next((i for i, unit in enumerate(pattern.query_units) if (unit.start, unit.end) == one.question.pronoun), None)
        if place is not None:
            pictures.append(Picture(row(pattern, place, f"Where the pronoun looks in sentence {at}"),
                                    f"Sentence {at}" if other else ""))  # fmt: skip
    about = f"{catalog.card(answers.trace.request.model).name}, head {encoding.head_name(head)}"
    return Sheet(TITLE, about, tuple(one.question.text for one in both), tuple(pictures), _questions(both, head), READING)


def _questions(both: list[HeadAnswers], head: HeadRef) -> tuple[SheetQuestion, ...]:
    first, name = both[0].question, encoding.head_name(head)
    pronoun = first.word(first.pronoun)
    candidates = joined([f"“{first.word(span)}”" for span in first.candidates], "or")
    many = len(both) > 1
    return (
        SheetQuestion(
            f"Before you look at the picture: what does “{pronoun}” refer to{' in each sentence' if many else ''}? Which word "
            "tells you?",
            _each(both, _meant),
        ),
        SheetQuestion(
            f"Does “{pronoun}” look more at {candidates} in {name}{', in each sentence' if many else ''}?",
            _each(both, lambda one: _looked_at(one, head)),
        ),
        SheetQuestion(f"Is {name} right{' in each sentence' if many else ''}?", _each(both, lambda one: _right(one, head))),
        _why(both, head),
    )


def _each(both: list[HeadAnswers], say) -> str:
    if len(both) == 1:
        return say(both[0])
    return " ".join(f"Sentence {at}: {say(one)}" for at, one in enumerate(both, start=1))


def _meant(one: HeadAnswers) -> str:
    question = one.question
    if question.right is None:
        return "Open: discuss it."
    cue = () if question.example is None else question.example.cue
    because = ", because of " + joined([f"“{question.text[start:end]}”" for start, end in cue]) if cue else ""
    return f"“{question.word(question.candidates[question.right])}”{because}."


def _looked_at(one: HeadAnswers, head: HeadRef) -> str:
    found = branches(one, head)
    best = max(found, key=lambda branch: branch.share)
    return f"at “{best.name}”: {', '.join(f'“{branch.name}” {encoding.three(branch.share)}' for branch in found)}."


def _right(one: HeadAnswers, head: HeadRef) -> str:
    hit = one.hit(head)
    return "that cannot be said here." if hit is None else ("yes." if hit else "no.")


def _why(both: list[HeadAnswers], head: HeadRef) -> SheetQuestion:
    """Return the question what would show that a head is not right by a simple rule; with how many heads are right."""
    hits = both[0].hits
    right = f" In the first sentence {int(hits.sum())} of {hits.size} heads are right." if hits is not None else ""
    return SheetQuestion(
        "A head that always chose the first candidate would be right sometimes. How could you find out whether this head does "
        "more than that?",
        "Open. For example: exchange the candidates, change the deciding word, and count on many sentences how often the head "
        f"is right, beside how often the simple rule is.{right} The page shows how often on annotated texts.",
        2,
    )
