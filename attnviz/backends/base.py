"""What every backend does, and what some can do beyond that. Callers know this, never torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from attnviz.backends.program_input import ProgramInput
from attnviz.engine.reference.head_steps import LayerSteps
from attnviz.engine.reference.intervened import InterventionResult
from attnviz.engine.reference.intervention import Intervention
from attnviz.engine.reference.word_order import WordOrderResult
from attnviz.engine.trace import Trace
from attnviz.engine.verify import Check
from attnviz.models.load import LoadedModel
from attnviz.types import AttentionRequest, HeadRef, ModelCard


@runtime_checkable  # so that the tests can check signatures that name it
class Backend(Protocol):
    """Where attention comes from. Thread-safe by contract; one contract suite runs over every implementation.

    One that can do more has an attribute `capabilities` too.
    """

    def models(self) -> tuple[ModelCard, ...]:
        """Return the cards of all models that a request may name."""
        ...

    def attend(self, request: AttentionRequest) -> Trace:
        """Return the trace of one text, labelled with its tokens. Raises AttnvizError if that is not possible."""
        ...

    def close(self) -> None:
        """Free models and memory. Closing twice is harmless."""
        ...


@dataclass(frozen=True)
class Capabilities:
    """What a backend can do beyond `attend`; None stands for what it cannot do. A wrapper hands on what it wraps.

    has_weights: whether a model can be used without fetching anything.
    is_loaded: whether a model is in memory.
    prepare: check the model's name and the bytes of the texts, and load the model. Whether the tokens of a text fit, only
        `attend` checks, with the model's tokenizer.
    full_trace: the trace with values and kernel outputs, where `attend` leaves those out.
    check: compare all heads with the library's own eager model; takes about two forward passes.
    step_trace: what happens in one layer, step by step. Raises BadInputError for models that are not written out from scratch.
    intervene: read the text with a change; what is kept of one layer is kept of the given one. With a second text, keys and
        values are those of that text, in the layers that the change names. BadInputError as for `step_trace`, and for
        changes that cannot be made.
    compare_orders: the text as typed, and with its words in an order that the seed decides, both with the change.
    load: the model itself, in this process.
    attend_input: the trace of tokens, words or messages, which no request can carry.
    fitting_model: another model on this machine that knows every token of a text.
    is_reachable: whether the backend answers now, where it is on another machine.
    max_requests: how many requests it takes at once, where it has a queue of its own.
    """

    has_weights: Callable[[str], bool] | None = None
    is_loaded: Callable[[str], bool] | None = None
    prepare: Callable[[AttentionRequest], None] | None = None
    full_trace: Callable[[AttentionRequest], Trace] | None = None
    check: Callable[[AttentionRequest], Check] | None = None
    step_trace: Callable[[AttentionRequest, int], LayerSteps] | None = None
    intervene: Callable[[AttentionRequest, int, Intervention, str], InterventionResult] | None = None
    compare_orders: Callable[[AttentionRequest, HeadRef, Intervention, int], WordOrderResult] | None = None
    load: Callable[[str], LoadedModel] | None = None
    attend_input: Callable[[str, ProgramInput], Trace] | None = None
    fitting_model: Callable[[AttentionRequest], ModelCard | None] | None = None
    is_reachable: Callable[[], bool] | None = None
    max_requests: int | None = None


def capabilities(backend: Backend) -> Capabilities:
    """Return what a backend can do; of one without the attribute, nothing beyond `attend`."""
    return getattr(backend, "capabilities", Capabilities())
