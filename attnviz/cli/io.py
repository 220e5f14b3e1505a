"""Read input and write output of the commands: models by name, texts, bytes and lines, without tracebacks."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attnviz import charset
from attnviz.errors import BadInputError, OutputError, TooLongError
from attnviz.progress import ProgressEvent
from attnviz.types import AttentionRequest, ModelCard

if TYPE_CHECKING:
    from attnviz.engine.trace import Trace

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet reads a cell that begins so as a formula
HARMLESS = "\u202f\u00a0\u200c\u200d"  # narrow and fixed blanks, and what joins the parts of an emoji
WIDEST = 4  # bytes of a character in UTF-32, which UTF-8 may write as one


def card(name: str) -> ModelCard:
    """Return the card of a catalogued model or of a local folder."""
    from attnviz.models import catalog

    if not catalog.is_path(name):
        return catalog.card(name, folder="--model {}")
    from attnviz.models import load  # imports torch

    return load.local_card(Path(name))


def attended(card: ModelCard, request: AttentionRequest) -> Trace:
    """Return the trace of one text; notes during and after the computation go to standard error."""
    from attnviz.backends import open_backend
    from attnviz.settings import Settings

    settings = Settings.from_env()
    folders = (card,) if card.folder and not card.package else ()
    with closing(open_backend(settings.backend, settings, report, folders)) as backend:
        trace = backend.attend(request)
    from attnviz.analysis import legibility_text

    for line in (
        trace.note,
        legibility_text.unread(trace, card.name),
        legibility_text.altered_sentence(trace.reading, card.name),
    ):
        if line:
            note(printable(line))
    return trace


def printable(line: str) -> str:
    """Return a line with what a terminal would obey made visible: it may contain text or names of files.

    ASCII control characters become their pictures; others, and marks that turn the direction of writing, become U+FFFD.
    """
    from attnviz.figures import encoding

    return "".join(c if c.isprintable() or c in HARMLESS else "\ufffd" for c in encoding.visible(line))


def note(line: str) -> None:
    """Print a line to standard error, so that it does not mix with the output."""
    print(f"attnviz: {line}", file=sys.stderr)


def report(event: ProgressEvent) -> None:
    """Print an event to standard error; one that only repeats is left out."""
    if event.kind != "waiting":
        note(event.message)


def checked_text(argument: str) -> str:
    """Return the text of an argument, or of standard input for `-`; raises AttnvizError for what no model can read."""
    from attnviz.settings import Settings
    from attnviz.text import checked

    max_bytes = Settings.from_env().max_bytes
    return checked(text(argument, max_bytes), max_bytes)


def text(argument: str, max_bytes: int) -> str:
    """Return the text of an argument: itself, or for `-` standard input, at most `max_bytes` bytes.

    Raises BadTextError for bytes that are not text.
    """
    return standard_input(max_bytes) if argument == "-" else charset.decode_argument(argument, f"“{_quotable(argument)}”")


def standard_input(max_bytes: int) -> str:
    """Return the text on standard input, without a byte order mark and the end of its last line.

    Raises BadTextError for bytes that are not text, TooLongError beyond `max_bytes`, BadInputError if it cannot be read.
    """
    if sys.stdin is None:  # the caller closed it, as `<&-` does
        return ""
    if sys.stdin.isatty():
        note("Type the text, then Ctrl+D on a line of its own.")
    limit = WIDEST * max_bytes + len("\r\n") * WIDEST + WIDEST  # a mark and the end of a line do not count
    try:
        content = sys.stdin.buffer.read(limit + 1) or b""  # None if no input has arrived and reading does not wait
    except OSError as error:
        raise BadInputError(
            f"Standard input cannot be read ({error.strerror}). Give the text by a pipe or as an argument."
        ) from error
    if len(content) > limit:
        raise TooLongError(f"A text may be {max_bytes:,} bytes long; standard input has more. Shorten it.")
    return charset.decode(content, "Standard input").removesuffix("\n").removesuffix("\r")


def _quotable(argument: str) -> str:
    """Return an argument as a message quotes it, with � for bytes that are not text."""
    return os.fsencode(argument).decode("utf-8", "replace")[:40]


def write(content: bytes, output: str | None) -> None:
    """Write to a file, or to standard output; raises OutputError, with the reason, if a file cannot be written."""
    if output is None:
        show(content)
        return
    try:
        Path(output).write_bytes(content)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else "no file may be called that"
        raise OutputError(
            f"“{output}” cannot be written ({reason}). Name another file with -o, in a folder that exists and has room."
        ) from error


def show_lines(lines: Sequence[str]) -> None:
    """Write lines to standard output; names from a file cannot control the terminal."""
    show("".join(f"{printable(line).rstrip()}\n" for line in lines))


def show_json(value: dict[str, Any]) -> None:
    """Write one object to standard output; half a surrogate pair, which UTF-8 cannot hold, is escaped."""
    written = json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False)
    show(f"{written}\n")


def show_csv(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    """Write a table to standard output, first the names of the columns; spreadsheets read no text in it as a formula."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(columns)
    for row in rows:
        table.writerow([_cell(row.get(name)) for name in columns])
    show(out.getvalue())


def _cell(value: Any) -> Any:
    """Return a cell of a table: numbers as they are, None empty, text that begins like a formula after an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value[:1] in FORMULA else value


def show(content: bytes | str) -> None:
    """Write to standard output, at once; raises OutputError if it cannot be written.

    Bytes of a file's name that are not text are written as JSON and Python write them: `\\udce9`.
    """
    if isinstance(content, str):
        content = content.encode("utf-8", "backslashreplace")
    try:
        if sys.stdout is None:  # the caller closed it, as `>&-` does
            raise OSError(errno.EBADF, "it is closed")
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        abandon()
        raise OutputError(
            f"Standard output cannot be written ({error.strerror}). Send it to a file in a folder that has room."
        ) from error


def abandon() -> None:
    """Discard what is still buffered for standard output, so that the process ends without an error."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
