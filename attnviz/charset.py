"""Bytes from outside as text: UTF-8, or UTF-16 and UTF-32 with a byte order mark, which is no part of the text.

Whatever is in another encoding is never guessed at: a wrong guess shows as wrong letters, and is measured as such. What it
seems to be is said, with the byte that gives it away and the way to convert it.
"""

from __future__ import annotations

import codecs
import os
import re
from typing import Protocol, runtime_checkable

from attnviz.errors import BadTextError

MARK = "\ufeff"
# The longer marks first: that of UTF-32 begins like that of UTF-16.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"), (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"), (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
    (codecs.BOM_UTF8, "utf-8", "UTF-8"),
)  # fmt: skip
REMEDY = "Save it as UTF-8, or convert it: iconv -f {} -t utf-8"
_SEEN = 4096  # bytes from which an encoding without a mark is recognised
_CONTROLS = 9  # bytes below the tab, which no text has many of
MOSTLY = 0.7  # of the upper bytes


@runtime_checkable
class File(Protocol):
    """A path, or a file of a package."""

    @property
    def name(self) -> str: ...
    def read_bytes(self) -> bytes: ...


def read(file: File) -> str:
    """The text of a whole file, its lines ended by LF; raises BadTextError, which names the file, where it is none."""
    return decoded(file.read_bytes(), file.name).replace("\r\n", "\n").replace("\r", "\n")


def decoded(content: bytes, what: str) -> str:
    """The text of some bytes, without a byte order mark.

    Raises BadTextError where they are no text in UTF-8, nor in UTF-16 or UTF-32 with a mark; `what` names them there.
    """
    mark, encoding, _ = marked(content)
    seems = "" if mark else suspected(content)
    if seems:
        raise BadTextError(f"{what} {unmarked_as(seems)}")
    try:
        return content[len(mark) :].decode(encoding).removeprefix(MARK)
    except UnicodeDecodeError as error:
        raise BadTextError(f"{what} {fault(content, error.start + len(mark), encoding)}") from error


def marked(content: bytes) -> tuple[bytes, str, str]:
    """The byte order mark with which bytes begin, the encoding that it stands for, and its name; b"" and UTF-8 without one."""
    for mark, encoding, name in MARKS:
        # UTF-16 may begin with a NUL; then it looks like UTF-32 of a length or of characters that UTF-32 cannot have.
        if content.startswith(mark) and (name != "UTF-32" or _whole(content[: 4 * _SEEN], encoding)):
            return mark, encoding, name
    return b"", "utf-8", "UTF-8"


def _whole(content: bytes, encoding: str) -> bool:
    """Whether bytes can be the beginning of a text in this encoding."""
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def suspected(content: bytes) -> str:
    """The name of UTF-16 or UTF-32 where bytes without a mark seem to be that, as iconv names it; "" elsewhere.

    The upper bytes of letters below U+0900 (Latin, Greek, Cyrillic, Hebrew, Arabic) are control characters in UTF-8, and then
    nearly every second character would be one, or three of four.
    """
    seen = content[:_SEEN]
    for size, names in ((4, ("utf-32le", "utf-32be")), (2, ("utf-16le", "utf-16be"))):
        if len(seen) < 4 or len(seen) % size:
            continue
        units = len(seen) // size
        controls = [sum(byte < _CONTROLS for byte in seen[at::size]) for at in range(size)]
        for name in names:
            low, high = (controls[0], controls[1:]) if name.endswith("le") else (controls[-1], controls[:-1])
            if min(high) > MOSTLY * units and low < min(high) / 2:
                return name
    return ""


def unmarked_as(name: str) -> str:
    """The rest of a message on bytes that are `suspected`."""
    return f"seems to be {name.upper()} without a byte order mark, which is not guessed at. {REMEDY.format(name)}."


def fault(content: bytes, at: int, encoding: str = "utf-8") -> str:
    """The rest of a message on bytes that are no text because of byte `at`, counted from 0."""
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


def argument(text: str, what: str) -> str:
    """A text of the command line, without a byte order mark; raises BadTextError where its bytes were none.

    Python keeps bytes that are no text as lone surrogates.
    """
    if re.search("[\udc80-\udcff]", text):
        return decoded(os.fsencode(text), f"A text may hold only whole characters; {what}")
    return text.removeprefix(MARK)
