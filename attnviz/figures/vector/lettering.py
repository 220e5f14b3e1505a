"""Measure and outline lines of type: in DejaVu Sans, then in fonts of this machine for letters that it does not have.

DejaVu Sans comes with matplotlib and has the Latin, Greek, Cyrillic, Hebrew, Arabic, Armenian and Georgian letters.
libraqm (HarfBuzz, FriBidi), which is part of matplotlib, orders and joins the letters.
"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from attnviz.figures import encoding

UNIT = 100.0  # size at which outlines are kept
PREFERRED = ("Noto Sans CJK", "Noto Sans", "Source Han Sans", "WenQuanYi", "Droid Sans Fallback", "Noto", "Free")
LOCK = threading.RLock()  # fonts store the line that they lay out, and matplotlib has one set of settings for the process
Shape = tuple[tuple[int, tuple[float, ...]], ...]  # matplotlib's path codes, each with its coordinates; y runs up


@dataclass(frozen=True)
class Line:
    """A laid-out line at size 100: its width, and each glyph's name and place."""

    width: float
    glyphs: tuple[tuple[str, float, float], ...]


def width(text: str, size: float, *, bold: bool = False) -> float:
    """Return the width of a line of type; letters without a font count as one em."""
    bare = "".join("\u2014" if c in missing(text) else c for c in text)
    return laid(bare, bold).width * size / UNIT if bare else 0.0


def shortened(text: str, most: float, size: float, *, bold: bool = False) -> str:
    """Return a text that fits `most` points, shortened at its end with an ellipsis."""
    if width(text, size, bold=bold) <= most:
        return text
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if width(encoding.label(text, middle), size, bold=bold) <= most:
            low = middle
        else:
            high = middle - 1
    return encoding.label(text, max(low, 2))


def label(text: str, mark: str, most: float, size: float, *, bold: bool = False) -> str:
    """Return a word with its mark, if it has one, in `most` points: the word is shortened, the mark is not."""
    if not mark:
        return shortened(text, most, size, bold=bold)
    room = most - width(f" {mark}", size, bold=bold)
    return f"{shortened(text, room, size, bold=bold)} {mark}"


def wrapped(text: str, most: float, size: float) -> list[str]:
    """Return a text in lines of at most `most` points, broken at spaces."""
    lines: list[str] = []
    for word in text.split(" "):
        if lines and width(f"{lines[-1]} {word}", size) <= most:
            lines[-1] += f" {word}"
        else:
            lines.append(shortened(word, most, size))
    return lines


def readable(text: str) -> str:
    """Return a text with each letter without a font replaced by its code point: `U+732B`."""
    lost = missing(text)
    return "".join(f"U+{ord(c):04X} " if c in lost else c for c in text).rstrip() if lost else text


@lru_cache(maxsize=4096)
def missing(text: str) -> str:
    """Return the letters of a text without a font here, each once."""
    return "".join(dict.fromkeys(c for c in text if not _seen_nowhere(c) and not fonts_for(c)))


def outlined(text: str) -> bool:
    """Return whether a text needs a font besides the bundled one."""
    return any(fonts_for(c) != (0,) for c in text if not _seen_nowhere(c))


def file(bold: bool) -> Path:
    """Return the bundled font's file."""
    import matplotlib

    return Path(matplotlib.get_data_path(), "fonts", "ttf", f"DejaVuSans{'-Bold' if bold else ''}.ttf")


def used(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the fonts that draw these texts, the bundled one first."""
    places = {place for text in texts for c in text if not _seen_nowhere(c) for place in fonts_for(c)[:1]}
    return ("DejaVu Sans", *(other_fonts()[place - 1][0] for place in sorted(places - {0})))


@lru_cache(maxsize=8192)
def laid(text: str, bold: bool) -> Line:
    """Return the glyphs of a line. Its letters must have a font: see `missing`."""
    from matplotlib import font_manager
    from matplotlib.ft2font import LoadFlags
    from matplotlib.textpath import text_to_path

    with LOCK:
        places = sorted({place for c in text if not _seen_nowhere(c) for place in fonts_for(c)[:1]} - {0})
        font = font_manager.get_font([file(bold), file(False), *(other_fonts()[place - 1][1] for place in places)])
        font.set_size(UNIT, 72)
        glyphs, shapes, _ = text_to_path.get_glyphs_with_font(font, text)
        for name, shape in shapes.items():
            _SHAPES.setdefault(name, _shape(*shape))
        font.set_text(text, 0.0, flags=LoadFlags.NO_HINTING)
        return Line(font.get_width_height()[0] / 64.0, tuple((name, float(x), float(y)) for name, x, y, _ in glyphs))


def shape(name: str) -> Shape:
    """Return the outline of a glyph that a laid-out line has named."""
    return _SHAPES[name]


_SHAPES: dict[str, Shape] = {}
_VERTICES = {1: 1, 2: 1, 3: 2, 4: 3, 79: 1}  # how many points follow each of matplotlib's path codes


def _shape(vertices, codes) -> Shape:
    """Return one glyph's outline, command by command."""
    parts, at = [], 0
    while at < len(codes):
        code = int(codes[at])
        count = _VERTICES[code]
        points = [] if code == 79 else [float(v) for point in vertices[at : at + count] for v in point]
        parts.append((code, tuple(points)))
        at += count
    return tuple(parts)


def _seen_nowhere(char: str) -> bool:
    """Return whether a character is invisible: spaces, joiners, direction marks, variation selectors."""
    return char.isspace() or unicodedata.category(char) == "Cf" or "\ufe00" <= char <= "\ufe0f"


@cache
def fonts_for(char: str) -> tuple[int, ...]:
    """Return which font draws a character: 0 is the bundled one, 1 the first of this machine's, () none."""
    if ord(char) in characters_in(str(file(False))):
        return (0,)
    return next(((place,) for place, (_, path) in enumerate(other_fonts(), start=1) if ord(char) in characters_in(path)), ())


@cache
def characters_in(path: str) -> frozenset[int]:
    """Return the characters that a font has."""
    from matplotlib import font_manager

    with LOCK:
        return frozenset(font_manager.get_font([path]).get_charmap())


@cache
def other_fonts() -> tuple[tuple[str, str], ...]:
    """Return names and files of this machine's upright fonts, those with many scripts first.

    The other fonts of matplotlib are for formulas, or show a box for a script.
    """
    from matplotlib import font_manager, get_data_path

    found = {
        (entry.name, entry.fname)
        for entry in font_manager.fontManager.ttflist
        if entry.style == "normal"
        and entry.weight in (400, "normal", "regular")
        and entry.index == 0
        and not Path(entry.fname).is_relative_to(get_data_path())
    }

    def rank(font: tuple[str, str]) -> tuple[int, str, str]:
        return next((i for i, name in enumerate(PREFERRED) if font[0].startswith(name)), len(PREFERRED)), *font

    return tuple(sorted(found, key=rank))
