"""A class opens one link in the same minute: 30, 60 and 120 virtual students over real Streamlit sessions, on one server.

Each types ten sentences of its own, with two to five seconds between; two thirds read minilm, one third smollm2, both
loaded. A result is there when the page has run to its end with the sentence's weights on it and no complaint. Prints one JSON
line a figure: seconds from submit to result, what a student was told instead of a result, the server's memory and processor,
the share of the processor that the students themselves took, and whether the numbers of some sentences, drawn at random, are
those of a student alone on a server of his own.

`classroom.py 78 --at http://host:8501` sends a class of 78 to a front end that runs already: of its memory and processor
nothing is said, and the student alone still sits here, so numbers are equal where both have the same kind of processor and as
many threads of torch (`OMP_NUM_THREADS`, 1 where none is set).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from page import served
from report import Report
from student import Answer, at_the_page

ROOT = Path(__file__).parent.parent
TURNS = 10
PAUSE = 2.0, 5.0  # seconds between a result and the next sentence
ARRIVAL = 20.0  # seconds in which the class opens the link
REPLAYED = 300  # sentences of a class, at most, that a student alone types again
BUSY = re.compile(r"busy, try again in \d+ s")  # in the words of BusyError; a sentence may say "busy" too
CACHE, AROUND, PAGE = 512, 64, 1.0  # MB: results kept, an allocator's whims, and what an open page holds of its last answer
WORDS = {
    "who": "animal teacher farmer sailor painter doctor driver singer baker hunter pilot writer nurse lawyer clerk".split(),
    "did": "cross paint leave find close reach visit watch repair forget".split(),
    "what": "street bridge window garden letter market forest engine castle mirror basket hammer harbour tunnel".split(),
    "was": "tired young late hungry nervous careful busy old".split(),
}
BOUNDS: dict[int, dict[int, float]] = {30: {95: 1.0, 99: 2.0}, 60: {95: 3.0}, 120: {}}  # seconds by percentile


@dataclass(frozen=True)
class Asked:
    """One sentence of one student, and what came back."""

    model: str
    text: str
    answer: Answer

    @property
    def outcome(self) -> str:
        """`result`, or what came instead: `busy`, or an `error`, which a page without weights is as well."""
        alerts = self.answer.alerts
        if not alerts:
            return "result" if self.answer.weights else "error"
        return "busy" if all(BUSY.search(alert) for alert in alerts) else "error"


def sentences(student: int) -> list[str]:
    """Ten sentences of 13 words that no other student types."""
    draw = random.Random(student)
    made = []
    for turn in range(TURNS):
        who, did, what, was = (draw.choice(words) for words in WORDS.values())
        made.append(f"In house {student * TURNS + turn} the {who} did not {did} the {what} because it was {was}.")
    return made


async def studied(front: str, student: int, start: float) -> tuple[float, list[Asked]]:
    """One student's lesson: seconds until the page was open, and all that was asked."""
    draw = random.Random(1000 + student)
    model = "smollm2" if student % 3 == 2 else "minilm"
    await asyncio.sleep(max(0.0, start + draw.uniform(0, ARRIVAL) - time.perf_counter()))
    began = time.perf_counter()
    asked = []
    async with at_the_page(front, f"model={model}") as page:
        opened = time.perf_counter() - began
        for text in sentences(student):
            await asyncio.sleep(draw.uniform(*PAUSE))
            asked.append(Asked(model, text, await page.ask(text)))
    return opened, asked


async def alone(front: str, asked: list[Asked]) -> dict[tuple[str, str], tuple[str, ...]]:
    """The same sentences, typed by one student after another: the weights that each should have seen."""
    found = {}
    for model in sorted({one.model for one in asked}):
        async with at_the_page(front, f"model={model}") as page:
            for one in asked:
                if one.model == model and (model, one.text) not in found:
                    found[model, one.text] = (await page.ask(one.text)).weights
    return found


async def lesson(front: str, students: int) -> list[tuple[float, list[Asked]]]:
    """A whole class."""
    start = time.perf_counter()
    return await asyncio.gather(*(studied(front, student, start) for student in range(students)))


async def warmed(front: str) -> None:
    """Both models loaded."""
    for model in ("minilm", "smollm2"):
        async with at_the_page(front, f"model={model}"):
            pass


def server_of(front: str) -> psutil.Process:
    """The process, one of ours, that listens at `http://host:port`."""
    port = int(front.rstrip("/").rpartition(":")[2])
    for process in psutil.Process().children(recursive=True):
        if any(one.laddr.port == port for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN):
            return process
    raise RuntimeError(f"Nothing listens on {port}.")


@contextmanager
def front_end(at: str) -> Iterator[str]:
    """The front end that runs there, or one of our own until the block ends."""
    if at:
        yield at
        return
    with served(ROOT / "app.py") as front:
        yield front


def seconds_at_work(process: psutil.Process) -> float:
    """Of one core."""
    return sum(process.cpu_times()[:2])


def measured(students: int, at: str) -> tuple[dict[str, Any], list[Asked]]:
    """The figures of one class, on a server of its own or at a front end that runs, and all that was asked there."""
    with front_end(at) as front:
        asyncio.run(warmed(front))
        server, me = None if at else server_of(front), psutil.Process()
        memory, work = (server.memory_info().rss, seconds_at_work(server)) if server else (0, 0.0)
        mine, start = seconds_at_work(me), time.perf_counter()
        found = asyncio.run(lesson(front, students))
        took = time.perf_counter() - start
        shares: dict[str, float] = {"clients_share_of_processor": (seconds_at_work(me) - mine) / took / (os.cpu_count() or 1)}
        if server:
            shares["servers_share_of_a_core"] = (seconds_at_work(server) - work) / took
            shares["grown_MB"] = (server.memory_info().rss - memory) / 2**20
    asked = [one for _, every in found for one in every]
    return {"students": students, **summed(asked), **opening(found), **shares}, asked


def summed(asked: Sequence[Asked]) -> dict[str, Any]:
    """How many came to what, and the seconds of those with a result."""
    outcomes = Counter(one.outcome for one in asked)
    seconds = [one.answer.seconds for one in asked if one.outcome == "result"]
    found = {f"p{part}_s": float(np.percentile(seconds, part)) for part in (50, 95, 99)} if seconds else {}
    said = sorted({alert for one in asked if one.outcome == "error" for alert in one.answer.alerts or ("nothing",)})
    return {"results": len(seconds), **found, "busy": outcomes["busy"], "errors": outcomes["error"], "said": said[:3]}


def opening(found: Sequence[tuple[float, list[Asked]]]) -> dict[str, float]:
    """Seconds until a page was open."""
    return {"opening_p95_s": float(np.percentile([opened for opened, _ in found], 95))}


def kept(figures: dict[str, Any]) -> bool:
    """Whether a class kept its bounds: no error, no "busy" up to sixty students, and bounded memory."""
    students = figures["students"]
    in_time = all(figures.get(f"p{part}_s", np.inf) <= bound for part, bound in BOUNDS.get(students, {}).items())
    answered = figures["results"] > 0 and not figures["errors"] and (students > 60 or not figures["busy"])
    return in_time and answered and figures.get("grown_MB", 0.0) <= CACHE + AROUND + PAGE * students


def main(sizes: Sequence[int], at: str) -> int:
    """Every class in turn; then one student alone for some of what each of them asked."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # of the servers that start here: as docs/deploy.md says for many readers
    report, again = Report(), []
    for students in sizes:
        figures, asked = measured(students, at)
        report.show("a class", ok=kept(figures), **figures, bounds=BOUNDS.get(students, {}))
        results = [one for one in asked if one.outcome == "result"]
        again += random.Random(students).sample(results, min(REPLAYED, len(results)))
    with served(ROOT / "app.py") as front:  # of its own: no cache that already holds the answers
        single = asyncio.run(alone(front, again))
    same = sum(one.answer.weights == single[one.model, one.text] for one in again)
    report.show(
        "numbers equal to those of a student alone", ok=0 < same == len(again), equal=same, of=len(again),
        drawn=f"at random, {REPLAYED} of a class at most",
    )  # fmt: skip
    return report.code


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sizes", nargs="*", type=int, default=list(BOUNDS), help="students of each class")
    parser.add_argument("--at", default="", metavar="http://host:port", help="a front end that runs already")
    given = parser.parse_args()
    sys.exit(main(given.sizes, given.at))
