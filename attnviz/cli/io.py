"""Input and output of the commands: a model by its name, a text, bytes or lines, and no traceback."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attnviz import charset
from attnviz.errors import BadInputError, OutputError, TooLongError
from attnviz.progress import ProgressEvent
from attnviz.types import AttentionRequest, ModelCard

if TYPE_CHECKING:
    from attnviz.engine.trace import Trace

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet takes what begins so for a formula
HARMLESS = "\u202f\u00a0\u200c\u200d"  # narrow and fixed blanks, and what joins the parts of an emoji
WIDEST = 4  # bytes of a character in UTF-32, which UTF-8 may write as one


def card(name: str) -> ModelCard:
    """The card of a catalogued model or of a local folder."""
    from attnviz.models import catalog

    if not catalog.is_path(name):
        return catalog.card(name, folder="--model {}")
    from attnviz.models import load  # brings torch with it

    return load.local_card(Path(name))


def attended(card: ModelCard, request: AttentionRequest) -> Trace:
    """Return the trace of one text; notes during and after the computation go to standard error."""
    from attnviz.backends import open_backend
    from attnviz.settings import Settings

    settings = Settings.from_env()
    folders = (card,) if card.folder and not card.package else ()
    trace = open_backend(settings.backend, settings, report, folders).attend(request)
    from attnviz.analysis import legibility_text

    for line in (
        trace.note,
        legibility_text.counted(trace, card.name),
        legibility_text.altered_sentence(trace.reading, card.name),
    ):
        if line:
            say(printable(line))
    return trace


def printable(line: str) -> str:
    """A line with words of a text or names of a file in it: what a terminal would obey is made visible.

    ASCII control characters have pictures; others, and marks that turn the direction of writing, become U+FFFD.
    """
    from attnviz.figures import encoding

    return "".join(c if c.isprintable() or c in HARMLESS else "\ufffd" for c in encoding.visible(line))


def say(line: str) -> None:
    """Print a line to standard error, so that it does not mix with the output."""
    print(f"attnviz: {line}", file=sys.stderr)


def report(event: ProgressEvent) -> None:
    """Print an event to standard error; one that only repeats is left out."""
    if event.kind != "waiting":
        say(event.message)


def checked_text(argument: str) -> str:
    """Return the text of an argument, or of standard input for `-`; an AttnvizError for what no model can read."""
    from attnviz.settings import Settings
    from attnviz.text import checked

    most = Settings.from_env().max_bytes
    return checked(text(argument, most), most)


def text(argument: str, most: int) -> str:
    """The text that an argument gives: itself, or of `-` what stands on standard input, of which `most` bytes may be text.

    Raises BadTextError for bytes that are no text.
    """
    return standard_input(most) if argument == "-" else charset.decode_argument(argument, f"“{_shown(argument)}”")


def standard_input(most: int) -> str:
    """The text on standard input, without a byte order mark and the end of its last line.

    Raises BadTextError for bytes that are no text, TooLongError beyond `most` bytes, BadInputError where it cannot be read.
    """
    if sys.stdin is None:  # the caller closed it, as `<&-` does
        return ""
    if sys.stdin.isatty():
        say("Type the text, then Ctrl+D on a line of its own.")
    limit = WIDEST * most + len("\r\n") * WIDEST + WIDEST  # a mark and the end of a line are no text
    try:
        content = sys.stdin.buffer.read(limit + 1) or b""  # None where nothing has come yet and reading does not wait
    except OSError as error:
        raise BadInputError(
            f"Standard input cannot be read ({error.strerror}). Give the text by a pipe or as an argument."
        ) from error
    if len(content) > limit:
        raise TooLongError(f"A text may be {most:,} bytes long; standard input has more. Shorten it.")
    return charset.decode(content, "Standard input").removesuffix("\n").removesuffix("\r")


def _shown(argument: str) -> str:
    """An argument as a message quotes it, with � where bytes are no text."""
    return os.fsencode(argument).decode("utf-8", "replace")[:40]


def write(content: bytes, output: str | None) -> None:
    """To a file, or to standard output; OutputError says why a file cannot be written."""
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
    """Lines to standard output; names from a file cannot steer the terminal."""
    show("".join(f"{printable(line).rstrip()}\n" for line in lines))


def show_json(value: dict[str, Any]) -> None:
    """One object to standard output; half a surrogate pair, which UTF-8 cannot hold, is escaped."""
    written = json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False)
    show(f"{written}\n")


def show_csv(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    """A table to standard output, its first line the names of the columns; no text is taken for a formula by a spreadsheet."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(columns)
    for row in rows:
        table.writerow([_cell(row.get(name)) for name in columns])
    show(out.getvalue())


def _cell(value: Any) -> Any:
    """A cell of a table: numbers as they are, None empty, and text that begins like a formula behind an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value[:1] in FORMULA else value


def show(content: bytes | str) -> None:
    """To standard output, at once; OutputError where it takes nothing more.

    Bytes of a file's name that are no text are written as JSON and Python write them: `\\udce9`.
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
    """Send what is still on its way to standard output nowhere, so that the end of the process does not fail over it."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
