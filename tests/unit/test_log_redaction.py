"""Logs: the kind and the place of a fault, and nothing of the text that it was about."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from attnviz import log_redaction

SECRET = "my grandmother's sentence"


def wrong(text: str) -> None:
    raise KeyError(text)


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A logger whose records are made by `quiet`, and what it wrote."""
    before, out = logging.getLogRecordFactory(), io.StringIO()
    logging.setLogRecordFactory(log_redaction.record)
    logger, handler = logging.Logger("a library"), logging.StreamHandler(out)
    logger.addHandler(handler)
    yield logger, out
    logging.setLogRecordFactory(before)


def test_an_exception_is_told_by_its_kind_and_place(log):
    logger, out = log
    try:
        wrong(SECRET)
    except KeyError:
        logger.exception("A run ended")
    assert out.getvalue().startswith("A run ended: KeyError at tests/unit/test_log_redaction.py:")
    assert out.getvalue().endswith("(wrong)\n")
    assert SECRET not in out.getvalue()
    assert out.getvalue().count("\n") == 1


def test_what_an_exception_came_from_is_told_by_its_kind(log):
    logger, out = log
    try:
        try:
            wrong(SECRET)
        except KeyError as error:
            raise ValueError(SECRET) from error
    except ValueError as error:
        logger.error("%s and %d", error, 3)
    assert ", from KeyError and 3" in out.getvalue()
    assert SECRET not in out.getvalue()


def test_arguments_by_name_are_told_too(log):
    logger, out = log
    logger.warning("%(why)s", {"why": ValueError(SECRET)})
    assert out.getvalue() == "ValueError at no known place\n"


def test_other_lines_stay_as_they_are(log):
    logger, out = log
    logger.warning("%s of %d", "one", 2)
    assert out.getvalue() == "one of 2\n"


class Unwritable:
    def __str__(self) -> str:
        raise RuntimeError(SECRET)


@pytest.mark.parametrize(
    ("message", "args", "line"),
    [
        ("no place for it", (1,), "no place for it"),
        ("%d of it", ("one",), "%d of it"),
        ("%s of it", (Unwritable(),), "%s of it"),
        (Unwritable(), (), "Unwritable"),
        ("%(one)s of it", ({"other": 1},), "%(one)s of it"),
    ],
)
def test_a_line_that_cannot_be_written_whole_disturbs_nobody(log, message: object, args: tuple[object, ...], line: str):
    logger, out = log
    logger.warning(message, *args)
    assert out.getvalue() == f"{line}\n"


def test_a_file_of_a_library_is_named_without_this_machines_folders(log):
    logger, out = log
    code = compile("raise KeyError", "/home/somebody/lib/site-packages/theirs/part.py", "exec")
    try:
        exec(code)
    except KeyError:
        logger.exception("A run ended")
    assert out.getvalue().endswith(" > theirs/part.py:1 (<module>)\n")


THREAD = f"""
import asyncio, threading
from attnviz import log_redaction
log_redaction.keep()
def wrong(): raise KeyError({SECRET!r})
one = threading.Thread(target=wrong)
one.start()
one.join()
class Gone:
    def __del__(self): wrong()
gone = Gone()
del gone
async def lost(): wrong()
async def main():
    asyncio.ensure_future(lost())
    await asyncio.sleep(0)
asyncio.run(main())
"""


def test_what_nobody_catches_is_told_in_a_line():
    ran = subprocess.run([sys.executable, "-c", THREAD], capture_output=True, text=True, check=True)
    lines = ran.stderr.splitlines()
    assert len(lines) == 3
    assert all("Nobody caught KeyError at" in line for line in lines[:2])
    assert "Task exception was never retrieved: KeyError at" in lines[2]
    assert all("(wrong)" in line for line in lines)
    assert SECRET not in ran.stderr


def test_what_nobody_catches_is_a_line_of_the_servers_log_too():
    logged = "from attnviz.server import json_log\njson_log.to_standard_error()"
    code = THREAD.replace("from attnviz import log_redaction\nlog_redaction.keep()", logged)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    events = [json.loads(line)["event"] for line in ran.stderr.splitlines()]
    assert len(events) == 3
    assert all("Nobody caught KeyError at" in event for event in events[:2])
    assert SECRET not in ran.stderr
