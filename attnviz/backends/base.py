"""One door for the slow thing: a request in, a Trace out. Callers know this, never torch."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from attnviz.engine.reference.head_steps import LayerSteps
from attnviz.engine.reference.intervened import InterventionResult
from attnviz.engine.reference.intervention import Intervention
from attnviz.engine.reference.word_order import WordOrderResult
from attnviz.engine.trace import Trace
from attnviz.engine.verify import Check
from attnviz.types import AttentionRequest, HeadRef, ModelCard


@runtime_checkable  # so that the tests can check signatures that name it
class Backend(Protocol):
    """Where attention comes from. Thread-safe by contract; one contract suite runs over every implementation.

    `attend` raises a BadInputError (an AttnvizError) for what cannot be done as asked, and never half an answer.
    """

    def models(self) -> tuple[ModelCard, ...]:
        """The cards of every model that may be named in a request."""
        ...

    def attend(self, request: AttentionRequest) -> Trace:
        """The trace of one text, labelled with its tokens."""
        ...

    def close(self) -> None:
        """Let go of models and memory; calling it twice is harmless."""
        ...


@runtime_checkable
class CheckingBackend(Backend, Protocol):
    """A backend that has its models at hand, and so can also compare what it answers with the library's own eager model."""

    def check(self, request: AttentionRequest) -> Check:
        """Every head's weights for this request against the library's own eager model; takes about two forward passes."""
        ...


@runtime_checkable
class WalkingBackend(Backend, Protocol):
    """A backend that has its models at hand, and so can also say what each head of a layer does step by step."""

    def step_trace(self, request: AttentionRequest, layer: int) -> LayerSteps:
        """All that a text goes through in one layer; BadInputError for models that are not written out from scratch."""
        ...


@runtime_checkable
class TryingBackend(Backend, Protocol):
    """A backend that has its models at hand, and so can also read a text with one thing done otherwise in the forward pass."""

    def intervene(self, request: AttentionRequest, layer: int, change: Intervention, other: str = "") -> InterventionResult:
        """The text with the change; what is kept of one layer is kept of `layer`.

        With `other`, keys and values are those of that text, in the layers that the change names. BadInputError for
        models that are not written out from scratch, and for changes that cannot be made.
        """
        ...

    def compare_orders(self, request: AttentionRequest, head: HeadRef, change: Intervention, seed: int) -> WordOrderResult:
        """The text and its words in an order that the seed decides, both with the change."""
        ...


@runtime_checkable
class LoadingBackend(Backend, Protocol):
    """A backend that loads its models when they are first asked for, which takes longer than anybody's turn."""

    def holds(self, name: str) -> bool:
        """Whether a model is in memory."""
        ...

    def ready(self, request: AttentionRequest) -> None:
        """Checks the text and loads the model: afterwards `attend` waits for nothing else. Raises what `attend` would."""
        ...


@runtime_checkable
class PlacingBackend(Backend, Protocol):
    """A backend that knows which models can be used without fetching anything."""

    def has_weights(self, name: str) -> bool:
        """Whether the weights are at hand."""
        ...


@runtime_checkable
class WholeBackend(Backend, Protocol):
    """A backend whose `attend` may leave out values and what the kernel returned, and which has them on request."""

    def full_trace(self, request: AttentionRequest) -> Trace:
        """The trace with all that was captured."""
        ...
