"""Read sentences of your own in TOML: questions about pronouns, and sentences with their arcs."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from attnviz.errors import BadInputError
from attnviz.lessons.examples import places, span
from attnviz.linguistics.corpora.lines import CorpusFile, CorpusLine, groups, lines
from attnviz.linguistics.corpora.pronoun_tables import check_apart
from attnviz.linguistics.corpora.types import AnnotatedQuestion, BrokenLine, ParsedSentence, Span
from attnviz.text import words
from attnviz.types import Link, quoted

LONGEST_TEXT = 10_000  # characters
_HEADING = re.compile(r"\s*\[\[\s*[A-Za-z][\w-]*\s*\]\]\s*(?:#.*)?")  # `[[sentence]]`, not `[[sentence.more]]`
_ERROR_POSITION = re.compile(r" \(at (?:line ([0-9]+), column [0-9]+|end of document)\)$")


def own(path: CorpusFile, broken: Callable[[BrokenLine], None]) -> Iterator[ParsedSentence | AnnotatedQuestion]:
    """Yield the entries of a TOML file, in order: `[[example]]` a question, `[[sentence]]` a parsed sentence.

    A question has `text`, `pronoun`, `candidates` and `answer`, the index of the right candidate from 0, missing where
    none is right. A sentence has `text` and `arcs`, each `["dependent", "head", "relation"]`; roots need none. Words are
    ours, named as they are written (`the#2`: the second `the`). An entry without `id` is named by its line; other fields
    are for other readers. An entry that cannot be read is left out and goes to `broken`. Each `[[…]]` starts a line of its own.
    """
    for group in groups(lines(path), lambda text: bool(_HEADING.fullmatch(text))):
        faults = [(line.number, line.fault) for line in group if line.fault]
        entries: list[ParsedSentence | AnnotatedQuestion] = []
        try:
            entries = [] if faults else list(_entries(group))
        except BadInputError as error:
            faults = [(group[0].number, str(error))]
        except (ValueError, RecursionError) as error:  # also for a number with thousands of digits, or very deep brackets
            place = _ERROR_POSITION.search(str(error))
            inner = int(place[1]) - 1 if place and place[1] else 0
            faults = [
                (group[0].number + inner, f"An entry is written in TOML; {_ERROR_POSITION.sub('', str(error))}. Correct it.")
            ]
        for number, reason in faults:
            broken(BrokenLine(str(path), number, reason))
        yield from entries


def _entries(group: Sequence[CorpusLine]) -> Iterator[ParsedSentence | AnnotatedQuestion]:
    """Yield the entry of a group of lines, none before the first heading; raises BadInputError, TOMLDecodeError."""
    made: dict[str, Callable[[dict[str, Any]], ParsedSentence | AnnotatedQuestion]] = {
        "example": _question,
        "sentence": _sentence,
    }
    for kind, found in tomllib.loads("\n".join(line.text for line in group)).items():
        if kind not in made or not isinstance(found, list) or not all(isinstance(raw, dict) for raw in found):
            raise BadInputError(f"A file of sentences has [[example]] and [[sentence]]; got {quoted(kind)}. Write one of them.")
        for raw in found:
            yield made[kind]({"id": f"line {group[0].number}", **raw})


def _question(raw: dict[str, Any]) -> AnnotatedQuestion:
    """Return an `[[example]]`; raises BadInputError."""
    spans, names, answer = _NamedSpans(raw), raw.get("candidates"), raw.get("answer")
    if not isinstance(names, list) or len(names) < 2 or not all(isinstance(name, str) for name in names):
        raise BadInputError(f"candidates are two words of the text or more; got {quoted(str(names))}. Name them.")
    if answer is not None and (type(answer) is not int or not 0 <= answer < len(names)):
        raise BadInputError(f"answer counts the candidates, 0 to {len(names) - 1}; got {quoted(str(answer))}. Correct it.")
    pronoun, candidates = spans[_string(raw, "pronoun")], tuple(spans[name] for name in names)
    check_apart(pronoun, *candidates)
    return AnnotatedQuestion(_string(raw, "id"), spans.text, pronoun, candidates, answer)


def _sentence(raw: dict[str, Any]) -> ParsedSentence:
    """Return a `[[sentence]]`; raises BadInputError."""
    spans, arcs = _NamedSpans(raw), raw.get("arcs")
    if not isinstance(arcs, list):
        raise BadInputError(f'arcs are a list; got {quoted(str(arcs))}. Write arcs = [["dependent", "head", "relation"]].')
    links = tuple(_link(spans, arc) for arc in arcs)
    sources = [link.source for link in links]
    if len(set(sources)) < len(sources):
        twice = next(spans.text[one[0] : one[1]] for one in sources if sources.count(one) > 1)
        raise BadInputError(
            f"A word has one head; {quoted(twice)} has more. Take an arc away, or name the other word as word#2."
        )
    return ParsedSentence(_string(raw, "id"), spans.text, words(spans.text), links)


def _link(spans: _NamedSpans, arc: Any) -> Link:
    """Return one arc, dependent to head."""
    if not isinstance(arc, list) or len(arc) != 3 or not all(isinstance(part, str) and part.strip() for part in arc):
        raise BadInputError(f'An arc is ["dependent", "head", "relation"]; got {quoted(str(arc))}. Write all three.')
    dependent, head, relation = arc
    if spans[dependent] == spans[head]:
        raise BadInputError(f"A head is another word; {quoted(dependent)} names itself. Correct the arc.")
    return Link(spans[dependent], spans[head], relation)


def _string(raw: dict[str, Any], field: str) -> str:
    """Return a string field that is not blank; raises BadInputError."""
    value = raw.get(field)
    if not isinstance(value, str) or not value.strip():
        raise BadInputError(f"{field} is a string that is not empty; got {quoted(str(value))}. Write one.")
    return value


class _NamedSpans(dict[str, Span]):
    """The words of an entry's `text` by name, each looked up once; raises BadInputError for others and for a long text."""

    def __init__(self, raw: dict[str, Any]) -> None:
        super().__init__()
        self.text = _string(raw, "text")
        if len(self.text) > LONGEST_TEXT:
            rule = f"A text has at most {LONGEST_TEXT:,} characters"
            raise BadInputError(f"{rule}; {quoted(self.text)} has {len(self.text):,}. Divide it.")
        self.places = places(self.text)

    def __missing__(self, name: str) -> Span:
        try:
            self[name] = span(self.text, name, self.places)
        except BadInputError:
            rule = "A word is named as it is written in the text, the#2 where it is the second"
            raise BadInputError(f"{rule}; {quoted(name)} is not in {quoted(self.text)}. Name another.") from None
        return self[name]
