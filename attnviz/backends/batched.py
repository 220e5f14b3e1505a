"""The models of this process, reading several short texts in one padded pass where they wait together.

A text read in a batch has weights within 1e-5 of those of the text alone, since sums are added in another order, and its
trace says so. A text read alone is answered as by LocalBackend, bit for bit. How far apart the two are depends on the model:
each is tried on a few texts on its first request, and one that does not stay well within the tolerance reads text by text
(measured: minilm 2e-6; smollm2, with 30 layers and states of very different sizes, up to 2e-4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np

from attnviz.backends import scheduler
from attnviz.backends.batcher import Batcher
from attnviz.backends.local import LocalBackend
from attnviz.backends.model_input import ModelInput
from attnviz.engine import batch, capture, recording
from attnviz.engine.trace import Trace
from attnviz.models.load import LoadedModel
from attnviz.settings import Settings
from attnviz.types import AttentionRequest, ModelCard

TOLERANCE = 1e-5  # of each weight
MAX_RUNNING = 256  # texts, each with a thread, that are read or wait for the next pass; more wait in the queue, without one
PROBES = ("It slept.", "你好, 世界", "!!! ??? ...", "The animal did not cross the street because it was too tired")


@dataclass(frozen=True, eq=False)
class BatchItem:
    """A request as its model reads it."""

    request: AttentionRequest
    loaded: LoadedModel
    read: ModelInput

    @property
    def ids(self) -> tuple[int, ...]:
        """Its token ids."""
        return tuple(self.read.tensors["input_ids"][0].tolist())

    @property
    def type_ids(self) -> tuple[int, ...] | None:
        """Which of two texts each token belongs to, where the model takes that."""
        found = self.read.tensors.get("token_type_ids")
        return None if found is None else tuple(found[0].tolist())


class BatchedBackend:
    """Up to `rows` texts in one pass; as many passes at once as the settings say."""

    def __init__(self, inner: LocalBackend, rows: int) -> None:
        self.inner = inner
        self.capabilities = inner.capabilities  # all of them read one text at a time
        self._stable: WeakKeyDictionary[object, bool] = WeakKeyDictionary()
        self.batcher: Batcher[BatchItem, Trace] = Batcher(self.read_batch, rows, inner.settings.at_once)

    def models(self) -> tuple[ModelCard, ...]:
        """Return the models of the inner backend."""
        return self.inner.models()

    def attend(self, request: AttentionRequest) -> Trace:
        """Return the trace of one text; `batched` where others were read with it."""
        item = BatchItem(request, *self.inner.tokenize(request))
        tokens = sum(map(len, item.read.sides))
        return self.batcher.result(self._kind(item, tokens), tokens, item)

    def _kind(self, item: BatchItem, tokens: int) -> tuple[int, bool] | None:
        """Return which texts this one can share a pass with: those of the same kind; None for a text read alone.

        In the catalogue's families, rows of a batch do not influence each other; a folder's family is unknown.
        Encoder-decoders have two lengths, and a single token has no causal mask.
        """
        loaded = item.loaded
        alone = loaded.card.kind == "encoder-decoder" or self.is_foreign(item.request.model) or tokens < 2
        if alone or not capture.prepared(loaded.model) or not self._is_stable(loaded):
            return None
        return id(loaded.model), item.type_ids is not None

    def is_foreign(self, name: str) -> bool:
        """Return whether a model is not of the catalogue."""
        return name in self.inner.folders

    def _is_stable(self, loaded: LoadedModel) -> bool:
        """Return whether batched weights stay within half of the tolerance; tried once for each loaded model."""
        if loaded.model not in self._stable:
            requests = (AttentionRequest(loaded.card.id, text) for text in PROBES)
            items = [BatchItem(request, *self.inner.tokenize(request)) for request in requests]
            alone = [trace for item in items for trace in self.read_batch([item], scheduler.check_cancelled)]
            pairs = zip(alone, self.read_batch(items, scheduler.check_cancelled), strict=True)
            self._stable[loaded.model] = max(max_difference(one, other) for one, other in pairs) <= TOLERANCE / 2
        return self._stable[loaded.model]

    def read_batch(self, items: Sequence[BatchItem], check_cancelled: Callable[[], None]) -> Sequence[Trace]:
        """Return the traces of some texts of one model, read in one pass."""
        first = items[0]
        if len(items) == 1:
            return (self.inner.forward(first.request, first.loaded, first.read),)
        with recording.following(lambda _: check_cancelled()):
            found = capture.capture_batch(first.loaded.model, **batch.padded(first.loaded.model, items))
        return [
            replace(item.read.labelled(trace, item.request, item.loaded.digest, item.loaded.note), batched=True)
            for trace, item in zip(found, items, strict=True)
        ]

    def close(self) -> None:
        """Close the inner backend."""
        self.inner.close()


def batch_settings(settings: Settings, rows: int) -> Settings:
    """Return settings that run enough requests at once that the texts of the next pass wait here, not in the queue."""
    return replace(settings, at_once=min(MAX_RUNNING, rows * (max(2, settings.at_once) + 1)))


def max_difference(one: Trace, other: Trace) -> float:
    """Return the largest difference of any weight of two traces of one text; infinite where a number is not finite."""
    pairs = [
        np.abs(mine.weights(layer) - theirs.weights(layer)).max()
        for mine, theirs in zip(one.parts, other.parts, strict=True)
        for layer in range(mine.layers)
    ]
    return float(np.nan_to_num(np.max(pairs), nan=np.inf))
