"""Measure chunks of corpora with Ray Data, on several processes or machines.

Ray is not a requirement of attnviz: `pip install -r requirements-ray.txt` installs it. It starts on this
machine, or joins the machines that RAY_ADDRESS names, where attnviz and the model must be installed too.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from typing import Any

from attnviz.engine import batch
from attnviz.errors import UnavailableError
from attnviz.linguistics.atlas.shards import Chunk
from attnviz.linguistics.atlas.workers import THREADS, FinishedPart, MeasuredModel, load_measurer, measure_chunk, measured_model
from attnviz.linguistics.probes.random_tokens import ProbeScores
from attnviz.settings import Settings
from attnviz.types import ModelCard

WAVE = 256  # chunks that are sent at once, so that any corpus fits in memory


class RayPool:
    """Ray Data: `count` processes, each with the model and one thread."""

    def __init__(self, card: ModelCard, settings: Settings, count: int, *, control: bool = False) -> None:
        """Start Ray, or join it; raises UnavailableError if it is not installed."""
        if find_spec("ray") is None:
            raise UnavailableError("Spreading needs Ray Data. Install it: pip install -r requirements-ray.txt")
        os.environ.setdefault(
            "RAY_USAGE_STATS_ENABLED", "0"
        )  # otherwise Ray sends usage statistics of this machine to its makers
        ray = import_module("ray")
        import_module("ray.data")
        for name in ("ray", "ray.data"):
            logging.getLogger(name).setLevel(logging.ERROR)  # its log line for every data set would mix with ours
        here = {} if os.environ.get("RAY_ADDRESS") else {"num_cpus": count, "include_dashboard": False}
        environment = {"env_vars": dict.fromkeys(THREADS, "1")}
        ray.init(log_to_driver=False, logging_level="warning", ignore_reinit_error=True, runtime_env=environment, **here)
        self._ray: Any = ray
        self._card, self._settings, self._count, self._control = card, settings, count, control
        self._model = measured_model(load_measurer(card, settings, control=control))

    def model(self) -> MeasuredModel:
        """Return the facts about the model."""
        return self._model

    def parts(self, chunks: Iterable[Chunk], on_done: Callable[[int], None]) -> Iterator[FinishedPart]:
        """Yield parts as they are finished."""
        context = self._ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        waiting = iter(chunks)
        while some := list(islice(waiting, WAVE)):
            rows = [{"chunk": chunk.to_bytes()} for chunk in some]
            compute = self._ray.data.ActorPoolStrategy(size=self._count)
            found = self._ray.data.from_items(rows, override_num_blocks=len(rows)).map(
                _RayWorker, compute=compute, num_cpus=1, fn_constructor_args=(self._card, self._settings, self._control)
            )
            for row in found.iter_rows():
                on_done(row["texts"])
                yield FinishedPart(row["corpus"], row["number"], row["texts"], row["content"])

    def probe(self) -> ProbeScores:
        """Run the probes in one of Ray's processes, with the same number of threads as all parts."""
        task = self._ray.remote(num_cpus=1)(_probe)
        return self._ray.get(task.remote(self._card, self._settings))

    def close(self) -> None:
        """Stop Ray on this machine, or leave the others."""
        self._ray.shutdown()


def _probe(card: ModelCard, settings: Settings) -> ProbeScores:
    """Run the probes in one of Ray's processes."""
    batch.one_thread()
    return load_measurer(card, settings).probe()


class _RayWorker:
    """The measurement in each of Ray's processes."""

    def __init__(self, card: ModelCard, settings: Settings, control: bool) -> None:
        batch.one_thread()
        self._measurer = load_measurer(card, settings, control=control)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        return measure_chunk(self._measurer, Chunk.from_bytes(row["chunk"]))._asdict()
