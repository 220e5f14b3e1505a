"""A corpus file in, its lines out one at a time: numbered and decoded, and never more of it in memory than one text."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from attnviz.errors import BadInputError

LONGEST = 1_000_000  # of a line in bytes, of a text with all its lines in characters: far more than any corpus has


@dataclass(frozen=True)
class Line:
    """A line without its end, counted from 1. `fault` says why it cannot be read; `text` is empty then."""

    number: int
    text: str
    fault: str = ""


def lines(path: str | Path) -> Iterator[Line]:
    """The lines of a UTF-8 file, ended by LF or CRLF, without a byte order mark; raises BadInputError without a file."""
    try:
        with open(path, "rb") as file:
            yield from _numbered(file)
    except OSError as error:
        raise BadInputError(f"A corpus is a file that can be read; {path}: {error.strerror}. Name another file.") from error


def groups(found: Iterable[Line], starts: Callable[[str], bool]) -> Iterator[list[Line]]:
    """Lines that belong together: a new group starts with each line for which `starts` holds.

    A group of more than LONGEST characters becomes one line with a fault.
    """
    group: list[Line] = []
    size = 0
    for line in found:
        if group and not line.fault and starts(line.text):
            yield group
            group, size = [], 0
        before, size = size, size + len(line.text) + 1
        if size <= LONGEST:
            group.append(line)
        elif before <= LONGEST:
            group = [
                Line(line.number, "", f"A text and its lines have at most {LONGEST:,} characters; here are more. Divide it.")
            ]
    if group:
        yield group


def _numbered(file: BinaryIO) -> Iterator[Line]:
    """The lines of an open file. What is left of a line that is too long is read past, not kept."""
    number = 0
    while raw := file.readline(LONGEST):
        number += 1
        if len(raw) == LONGEST and not raw.endswith(b"\n"):
            while (rest := file.readline(LONGEST)) and not rest.endswith(b"\n"):
                pass
            yield Line(number, "", f"A line is shorter than {LONGEST:,} bytes; this one is longer. Divide it.")
        else:
            yield _decoded(number, raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw)


def _decoded(number: int, raw: bytes) -> Line:
    """A line as text, or with the first byte that is none."""
    try:
        return Line(number, raw.decode("utf-8").removesuffix("\n").removesuffix("\r"))
    except UnicodeDecodeError as error:
        bad = f"byte {error.start + 1} of this line, 0x{raw[error.start]:02X}, belongs to no character"
        return Line(number, "", f"A corpus is written in UTF-8; {bad}. Save the file as UTF-8.")
