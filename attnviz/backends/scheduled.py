"""A backend in, the same one out, where only so many work at the same time and the others wait for their turn.

Loading a model needs no turn: it takes long, and whoever uses another model is not to wait for it. What is behind a turn
waits for nobody but itself, so that turns always come.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from attnviz.backends.base import Backend, LoadingBackend, PlacingBackend, WholeBackend
from attnviz.backends.local import LocalBackend
from attnviz.backends.request_context import RequestContext, track
from attnviz.backends.scheduler import Scheduler, Ticket
from attnviz.engine.reference.head_steps import LayerSteps
from attnviz.engine.reference.intervened import InterventionResult
from attnviz.engine.reference.intervention import Intervention
from attnviz.engine.reference.word_order import WordOrderResult
from attnviz.engine.trace import Trace
from attnviz.engine.verify import Check
from attnviz.types import AttentionRequest, HeadRef, ModelCard

LONG = 4000  # characters from which a text is a long one: about a thousand tokens


@dataclass(frozen=True, eq=False)
class Row:
    """Where readers queue: the turns, who asks now, what who waits is told, and for how long he may.

    `told` hears of each question how it ended.
    """

    scheduler: Scheduler
    client: Callable[[], Hashable]
    still: Callable[[int], None]
    seconds: float
    told: Callable[[RequestContext], None] = lambda _: None

    def turn(self, request: AttentionRequest) -> AbstractContextManager[Ticket]:
        """A turn for who asks now."""
        long = len(request.text) + len(request.text_b or "") >= LONG
        return self.scheduler.slot(self.client(), self.seconds, self.still, long=long)


class TurnedBackend:
    """Any backend, in turns."""

    def __init__(self, inner: Backend, row: Row) -> None:
        self.inner, self.row = inner, row

    def models(self) -> tuple[ModelCard, ...]:
        """As the inner backend says."""
        return self.inner.models()

    def has_weights(self, name: str) -> bool:
        """Whether a model's weights are at hand; True where that is not known."""
        return self.inner.has_weights(name) if isinstance(self.inner, PlacingBackend) else True

    def attend(self, request: AttentionRequest) -> Trace:
        """The trace, when its turn has come; BusyError where too many wait, or it does not come in time."""
        with self._turn(request):
            return self.inner.attend(request)

    @contextmanager
    def _turn(self, request: AttentionRequest) -> Iterator[None]:
        """A turn for a question, once its model is there."""
        with track(request, self.row.told) as on_granted:
            if isinstance(self.inner, LoadingBackend):
                self.inner.ready(request)
            with self.row.turn(request):
                on_granted()
                yield

    def close(self) -> None:
        """Close the inner backend."""
        self.inner.close()


class TurnedWhole(TurnedBackend):
    """The backend that leaves out values at first, in turns. Of any other one the trace that is there already is whole."""

    def __init__(self, inner: WholeBackend, row: Row) -> None:
        super().__init__(inner, row)
        self.wide = inner

    def full_trace(self, request: AttentionRequest) -> Trace:
        """See WholeBackend."""
        with self._turn(request):
            return self.wide.full_trace(request)


class TurnedModels(TurnedBackend):
    """The backend that has its models in this process, in turns with all that it can do beside."""

    def __init__(self, inner: LocalBackend, row: Row) -> None:
        super().__init__(inner, row)
        self.local = inner

    def check(self, request: AttentionRequest) -> Check:
        """See CheckingBackend."""
        with self._turn(request):
            return self.local.check(request)

    def step_trace(self, request: AttentionRequest, layer: int) -> LayerSteps:
        """See WalkingBackend."""
        with self._turn(request):
            return self.local.step_trace(request, layer)

    def intervene(self, request: AttentionRequest, layer: int, change: Intervention, other: str = "") -> InterventionResult:
        """See TryingBackend."""
        with self._turn(request):
            return self.local.intervene(request, layer, change, other)

    def compare_orders(self, request: AttentionRequest, head: HeadRef, change: Intervention, seed: int) -> WordOrderResult:
        """See TryingBackend."""
        with self._turn(request):
            return self.local.compare_orders(request, head, change, seed)


def turned(inner: Backend, row: Row) -> TurnedBackend:
    """The backend in turns, with all that it can do."""
    if isinstance(inner, LocalBackend):
        return TurnedModels(inner, row)
    return TurnedWhole(inner, row) if isinstance(inner, WholeBackend) else TurnedBackend(inner, row)
