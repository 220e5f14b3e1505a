"""A plan in; a process that measures it, followed line by line, out. It is ended when it is told so or is late."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from attnviz.pages.cost.bench.algorithms import Measured
from attnviz.pages.cost.bench.plan import Plan
from attnviz.pages.cost.bench.report import BROKEN, DONE, Report

COMMAND = (sys.executable, "-m", "attnviz.pages.cost.bench.worker")
ROOT = Path(__file__).parents[4]  # from where `-m` finds the package, installed or not
TICK = 0.1  # seconds between two looks at whether it should end


class Run:
    """One process and what it has said. `due` is asked again and again, and says why it is to end, or nothing."""

    def __init__(self, number: int, plan: Plan, due: Callable[[float], str], command: Sequence[str] = COMMAND) -> None:
        self._report = Report(number, plan, crowded=crowded())
        self._began = time.monotonic()
        self._due = due
        self._verdict = ""
        self._lock = threading.Lock()
        self._over = threading.Event()
        threading.Thread(target=self._follow, args=(command,), name="measuring", daemon=True).start()

    def report(self) -> Report:
        """How it fares now."""
        with self._lock:
            now = self._report
        return replace(now, seconds=time.monotonic() - self._began) if now.running else now

    def wait(self, seconds: float) -> bool:
        """Wait until it is over; False where it is not after so many seconds."""
        return self._over.wait(seconds)

    def _follow(self, command: Sequence[str]) -> None:
        """Start the process, keep what it says, and say how it ended."""
        state, why = BROKEN, ""
        try:
            with tempfile.TemporaryFile() as errors, _started([*command, self._report.plan.as_json()], errors) as process:
                self._put(pid=process.pid)
                threading.Thread(target=self._watch, args=(process,), daemon=True).start()
                assert process.stdout is not None  # asked for, in `_started`
                done = False
                try:
                    for line in process.stdout:
                        done = self._heard(line) or done
                except (ValueError, KeyError, TypeError):
                    process.kill()
                    raise
                code = process.wait()
                errors.seek(0)
                state = self._verdict or (DONE if done and code == 0 else BROKEN)
                why = _ending(code, errors.read().decode("utf-8", "replace")) if state == BROKEN else ""
        except OSError as error:
            why = f"It could not be started: {error.strerror or error}."
        except (ValueError, KeyError, TypeError):
            why = "It said something that is no measurement."
        finally:
            self._put(state=state, why=why, seconds=time.monotonic() - self._began)
            self._over.set()

    def _watch(self, process: subprocess.Popen[str]) -> None:
        """End the process as soon as there is a reason to."""
        while process.poll() is None:
            if verdict := self._due(time.monotonic() - self._began):
                self._verdict = verdict
                process.kill()
                return
            time.sleep(TICK)

    def _heard(self, line: str) -> bool:
        """Keep one line; True for the last one."""
        said: dict[str, Any] = json.loads(line)
        if "now" in said:
            way, tokens = said["now"]
            self._put(now=(str(way), int(tokens)))
        elif "failed" in said:
            way, tokens = said["failed"]
            self._put(failed=(*self._report.failed, (str(way), int(tokens))))
        elif "seconds" in said:
            one = Measured(str(said["way"]), int(said["tokens"]), float(said["seconds"]), int(said["held"]))
            self._put(found=(*self._report.found, one))
        return "done" in said

    def _put(self, **parts: Any) -> None:
        """The report with some parts exchanged."""
        with self._lock:
            self._report = replace(self._report, **parts)


def crowded() -> bool:
    """Whether more has wanted a processor over the last minute than this machine has; False where the system does not say."""
    try:
        return os.getloadavg()[0] > (os.cpu_count() or 1)
    except (AttributeError, OSError):
        return False


def _started(command: list[str], errors: IO[bytes]) -> subprocess.Popen[str]:
    """The process. Its input stays open as long as we live, by which it knows that we do."""
    settings = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=settings,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        encoding="utf-8",
    )


def _ending(code: int, errors: str) -> str:
    """What is known of a process that ended by itself."""
    if code == -signal.SIGKILL:
        return "The system killed it (signal 9), as it does when memory runs out."
    if code < 0:
        return f"The system ended it (signal {-code})."
    said = [line.strip() for line in errors.splitlines() if line.strip()]
    return f"It ended with code {code}" + (f": {said[-1]}" if said else ".")
