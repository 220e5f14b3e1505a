"""Read CoNLL-U: sentences with gold dependencies, in characters of their own text (universaldependencies.org/format).

The library `conllu` does not fit: its reader ends at the first line that it cannot parse, and does not give the line number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from attnviz.linguistics.corpora.lines import CorpusFile, CorpusLine, groups, lines
from attnviz.linguistics.corpora.types import BrokenLine, ParsedSentence, Span
from attnviz.types import Link, quoted

_NUMBER = re.compile(r"([0-9]{1,6})(?:([-.])([0-9]{1,6}))?")


class _Fault(Exception):
    """The reason why a sentence cannot be read, with its line number."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(line, reason)
        self.line, self.reason = line, reason


@dataclass(frozen=True)
class _Row:
    """A word (`first` is its number, `last` the same), or a multiword token that covers the words `first` to `last`."""

    line: int
    first: int
    last: int
    form: str
    blank: bool  # whether a space follows
    word: bool
    head: int = 0
    relation: str = ""


def conllu(path: CorpusFile, broken: Callable[[BrokenLine], None]) -> Iterator[ParsedSentence]:
    """Read the sentences of a CoNLL-U file, in order. One with an unreadable line is left out; `broken` gets that line.

    Positions are those in `# text`, or, without it, in the forms joined by SpaceAfter. The parts of a multiword
    token are separate words if their forms join up to it (`do` + `n't`). If they do not (`zu` + `dem` = `zum`), the whole is
    one word: links of a part are links of the whole, and links within it are left out, like empty nodes.
    """
    for group in groups(lines(path), lambda text: not text.strip()):
        faults: list[_Fault] = []
        rows = tuple(_rows(group, faults.append))
        try:
            sentence = None if faults else _sentence(group, rows)
        except _Fault as fault:
            faults.append(fault)
            sentence = None
        for fault in faults:
            broken(BrokenLine(str(path), fault.line, fault.reason))
        if sentence:
            yield sentence


def _rows(group: Iterable[CorpusLine], report: Callable[[_Fault], None]) -> Iterator[_Row]:
    """Return the words and multiword tokens of a sentence; `report` gets every line that cannot be read."""
    for line in group:
        if line.fault:
            report(_Fault(line.number, line.fault))
        elif line.text.strip() and not line.text.startswith("#"):
            try:
                row = _row(line)
            except _Fault as fault:
                report(fault)
            else:
                if row:
                    yield row


def _row(line: CorpusLine) -> _Row | None:
    """Parse one line of ten columns; None for an empty node."""
    columns = line.text.split("\t")
    if len(columns) != 10:
        have = f"{len(columns)} column{'s' if len(columns) > 1 else ''}"
        raise _Fault(line.number, f"A word has 10 columns with tabs between; this line has {have}. Complete it.")
    number, form, head, relation, misc = (columns[i] for i in (0, 1, 6, 7, 9))
    match = _NUMBER.fullmatch(number)
    if not match:
        raise _Fault(line.number, f"The first column is a number: 3, 3-4 or 3.1; got {quoted(number)}. Number the word.")
    if match[2] == ".":
        return None
    if not form or form != form.strip():
        raise _Fault(line.number, f"A form starts and ends with a character that is no blank; got {quoted(form)}. Write one.")
    first, blank = int(match[1]), "SpaceAfter=No" not in misc.split("|")
    if match[2]:
        return _Row(line.number, first, int(match[3]), form, blank, word=False)
    if not re.fullmatch("[0-9]{1,6}", head):
        raise _Fault(line.number, f"A head is the number of a word, 0 for a root; got {quoted(head)}. Write a number.")
    if relation in ("", "_") or relation != "".join(relation.split()):
        raise _Fault(line.number, f"A relation has a name without blanks; got {quoted(relation)}. Write one.")
    return _Row(line.number, first, first, form, blank, True, int(head), relation)


def _sentence(group: Sequence[CorpusLine], rows: Sequence[_Row]) -> ParsedSentence | None:
    """Return the sentence of a group of lines; None for only blanks and comments. Raises _Fault."""
    text = _comment(group, "text")
    if not rows:
        if text:
            raise _Fault(group[-1].number, "A sentence has words; this one has only a text. Add them or take the text away.")
        return None
    words = _numbered(rows)
    surface = _surface(rows)
    text = text or "".join(row.form + " " * row.blank for row in surface).rstrip(" ")
    spans = _spans(surface, words, text)
    links = (Link(spans[word.first - 1], spans[word.head - 1], word.relation) for word in words if word.head)
    name = _comment(group, "sent_id") or f"line {rows[0].line}"
    return ParsedSentence(
        name, text, tuple(dict.fromkeys(spans)), tuple(dict.fromkeys(x for x in links if x.source != x.target))
    )


def _comment(group: Iterable[CorpusLine], name: str) -> str:
    """Return the value of the comment `# name = …` of a sentence; empty without one."""
    found = (re.fullmatch(rf"#\s*{name}\s*=(.*)", line.text, re.DOTALL) for line in group if line.text.startswith("#"))
    return next((match[1].strip() for match in found if match), "")


def _numbered(rows: Sequence[_Row]) -> list[_Row]:
    """Return the words after checking numbers and heads. Raises _Fault."""
    words = [row for row in rows if row.word]
    seen = covered = 0
    for row in rows:
        if row.first != seen + 1 or (not row.word and not (covered < row.first < row.last <= len(words))):
            rule = "Words count 1, 2, 3; a range such as 3-4 is before word 3 and shares none with another"
            number = str(row.first) if row.word else f"{row.first}-{row.last}"
            raise _Fault(row.line, f"{rule}; got {number}. Correct the numbers.")
        seen, covered = (row.first, covered) if row.word else (seen, row.last)
    for word in words:
        if word.head > len(words) or word.head == word.first:
            other = f"another word of the sentence, 1 to {len(words)}, or 0"
            raise _Fault(word.line, f"A head is {other}; word {word.first} names {word.head}. Correct the head.")
    return words


def _surface(rows: Iterable[_Row]) -> list[_Row]:
    """Return what is written: multiword tokens, and the words outside them."""
    out: list[_Row] = []
    for row in rows:
        if not out or row.first > out[-1].last:
            out.append(row)
    return out


def _spans(surface: Sequence[_Row], words: Sequence[_Row], text: str) -> list[Span]:
    """Return the position of each word in the text. Raises _Fault if text and words differ."""
    spans: list[Span] = []
    at = 0
    for i, row in enumerate(surface):
        start = _behind(text, at)
        if i and (start > at) != surface[i - 1].blank:
            have = "has one" if start > at else "has none"
            rule = "A blank follows a word unless it has SpaceAfter=No"
            raise _Fault(row.line, f"{rule}; before {quoted(row.form)} the text {have}. Correct the text or the column.")
        if not text.startswith(row.form, start):
            there = f"at character {start + 1} is {quoted(text[start:])}, not {quoted(row.form)}"
            raise _Fault(row.line, f"The text has the words as they are written; {there}. Correct one of them.")
        at = start + len(row.form)
        spans += _parts(row, words[row.first - 1 : row.last], start)
    if at < len(text):
        raise _Fault(surface[-1].line, f"The last word ends the text; {quoted(text[at:])} follows. Correct one of them.")
    return spans


def _behind(text: str, at: int) -> int:
    """Return where the blanks that start at a position end."""
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _parts(row: _Row, parts: Sequence[_Row], start: int) -> list[Span]:
    """Return the spans of the words of a written token: side by side where they join up to it, else all the same."""
    if "".join(part.form for part in parts) != row.form:
        return [(start, start + len(row.form))] * len(parts)
    ends = list(accumulate((len(part.form) for part in parts), initial=start))
    return list(pairwise(ends))
