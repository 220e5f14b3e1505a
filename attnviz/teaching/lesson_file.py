"""Read and check a lesson: a TOML head, then steps in Markdown with a view of the app and, where wanted, a question.

docs/lessons.md describes the format. A lesson may come from a stranger: all of it is checked, and nothing of it runs.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from markdown_it.token import Token

from attnviz.errors import BadInputError
from attnviz.linguistics.corpora.lines import CorpusFile, lines
from attnviz.linguistics.corpora.types import BrokenLine
from attnviz.models import catalog
from attnviz.selection import PARAMETERS, Selection
from attnviz.teaching import prose, questions
from attnviz.teaching.questions import LessonQuestion
from attnviz.types import ModelCard, joined, quoted
from attnviz.web import navigation

BYTES = 200_000  # of a lesson
STEPS = 40
PROSE = 6_000  # characters of a step
TITLE = 120
GOALS = 12
MARK = "+++"
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}", re.ASCII)
FIELDS = {"title": str, "language": str, "minutes": int, "goals": list, "model": str}
VIEW, QUESTION = "view", "question"
_TOML_PLACE = re.compile(r"\(at line (\d+), column \d+\)")


@dataclass(frozen=True)
class LessonStep:
    """One step: prose in Markdown, the address of a view in the app ("" for none) and a question. `line` counts from 1."""

    title: str
    prose: str
    view: str = ""
    question: LessonQuestion | None = None
    line: int = 1

    @property
    def page(self) -> str:
        """The name of the page that the view opens."""
        return _page_name(urlsplit(self.view).path)

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of the view's address."""
        return dict(parse_qsl(urlsplit(self.view).query, keep_blank_values=True))


@dataclass(frozen=True)
class Lesson:
    """A lesson that is free of errors. `language` is a tag like `en` or `de-AT`, `minutes` how long it takes in class."""

    title: str
    language: str
    minutes: int
    goals: tuple[str, ...]
    model: str
    steps: tuple[LessonStep, ...]


def lesson(file: CorpusFile, broken: Callable[[BrokenLine], None]) -> Lesson | None:
    """Return the lesson of a file; `broken` gets every fault with its line. None if there is any.

    Raises BadInputError if the file cannot be opened.
    """
    content: list[str] = []
    faults: list[tuple[int, str]] = []
    size = 0
    for line in lines(file):
        size += len(line.text.encode("utf-8", "replace")) + 1
        if line.fault:
            faults.append((line.number, line.fault))
        content.append(line.text)
        if size > BYTES:
            faults.append((line.number, f"A lesson has at most {BYTES:,} bytes; this file has more. Divide it."))
            break
    found = None if faults else _Reader(content, faults).read()
    for number, reason in sorted(faults, key=lambda one: one[0]):
        broken(BrokenLine(str(file), number, reason))
    return None if faults else found


class _Reader:
    """Reads the lines of one lesson and collects its faults, each with a line from 1."""

    def __init__(self, content: Sequence[str], faults: list[tuple[int, str]]) -> None:
        self._lines = content
        self._faults = faults
        self._cards = {card.id: card for card in catalog.cards()}

    def read(self) -> Lesson | None:
        """Return the lesson; it means nothing if there are faults."""
        end = self._head_end()
        if end is None:
            return None
        table = self._toml("\n".join(self._lines[1:end]), 2)
        head = {} if table is None else self._head(table)
        card = self._cards.get(str(head.get("model", "")), self._cards["minilm"])
        steps = tuple(self._steps(end + 1, card))
        if not steps:
            self._fault(end + 1, "A lesson has steps, each with a heading: ## Title.")
        if len(steps) > STEPS:
            self._fault(steps[STEPS].line, f"A lesson has at most {STEPS} steps; this one has {len(steps)}. Divide it.")
        if self._faults:
            return None
        return Lesson(head["title"], head["language"], head["minutes"], tuple(head["goals"]), head["model"], steps)

    def _fault(self, line: int, reason: str) -> None:
        self._faults.append((line, reason))

    def _head_end(self) -> int | None:
        """Return the index of the line that ends the TOML head."""
        if not self._lines or self._lines[0].strip() != MARK:
            self._fault(1, f"A lesson begins with a line {MARK}, its title and goals in TOML, and another line {MARK}.")
            return None
        ends = [at for at, line in enumerate(self._lines) if at and line.strip() == MARK]
        if not ends:
            self._fault(1, f"The head of the lesson has no end. Write a line {MARK} after it.")
            return None
        return ends[0]

    def _toml(self, text: str, first: int) -> dict[str, Any] | None:
        """Return TOML as a table; a fault is reported at its own line, `first` being the line where the text begins."""
        try:
            return tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            place = _TOML_PLACE.search(str(error))
            line = first + int(place[1]) - 1 if place else first
            reason = _TOML_PLACE.sub("", str(error)).strip() or "it is too deep"
            self._fault(line, f'This is not TOML: {reason}. A text stands in quotation marks: title = "…".')
            return None

    def _head(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """Return the head, every field of its kind and size."""
        for name in table:
            if name not in FIELDS:
                self._fault(self._line_of(name, 1), f"The head has {joined(tuple(FIELDS))}; not {quoted(name)}. Leave it out.")
        found: dict[str, Any] = {}
        for name, kind in FIELDS.items():
            value = table.get(name)
            if not isinstance(value, kind) or isinstance(value, bool) or value in ("", []):
                form = {str: f'{name} = "…"', int: f"{name} = 45", list: f'{name} = ["…", "…"]'}[kind]
                self._fault(self._line_of(name, 1), f"The head needs {name}. Write {form}.")
            else:
                found[name] = value
        self._check_head(found)
        return found

    def _check_head(self, head: Mapping[str, Any]) -> None:
        """Report values of the head that are of the right kind and cannot be used."""
        goals = head.get("goals", [])
        wrong = {
            "title": len(head.get("title", "")) > TITLE and f"A title has at most {TITLE} characters",
            "language": not LANGUAGE.fullmatch(head.get("language", "en")) and "A language is written en, de or pt-BR",
            "minutes": not 1 <= head.get("minutes", 1) <= 600 and "A lesson takes 1 to 600 minutes",
            "goals": (
                (len(goals) > GOALS or not all(isinstance(one, str) and 0 < len(one) <= 200 for one in goals))
                and f"Goals are at most {GOALS} texts of at most 200 characters"
            ),
            "model": head.get("model", "minilm") not in self._cards and f"A model is one of {', '.join(self._cards)}",
        }
        for name, rule in wrong.items():
            if rule:
                self._fault(self._line_of(name, 1), f"{rule}; got {quoted(str(head[name]))}.")

    def _line_of(self, key: str, first: int) -> int:
        """Return the line from `first` on that sets a key, `first` if none does."""
        pattern = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=")
        return next((at + 1 for at in range(first - 1, len(self._lines)) if pattern.match(self._lines[at])), first)

    def _steps(self, start: int, card: ModelCard) -> Iterator[LessonStep]:
        """Yield the steps; `start` is the index of the first line after the head."""
        tokens = prose.reader().parse("\n".join(self._lines[start:]))
        begins = [
            at for at, token in enumerate(tokens) if token.type == "heading_open" and token.tag == "h2" and not token.level
        ]
        for token in tokens[: begins[0] if begins else None]:
            if token.map:
                self._fault(start + token.map[0] + 1, "Before the first step there is no text. Write ## and a title above it.")
                break
        for at, end in pairwise([*begins, len(tokens)]):
            yield self._step(tokens[at], tokens[at + 1].content, tokens[at + 3 : end], start, card)

    def _step(self, heading: Token, title: str, tokens: Sequence[Token], start: int, card: ModelCard) -> LessonStep:
        """Return one step."""
        line = start + (heading.map or [0])[0] + 1
        if not title.strip() or len(title) > TITLE:
            self._fault(line, f"A step has a title of 1 to {TITLE} characters; this one has {len(title)}.")
        fences = [one for one in tokens if one.type == "fence" and one.info.strip() in (VIEW, QUESTION) and not one.level]
        for kind in (VIEW, QUESTION):
            same = [one for one in fences if one.info.strip() == kind]
            for more in same[1:]:
                self._fault(self._at(more, start), f"A step has one {kind}; this is another. Begin another step: ## Title.")
        rest = [one for one in tokens if one not in fences]
        for at, reason in prose.problems(rest, self._link_fault):
            self._fault(start + at + 1 if at else line, reason)
        text = self._prose(tokens, fences, start)
        if len(text) > PROSE:
            self._fault(line, f"The prose of a step has at most {PROSE:,} characters; here are {len(text):,}. Divide it.")
        view = next((self._view(one, start) for one in fences if one.info.strip() == VIEW), "")
        step = LessonStep(title.strip(), text, view, None, line)
        asked = next((one for one in fences if one.info.strip() == QUESTION), None)
        if asked is None:
            return step
        return LessonStep(step.title, text, view, self._question(asked, start, step, card), line)

    def _at(self, token: Token, start: int) -> int:
        return start + (token.map or [0])[0] + 1

    def _prose(self, tokens: Sequence[Token], fences: Sequence[Token], start: int) -> str:
        """Return the lines of a step without its heading, view and question, as they were written."""
        blocks = [token.map for token in tokens if token.map and not token.level]
        if not blocks:
            return ""
        taken = {at for one in fences for at in range(*(one.map or [0, 0]))}
        first, last = min(block[0] for block in blocks), max(block[1] for block in blocks)
        return "\n".join(self._lines[start + at] for at in range(first, last) if at not in taken).strip()

    def _view(self, fence: Token, start: int) -> str:
        """Return the address of a view, relative to the app."""
        address, line = fence.content.strip(), self._at(fence, start) + 1
        if fault := self._link_fault(address):
            self._fault(line, fault)
            return ""
        return address.lstrip("/")

    def _link_fault(self, address: str) -> str:
        """Return why an address opens no page of the app as it says; "" if it does."""
        parts = urlsplit(address) if len(address) <= 16_000 else urlsplit("")
        names = [one.name for one in navigation.PAGES]
        if parts.scheme or parts.netloc or "\n" in address or _page_name(parts.path) not in names:
            return (
                f"A view or link of a lesson opens a page of this app, such as coreference?text=…; got {quoted(address)}. "
                f"Pages are {', '.join(names)}."
            )
        parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
        notices = Selection.parse({name: parameters[name] for name in PARAMETERS if name in parameters})[1]
        return f"This view cannot be opened as it says: {notices[0]}" if notices else ""

    def _question(self, fence: Token, start: int, step: LessonStep, card: ModelCard) -> LessonQuestion | None:
        """Return the question of a step; its text and model are those of its view, if it names no others."""
        first = self._at(fence, start) + 1
        table = self._toml(fence.content, first)
        if table is None:
            return None
        parameters = step.parameters
        chosen = self._cards.get(parameters.get("model", ""), card)
        try:
            return questions.question(table, parameters.get("text", Selection.request.text), chosen, self._cards)
        except BadInputError as error:
            named = next((key for key in table if f"“{key}”" in str(error)), "")
            self._fault(self._line_of(named, first) if named else first, str(error))
            return None


def _page_name(path: str) -> str:
    """Return which page a path opens: the board where it names none."""
    name = path.strip("/")
    return navigation.DEFAULT if name in ("", ".") else name
