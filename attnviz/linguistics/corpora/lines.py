"""Read a corpus file line by line: numbered and decoded, with at most one text in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from io import BufferedReader, BytesIO, TextIOWrapper
from pathlib import Path

from attnviz import charset
from attnviz.errors import BadInputError

LONGEST = 1_000_000  # bytes of a line, characters of a text with all its lines: far more than any corpus has


@dataclass(frozen=True)
class FileInMemory:
    """A file as its bytes, such as an upload; messages call it `name`."""

    name: str
    content: bytes = field(repr=False)

    def __str__(self) -> str:
        return self.name


CorpusFile = str | Path | FileInMemory


@dataclass(frozen=True)
class CorpusLine:
    """A line without its end, counted from 1. `fault` is the reason why it cannot be read; `text` is empty then."""

    number: int
    text: str
    fault: str = ""


def lines(path: CorpusFile) -> Iterator[CorpusLine]:
    """Yield the lines of a file, ended by LF or CRLF, or by CR where there is no LF, without a byte order mark.

    The file is UTF-8, or UTF-16 or UTF-32 with a mark; one that seems to be these without a mark is one line with a fault.
    Raises BadInputError without a file.
    """
    if isinstance(path, FileInMemory):
        content: BufferedReader = BufferedReader(BytesIO(path.content))
        yield from _decoded_lines(content)
        return
    try:
        with open(path, "rb") as file:
            yield from _decoded_lines(file)
    except OSError as error:
        raise BadInputError(f"A corpus is a file that can be read; {path}: {error.strerror}. Name another file.") from error


def _decoded_lines(file: BufferedReader) -> Iterator[CorpusLine]:
    """Yield the lines of an open file, in the encoding that its first bytes show."""
    head = file.peek(1)
    mark, encoding, name = charset.find_mark(head)
    seems = "" if mark else charset.guess_unmarked(head[: len(head) // 4 * 4])
    if seems:
        yield CorpusLine(1, "", f"A corpus is written in UTF-8; this file {charset.unmarked_message(seems)}")
        return
    file.read(len(mark))
    start = head[len(mark) :].decode(encoding, "ignore")
    if name == "UTF-8" and ("\n" in start or "\r" not in start):
        yield from _numbered(file)
        return
    end = "\r" if "\r" in start and "\n" not in start else "\n"
    bad = "surrogateescape" if name == "UTF-8" else "strict"
    wide = TextIOWrapper(file, encoding, errors=bad, newline=end)
    try:
        yield from _wide(wide, name)
    finally:
        wide.detach()  # the file is closed where it was opened


def groups(found: Iterable[CorpusLine], starts: Callable[[str], bool]) -> Iterator[list[CorpusLine]]:
    """Group lines: a new group starts with each line for which `starts` is true.

    A group of more than LONGEST characters becomes one line with a fault.
    """
    group: list[CorpusLine] = []
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
                CorpusLine(
                    line.number, "", f"A text and its lines have at most {LONGEST:,} characters; here are more. Divide it."
                )
            ]
    if group:
        yield group


def _numbered(file: BufferedReader) -> Iterator[CorpusLine]:
    """Yield the lines of an open file in UTF-8. The rest of a line that is too long is skipped."""
    number = 0
    while raw := file.readline(LONGEST):
        number += 1
        if len(raw) == LONGEST and not raw.endswith(b"\n"):
            while (rest := file.readline(LONGEST)) and not rest.endswith(b"\n"):
                pass
            yield _long(number)
        else:
            yield _decoded(number, raw)


def _wide(file: TextIOWrapper, name: str) -> Iterator[CorpusLine]:
    """Yield the lines of a file in another encoding, or with other line ends; reading stops at invalid characters."""
    number, too_long = 0, False
    while True:
        try:
            text = file.readline(LONGEST)
        except UnicodeDecodeError:
            reason = f"this file is marked as {name}, and what follows is no whole character: it was cut short or altered"
            yield CorpusLine(number + 1, "", f"A corpus is text; {reason}. Save it as UTF-8.")
            return
        if not text:
            return
        ends = len(text) < LONGEST or text[-1] in "\r\n"
        if too_long:
            too_long = not ends
            continue
        number += 1
        too_long = not ends
        yield _long(number) if too_long else _decoded(number, text.encode("utf-8", "surrogateescape"))


def _long(number: int) -> CorpusLine:
    """Return the fault for a line that is too long."""
    return CorpusLine(number, "", f"A line is shorter than {LONGEST:,} bytes; this one is longer. Divide it.")


def _decoded(number: int, raw: bytes) -> CorpusLine:
    """Return a line as text, or as a fault with its first invalid byte."""
    try:
        text = raw.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        bad = f"byte {error.start + 1} of this line, 0x{raw[error.start]:02X}, belongs to no character"
        return CorpusLine(
            number, "", f"A corpus is written in UTF-8; {bad}. Save the file as UTF-8, or convert it: iconv -f latin1 -t utf-8."
        )
    if "\0" in text:
        rule = "A corpus is text, in which no character is NUL"
        return CorpusLine(number, "", f"{rule}; character {text.index(chr(0)) + 1} of this line is. Take it out.")
    return CorpusLine(number, text)
