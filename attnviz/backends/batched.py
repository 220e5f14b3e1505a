"""The models of this process in, the same out, reading several short texts in one padded pass where they wait together.

A text that was read with others has numbers within 1e-5 of those of the text alone, since sums are made in another order,
and its trace says so. A text that was read alone is answered as by LocalBackend, bit for bit. How far apart the two are is a
matter of the model: each is tried on a few texts when it is first asked, and one that does not keep the promise with room
to spare reads text by text (measured: minilm 2e-6, smollm2, with 30 layers and states of very unlike sizes, up to 2e-4).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np

from attnviz.backends import scheduler
from attnviz.backends.batcher import Together
from attnviz.backends.local import LocalBackend, Read
from attnviz.engine import batch, capture
from attnviz.engine.trace import Trace
from attnviz.models.load import LoadedModel
from attnviz.settings import Settings
from attnviz.types import AttentionRequest, ModelCard

PROMISE = 1e-5  # of each weight
GATHERED = 256  # texts, each with a thread, that are read or wait for the next pass; more wait in the queue, which needs none
PROBES = ("It slept.", "你好, 世界", "!!! ??? ...", "The animal did not cross the street because it was too tired")


@dataclass(frozen=True, eq=False)
class Asked:
    """A request as its model reads it."""

    request: AttentionRequest
    loaded: LoadedModel
    read: Read

    @property
    def ids(self) -> tuple[int, ...]:
        """Its token ids."""
        return tuple(self.read.tensors["input_ids"][0].tolist())

    @property
    def type_ids(self) -> tuple[int, ...] | None:
        """To which of two texts each token belongs, where the model takes that."""
        found = self.read.tensors.get("token_type_ids")
        return None if found is None else tuple(found[0].tolist())


class BatchedBackend:
    """Up to `rows` texts in one pass; as many passes at once as the settings say."""

    def __init__(self, inner: LocalBackend, rows: int) -> None:
        self.inner = inner
        self._steady: WeakKeyDictionary[object, bool] = WeakKeyDictionary()
        self.together: Together[Asked, Trace] = Together(self._traces, rows, inner.settings.at_once)

    def models(self) -> tuple[ModelCard, ...]:
        """As the inner backend says."""
        return self.inner.models()

    def has_weights(self, name: str) -> bool:
        """Whether a model's weights are on this machine."""
        return self.inner.has_weights(name)

    def holds(self, name: str) -> bool:
        """Whether a model is in memory."""
        return self.inner.holds(name)

    def ready(self, request: AttentionRequest) -> None:
        """See LoadingBackend."""
        self.inner.ready(request)

    def attend(self, request: AttentionRequest) -> Trace:
        """The trace of one text; `batched` where others were read with it."""
        asked = Asked(request, *self.inner.asked(request))
        tokens = sum(map(len, asked.read.sides))
        return self.together.result(self._kind(asked, tokens), tokens, asked)

    def _kind(self, asked: Asked, tokens: int) -> tuple[int, bool] | None:
        """Texts of one kind may be read together.

        Of the catalogue's families we know that rows of a batch do not touch each other; a folder's may be of one in
        which they do. Encoder-decoders have two lengths, and one token alone has no mask that looks back only.
        """
        loaded = asked.loaded
        alone = loaded.card.kind == "encoder-decoder" or self.foreign(asked.request.model) or tokens < 2
        if alone or not capture.prepared(loaded.model) or not self.steady(loaded):
            return None
        return id(loaded.model), asked.type_ids is not None

    def foreign(self, name: str) -> bool:
        """Whether a model is of no family that we know."""
        return name in self.inner.folders

    def steady(self, loaded: LoadedModel) -> bool:
        """Whether texts read together come within half of the promise; tried once of each model that was loaded."""
        if loaded.model not in self._steady:
            asked = [Asked(one, *self.inner.asked(one)) for one in (AttentionRequest(loaded.card.id, text) for text in PROBES)]
            alone = [trace for one in asked for trace in self._traces([one], scheduler.check_cancelled)]
            pairs = zip(alone, self._traces(asked, scheduler.check_cancelled), strict=True)
            self._steady[loaded.model] = max(apart(one, other) for one, other in pairs) <= PROMISE / 2
        return self._steady[loaded.model]

    def _traces(self, asked: Sequence[Asked], check_cancelled: Callable[[], None]) -> Sequence[Trace]:
        """The traces of some texts of one model, in one pass."""
        first = asked[0]
        if len(asked) == 1:
            return (self.inner.answer(first.request, first.loaded, first.read),)
        with capture.followed(lambda _: check_cancelled()):
            found = capture.capture_batch(first.loaded.model, **batch.padded(first.loaded.model, asked))
        return [
            replace(one.read.labelled(trace, one.request, one.loaded.digest, one.loaded.note), batched=True)
            for trace, one in zip(found, asked, strict=True)
        ]

    def close(self) -> None:
        """Close the inner backend."""
        self.inner.close()


def gathering(settings: Settings, rows: int) -> Settings:
    """Settings for who calls the backend: so many at once that those of the next pass wait here and not in the queue."""
    return replace(settings, at_once=min(GATHERED, rows * (max(2, settings.at_once) + 1)))


def apart(one: Trace, other: Trace) -> float:
    """The largest difference of any weight of two traces of one text; infinite where a number is none."""
    pairs = [
        np.abs(mine.weights(layer) - theirs.weights(layer)).max()
        for mine, theirs in zip(one.parts, other.parts, strict=True)
        for layer in range(mine.layers)
    ]
    return float(np.nan_to_num(np.max(pairs), nan=np.inf))
