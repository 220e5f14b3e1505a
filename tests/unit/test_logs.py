"""Logs: the type and the location of an exception, and no word of the text that caused it."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from attnviz import logs

SECRET = "my grandmother's sentence"


def fail(text: str) -> None:
    raise KeyError(text)


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A logger with redacted records, and its output."""
    before, out = logging.getLogRecordFactory(), io.StringIO()
    logging.setLogRecordFactory(logs.redacted_record)
    logger, handler = logging.Logger("a library"), logging.StreamHandler(out)
    logger.addHandler(handler)
    yield logger, out
    logging.setLogRecordFactory(before)


def test_an_exception_is_logged_by_its_type_and_location(log):
    logger, out = log
    try:
        fail(SECRET)
    except KeyError:
        logger.exception("A run ended")
    assert out.getvalue().startswith("A run ended: KeyError at tests/unit/test_logs.py:")
    assert out.getvalue().endswith("(fail)\n")
    assert SECRET not in out.getvalue()
    assert out.getvalue().count("\n") == 1


def test_the_cause_of_an_exception_is_logged_by_its_type(log):
    logger, out = log
    try:
        try:
            fail(SECRET)
        except KeyError as error:
            raise ValueError(SECRET) from error
    except ValueError as error:
        logger.error("%s and %d", error, 3)
    assert ", from KeyError and 3" in out.getvalue()
    assert SECRET not in out.getvalue()


def test_an_exception_among_named_arguments_is_described_too(log):
    logger, out = log
    logger.warning("%(why)s", {"why": ValueError(SECRET)})
    assert out.getvalue() == "ValueError at unknown location\n"


def test_other_messages_are_unchanged(log):
    logger, out = log
    logger.warning("%s of %d", "one", 2)
    assert out.getvalue() == "one of 2\n"


class Unwritable:
    def __str__(self) -> str:
        raise RuntimeError(SECRET)


@pytest.mark.parametrize(
    ("message", "args", "line"),
    [
        ("no argument fits", (1,), "no argument fits"),
        ("%d of it", ("one",), "%d of it"),
        ("%s of it", (Unwritable(),), "%s of it"),
        (Unwritable(), (), "Unwritable"),
        ("%(one)s of it", ({"other": 1},), "%(one)s of it"),
    ],
)
def test_a_message_that_cannot_be_formatted_raises_nothing(log, message: object, args: tuple[object, ...], line: str):
    logger, out = log
    logger.warning(message, *args)
    assert out.getvalue() == f"{line}\n"


def test_a_file_of_a_library_is_named_without_the_folders_of_this_machine(log):
    logger, out = log
    code = compile("raise KeyError", "/home/user/lib/site-packages/theirs/part.py", "exec")
    try:
        exec(code)
    except KeyError:
        logger.exception("A run ended")
    assert out.getvalue().endswith(" > theirs/part.py:1 (<module>)\n")


THREAD = f"""
import asyncio, threading
from attnviz import logs
logs.redact_logs()
def fail(): raise KeyError({SECRET!r})
one = threading.Thread(target=fail)
one.start()
one.join()
class Gone:
    def __del__(self): fail()
gone = Gone()
del gone
async def lost(): fail()
async def main():
    asyncio.ensure_future(lost())
    await asyncio.sleep(0)
asyncio.run(main())
"""


def test_an_uncaught_exception_is_one_line():
    ran = subprocess.run([sys.executable, "-c", THREAD], capture_output=True, text=True, check=True)
    lines = ran.stderr.splitlines()
    assert len(lines) == 3
    assert all("Uncaught KeyError at" in line for line in lines[:2])
    assert "Task exception was never retrieved: KeyError at" in lines[2]
    assert all("(fail)" in line for line in lines)
    assert SECRET not in ran.stderr


def test_an_uncaught_exception_is_one_line_of_json_in_a_server():
    redirect = "from attnviz import logs\nlogs.log_json_to_stderr()"
    code = THREAD.replace("from attnviz import logs\nlogs.redact_logs()", redirect)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    events = [json.loads(line)["event"] for line in ran.stderr.splitlines()]
    assert len(events) == 3
    assert all("Uncaught KeyError at" in event for event in events[:2])
    assert SECRET not in ran.stderr
