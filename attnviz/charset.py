"""Bytes from outside as text: UTF-8, or UTF-16 and UTF-32 with a byte order mark, which is not part of the text.

Any other encoding is refused and never guessed: a wrong guess shows wrong letters, and they would be measured too. The message
names the likely encoding, the byte that shows it, and how to convert it.
"""

from __future__ import annotations

import codecs
import os
import re
from typing import Protocol, runtime_checkable

from attnviz.errors import BadTextError

BYTE_ORDER_MARK = "\ufeff"
# The longer marks first: that of UTF-32 begins like that of UTF-16.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"), (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"), (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
    (codecs.BOM_UTF8, "utf-8", "UTF-8"),
)  # fmt: skip
REMEDY = "Save it as UTF-8, or convert it: iconv -f {} -t utf-8"
_SAMPLE = 4096  # bytes from which an encoding without a mark is recognised
_CONTROLS = 9  # byte values below the tab, which are rare in any text
_MIN_SHARE = 0.7  # of control characters among the upper bytes


@runtime_checkable
class File(Protocol):
    """A path, or a file of a package."""

    @property
    def name(self) -> str: ...
    def read_bytes(self) -> bytes: ...


def read(file: File) -> str:
    """Return the text of a whole file, with LF at the line ends. Raises BadTextError, which names the file."""
    return decode(file.read_bytes(), file.name).replace("\r\n", "\n").replace("\r", "\n")


def decode(content: bytes, what: str) -> str:
    """Return bytes as text, without a byte order mark.

    Raises BadTextError for bytes that are not UTF-8, nor UTF-16 or UTF-32 with a mark; `what` names them in the message.
    """
    mark, encoding, _ = find_mark(content)
    guess = "" if mark else guess_unmarked(content)
    if guess:
        raise BadTextError(f"{what} {unmarked_message(guess)}")
    try:
        return content[len(mark) :].decode(encoding).removeprefix(BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        raise BadTextError(f"{what} {error_message(content, error.start + len(mark), encoding)}") from error


def find_mark(content: bytes) -> tuple[bytes, str, str]:
    """Return the byte order mark at the start, its encoding, and the name of that; b"" and UTF-8 where there is none."""
    for mark, encoding, name in MARKS:
        # UTF-16 may begin with a NUL; then it looks like UTF-32 of an impossible length or with impossible characters.
        if content.startswith(mark) and (name != "UTF-32" or _is_valid(content[: 4 * _SAMPLE], encoding)):
            return mark, encoding, name
    return b"", "utf-8", "UTF-8"


def _is_valid(content: bytes, encoding: str) -> bool:
    """Return whether bytes can be the start of a text in this encoding."""
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def guess_unmarked(content: bytes) -> str:
    """Return the name that iconv has for UTF-16 or UTF-32, where bytes without a mark seem to be that; else "".

    The upper bytes of letters below U+0900 (Latin, Greek, Cyrillic, Hebrew, Arabic) are control characters in UTF-8, so that
    nearly every second character would be one, or three of four.
    """
    sample = content[:_SAMPLE]
    for size, names in ((4, ("utf-32le", "utf-32be")), (2, ("utf-16le", "utf-16be"))):
        if len(sample) < 4 or len(sample) % size:
            continue
        units = len(sample) // size
        controls = [sum(byte < _CONTROLS for byte in sample[at::size]) for at in range(size)]
        for name in names:
            low, high = (controls[0], controls[1:]) if name.endswith("le") else (controls[-1], controls[:-1])
            if min(high) > _MIN_SHARE * units and low < min(high) / 2:
                return name
    return ""


def unmarked_message(name: str) -> str:
    """Return the rest of a message about bytes for which `guess_unmarked` gave this name."""
    return f"seems to be {name.upper()} without a byte order mark, which is not guessed at. {REMEDY.format(name)}."


def error_message(content: bytes, at: int, encoding: str = "utf-8") -> str:
    """Return the rest of a message about bytes that cannot be decoded because of byte `at`, counted from 0."""
    where = f"byte {at + 1:,}"
    line = content.count(b"\n", 0, at) + 1
    if encoding != "utf-8":
        name = next(name for _, other, name in MARKS if other == encoding)
        return f"is marked as {name}, and at {where} is no whole character: it was cut short or altered. Save it as UTF-8."
    before = content[content.rfind(b"\n", 0, at) + 1 : at].decode("utf-8", "replace").strip()[-12:]
    details = [f"in line {line:,}"] * (line > 1) + [f"after “{before}”"] * (before.isprintable() and before != "")
    place = "".join(f", {detail}" for detail in details) + "," * bool(details)
    byte = f"{where} (0x{content[at]:02X})"
    remedy = f"{REMEDY.format('latin1')}, or from what it was saved in."
    return f"must be text in UTF-8, and {byte}{place} belongs to no character. {remedy}"


def decode_argument(text: str, what: str) -> str:
    """Return an argument of the command line without a byte order mark. Raises BadTextError if its bytes were no text.

    Python keeps such bytes as lone surrogates.
    """
    if re.search("[\udc80-\udcff]", text):
        return decode(os.fsencode(text), f"A text may hold only whole characters; {what}")
    return text.removeprefix(BYTE_ORDER_MARK)
