"""Log records in, one line of JSON each out. What readers typed is in none: of an error only its kind and place are told."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

from attnviz import log_redaction

NAME = "attnviz.server.app"
logger, pages = logging.getLogger(NAME), logging.getLogger("attnviz.pages")


class Lines(logging.Formatter):
    """A record as a line: the time, what happened, and what the record carries under `told`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line. What an exception says is left out, since it may quote a text."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": at, "level": record.levelname.lower(), "event": log_redaction.message(record)} | getattr(
            record, "told", {}
        )
        if record.exc_info and record.exc_info[1] is not None:
            frames = traceback.extract_tb(record.exc_info[2])[-12:]
            line["error"] = type(record.exc_info[1]).__name__
            line["at"] = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames]
        return json.dumps(line)


def to_standard_error() -> None:
    """Every record of this process as such a line, to standard error; so is what nobody catches."""
    log_redaction.uncaught()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").disabled = True  # our own line of each request has no path that somebody typed
    for name in (NAME, "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.INFO)


class _Out(logging.Handler):
    """To standard error, wherever that leads at the moment."""

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        try:
            print(self.format(record), file=sys.stderr, flush=True)
        except Exception:  # noqa: BLE001  # as logging's own handlers: who logs is not disturbed
            self.handleError(record)


def of_pages() -> None:
    """From now on what pages log is such lines too; the rest of their process has Streamlit's own."""
    if not pages.handlers:
        out = _Out()
        out.setFormatter(Lines())
        pages.addHandler(out)
        pages.setLevel(logging.INFO)
        pages.propagate = False


def page_event(name: str, **told: object) -> None:
    """One line about something that a page did."""
    pages.info(name, extra={"told": told})


def event(name: str, **told: object) -> None:
    """One line about something that happened."""
    logger.info(name, extra={"told": told})
