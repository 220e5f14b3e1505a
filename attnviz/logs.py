"""Logs without users' texts: an exception is logged by its type and location, never by its message; JSON lines for servers.

The message of an exception says what was wrong, and so may quote the text that was wrong. Its location is enough to find a bug.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

FRAMES = 6  # stack frames named for one exception, the innermost last
STACK = 12  # stack frames in a JSON line
SERVER_LOG, PAGE_LOG = logging.getLogger("attnviz.server.app"), logging.getLogger("attnviz.pages")
_ROOT = Path(__file__).parent.parent


def describe_exception(error: BaseException) -> str:
    """Return type, location and cause: `KeyError at pages/a.py:3 (<module>) > attnviz/b.py:7 (f), from ValueError`."""
    origin = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    cause = f", from {type(origin).__qualname__}" if origin else ""
    return f"{type(error).__qualname__} at {_frames(error.__traceback__) or 'unknown location'}{cause}"


def _frames(trace: TracebackType | None) -> str:
    """Return the innermost frames of a traceback as text."""
    found = []
    while trace is not None:
        code = trace.tb_frame.f_code
        found.append(f"{_short_path(code.co_filename)}:{trace.tb_lineno} ({code.co_name})")
        trace = trace.tb_next
    return " > ".join(found[-FRAMES:])


def _short_path(file: str) -> str:
    """Return a file's path without the folders of this machine; for a library, from its package on."""
    path = Path(file)
    if "site-packages" in path.parts:
        return "/".join(path.parts[path.parts.index("site-packages") + 1 :])
    return str(path.relative_to(_ROOT)) if path.is_relative_to(_ROOT) else path.name


def redacted_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
    """Make a log record as `logging` does, with each exception, also among the arguments, described without its message."""
    record = logging.LogRecord(*args, **kwargs)
    error = record.exc_info[1] if record.exc_info else None
    text = redacted_message(record)
    record.msg, record.args = text if error is None else f"{text}: {describe_exception(error)}", ()
    record.exc_info = None
    return record


def redacted_message(record: logging.LogRecord) -> str:
    """Return the message of a record with its arguments filled in; exceptions among them are described."""
    args = record.args
    if isinstance(args, Mapping):
        args = {name: _redacted(arg) for name, arg in args.items()}
    elif args:
        args = tuple(_redacted(arg) for arg in args)
    text = _fill_in(record.msg, args)
    # In asyncio's messages the first line is followed by the task, with its error written out.
    return text.partition("\n")[0] if record.name == "asyncio" else text


def _fill_in(message: object, args: Any) -> str:
    """Return a message with its arguments; without them where they do not fit, since logging must never raise."""
    try:
        return str(message) % args if args else str(message)
    except Exception:  # noqa: BLE001  # an object of a library may raise anything
        return message if isinstance(message, str) else type(message).__qualname__


def _redacted(value: object) -> object:
    """Return an argument of a message as a log may hold it."""
    return describe_exception(value) if isinstance(value, BaseException) else value


def redact_logs() -> None:
    """Redact every log record of this process from now on, of any library, and log uncaught exceptions the same way.

    Not covered: an exception that a library has already turned into words (`str(error)`), which look like any other words.
    """
    logging.setLogRecordFactory(redacted_record)
    log_uncaught()


def log_uncaught() -> None:
    """Log exceptions that are caught nowhere, in a thread or a finaliser, as one line instead of a traceback."""
    threading.excepthook = lambda args: _log_uncaught(args.exc_value)
    sys.unraisablehook = lambda args: _log_uncaught(args.exc_value)


def _log_uncaught(error: BaseException | None) -> None:
    """Log one uncaught exception."""
    if error is not None:
        logging.getLogger("attnviz").error("Uncaught %s", error)


class JsonFormatter(logging.Formatter):
    """A log record as one line of JSON: time, level, event and the fields given to `log_event`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; of an exception it has the type and the stack, not the message, which may quote a text."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {"time": time, "level": record.levelname.lower(), "event": redacted_message(record)}
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[1] is not None:
            frames = traceback.extract_tb(record.exc_info[2])[-STACK:]
            line["error"] = type(record.exc_info[1]).__name__
            line["stack"] = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames]
        return json.dumps(line)


def log_json_to_stderr() -> None:
    """Write every log record of this process to standard error as one line of JSON, uncaught exceptions included."""
    log_uncaught()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").disabled = True  # it logs paths as the client sent them; our line of a request does not
    for logger in (SERVER_LOG, logging.getLogger("uvicorn.error")):
        logger.setLevel(logging.INFO)


class _StderrHandler(logging.Handler):
    """Writes to what `sys.stderr` is at the moment."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        try:
            print(self.format(record), file=sys.stderr, flush=True)
        except Exception:  # noqa: BLE001  # as in logging's own handlers: a failed write must not reach the caller
            self.handleError(record)


def enable_page_log() -> None:
    """Write what pages log as JSON lines too; everything else in their process has Streamlit's format."""
    if not PAGE_LOG.handlers:
        handler = _StderrHandler()
        handler.setFormatter(JsonFormatter())
        PAGE_LOG.addHandler(handler)
        PAGE_LOG.setLevel(logging.INFO)
        PAGE_LOG.propagate = False


def log_page_event(name: str, **fields: object) -> None:
    """Log one event of a page."""
    PAGE_LOG.info(name, extra={"fields": fields})


def log_event(name: str, **fields: object) -> None:
    """Log one event of the HTTP server."""
    SERVER_LOG.info(name, extra={"fields": fields})
