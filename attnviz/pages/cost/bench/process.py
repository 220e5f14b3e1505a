"""Run a benchmark plan in a process of its own and read its results line by line."""

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

from attnviz.pages.cost.bench.algorithms import Measurement
from attnviz.pages.cost.bench.plan import BenchmarkPlan
from attnviz.pages.cost.bench.report import BROKEN, DONE, BenchmarkReport

COMMAND = (sys.executable, "-m", "attnviz.pages.cost.bench.worker")
ROOT = Path(__file__).parents[4]  # from where `-m` finds the package, installed or not
TICK = 0.1  # seconds between two checks whether it should end


class BenchmarkProcess:
    """A benchmark process and its report. `stop_reason` is called every tick; a non-empty answer ends the process."""

    def __init__(
        self, number: int, plan: BenchmarkPlan, stop_reason: Callable[[float], str], command: Sequence[str] = COMMAND
    ) -> None:
        self._report = BenchmarkReport(number, plan, overloaded=overloaded())
        self._began = time.monotonic()
        self._stop_reason = stop_reason
        self._verdict = ""
        self._lock = threading.Lock()
        self._over = threading.Event()
        threading.Thread(target=self._supervise, args=(command,), name="measuring", daemon=True).start()

    def report(self) -> BenchmarkReport:
        """Return the report as of now."""
        with self._lock:
            now = self._report
        return replace(now, seconds=time.monotonic() - self._began) if now.running else now

    def wait(self, seconds: float) -> bool:
        """Wait until the process has ended; return False after `seconds`."""
        return self._over.wait(seconds)

    def _supervise(self, command: Sequence[str]) -> None:
        """Start the process, keep its results, and record how it ended."""
        state, why = BROKEN, ""
        try:
            with tempfile.TemporaryFile() as errors, _started([*command, self._report.plan.to_json()], errors) as process:
                self._update(pid=process.pid)
                threading.Thread(target=self._enforce, args=(process,), daemon=True).start()
                assert process.stdout is not None  # `_started` requests a pipe
                done = False
                try:
                    for line in process.stdout:
                        done = self._handle_line(line) or done
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
            why = "Its output was not a measurement."
        finally:
            self._update(state=state, why=why, seconds=time.monotonic() - self._began)
            self._over.set()

    def _enforce(self, process: subprocess.Popen[str]) -> None:
        """Kill the process as soon as there is a reason to stop."""
        while process.poll() is None:
            if verdict := self._stop_reason(time.monotonic() - self._began):
                self._verdict = verdict
                process.kill()
                return
            time.sleep(TICK)

    def _handle_line(self, line: str) -> bool:
        """Record one line of output; return True for the last one."""
        event: dict[str, Any] = json.loads(line)
        if "now" in event:
            algorithm, tokens = event["now"]
            self._update(now=(str(algorithm), int(tokens)))
        elif "failed" in event:
            algorithm, tokens = event["failed"]
            self._update(failed=(*self._report.failed, (str(algorithm), int(tokens))))
        elif "seconds" in event:
            one = Measurement(str(event["algorithm"]), int(event["tokens"]), float(event["seconds"]), int(event["peak_bytes"]))
            self._update(found=(*self._report.found, one))
        return "done" in event

    def _update(self, **parts: Any) -> None:
        """Replace some fields of the report."""
        with self._lock:
            self._report = replace(self._report, **parts)


def overloaded() -> bool:
    """Return whether the load of the last minute is above the number of processors; False where the system has no figure."""
    try:
        return os.getloadavg()[0] > (os.cpu_count() or 1)
    except (AttributeError, OSError):
        return False


def _started(command: list[str], errors: IO[bytes]) -> subprocess.Popen[str]:
    """Start the process. Its standard input stays open while this process lives, so it ends with us."""
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
    """Describe how a process ended by itself."""
    if code == -signal.SIGKILL:
        return "The system killed it (signal 9), as it does when memory runs out."
    if code < 0:
        return f"The system ended it (signal {-code})."
    written = [line.strip() for line in errors.splitlines() if line.strip()]
    return f"It ended with code {code}" + (f": {written[-1]}" if written else ".")
