"""Split a text into words, as character spans: our own rule, the same for every tokenizer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from unicodedata import category

MASK = "\ufffc"  # the model's real mask token inside a text; the page's mask button inserts it

# Han, Hiragana and Katakana are written without spaces, so each character is a word; Hangul is written with spaces.
# Ranges after Unicode 15.1, Scripts.txt, letters and letter-like signs of the three scripts only.
_CJK = (
    (0x2E80, 0x2FD5), (0x3005, 0x3007), (0x3021, 0x3029), (0x3038, 0x303B), (0x3041, 0x3096), (0x309D, 0x309F),
    (0x30A1, 0x30FA), (0x30FC, 0x30FF), (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF),
    (0xFF66, 0xFF9D), (0x1AFF0, 0x1B16F), (0x20000, 0x3FFFF),
)  # fmt: skip
_HALFWIDTH_VOICE = "\uff9e\uff9f"  # letters to Unicode, but they mark the Katakana before them

Span = tuple[int, int]


def words(text: str) -> tuple[Span, ...]:
    """Return the spans of the words of `text`, in order; every character that is not a space belongs to exactly one.

    Words are split at spaces. Punctuation (Unicode category P) at both ends is split off, each character as its own word, a
    run of the same one ("...") as one word; each CJK character and each MASK is a word; "didn't" is one word. Combining
    marks, joiners and variation selectors stay with the character before them.
    """
    found: list[Span] = []
    run: list[tuple[str, int, int]] = []
    for kind, start, end in _clusters(text):
        if kind in ("letter", "mark"):
            run.append((kind, start, end))
            continue
        found += _stripped(text, run)
        run = []
        if kind != "blank":
            found.append((start, end))
    return tuple(found + _stripped(text, run))


def _clusters(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield (kind, start, end) of each character together with the characters that stay with it."""
    start = 0
    while start < len(text):
        kind, end = _kind(text[start]), start + 1
        if kind not in ("blank", "mask"):
            while end < len(text) and _stays(text[end]):
                end += 1
        yield kind, start, end
        start = end


@lru_cache(maxsize=4096)
def _kind(character: str) -> str:
    """Return one of blank, mask, mark (punctuation), cjk, letter (everything else)."""
    if character == MASK:
        return "mask"
    if character.isspace():
        return "blank"
    if category(character).startswith("P"):
        return "mark"
    return "cjk" if any(low <= ord(character) <= high for low, high in _CJK) else "letter"


@lru_cache(maxsize=4096)
def _stays(character: str) -> bool:
    """Return whether a character only changes the one before it: marks, joiners, variation selectors, format characters."""
    kind = category(character)
    return kind.startswith("M") or kind == "Cf" or character in _HALFWIDTH_VOICE


def _stripped(text: str, run: Sequence[tuple[str, int, int]]) -> list[Span]:
    """Return the words of a run without spaces: punctuation before, the word itself, punctuation after."""
    inner = [i for i, (kind, _, _) in enumerate(run) if kind == "letter"]
    if not inner:
        return _repeats(text, run)
    first, last = inner[0], inner[-1]
    return [*_repeats(text, run[:first]), (run[first][1], run[last][2]), *_repeats(text, run[last + 1 :])]


def _repeats(text: str, marks: Sequence[tuple[str, int, int]]) -> list[Span]:
    """Return the words of punctuation: each character is a word, a run of the same character is one word."""
    groups = [list(group) for _, group in groupby(marks, key=lambda mark: text[mark[1] : mark[2]])]
    return [(group[0][1], group[-1][2]) for group in groups]
