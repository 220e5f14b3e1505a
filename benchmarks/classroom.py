"""A class opens one link in the same minute: 30, 60 and 120 virtual students over real Streamlit sessions, on one server.

Each types ten sentences of its own, with two to five seconds between; two thirds read minilm, one third smollm2, both
loaded. A result is there when the page has run to its end. Prints one JSON line a figure: seconds from submit to result,
what a student was told instead of a result, whether all numbers are those of a student alone on a server of his own, the
server's memory, and the share of the processor that the students themselves took.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
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
BUSY = "busy"
GROWTH = 600 * 2**20  # bytes: the cache of results (512 MB), and an allocator's whims
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


def sentences(student: int) -> list[str]:
    """Ten sentences of 13 words that no other student types."""
    draw = random.Random(student)
    made = []
    for turn in range(TURNS):
        who, did, what, was = (draw.choice(words) for words in WORDS.values())
        made.append(f"In house {student * TURNS + turn} the {who} did not {did} the {what} because it was {was}.")
    return made


async def studied(port: int, student: int, start: float) -> tuple[float, list[Asked]]:
    """One student's lesson: seconds until the page was open, and all that was asked."""
    draw = random.Random(1000 + student)
    model = "smollm2" if student % 3 == 2 else "minilm"
    await asyncio.sleep(max(0.0, start + draw.uniform(0, ARRIVAL) - time.perf_counter()))
    began = time.perf_counter()
    asked = []
    async with at_the_page(port, f"model={model}") as page:
        opened = time.perf_counter() - began
        for text in sentences(student):
            await asyncio.sleep(draw.uniform(*PAUSE))
            asked.append(Asked(model, text, await page.ask(text)))
    return opened, asked


async def alone(port: int, asked: list[Asked]) -> dict[tuple[str, str], tuple[str, ...]]:
    """The same sentences, typed by one student after another: the weights that each should have seen."""
    found = {}
    for model in sorted({one.model for one in asked}):
        async with at_the_page(port, f"model={model}") as page:
            for one in asked:
                if one.model == model:
                    found[model, one.text] = (await page.ask(one.text)).weights
    return found


async def lesson(port: int, students: int) -> list[tuple[float, list[Asked]]]:
    """A whole class."""
    start = time.perf_counter()
    return await asyncio.gather(*(studied(port, student, start) for student in range(students)))


async def warmed(port: int) -> None:
    """Both models loaded."""
    for model in ("minilm", "smollm2"):
        async with at_the_page(port, f"model={model}"):
            pass


def server_of(port: int) -> psutil.Process:
    """The process that listens on `port`."""
    for process in psutil.Process().children(recursive=True):
        if any(one.laddr.port == port for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN):
            return process
    raise RuntimeError(f"Nothing listens on {port}.")


def measured(students: int) -> tuple[dict[str, Any], list[Asked]]:
    """The figures of one class on a server of its own, and all that was asked there."""
    with served(ROOT / "app.py") as address:
        port = int(address.rstrip("/").rpartition(":")[2])
        asyncio.run(warmed(port))
        server, me = server_of(port), psutil.Process()
        before, mine = server.memory_info().rss, sum(me.cpu_times()[:2])
        start = time.perf_counter()
        found = asyncio.run(lesson(port, students))
        took = time.perf_counter() - start
        share = (sum(me.cpu_times()[:2]) - mine) / took / (os.cpu_count() or 1)
        grown = server.memory_info().rss - before
    asked = [one for _, every in found for one in every]
    told = [alert for one in asked for alert in one.answer.alerts]
    seconds = [one.answer.seconds for one in asked if not one.answer.alerts]
    figures = {f"p{part}_s": float(np.percentile(seconds, part)) for part in (50, 95, 99)}
    return {
        "students": students,
        "results": len(seconds),
        **figures,
        "opening_p95_s": float(np.percentile([opened for opened, _ in found], 95)),
        "busy": sum(BUSY in alert for alert in told),
        "errors": sum(BUSY not in alert for alert in told),
        "grown_MB": grown / 2**20,
        "clients_share_of_processor": share,
    }, asked


def main(sizes: list[int]) -> int:
    """Every class in turn; then one student alone for all that any of them asked."""
    report, everything = Report(), {}
    for students in sizes:
        figures, asked = measured(students)
        kept = all(figures[f"p{part}_s"] <= bound for part, bound in BOUNDS.get(students, {}).items())
        ok = kept and not figures["errors"] and figures["grown_MB"] * 2**20 <= GROWTH
        ok = ok and (students > 60 or not figures["busy"])
        report.show("a class", ok=ok, **figures, bounds=BOUNDS.get(students, {}))
        everything |= {(students, one.model, one.text): one for one in asked if not one.answer.alerts}
    some = {(one.model, one.text): one for one in everything.values()}
    with served(ROOT / "app.py") as address:
        single = asyncio.run(alone(int(address.rstrip("/").rpartition(":")[2]), list(some.values())))
    same = sum(one.answer.weights == single[one.model, one.text] for one in everything.values())
    report.show("numbers equal to those of a student alone", ok=same == len(everything), equal=same, of=len(everything))
    return report.code


if __name__ == "__main__":
    sys.exit(main([int(size) for size in sys.argv[1:]] or list(BOUNDS)))
