"""Log records in, records without what a reader typed out: of an exception its kind and its place, never its message.

A message says what was wrong, and so may hold the text that was wrong. Where it went wrong is enough to find a fault of ours.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

STEPS = 6  # places named of one exception, the innermost last
_ROOT = Path(__file__).parent.parent


def told(error: BaseException) -> str:
    """What a log says of an exception: `KeyError at pages/a.py:3 (<module>) > attnviz/b.py:7 (f)`, and what it came from."""
    origin = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = f", from {type(origin).__qualname__}" if origin else ""
    return f"{type(error).__qualname__} at {_places(error.__traceback__) or 'no known place'}{before}"


def _places(trace: TracebackType | None) -> str:
    """The last places of a traceback; of a library's file the package is enough."""
    found = []
    while trace is not None:
        code = trace.tb_frame.f_code
        found.append(f"{_short(code.co_filename)}:{trace.tb_lineno} ({code.co_name})")
        trace = trace.tb_next
    return " > ".join(found[-STEPS:])


def _short(file: str) -> str:
    """A file without this machine's folders."""
    path = Path(file)
    if "site-packages" in path.parts:
        return "/".join(path.parts[path.parts.index("site-packages") + 1 :])
    return str(path.relative_to(_ROOT)) if path.is_relative_to(_ROOT) else path.name


def record(*parts: Any, **more: Any) -> logging.LogRecord:
    """A log record, as `logging` makes one; an exception in it, also one among the arguments, is told without its text."""
    made = logging.LogRecord(*parts, **more)
    error = made.exc_info[1] if made.exc_info else None
    made.msg, made.args = message(made) if error is None else f"{message(made)}: {told(error)}", ()
    made.exc_info = None
    return made


def message(made: logging.LogRecord) -> str:
    """What a record says, its arguments filled in; what an exception among them says is left out."""
    args = made.args
    if isinstance(args, Mapping):
        args = {name: _said(arg) for name, arg in args.items()}
    elif args:
        args = tuple(_said(arg) for arg in args)
    text = _filled(made.msg, args)
    # What follows the first line of asyncio's is the task, with its error written out.
    return text.partition("\n")[0] if made.name == "asyncio" else text


def _filled(message: object, args: Any) -> str:
    """A message with its arguments, or alone where they do not fit or cannot be written: who logs is not disturbed."""
    try:
        return str(message) % args if args else str(message)
    except Exception:  # noqa: BLE001  # whatever an object of a library's raises
        return message if isinstance(message, str) else type(message).__qualname__


def _said(value: object) -> object:
    """What may stand in a log of one argument of a message."""
    return told(value) if isinstance(value, BaseException) else value


def keep() -> None:
    """From now on exceptions in logs of this process, of any library, are told without their message; so is what threads print.

    What remains is an exception that a library has made words of itself (`str(error)`, a list of errors): such words look like
    any others.
    """
    logging.setLogRecordFactory(record)
    uncaught()


def uncaught() -> None:
    """From now on what nobody catches, in a thread or while an object goes, is a line of the log and no traceback."""
    threading.excepthook = lambda args: _thrown(args.exc_value)
    sys.unraisablehook = lambda args: _thrown(args.exc_value)


def _thrown(error: BaseException | None) -> None:
    """An exception that nobody caught, in a thread or while an object went."""
    if error is not None:
        logging.getLogger("attnviz").error("Nobody caught %s", error)
