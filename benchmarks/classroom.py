"""A class opens one link in the same minute: 30, 60 and 120 virtual students with real Streamlit sessions, on one server.

Each types ten different sentences, with pauses of two to five seconds; two thirds use minilm, one third smollm2, both loaded. A
result counts when the page has run to its end with the weights of the sentence and without an error. Prints one JSON line for
each figure: seconds from submit to result, errors instead of results, the memory and processor time of the server, the share of
the processor that the students took, and whether the numbers of some random sentences equal those of a single student on
another server.

Absolute seconds depend on the machine and its day. So the same class also uses a skeleton page, right before ours: one field,
the same call of the model, one number written. The line "beside the skeleton" has both, the ratio of the 95th percentiles, and
the processor seconds of the server for each rerun. "profile of a rerun" says where our page spends its time. With
`--before FOLDER` the class also uses an earlier checkout, and the processor seconds beyond the skeleton's are compared.

`classroom.py 78 --at http://host:8501` sends a class of 78 to a running front end: its memory and processor are not measured,
and the single student still uses this machine, so numbers are equal where both have the same kind of processor and the same
number of threads of torch (`OMP_NUM_THREADS`, 1 where it is not set).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import psutil
from page import served
from report import Report
from streamlit.testing.v1 import AppTest
from student import Answer, open_page

ROOT = Path(__file__).parent.parent
TURNS = 10
PAUSE = 2.0, 5.0  # seconds between a result and the next sentence
ARRIVAL = 20.0  # seconds in which the class opens the link
REPLAYED = 300  # sentences of a class, at most, that a single student types again
BUSY = re.compile(r"busy, try again in \d+ s")  # the message of BusyError; a sentence may contain "busy" too
CACHE, ALLOCATOR, PAGE = 512, 64, 1.0  # MB: cached results, variation of the allocator, and the last answer of an open page
WORDS = {
    "who": "animal teacher farmer sailor painter doctor driver singer baker hunter pilot writer nurse lawyer clerk".split(),
    "did": "cross paint leave find close reach visit watch repair forget".split(),
    "what": "street bridge window garden letter market forest engine castle mirror basket hammer harbour tunnel".split(),
    "was": "tired young late hungry nervous careful busy old".split(),
}
BOUNDS: dict[int, dict[int, float]] = {30: {95: 1.0, 99: 2.0}, 60: {95: 3.0}, 120: {}}  # seconds by percentile
RATIOS = {30: 1.5, 60: 2.0, 120: 2.5}  # at most, of the 95th percentiles of our page and the skeleton
BEYOND = 0.5  # at most, of an earlier checkout's processor seconds of a rerun beyond the skeleton's
SKELETON = """
import streamlit as st
from attnviz.types import AttentionRequest
from attnviz.ui.backend import backend

text = st.text_input("Sentence", "The animal was tired because it ran")
model = st.query_params.get("model", "minilm")
layer, head = {"minilm": (3, 1), "smollm2": (16, 5)}[model]
trace = backend().attend(AttentionRequest(model, text))
st.text(f"weight {trace.weights(layer, head)[-1, 0]:.6f}")
"""
SAMPLE_SECONDS = 0.002  # between two looks at what the page does, for the profile
PROFILED, LISTED = 20, 12  # sentences; functions of the profile


@dataclass(frozen=True)
class Submission:
    """One sentence of one student, and the answer."""

    model: str
    text: str
    answer: Answer

    @property
    def outcome(self) -> str:
        """`result`, `busy`, or `error`, which includes a page without weights."""
        alerts = self.answer.alerts
        if not alerts:
            return "result" if self.answer.weights else "error"
        return "busy" if all(BUSY.search(alert) for alert in alerts) else "error"


def sentences(student: int) -> list[str]:
    """Return ten sentences of 13 words that no other student types."""
    draw = random.Random(student)
    made = []
    for turn in range(TURNS):
        who, did, what, was = (draw.choice(words) for words in WORDS.values())
        made.append(f"In house {student * TURNS + turn} the {who} did not {did} the {what} because it was {was}.")
    return made


async def run_student(front: str, student: int, start: float) -> tuple[float, list[Submission]]:
    """Run one student, and return the seconds until the page was open and all submissions."""
    draw = random.Random(1000 + student)
    model = "smollm2" if student % 3 == 2 else "minilm"
    await asyncio.sleep(max(0.0, start + draw.uniform(0, ARRIVAL) - time.perf_counter()))
    began = time.perf_counter()
    submissions = []
    async with open_page(front, f"model={model}") as page:
        opened = time.perf_counter() - began
        for text in sentences(student):
            await asyncio.sleep(draw.uniform(*PAUSE))
            submissions.append(Submission(model, text, await page.ask(text)))
    return opened, submissions


async def run_alone(front: str, submissions: list[Submission]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the weights of the same sentences, typed one after another by a single student."""
    found = {}
    for model in sorted({one.model for one in submissions}):
        async with open_page(front, f"model={model}") as page:
            for one in submissions:
                if one.model == model and (model, one.text) not in found:
                    found[model, one.text] = (await page.ask(one.text)).weights
    return found


async def run_class(front: str, students: int) -> list[tuple[float, list[Submission]]]:
    """Run a whole class."""
    start = time.perf_counter()
    return await asyncio.gather(*(run_student(front, student, start) for student in range(students)))


async def warm_up(front: str) -> None:
    """Load both models."""
    for model in ("minilm", "smollm2"):
        async with open_page(front, f"model={model}"):
            pass


def server_of(front: str) -> psutil.Process:
    """Return the child process that listens at `http://host:port`."""
    port = int(front.rstrip("/").rpartition(":")[2])
    for process in psutil.Process().children(recursive=True):
        if any(one.laddr.port == port for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN):
            return process
    raise RuntimeError(f"Nothing listens on {port}.")


@contextmanager
def front_end(at: str, script: Path = ROOT / "app.py", tree: Path = ROOT) -> Iterator[str]:
    """Give the running front end at `at`, or start one of `script` in a checkout for the block."""
    if at:
        yield at
        return
    with served(script, tree) as front:
        yield front


def cpu_seconds(process: psutil.Process) -> float:
    """Return the processor seconds of a process."""
    return sum(process.cpu_times()[:2])


def measure_class(
    students: int, at: str, script: Path = ROOT / "app.py", tree: Path = ROOT
) -> tuple[dict[str, Any], list[Submission]]:
    """Return the figures of one class, on a new server of `script` or at a running front end, and all submissions."""
    with front_end(at, script, tree) as front:
        asyncio.run(warm_up(front))
        server, me = None if at else server_of(front), psutil.Process()
        memory, work = (server.memory_info().rss, cpu_seconds(server)) if server else (0, 0.0)
        mine, start = cpu_seconds(me), time.perf_counter()
        found = asyncio.run(run_class(front, students))
        took = time.perf_counter() - start
        shares: dict[str, float] = {"clients_share_of_processor": (cpu_seconds(me) - mine) / took / (os.cpu_count() or 1)}
        if server:
            shares["servers_share_of_a_core"] = (cpu_seconds(server) - work) / took
            shares["cpu_s_a_rerun"] = (cpu_seconds(server) - work) / (students * (TURNS + 1))  # the opening is one too
            shares["grown_MB"] = (server.memory_info().rss - memory) / 2**20
    submissions = [one for _, every in found for one in every]
    return {"students": students, **summary(submissions), **opening_times(found), **shares}, submissions


def summary(submissions: Sequence[Submission]) -> dict[str, Any]:
    """Return the number of each outcome, and percentiles of the seconds of results."""
    outcomes = Counter(one.outcome for one in submissions)
    seconds = [one.answer.seconds for one in submissions if one.outcome == "result"]
    found = {f"p{part}_s": float(np.percentile(seconds, part)) for part in (50, 95, 99)} if seconds else {}
    messages = sorted({alert for one in submissions if one.outcome == "error" for alert in one.answer.alerts or ("nothing",)})
    return {"results": len(seconds), **found, "busy": outcomes["busy"], "errors": outcomes["error"], "said": messages[:3]}


def opening_times(found: Sequence[tuple[float, list[Submission]]]) -> dict[str, float]:
    """Return the 95th percentile of the seconds until a page was open."""
    return {"opening_p95_s": float(np.percentile([opened for opened, _ in found], 95))}


def measure_skeleton(students: int) -> dict[str, Any]:
    """Return the figures of the same class on the skeleton page."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "skeleton.py"
        script.write_text(SKELETON)
        return measure_class(students, "", script)[0]


def beside_skeleton(
    students: int, ours: dict[str, Any], skeleton: dict[str, Any], before: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the figures of a class on our page beside those of the same class on the skeleton page and an earlier page."""
    found: dict[str, Any] = {"students": students}
    for name in ("p50_s", "p95_s", "cpu_s_a_rerun", "errors"):
        found |= {name: ours.get(name), f"skeleton_{name}": skeleton.get(name)}
    if "p95_s" in ours and "p95_s" in skeleton:
        found["p95_ratio"] = ours["p95_s"] / skeleton["p95_s"]
    found["cpu_s_beyond_the_skeleton"] = ours["cpu_s_a_rerun"] - skeleton["cpu_s_a_rerun"]
    if before:
        found |= {f"before_{name}": before.get(name) for name in ("p50_s", "p95_s", "cpu_s_a_rerun", "errors")}
        found["beyond_ratio"] = found["cpu_s_beyond_the_skeleton"] / (before["cpu_s_a_rerun"] - skeleton["cpu_s_a_rerun"])
    return found


def stack(frame: FrameType | None) -> Iterator[FrameType]:
    """Give a frame and all that wait for it, the innermost first."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def profile_rerun() -> dict[str, float]:
    """Return our functions in which reruns of the page spend the most time, with their shares of it.

    A thread looks again and again at what runs. Time in a library counts for the function of ours that called it.
    """
    app = AppTest.from_file(ROOT / "app.py", default_timeout=120).run()
    counts: Counter[str] = Counter()
    done = threading.Event()

    def look() -> None:
        while not done.wait(SAMPLE_SECONDS):
            for frame in list(sys._current_frames().values()):
                files = [one.f_code for one in stack(frame)]
                ours = [code for code in files if code.co_filename.startswith(str(ROOT / "attnviz"))]
                if ours and any(code.co_filename == str(ROOT / "app.py") for code in files):
                    counts[f"{Path(ours[0].co_filename).relative_to(ROOT / 'attnviz')}: {ours[0].co_qualname}"] += 1

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        for student in range(PROFILED // TURNS):
            for text in sentences(student):
                next(field for field in app.text_input if field.label == "Sentence").set_value(text)
                app.run()
    finally:
        done.set()
        watcher.join()
    return {name: count / counts.total() for name, count in counts.most_common(LISTED)}


def within_bounds(figures: dict[str, Any]) -> bool:
    """Return whether a class is within its bounds: seconds, no error, no "busy" up to 60 students, and memory."""
    students = figures["students"]
    in_time = all(figures.get(f"p{part}_s", np.inf) <= bound for part, bound in BOUNDS.get(students, {}).items())
    answered = figures["results"] > 0 and not figures["errors"] and (students > 60 or not figures["busy"])
    return in_time and answered and figures.get("grown_MB", 0.0) <= CACHE + ALLOCATOR + PAGE * students


def main(sizes: Sequence[int], at: str, before: Path | None = None) -> int:
    """Run every class in turn, then a single student with some of their sentences; return the exit code."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # of the servers started here, as docs/deploy.md recommends for many users
    report, replayed = Report(), []
    for students in sizes:
        skeleton = {} if at else measure_skeleton(students)
        earlier = measure_class(students, "", before / "app.py", before)[0] if before and not at else None
        figures, submissions = measure_class(students, at)
        report.show("a class", ok=within_bounds(figures), **figures, bounds=BOUNDS.get(students, {}))
        if skeleton:
            found = beside_skeleton(students, figures, skeleton, earlier)
            ratio, bound = found.get("p95_ratio", np.inf), RATIOS.get(students)
            kept = (bound is None or (ratio <= bound and not figures["errors"])) and found.get("beyond_ratio", 0.0) <= BEYOND
            report.show("beside the skeleton", ok=kept, **found, bound=bound, bound_beyond=BEYOND)
        results = [one for one in submissions if one.outcome == "result"]
        replayed += random.Random(students).sample(results, min(REPLAYED, len(results)))
    if not at:
        report.show("profile of a rerun", ok=True, **profile_rerun())
    with served(ROOT / "app.py") as front:  # a new one, without the answers in its cache
        single = asyncio.run(run_alone(front, replayed))
    same = sum(one.answer.weights == single[one.model, one.text] for one in replayed)
    report.show(
        "numbers equal to those of a student alone", ok=0 < same == len(replayed), equal=same, of=len(replayed),
        drawn=f"at random, {REPLAYED} of a class at most",
    )  # fmt: skip
    return report.code


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sizes", nargs="*", type=int, default=list(BOUNDS), help="students of each class")
    parser.add_argument("--at", default="", metavar="http://host:port", help="a front end that runs already")
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="an earlier checkout, which the class uses too")
    args = parser.parse_args()
    sys.exit(main(args.sizes, args.at, args.before and args.before.resolve()))
