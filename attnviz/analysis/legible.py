"""What a model cannot read of a text, and what it reads otherwise than typed, in sentences of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from unicodedata import category

from attnviz.legibility import Altered, Legibility
from attnviz.text import units
from attnviz.types import UNKNOWN, Token, joined

if TYPE_CHECKING:
    from attnviz.engine.trace import Trace

NAMED = 3  # unknown words that a sentence names; more are counted
LISTED = 5  # that a line in a terminal names


def unknown_words(tokens: Sequence[Token]) -> tuple[str, ...]:
    """The words, or other stretches, that are unknown in whole or in part: as typed, each once, in order."""
    return tuple(dict.fromkeys(unit.text for unit in units(tokens) if unit.unknown and not unit.special))


def unread(trace: Trace, name: str) -> str:
    """What the model called `name` cannot read of its text, in one or two sentences; "" where it reads everything."""
    reading, words = trace.reading, unknown_words(trace.tokens)
    if not words:
        return ""
    if reading is None or not reading.unknown_characters:  # a blank or a line break, or the model's own output
        return (
            f"{name} reads {_counted(sum(t.unknown for t in trace.tokens), 'token')} of this text only as {UNKNOWN}, unknown."
        )
    if reading.unknown_characters == reading.characters:
        return f"{name} cannot read this text at all: it sees only its unknown token, {UNKNOWN}."
    if len(words) > NAMED:
        said = f"{reading.unknown_characters:,} of {reading.characters:,} characters of this text"
        return f"{name} cannot read {said}: it sees {UNKNOWN} in their place, the same for all."
    said, place = joined([f"“{word}”" for word in words]), "its place" if len(words) == 1 else "their place, the same for all"
    return f"{name} cannot read {said}: it sees {UNKNOWN} in {place}."


def counted(trace: Trace, name: str) -> str:
    """The same as a line in a terminal: `1 of 3 words is unknown to … (“😀”)`; "" where the model reads everything."""
    reading, words = trace.reading, unknown_words(trace.tokens)
    if not words:
        return ""
    many = f"{len(words)} words" if reading is None else f"{reading.unknown_words:,} of {_counted(reading.words, 'word')}"
    is_one = (len(words) if reading is None else reading.unknown_words) == 1
    if reading is not None and not reading.unknown_words:
        many, is_one = _counted(reading.unknown_tokens, "token"), reading.unknown_tokens == 1
    listed = ", ".join(f"“{word}”" for word in words[:LISTED]) + (" …" if len(words) > LISTED else "")
    return f"{many} {'is' if is_one else 'are'} unknown to {name}: {listed}. It sees its unknown token, {UNKNOWN}, instead."


def otherwise(reading: Legibility | None, name: str) -> str:
    """How the model reads the text otherwise than typed, in a sentence, with an example; "" where it reads it as typed."""
    if reading is None or not reading.altered:
        return ""
    ways = [way for kind in reading.kinds if (way := _way(kind, reading.altered))]
    shown = next((one for one in reading.altered if one.kinds != ("case",) and one.read), None)
    example = f", “{shown.typed}” as “{shown.read}”" if shown else ""
    return f"{name} reads this text {joined(ways)}{example}."


def _way(kind: str, altered: Sequence[Altered]) -> str:
    """One way of reading otherwise, in words."""
    if kind == "dropped":
        words = [one.typed for one in altered if not one.read and not all(category(c) in ("Cc", "Cf") for c in one.typed)]
        if words:
            return f"without {joined([f'“{word}”' for word in dict.fromkeys(words[:NAMED])])}, of which it gets no token"
        return "without control and zero-width characters"
    if kind == "case":
        lower = all(one.read == one.read.lower() for one in altered if "case" in one.kinds)
        return "in lower case" if lower else "with other capitals"
    return {"accents": "without accents", "form": "in plain forms of its characters"}.get(kind, "with other characters")


def _counted(count: int, noun: str) -> str:
    """`1 word`, `3 words`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
