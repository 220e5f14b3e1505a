"""Build the atlas file of a model on corpora: chunk after chunk, each saved as soon as it is finished, then all in one file.

During the build, the folder FILE.parts is beside FILE. A build that was killed continues from it: finished chunks are
never measured again, and the file is the same to the byte. No more than a few chunks are in memory, however long the corpora.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attnviz.errors import BadInputError, OutputError
from attnviz.linguistics.atlas import writer
from attnviz.linguistics.atlas.chunks import CorpusFiles, chunks
from attnviz.linguistics.atlas.header import FORMAT
from attnviz.linguistics.atlas.shards import Chunk, PartStore
from attnviz.linguistics.atlas.workers import WorkerPool
from attnviz.linguistics.corpora.types import BrokenLine
from attnviz.linguistics.probes.habits import NAMES
from attnviz.models.untrained import CONTROL_SEED
from attnviz.progress import OnProgress, ProgressEvent
from attnviz.types import ModelCard

RULE = (
    "Version 2. Clark et al. 2019, section 4: the other word that gets most attention, special tokens left out; to a word "
    "the sum, from a word the mean over its pieces; sentences of 4 to 60 words; relations with their subtypes; root and punct "
    "left out; ties are misses; causal models are asked for earlier words only. Pronouns: mean over the pronoun's pieces, "
    "maximum over a candidate's, blank pieces left out; ties are misses."
)


@dataclass(frozen=True)
class BuildResult:
    """A finished build: the file's header, the number of chunks, and how many of them were already finished."""

    header: dict[str, Any]
    chunks: int
    found: int


def build(
    card: ModelCard,
    pool: WorkerPool,
    corpora: Sequence[CorpusFiles],
    output: Path,
    on_progress: OnProgress,
    broken: Callable[[BrokenLine], None],
) -> BuildResult:
    """Write the atlas of one model on some corpora.

    `on_progress` gets events, `broken` each line that cannot be read; an exception from it ends the build. Raises
    BadInputError without a corpus or without a text in them, OutputError if the file cannot be written.
    """
    if not corpora:
        raise BadInputError("An atlas needs texts; no corpus was named. Name one with --conllu, --gap, --winogender or --toml.")
    if output.is_dir() or not output.absolute().parent.is_dir():
        why = "it is a folder" if output.is_dir() else "its folder does not exist"
        raise OutputError(f"“{output}” cannot be written: {why}. Name another file with -o.")
    model = pool.model()
    header = {
        "format": FORMAT, "model": card.id, "digest": model.digest, "layers": model.layers, "heads": model.heads,
        "causal": model.causal, "rule": RULE, "control": {"seed": CONTROL_SEED} if model.control else None,
        "corpora": [source.header() for source in corpora],
    }  # fmt: skip
    measured = header | {"habits": NAMES}  # parts of other habits cannot be added to these
    store = PartStore(output.with_name(f"{output.name}.parts"), measured, on_progress)
    run = _BuildRun(store, corpora, broken, on_progress)
    for part in pool.parts(run.missing(), run.count):
        store.put(part.corpus, part.number, part.content)
    if not any(run.counts):
        store.clear()
        raise BadInputError("An atlas needs texts; none could be read from these files. See which lines were broken.")
    on_progress(ProgressEvent("Probing every head with random tokens that are repeated.", "notice"))
    complete_header = writer.write_atlas(output, header, run.faults, lambda: store.parts(run.counts), pool.probe())
    store.clear()
    return BuildResult(complete_header, sum(run.counts), run.found)


class _BuildRun:
    """One run through the corpora: which chunks are missing, and the progress."""

    def __init__(
        self, store: PartStore, corpora: Sequence[CorpusFiles], broken: Callable[[BrokenLine], None], on_progress: OnProgress
    ) -> None:
        self.counts = [0] * len(corpora)
        self.faults: Counter[int] = Counter()
        self.found = 0
        self._store, self._sources, self._report_broken, self._on_progress = store, corpora, broken, on_progress
        self._all, self._done = sum(source.estimated_texts for source in corpora), 0

    def missing(self) -> Iterator[Chunk]:
        """Yield the chunks without a finished part."""
        for chunk in chunks(self._sources, self._on_broken):
            self.counts[chunk.corpus] = chunk.number + 1
            if not self._store.has(chunk.corpus, chunk.number):
                yield chunk
                continue
            if not self.found:
                self._on_progress(ProgressEvent("Going on from what was finished before.", "notice"))
            self.found += 1
            self.count(len(chunk.texts))

    def count(self, texts: int) -> None:
        """Report that more texts are done."""
        self._done += texts
        share = min(self._done / max(self._all, 1), 1.0)
        message = f"{self._done:,} of about {max(self._all, self._done):,} texts"
        self._on_progress(ProgressEvent(message, "progress", share))

    def _on_broken(self, corpus: int, line: BrokenLine) -> None:
        """Count and report a line that cannot be read."""
        self.faults[corpus] += 1
        self._report_broken(line)
