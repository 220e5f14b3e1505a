"""Read the two corpora that are tables, GAP and Winogender. Each row becomes a question about a pronoun.

GAP          which of two names the pronoun refers to, if any    Webster et al. 2018 (arXiv:1810.05201)
Winogender   the occupation or the other person                  Rudinger et al. 2018 (arXiv:1804.09301)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

from attnviz.errors import BadInputError
from attnviz.linguistics.corpora.lines import CorpusFile, lines
from attnviz.linguistics.corpora.types import AnnotatedQuestion, BrokenLine, Span
from attnviz.types import joined, quoted

_GAP_COLUMNS = ("ID", "Text", "Pronoun", "Pronoun-offset", "A", "A-offset", "A-coref", "B", "B-offset", "B-coref")

WORDINGS = 6  # consecutive rows that are one sentence: a participant or "someone", each as he, she and they
_SENTENCE_ID = re.compile(r"([^.]+)\.([^.]+)\.([01])\.(male|female|neutral)(?:\.txt)?")
_PRONOUNS = {
    "male": ("he", "him", "his", "himself"),
    "female": ("she", "her", "hers", "herself"),
    "neutral": ("they", "them", "their", "theirs", "themself", "themselves"),
}


def gap(path: CorpusFile, broken: Callable[[BrokenLine], None]) -> Iterator[AnnotatedQuestion]:
    """Read the texts of a GAP file, in order. The candidates are A and B; the answer is None if neither is right.

    A row whose offset does not lead to its word, or in which both are right, is left out and reported to `broken`.
    """
    return _questions(path, _GAP_COLUMNS, _gap_question, broken)


def _gap_question(row: Mapping[str, str]) -> AnnotatedQuestion:
    """Return the question of one row of GAP; raises BadInputError."""
    spans = tuple(_gap_span(row, name) for name in ("Pronoun", "A", "B"))
    check_apart(*spans)
    right = [_gap_answer(row, name) for name in ("A", "B")]
    if all(right):
        raise BadInputError(
            "A pronoun refers to one of the two or to neither; A-coref and B-coref are both TRUE. Make one FALSE."
        )
    return AnnotatedQuestion(row["ID"], row["Text"], spans[0], spans[1:], right.index(True) if any(right) else None)


def _gap_span(row: Mapping[str, str], name: str) -> Span:
    """Return the span of a word, from its offset in characters in the column beside it."""
    word, offset = row[name], row[f"{name}-offset"]
    if not re.fullmatch("[0-9]{1,7}", offset):
        raise BadInputError(
            f"An offset counts the characters before a word; {name}-offset is {quoted(offset)}. Write a number."
        )
    start = int(offset)
    there = row["Text"][start : start + len(word)]
    if not word.strip() or there != word:
        have = f"at {name}-offset {start} is {quoted(there)}, not {quoted(word)}"
        raise BadInputError(f"An offset leads to its word; {have}. Count again.")
    return start, start + len(word)


def _gap_answer(row: Mapping[str, str], name: str) -> bool:
    """Return whether the pronoun refers to this name."""
    value = row[f"{name}-coref"].strip().upper()
    if value not in ("TRUE", "FALSE"):
        raise BadInputError(f"{name}-coref is TRUE or FALSE; got {quoted(row[f'{name}-coref'])}. Write one of them.")
    return value == "TRUE"


def winogender(path: CorpusFile, broken: Callable[[BrokenLine], None]) -> Iterator[AnnotatedQuestion]:
    """Read the sentences of a Winogender file, in order. Candidate 0 is the occupation, candidate 1 the participant.

    The column sentid names these words, the right one and the gender of the pronoun
    (`technician.someone.1.female.txt`; `someone` is a participant without a name); their positions are searched. A
    sentence in which one of the three does not occur exactly once is left out and reported to `broken`.
    """
    return _questions(path, ("sentid", "sentence"), _winogender_question, broken)


def _winogender_question(row: Mapping[str, str]) -> AnnotatedQuestion:
    """Return the question of one row of Winogender; raises BadInputError."""
    match = _SENTENCE_ID.fullmatch(row["sentid"])
    if not match:
        form = "technician.customer.1.female.txt: occupation, participant, 0 or 1, and male, female or neutral"
        raise BadInputError(f"A sentid is written like {form}; got {quoted(row['sentid'])}. Correct it.")
    text = row["sentence"]
    pronoun, *people = (_winogender_span(text, words) for words in (_PRONOUNS[match[4]], (match[1],), (match[2],)))
    check_apart(pronoun, *people)
    return AnnotatedQuestion(row["sentid"], text, pronoun, tuple(people), int(match[3]))


def _winogender_span(text: str, words: tuple[str, ...]) -> Span:
    """Return where one of these words is in the text, as a whole word in any letter case."""
    found = list(re.finditer(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)", text, re.IGNORECASE))
    if len(found) != 1:
        times = f"{len(found)} times in {quoted(text)}"
        raise BadInputError(
            f"Each person and the pronoun occur once in a sentence; {joined(words, 'or')} occurs {times}. Rewrite it."
        )
    return found[0].span()


def _questions(
    path: CorpusFile,
    names: Sequence[str],
    made: Callable[[dict[str, str]], AnnotatedQuestion],
    broken: Callable[[BrokenLine], None],
) -> Iterator[AnnotatedQuestion]:
    """Yield the question that `made` returns for each row of a file, in order. A row for which it raises goes to `broken`.

    The first line names the columns, at least those of `names`, in any order; without it nothing is read. Quotation
    marks have no special meaning.
    """
    header: list[str] = []
    for line in lines(path):
        cells = line.text.split("\t")
        try:
            if line.fault:
                raise BadInputError(line.fault)
            if not header:
                header = _header(cells, names)
                continue
            if not line.text.strip():
                continue
            if len(cells) != len(header):
                raise BadInputError(
                    f"A row has the {len(header)} columns of the first line; this one has {len(cells)}. Complete it."
                )
            question = made(dict(zip(header, cells, strict=True)))
        except BadInputError as error:
            broken(BrokenLine(str(path), line.number, str(error)))
            if not header:
                return
        else:
            yield question


def check_apart(*spans: Span) -> None:
    """Raise BadInputError if two of the spans share a character: their attention could not be separated."""
    for (_, end), (start, _) in pairwise(sorted(spans)):
        if start < end:
            raise BadInputError(
                f"Pronoun and candidates do not overlap; two of them share character {start + 1}. Correct the places."
            )


def _header(cells: list[str], names: Sequence[str]) -> list[str]:
    """Return the names of the columns in the first line; raises BadInputError if some of `names` are missing."""
    missing = [name for name in names if name not in cells]
    if missing:
        rule = f"The first line names the columns, with tabs between; {joined(missing)} not among them"
        raise BadInputError(f"{rule}: {quoted(' '.join(cells))}. Add the line; nothing of this file was read.")
    return cells
