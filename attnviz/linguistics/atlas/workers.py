"""Pools that measure chunks of corpora, in this process or in several on this machine; parts come in any order.

In every pool a chunk is the unit: the same passes over the same texts, so the same numbers at the same number of threads.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from threading import Thread
from typing import Any, NamedTuple, Protocol, runtime_checkable

from attnviz.backends.local import LocalBackend
from attnviz.engine import batch
from attnviz.errors import AttnvizError
from attnviz.linguistics.atlas.measure import Measurer
from attnviz.linguistics.atlas.shards import Chunk
from attnviz.linguistics.probes.random_tokens import ProbeScores
from attnviz.progress import OnProgress
from attnviz.settings import Settings
from attnviz.types import ModelCard

AHEAD = 2  # chunks that each process has: one in progress and one waiting
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class MeasuredModel(NamedTuple):
    """The facts about the measured model in an atlas."""

    digest: str
    layers: int
    heads: int
    causal: bool
    control: bool


class FinishedPart(NamedTuple):
    """A part in bytes, with the number of its chunk."""

    corpus: int
    number: int
    texts: int
    content: bytes


@runtime_checkable
class WorkerPool(Protocol):
    """Measures chunks, and the probes of the model."""

    def model(self) -> MeasuredModel: ...
    def parts(self, chunks: Iterable[Chunk], on_done: Callable[[int], None]) -> Iterator[FinishedPart]: ...
    def probe(self) -> ProbeScores: ...
    def close(self) -> None: ...


def load_measurer(
    card: ModelCard, settings: Settings, on_progress: OnProgress | None = None, *, control: bool = False
) -> Measurer:
    """Load the model of a card or of a local folder, ready to measure; with `control` its untrained twin too."""
    folders = (card,) if card.folder and not card.package else ()
    return Measurer.of(LocalBackend(settings, on_progress, folders).load(card.id), control=control)


def measured_model(measurer: Measurer) -> MeasuredModel:
    """Return the facts about a loaded model."""
    return MeasuredModel(measurer.loaded.digest, *measurer.size, measurer.causal, measurer.twin is not None)


def measure_chunk(measurer: Measurer, chunk: Chunk, on_done: Callable[[int], None] = lambda texts: None) -> FinishedPart:
    """Measure one chunk."""
    return FinishedPart(chunk.corpus, chunk.number, len(chunk.texts), measurer.measure(chunk, on_done).to_bytes())


@dataclass(frozen=True, eq=False)
class InProcessPool:
    """This process, with all its threads."""

    measurer: Measurer

    def model(self) -> MeasuredModel:
        """Return the facts about the model."""
        return measured_model(self.measurer)

    def parts(self, chunks: Iterable[Chunk], on_done: Callable[[int], None]) -> Iterator[FinishedPart]:
        """Measure one chunk after the other; `on_done` gets the number of texts that are done."""
        return (measure_chunk(self.measurer, chunk, on_done) for chunk in chunks)

    def probe(self) -> ProbeScores:
        """Run the probes of the model."""
        return self.measurer.probe()

    def close(self) -> None:
        """Do nothing: there is no process to end."""


class ProcessPool:
    """Several processes on this machine, each with the model and one thread. They end with this one, even if it crashes."""

    def __init__(self, card: ModelCard, settings: Settings, count: int, *, control: bool = False) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Connection] = []
        self._workers = []
        with _single_threads():
            for _ in range(count):
                mine, theirs = context.Pipe()
                worker = context.Process(target=_work, args=(theirs, card, settings, control), daemon=True)
                worker.start()
                theirs.close()
                self._pipes.append(mine)
                self._workers.append(worker)
        self._model, *_ = [_receive(pipe) for pipe in self._pipes]

    def model(self) -> MeasuredModel:
        """Return the facts about the model, from the first process that loaded it."""
        return self._model

    def parts(self, chunks: Iterable[Chunk], on_done: Callable[[int], None]) -> Iterator[FinishedPart]:
        """Yield parts as they are finished; only a few chunks are in progress at a time."""
        waiting = iter(chunks)
        busy = dict.fromkeys(self._pipes, 0)
        for pipe in self._pipes * AHEAD:
            busy[pipe] += self._send_next(pipe, waiting)
        while any(busy.values()):
            for pipe in wait([pipe for pipe, many in busy.items() if many]):
                assert isinstance(pipe, Connection)
                found = _receive(pipe)
                busy[pipe] += self._send_next(pipe, waiting) - 1
                on_done(found.texts)
                yield found

    def probe(self) -> ProbeScores:
        """Run the probes of the model in the first process."""
        self._pipes[0].send(None)
        return _receive(self._pipes[0])

    def _send_next(self, pipe: Connection, waiting: Iterator[Chunk]) -> int:
        """Send the next chunk, if there is one; return how many were sent."""
        chunk = next(waiting, None)
        if chunk is not None:
            pipe.send(chunk)
        return int(chunk is not None)

    def close(self) -> None:
        """End the processes."""
        for pipe, worker in zip(self._pipes, self._workers, strict=True):
            pipe.close()
            worker.terminate()
            worker.join()


def _receive(pipe: Connection) -> Any:
    """Return the next message of a process; an error there is raised here."""
    try:
        found = pipe.recv()
    except (EOFError, OSError) as error:
        raise AttnvizError(
            "A process that measures ended by itself, perhaps for lack of memory. Build with fewer --workers."
        ) from error
    if isinstance(found, Exception):
        raise found
    return found


def _work(pipe: Connection, card: ModelCard, settings: Settings, control: bool) -> None:
    """Run as a process: send the facts of the loaded model, then the part of each chunk, or the probes for None."""
    batch.one_thread()
    Thread(target=_end_with_parent, daemon=True).start()
    try:
        measurer = load_measurer(card, settings, control=control)
        pipe.send(measured_model(measurer))
        while True:
            chunk = pipe.recv()
            pipe.send(measurer.probe() if chunk is None else measure_chunk(measurer, chunk))
    except (EOFError, BrokenPipeError, ConnectionResetError, KeyboardInterrupt):
        return
    except AttnvizError as error:
        pipe.send(error)


def _end_with_parent() -> None:
    """End this process as soon as its parent is gone, even in the middle of a chunk."""
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


@contextmanager
def _single_threads() -> Iterator[None]:
    """Start processes with one compute thread in every library."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
