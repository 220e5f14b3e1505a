"""`attnviz atlas build`: measure a model on corpora, write the atlas file and print the best heads."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from attnviz.cli import io
from attnviz.cli.atlas import summary
from attnviz.errors import BadInputError
from attnviz.linguistics import corpora
from attnviz.linguistics.atlas import reader
from attnviz.linguistics.atlas.build import build
from attnviz.linguistics.atlas.chunks import CorpusFiles
from attnviz.linguistics.atlas.ray_workers import RayPool
from attnviz.linguistics.atlas.workers import InProcessPool, ProcessPool, WorkerPool, load_measurer
from attnviz.linguistics.corpora.types import BrokenLine
from attnviz.progress import ProgressEvent
from attnviz.settings import Settings
from attnviz.types import ModelCard

KINDS = ("conllu", "gap", "winogender", "toml")
LISTED = 20  # broken lines that are printed one by one
WIDTH = 30  # of the progress bar, in characters


def run(chosen: argparse.Namespace) -> None:
    """Build the atlas, then print the best heads."""
    if not 1 <= chosen.workers <= 256:
        raise BadInputError(f"--workers is a whole number from 1 to 256; got {chosen.workers}. Correct it.")
    card, report = io.card(chosen.model), BuildReport()
    sources = [CorpusFiles.of(kind, files) for kind in KINDS if (files := getattr(chosen, kind))]
    pool = _pool(card, chosen, report)
    on_broken = corpora.strict if chosen.strict else report.broken
    try:
        built = build(card, pool, sources, Path(chosen.output), report, on_broken)
    finally:
        pool.close()
        report.end()
    print(f"attnviz: {built.chunks} batches, {built.found} of them found finished; {chosen.output}", file=sys.stderr)
    summary.show(reader.read(chosen.output), chosen.format)


def _pool(card: ModelCard, chosen: argparse.Namespace, report: BuildReport) -> WorkerPool:
    """Return the pool that measures: this process, several processes, or Ray's."""
    settings = Settings.from_env()
    if chosen.ray:
        return RayPool(card, settings, chosen.workers, control=chosen.control)
    if chosen.workers > 1:
        return ProcessPool(card, settings, chosen.workers, control=chosen.control)
    return InProcessPool(load_measurer(card, settings, report, control=chosen.control))


class BuildReport:
    """Progress of a build on standard error: a bar that moves in a terminal, elsewhere a line every tenth."""

    def __init__(self) -> None:
        self._bar_is_open, self._tenths, self._broken_lines = False, 0, 0

    def __call__(self, event: ProgressEvent) -> None:
        if event.kind != "progress":
            self._print(event.message)
        elif sys.stderr.isatty():
            full = int(event.share * WIDTH)
            print(f"\r[{'#' * full}{'.' * (WIDTH - full)}] {event.message}", end="", file=sys.stderr, flush=True)
            self._bar_is_open = True
        elif int(event.share * 10) > self._tenths:
            self._tenths = int(event.share * 10)
            self._print(event.message)

    def broken(self, line: BrokenLine) -> None:
        """Print a line that cannot be read; after LISTED of them they are only counted."""
        self._broken_lines += 1
        if self._broken_lines <= LISTED:
            self._print(str(line))

    def end(self) -> None:
        """Print how many broken lines were only counted, and end the bar."""
        if self._broken_lines > LISTED:
            self._print(f"{self._broken_lines - LISTED:,} more lines cannot be read.")
        self._end_bar()

    def _print(self, line: str) -> None:
        self._end_bar()
        print(f"attnviz: {line}", file=sys.stderr, flush=True)

    def _end_bar(self) -> None:
        """End the bar's line, so that the next output starts a new one."""
        if self._bar_is_open:
            print(file=sys.stderr)
            self._bar_is_open = False
