"""Log records in, one line of JSON each out. What readers typed is in none: of an error only its kind and place are told."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

from attnviz import quiet

NAME = "attnviz.server"
logger = logging.getLogger(NAME)


class Lines(logging.Formatter):
    """A record as a line: the time, what happened, and what the record carries under `told`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line. What an exception says is left out, since it may quote a text."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": at, "level": record.levelname.lower(), "event": quiet.message(record)} | getattr(record, "told", {})
        if record.exc_info and record.exc_info[1] is not None:
            frames = traceback.extract_tb(record.exc_info[2])[-12:]
            line["error"] = type(record.exc_info[1]).__name__
            line["at"] = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames]
        return json.dumps(line)


def to_standard_error() -> None:
    """Every record of this process as such a line, to standard error; so is what nobody catches."""
    quiet.uncaught()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").disabled = True  # our own line of each request has no path that somebody typed
    for name in (NAME, "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.INFO)


def event(name: str, **told: object) -> None:
    """One line about something that happened."""
    logger.info(name, extra={"told": told})
