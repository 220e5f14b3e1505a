"""Sentences on what a model cannot read of a text, and on what it does not read as typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from unicodedata import category
from unicodedata import name as unicode_name

from attnviz.legibility import AlteredText, Legibility
from attnviz.text import units
from attnviz.text.english import cut_words, is_english
from attnviz.types import PARTLY_UNKNOWN, UNKNOWN, Link, Token, Unit, joined

if TYPE_CHECKING:
    from attnviz.engine.trace import Trace

NAMED = 3  # unknown words that a sentence names; more are counted
LONGEST = 24  # characters of a word in a sentence
UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")  # scripts, by Unicode's names
ACCENTED = ("LATIN", "GREEK", "CYRILLIC")  # scripts whose marks are called accents
Marked = Callable[[str], str]


def unknown_words(tokens: Sequence[Token]) -> tuple[str, ...]:
    """Return the words, or other parts, that are completely or partly unknown: as typed, each once, in order."""
    return tuple(dict.fromkeys(unit.text for unit in units(tokens) if unit.unknown and not unit.special))


def shortened(word: str) -> str:
    """Return a word of the text, a long one shortened with an ellipsis."""
    return word if len(word) <= LONGEST else word[: LONGEST - 1] + "…"


def quoted(word: str) -> str:
    """Return a word of the text in quotation marks, a long one shortened: `“😀”`."""
    return f"“{shortened(word)}”"


def unread(trace: Trace, name: str, mark: Marked = quoted) -> str:
    """Return how much of its text the model `name` cannot read, in two sentences; "" if it reads everything.

    `mark` is how a word of the text is written. Texts in scripts without spaces between words are counted in characters.
    """
    reading, words = trace.reading, unknown_words(trace.tokens)
    if not words:
        return ""
    if not (
        reading.unknown_characters if reading else "".join(words).strip()
    ):  # a space or a line break, or the model's own output
        unread_tokens = _counted(sum(token.unknown for token in trace.tokens), "token")
        return f"{name} reads {unread_tokens} of this text only as {UNKNOWN}, unknown."
    if reading and reading.unknown_characters == reading.characters:
        return f"{name} cannot read this text at all. It sees only {UNKNOWN} (unknown)."
    count = _share(trace.tokens, reading) if reading else _counted(len(words), "word")  # an older server counts nothing
    more = [f"{len(words) - NAMED:,} more"] if len(words) > NAMED else []
    place = "its place" if len(words) == 1 else "place of each"
    listed = joined([*map(mark, words[:NAMED]), *more])
    return f"{name} cannot read {count}: {listed}. It sees {UNKNOWN} (unknown) in {place}."


def foreign(trace: Trace, name: str, language: str) -> str:
    """Return that the model `name` was trained on English and this text does not look so, with how many words it cuts.

    "" for an English text, for a model that is not of English alone, and for a conversation.
    """
    tokens = trace.block(trace.blocks[0]).queries
    if language != "English" or trace.request.chat or is_english(trace.request.text, tokens):
        return ""
    cut, of = cut_words(tokens)
    if not cut:
        return f"{name} was trained on English: this text does not look English."
    words = f"{cut:,} of the {of:,} words" if of > 1 else "the word"
    return f"{name} was trained on English: it cuts {words} of this text, which does not look English, into pieces."


def _share(tokens: Sequence[Token], reading: Legibility) -> str:
    """Return how much is unknown, `2 of 8 words`; punctuation marks are words of their own, which the count says."""
    parts = [unit for unit in units(tokens) if not unit.special]
    if any(unit.partly or _is_unspaced(unit.text) for unit in parts):
        return f"{reading.unknown_characters:,} of {_counted(reading.characters, 'character')}"
    marks = " and punctuation marks" if any(all(category(c)[0] == "P" for c in unit.text) for unit in parts) else ""
    return f"{reading.unknown_words:,} of {_counted(reading.words, 'word')}{marks}"


def _is_unspaced(text: str) -> bool:
    """Return whether a part of the text is in a script that is written without spaces between words."""
    return any(not c.isascii() and unicode_name(c, "").startswith(UNSPACED) for c in text)


def unread_units(named: Sequence[Unit]) -> str:
    """Return a sentence, after a space, on those of the named words that the model cannot read; "" if it reads all."""
    unknown = list(dict.fromkeys(unit for unit in named if unit.unknown and not unit.special))
    if not unknown:
        return ""
    if len(unknown) == 1 and unknown[0].partly:
        return f" {PARTLY_UNKNOWN}: the model does not read all of “{unknown[0].text}”: a part of it is the unknown token."
    if len(unknown) == 1:
        same = "the same for every word that it does not know"
        return f" {UNKNOWN}: the model does not read “{unknown[0].text}”, only its unknown token, {same}."
    return f" {UNKNOWN}: the model does not read these words, only its unknown token: they differ only in their places."


def of_links(trace: Trace, links: Sequence[Link], name: str, block: str = "") -> str:
    """Return a note on links from or to a word that the model cannot read; "" if it reads all ends."""
    part = trace.block(block or trace.blocks[0])
    ends = [unit for link in links for unit in (*_ends(part.queries, link.source), *_ends(part.keys, link.target))]
    words = list(dict.fromkeys(f"“{unit.text}”" for unit in ends if unit.unknown))
    if not words:
        return ""
    what, place = (f"{words[0]} is", "its place") if len(words) == 1 else (f"{joined(words)} are", "their place")
    return (
        f"{what} unknown to {name}, which sees {UNKNOWN} in {place}: "
        "the numbers would be the same for any other word that it does not know."
    )


def is_unknown(tokens: Sequence[Token], span: tuple[int, int]) -> bool:
    """Return whether any part of a span of the text is unknown to the model."""
    return any(unit.unknown for unit in _ends(tokens, span))


def unknown_spans(tokens: Sequence[Token], spans: Sequence[tuple[int, int]]) -> frozenset[tuple[int, int]]:
    """Return the spans of the text of which any part is unknown."""
    unknown = [token for token in tokens if token.unknown and not token.special and token.segment == tokens[0].segment]
    if not unknown:
        return frozenset()
    return frozenset(span for span in spans if any(token.start < span[1] and span[0] < token.end for token in unknown))


def _ends(tokens: Sequence[Token], span: tuple[int, int]) -> list[Unit]:
    """Return the words that are completely or partly in a span of the first of these tokens' texts."""
    segment = min((token.segment for token in tokens if not token.special), default=0)
    return [
        unit for unit in units(tokens)
        if unit.segment == segment and not unit.special and unit.start < span[1] and span[0] < unit.end
    ]  # fmt: skip


def altered_sentence(reading: Legibility | None, name: str, what: str = "this text", mark: Marked = quoted) -> str:
    """Return what the model does not read as typed, in a sentence with an example; "" if it reads it as typed."""
    if reading is None or not reading.altered:
        return ""
    ways = [way for kind in reading.kinds if (way := _way(kind, reading.altered, mark))]
    shown = next((one for one in reading.altered if one.kinds != ("case",) and one.read), None)
    example = f", {mark(shown.typed)} as {mark(shown.read)}" if shown else ""
    return f"{name} reads {what} {joined(ways)}{example}."


def _way(kind: str, altered: Sequence[AlteredText], mark: Marked) -> str:
    """Return one kind of change, in words."""
    if kind == "dropped":
        words = [one.typed for one in altered if not one.read and not all(category(c) in ("Cc", "Cf") for c in one.typed)]
        if words:
            return f"without {joined([mark(word) for word in dict.fromkeys(words[:NAMED])])}, of which it gets no token"
        return "without control and zero-width characters"
    if kind == "case":
        lower = all(one.read == one.read.lower() for one in altered if "case" in one.kinds)
        return "in lower case" if lower else "with other capitals"
    if kind == "accents":
        marked = "".join(one.typed for one in altered if kind in one.kinds)
        is_accent = all(unicode_name(c, "").startswith(ACCENTED) for c in marked if c.isalpha())
        return "without accents" if is_accent else "without the marks on its letters"
    return {"form": "in plain forms of its characters"}.get(kind, "with other characters")


def _counted(count: int, noun: str) -> str:
    """Return `1 word` or `3 words`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
