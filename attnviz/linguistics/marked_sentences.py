"""Read sentences, one a line, in which the word that looks and the word it should look at are marked.

    The *animal* didn't cross because [it] was tired

`[it]` is the word whose attention is counted, `*animal*` the right word or words. `\\[`, `\\]`, `\\*` and `\\\\` are the
characters themselves. Blank lines and lines that start with `# ` are left out. Where the word in brackets is missing, it is
the pronoun that Coreference would ask about; a ready sentence without marks has the pair that it has there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from attnviz.errors import BadInputError
from attnviz.lessons import examples
from attnviz.linguistics import anaphor
from attnviz.linguistics.corpora.lines import CorpusFile, lines
from attnviz.linguistics.corpora.types import BrokenLine, Span
from attnviz.text import words
from attnviz.types import quoted

MAX_SENTENCES = 200
MAX_CHARACTERS = 2_000  # of a line
COMMENT = "# "
MARKED, READY, PRONOUN = "marked", "ready", "pronoun"
FORM = "Write it like this: The *animal* was tired because [it] walked"
NO_TARGET = "no right word is marked: put * before and after it"
NO_SOURCE = "no word is in brackets, and no English pronoun was found"
ITSELF = "the word in brackets is the right word itself"


@dataclass(frozen=True)
class MarkedSentence:
    """A sentence without its marks: the word that looks, the right words, and the line from 1.

    `found` says where the pair comes from: `marked`; `ready`, a ready sentence of that text; `pronoun`, where the pronoun
    rule chose `source`. Where a part is missing it is None, and `missing` says why the sentence cannot be counted.
    """

    line: int
    text: str
    source: Span | None
    target: Span | None
    found: str = MARKED
    missing: str = ""


def marked_sentences(path: CorpusFile, broken: Callable[[BrokenLine], None]) -> tuple[MarkedSentence, ...]:
    """Return the sentences of a file, in order, at most MAX_SENTENCES; `broken` gets each line that cannot be read."""
    found: list[MarkedSentence] = []
    beyond = first = 0
    for line in lines(path):
        if not line.fault and (not line.text.strip() or line.text.startswith(COMMENT)):
            continue
        if len(found) >= MAX_SENTENCES:
            first, beyond = first or line.number, beyond + 1
            continue
        try:
            if line.fault:
                raise BadInputError(line.fault)
            found.append(marked_sentence(line.text, line.number))
        except BadInputError as error:
            broken(BrokenLine(str(path), line.number, str(error)))
    if beyond:
        rule = f"A tally has at most {MAX_SENTENCES} sentences"
        broken(
            BrokenLine(
                str(path), first, f"{rule}; this line and those after it, {beyond:,} in all, are left out. Divide the file."
            )
        )
    return tuple(found)


def marked_sentence(written: str, line: int = 1) -> MarkedSentence:
    """Return the sentence of one line; raises BadInputError for marks that do not fit."""
    if len(written) > MAX_CHARACTERS:
        raise BadInputError(f"A sentence has at most {MAX_CHARACTERS:,} characters; this line has {len(written):,}. Divide it.")
    text, sources, targets = _unmarked(written.strip())
    places = words(text)
    source = _whole_words(text, places, sources, "[", "]")
    target = _whole_words(text, places, targets, "*", "*")
    if source is not None and sum(source[0] <= start < source[1] for start, _ in places) > 1:
        raise BadInputError(
            f"One word is in brackets; {quoted(text[slice(*source)])} are several. Put one of them in brackets."
        )
    if source is None and target is None:
        for one in examples.sentences():
            if one.text == text and one.gold is not None:
                return MarkedSentence(line, text, one.gold.source, one.gold.target, READY)
    found = MARKED
    if source is None:
        source, found = anaphor.likely_pronoun(text, places), PRONOUN
    missing = NO_SOURCE if source is None else NO_TARGET if target is None else ""
    if source and target and max(source[0], target[0]) < min(source[1], target[1]):
        missing = ITSELF
    return MarkedSentence(line, text, source, target, found, missing)


def _unmarked(written: str) -> tuple[str, list[Span], list[Span]]:
    """Return a line without its marks, and what stands in brackets and between stars; raises BadInputError."""
    text: list[str] = []
    opened: dict[str, tuple[int, int]] = {}  # mark: its place in the text, and in the line
    spans: dict[str, list[Span]] = {"[": [], "*": []}
    at = 0
    while at < len(written):
        char = written[at]
        if char == "\\" and written[at + 1 : at + 2] in ("[", "]", "*", "\\") and at + 1 < len(written):
            text.append(written[at + 1])
            at += 2
            continue
        at += 1
        if char == "]" and "[" not in opened:
            raise BadInputError(
                f"A bracket is opened before it is closed; character {at} closes none. {FORM}, or write \\] for the sign."
            )
        if char in "]*" and (mark := "[" if char == "]" else "*") in opened:
            spans[mark].append((opened.pop(mark)[0], len(text)))
        elif char in "[*":
            if opened:
                raise BadInputError(
                    f"Marks do not overlap; character {at} opens one inside another. {FORM}, or write \\{char} for the sign."
                )
            opened[char] = (len(text), at)
        else:
            text.append(char)
    for mark, (_, place) in opened.items():
        end = "]" if mark == "[" else "*"
        raise BadInputError(
            f"A mark ends on its own line; {mark} at character {place} has no {end}. {FORM}, or write \\{mark} for the sign."
        )
    return "".join(text), spans["["], spans["*"]


def _whole_words(text: str, places: tuple[Span, ...], spans: list[Span], opens: str, closes: str) -> Span | None:
    """Return the marked span without blanks at its ends, None without a mark; raises BadInputError if it is no whole word."""
    if not spans:
        return None
    if len(spans) > 1:
        listed = " and ".join(quoted(text[start:end]) for start, end in spans[:2])
        raise BadInputError(f"A sentence has one {opens}…{closes}; this line has {len(spans)}: {listed}. Keep one of them.")
    start, end = spans[0]
    inside = text[start:end]
    start, end = start + len(inside) - len(inside.lstrip()), end - len(inside) + len(inside.rstrip())
    if start >= end:
        raise BadInputError(f"A mark has a word inside; {opens}{closes} has none. {FORM}, or write \\{opens} for the sign.")
    if start not in {place[0] for place in places} or end not in {place[1] for place in places}:
        raise BadInputError(f"Marks stand around whole words; {quoted(text[start:end])} is a part of one. Move the marks.")
    return start, end
