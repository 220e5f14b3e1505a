"""Find the pronoun that a question about a sentence most likely means: one that may refer to an earlier noun.

Parts of speech come from the embedded English parser, so that "that" in "told the nurse that she" is not a pronoun. Where the
parser cannot be used (not installed, a long text, another script), only word lists and positions decide.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from attnviz.errors import AttnvizError
from attnviz.linguistics import parse
from attnviz.linguistics.parse import TaggedWord

Span = tuple[int, int]

THIRD = frozenset("he she it they him her them his hers its their theirs himself herself itself themselves themself".split())
POINTING = frozenset("this that these those".split())
RELATIVE = frozenset("who whom whose which".split())
OTHERS = frozenset(
    "i we you me us my our your mine ours yours myself ourselves yourself yourselves".split()
)  # they mean speaker and listener, who need not be named in the text
NOUNS = ("NN", "NNS", "NNP", "NNPS")
# What makes "it" refer to nothing: weather, time, and clauses that follow. These lists are ours; tests for such pronouns by
# patterns of words are those of Lappin and Leass 1994 (An algorithm for pronominal anaphora resolution), who have no weather.
WEATHER = re.compile(
    r"(rain|snow|hail|thunder|drizzl|pour|freez|storm)(s|ed|ing|es|e)?|(rainy|snowy|foggy|windy|sunny|dark|late|early|noon|midnight|dusk|dawn|time|night|evening|morning)"
)
SEEMS = re.compile(r"(seem|appear|happen|follow|turn)(s|ed|ing)?")
BE = frozenset("is was 's ’s be been being were becomes became got getting gets seems seemed".split())
BETWEEN = frozenset("not n't n’t very so too quite still already almost nearly always never just only really".split())


def likely_pronoun(text: str, words: Sequence[Span]) -> Span | None:
    """Return the word of `words` (character spans, in order) that a question is most likely about; None without a pronoun.

    Third-person pronouns come first: those with at least two nouns before them, then with one, then the others
    ("When she arrived, Anna …"), then an "it" that refers to nothing. Then demonstratives that are neither
    determiner nor conjunction, then relative pronouns, then words for speaker and listener. The first one wins a tie.
    """
    found = _ranked(text)
    for start in found:
        for word in words:
            if word[0] <= start < word[1]:
                return word
    return None


def is_pronoun(text: str, word: Span) -> bool:
    """Return whether a word is an English pronoun, by the rule of `likely_pronoun`."""
    return any(word[0] <= start < word[1] for start in _ranked(text))


def _ranked(text: str) -> list[int]:
    """Return where the pronouns of a text start, the most likely one first."""
    tokens = _tokens(text)
    ranks: list[tuple[int, int]] = []
    nouns = 0
    for at, token in enumerate(tokens):
        rank = _rank(tokens, at, nouns)
        if rank is not None:
            ranks.append((rank, token.start))
        nouns += token.tag in NOUNS and not _inside_name(tokens, at)
    return [start for _, start in sorted(ranks)]


def _rank(tokens: Sequence[TaggedWord], at: int, nouns: int) -> int | None:
    """Return the priority of this word for a question, 0 the highest; None if it is not a pronoun."""
    token = tokens[at]
    word = token.text.casefold()
    if word in THIRD:
        if word == "it" and _empty(tokens, at):
            return 3
        return 2 - min(nouns, 2)
    if word in POINTING:
        return 4 if token.tag == "DT" and token.label not in ("det", "mark") else None
    if word in RELATIVE:
        return 5 if token.label != "det" else None
    return 6 if word in OTHERS and token.tag in ("PRP", "PRP$") else None


def _inside_name(tokens: Sequence[TaggedWord], at: int) -> bool:
    """Return whether the next word continues this noun ("Mary" of "Mary Smith", "bus" of "bus driver")."""
    return at + 1 < len(tokens) and tokens[at + 1].tag in NOUNS and tokens[at].label == "compound"


def _empty(tokens: Sequence[TaggedWord], at: int) -> bool:
    """Return whether an "it" refers to nothing: weather, time, "it seems that", "it is clear that", "it was Anna who"."""
    rest = [token.text.casefold() for token in tokens[at + 1 : at + 12]]
    while rest and (
        rest[0] in BETWEEN or rest[0] in ("will", "would", "can", "could", "may", "might", "must", "had", "has", "did", "does")
    ):
        rest.pop(0)
    if not rest:
        return False
    if WEATHER.fullmatch(rest[0]) and rest[0] not in ("time", "night", "late", "early"):
        return True
    if SEEMS.fullmatch(rest[0]):
        return "that" in rest[1:4] or "as" in rest[1:2]
    if rest[0] not in BE:
        return False
    rest = [word for word in rest[1:] if word not in BETWEEN]
    if not rest:
        return False
    if WEATHER.fullmatch(rest[0]):
        return True
    clause = next((place for place, word in enumerate(rest) if word in ("that", "to", "who", "whether")), None)
    return clause is not None and 1 <= clause <= 3 and not {",", ".", ";", "because", "and", "but"} & set(rest[:clause])


def _tokens(text: str) -> Sequence[TaggedWord]:
    """Return the parser's words; without the parser, words by their letters, every third-person word a pronoun."""
    if parse.latin(text):
        try:
            return parse.tagged_words(text)
        except AttnvizError:  # text too long, or parser not installed: guess by word lists
            pass
    return _guessed(text)


def _guessed(text: str) -> list[TaggedWord]:
    """Split a text into words by letters. A word that is neither a pronoun nor a common small word counts as a noun."""
    found = []
    for match in re.finditer(r"[^\W\d_]+", text):
        word = match[0].casefold()
        known = THIRD | OTHERS | RELATIVE
        tag = "PRP" if word in known else "IN" if word in POINTING else "NN"
        found.append(TaggedWord(match[0], match.start(), match.end(), tag, "", len(found)))
    return found
