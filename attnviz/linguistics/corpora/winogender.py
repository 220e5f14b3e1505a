"""Winogender in, questions about pronouns out: the occupation or the other person (Rudinger et al. 2018, arXiv:1804.09301)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from attnviz.errors import BadInputError
from attnviz.linguistics.corpora.pronoun_tables import apart, questions
from attnviz.linguistics.corpora.types import Broken, Question, Span
from attnviz.types import joined, quoted

WORDINGS = 6  # rows in a row that are one sentence: a participant or "someone", each as he, she and they
_ID = re.compile(r"([^.]+)\.([^.]+)\.([01])\.(male|female|neutral)(?:\.txt)?")
_PRONOUNS = {
    "male": ("he", "him", "his", "himself"),
    "female": ("she", "her", "hers", "herself"),
    "neutral": ("they", "them", "their", "theirs", "themself", "themselves"),
}


def winogender(path: str | Path, broken: Callable[[Broken], None]) -> Iterator[Question]:
    """The sentences of a Winogender file, in order; candidate 0 is the occupation, candidate 1 the participant.

    Which words they are, which is right and the gender of the pronoun stand in the column sentid
    (`technician.someone.1.female.txt`; `someone` is a participant without a name); where they stand is searched. A
    sentence in which one of the three does not stand exactly once is left out, and `broken` told.
    """
    return questions(path, ("sentid", "sentence"), _question, broken)


def _question(row: Mapping[str, str]) -> Question:
    """One row; raises BadInputError."""
    match = _ID.fullmatch(row["sentid"])
    if not match:
        form = "technician.customer.1.female.txt: occupation, participant, 0 or 1, and male, female or neutral"
        raise BadInputError(f"A sentid is written like {form}; got {quoted(row['sentid'])}. Correct it.")
    text = row["sentence"]
    pronoun, *people = (_place(text, words) for words in (_PRONOUNS[match[4]], (match[1],), (match[2],)))
    apart(pronoun, *people)
    return Question(row["sentid"], text, pronoun, tuple(people), int(match[3]))


def _place(text: str, words: tuple[str, ...]) -> Span:
    """Where the one of these words stands that the text has: a whole word, in capitals or not."""
    found = list(re.finditer(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)", text, re.IGNORECASE))
    if len(found) != 1:
        times = f"{len(found)} times in {quoted(text)}"
        raise BadInputError(
            f"Each person and the pronoun stand once in a sentence; {joined(words, 'or')} stands {times}. Rewrite it."
        )
    return found[0].span()
