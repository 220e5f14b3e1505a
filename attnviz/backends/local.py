"""A backend that loads models into this process: traces of texts, checks, and passes from scratch."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import Any

from attnviz import text as texts
from attnviz.backends import fitting_model, scheduler
from attnviz.backends.base import Capabilities
from attnviz.backends.model_input import ModelInput, Sides, model_input, program_model_input, read_text
from attnviz.backends.program_input import ProgramInput
from attnviz.engine import capture, memory_estimate, recording, reference, verify
from attnviz.engine.forward import fitted, two_sided
from attnviz.engine.reference import Intervention, ModelWeights
from attnviz.engine.reference.head_steps import LayerSteps, layer_steps
from attnviz.engine.reference.intervened import InterventionResult, fits, intervene
from attnviz.engine.reference.word_order import WordOrderResult, compare_orders, shuffled_order
from attnviz.engine.trace import Trace
from attnviz.engine.verify import Check
from attnviz.errors import BadInputError
from attnviz.models import catalog, load, locate
from attnviz.models.load import LoadedModel
from attnviz.progress import OnProgress, ProgressEvent, time_left
from attnviz.settings import Settings
from attnviz.text import decode
from attnviz.types import AttentionRequest, HeadRef, ModelCard, Token

LONG = 512  # tokens from which progress is reported layer by layer
SLOW = 1.0  # seconds from which it is reported for any text
FOUND_SECONDS = 5.0  # between two looks on the disk for the weights of a model: a page asks for all models at every run


class LocalBackend:
    """Models in this process: each is loaded once, on its first request, and shared by all threads.

    Loading one model does not delay users of another. At most `settings.loaded_models` stay in memory; the least recently
    used goes first (a running request keeps its own until it is done).
    """

    def __init__(
        self,
        settings: Settings | None = None,
        on_progress: OnProgress | None = None,
        folders: tuple[ModelCard, ...] = (),
    ) -> None:
        """Accept requests for models of the catalogue and of `folders` (cards of local folders), and for no other path."""
        self.settings = settings or Settings.from_env()
        self.folders = {card.id: card for card in folders}
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._models: OrderedDict[str, Future[LoadedModel]] = OrderedDict()
        self._found: dict[str, tuple[float, bool]] = {}  # whether weights are here, and when that was looked up

    @property
    def capabilities(self) -> Capabilities:
        """Everything that a model in this process allows."""
        return Capabilities(
            has_weights=self.has_weights, is_loaded=self.is_loaded, prepare=self.prepare, check=self.check,
            step_trace=self.step_trace, intervene=self.intervene, compare_orders=self.compare_orders, load=self.load,
            attend_input=self.attend_input, fitting_model=lambda request: fitting_model.find(request, self.settings),
        )  # fmt: skip

    def models(self) -> tuple[ModelCard, ...]:
        """Return the models of the catalogue and of the folders."""
        return (*catalog.cards(), *self.folders.values())

    def load(self, name: str) -> LoadedModel:
        """Return the model called `name`, ready for `capture`.

        Threads that wait while another one loads get its error too. If that one is interrupted by a BaseException (a
        reader who moves on, Ctrl+C), one of the waiting threads loads the model instead.
        """
        with self._lock:
            found = self._models.get(name)
            mine = found is None
            if found is None:
                found = self._models[name] = Future()
            self._models.move_to_end(name)
        if not mine:
            error = scheduler.wait_for_error(found, self._report_wait)
            interrupted = error is not None and not isinstance(error, Exception)  # meant for the other thread, not for us
            return self.load(name) if interrupted else found.result()
        moved_on: list[BaseException] = []
        try:
            model = self._load(name, moved_on)
        except BaseException as error:
            with self._lock:
                if self._models.get(name) is found:
                    del self._models[name]  # first, so that waiting threads do not find it again
            found.set_exception(error)
            raise
        with self._lock:  # only now: a model that cannot be loaded evicts no other
            while len(self._models) > self.settings.loaded_models:
                self._models.popitem(last=False)
        found.set_result(model)
        if moved_on:
            raise moved_on[0]
        return model

    def _report_wait(self) -> None:
        """Tell the caller that it waits for a model that another thread loads."""
        if self._on_progress is not None:
            self._on_progress(ProgressEvent("Waiting for the model, which another reader is loading.", "waiting"))

    def is_loaded(self, name: str) -> bool:
        """Return whether a model is in memory."""
        found = self._models.get(name)
        return found is not None and found.done() and found.exception() is None

    def has_weights(self, name: str) -> bool:
        """Return whether the weights of a model are on this machine, as of FOUND_SECONDS ago at most."""
        looked, here = self._found.get(name, (float("-inf"), False))
        if time.monotonic() - looked < FOUND_SECONDS:
            return here
        card = next((card for card in self.models() if card.id == name), None)
        if card is None:
            return False
        here = locate.find_weights(card, self.settings).kind not in ("missing", "hub")
        self._found[name] = time.monotonic(), here
        return here

    def prepare(self, request: AttentionRequest) -> None:
        """Check the model's name and the bytes of the texts, and load the model; `attend` tokenizes and checks the tokens."""
        self._check_text(request)
        self.load(request.model)

    def _load(self, name: str, moved_on: list[BaseException]) -> LoadedModel:
        """Read the weights and set the recorded attention, once.

        A listener that raises at a part of the way, because its reader has moved on, does not stop the reading: the next
        request needs the model too. What it raised is added to `moved_on`.

        The tests cover every family of the catalogue; a folder may hold any family, so it runs on a few tokens first.
        """

        def report(event: ProgressEvent) -> None:
            if self._on_progress is None or (moved_on and event.kind == "progress"):
                return
            try:
                self._on_progress(event)
            except BaseException as error:
                if event.kind != "progress":
                    raise
                moved_on.append(error)

        listener = None if self._on_progress is None else report
        model = load.load(self.folders.get(name) or catalog.card(name), self.settings, listener)
        if name not in self.folders or capture.faithful(model.model):
            capture.prepare(model.model)
        self._found.pop(name, None)  # it may have been downloaded
        return model

    def attend(self, request: AttentionRequest) -> Trace:
        """Return the trace of one forward pass over the request's text; see Backend."""
        return self.forward(request, *self.tokenize(request))

    def tokenize(self, request: AttentionRequest) -> tuple[LoadedModel, ModelInput]:
        """Return the model, and the request as it reads it. Raises an error for every fault of a request."""
        loaded, read = self._tokenize(request)
        self._check_memory(loaded, read.sides)
        return loaded, read

    def attend_input(self, name: str, given: ProgramInput) -> Trace:
        """Return the trace of tokens, words or messages, which no request can carry."""
        loaded = self.load(name)
        request, read = program_model_input(loaded, given, self.settings.max_bytes)
        self._check_memory(loaded, read.sides)
        return self.forward(request, loaded, read)

    def forward(self, request: AttentionRequest, loaded: LoadedModel, read: ModelInput) -> Trace:
        """Run one forward pass over what `tokenize` returned."""
        with recording.following(self._layer_listener(loaded, read.sides)):
            return read.trace(loaded.model, request, loaded.digest, loaded.note)

    def _check_memory(self, loaded: LoadedModel, sides: Sides) -> None:
        """Raise TooLongError, before anything runs, if the trace of this text would need too much memory."""
        card, tokens = loaded.card, [len(side) for side in sides]
        dense = not capture.prepared(loaded.model)
        bytes_needed = memory_estimate.bytes_needed(loaded.model.config, card.layers, card.heads, *tokens, dense=dense)
        memory_estimate.check(card.name, bytes_needed, tokens[0], self.settings.text_bytes, dense=dense)

    def _layer_listener(self, loaded: LoadedModel, sides: Sides) -> Callable[[int], None]:
        """Return a function to call after each layer: it stops cancelled work, and reports the progress of slow work.

        A text is slow if it is long, or if it takes a while, as with a model that has just been loaded.
        """
        tokens = sum(len(side) for side in sides)
        calls = loaded.card.layers * (1 if len(sides) == 1 else 3)  # encoder, decoder, cross-attention
        started = time.perf_counter()

        def on_layer(done: int) -> None:
            scheduler.check_cancelled()
            seconds = time.perf_counter() - started
            if self._on_progress is not None and (tokens >= LONG or seconds >= SLOW):
                share = min(done / calls, 1.0)
                message = f"Encoding {tokens:,} tokens: layer {done} of {calls}{time_left(seconds, share)}."
                self._on_progress(ProgressEvent(message, "progress", share))

        return on_layer

    def check(self, request: AttentionRequest) -> Check:
        """Compare every head of every layer with the library's own eager model."""
        loaded, read = self._tokenize(request)
        return verify.against_eager(loaded.model, read.trace(loaded.model, request, loaded.digest), read.tensors)

    def step_trace(self, request: AttentionRequest, layer: int) -> LayerSteps:
        """Compute one layer from scratch, step by step. Raises BadInputError for other families and missing layers."""
        _, weights, ids, types, tokens = self._from_scratch(request, HeadRef(layer, 0))
        return layer_steps(weights, ids, types, tokens, layer)

    def intervene(self, request: AttentionRequest, layer: int, change: Intervention, other: str = "") -> InterventionResult:
        """Read the text with one change in the forward pass from scratch; see Capabilities."""
        loaded, weights, ids, types, tokens = self._from_scratch(request, HeadRef(layer, 0))
        keys = tokens
        if other:
            texts.checked(other, self.settings.max_bytes)
            read = read_text(loaded, other)
            change, keys = replace(change, others=tuple(read.ids)), read.tokens
        spell = partial(decode.decode_token, loaded.tokenizer)
        return intervene(weights, ids, types, change, layer, tokens, keys, spell)

    def compare_orders(self, request: AttentionRequest, head: HeadRef, change: Intervention, seed: int) -> WordOrderResult:
        """Read the text, and its words in another order, in the forward pass from scratch."""
        _, weights, ids, types, tokens = self._from_scratch(request, head)
        fits(tokens)
        return compare_orders(weights, ids, types, shuffled_order(tokens, seed), change, head)

    def _from_scratch(
        self, request: AttentionRequest, head: HeadRef
    ) -> tuple[LoadedModel, ModelWeights, list[int], list[int] | None, tuple[Token, ...]]:
        """Return the model, its weights for the pass from scratch, and the text's ids, segments and tokens."""
        loaded, read = self._tokenize(request)
        weights = reference.read(loaded.model)
        if head.block != "self" or head.layer >= weights.layers or head.head >= weights.heads:
            size = f"it has {weights.layers} layers of {weights.heads} heads"
            raise BadInputError(f"{loaded.card.name} has no head {head}: {size}.")
        ids, types = (read.tensors.get(name) for name in ("input_ids", "token_type_ids"))
        rows = [None if part is None else part[0].tolist() for part in (ids, types)]
        return loaded, weights, rows[0] or [], rows[1], read.sides[0]

    def _tokenize(self, request: AttentionRequest) -> tuple[LoadedModel, ModelInput]:
        """Return the model, and the request as it reads it. The text is checked before a model is loaded for it."""
        self._check_text(request)
        loaded = self.load(request.model)
        return loaded, model_input(loaded, request)

    def _check_text(self, request: AttentionRequest) -> None:
        """Raise a BadInputError for a text that no model reads."""
        for part in (request.text, request.text_b):
            if part is not None:
                texts.checked(part, self.settings.max_bytes)

    def close(self) -> None:
        """Forget the models."""
        with self._lock:
            self._models.clear()


def trace_model(model: Any, tokenizer: Any, text: Any, text_b: Any = None, **more: Any) -> Trace:
    """Return the trace of one text read by a model that the caller loaded; the model is not changed.

    `more` are tokens, words and chat, as in ProgramInput. Known wrappers of a model (compiled, parallel, with adapters, a
    pipeline) are opened, and the wrapper's own tokenizer is used if none is given.
    """
    given = ProgramInput(text, text_b, **more)
    unwrapped = capture.unwrap(model)
    if tokenizer is None:
        tokenizer = unwrapped.tokenizer
    if not callable(getattr(tokenizer, "convert_ids_to_tokens", None)):
        raise BadInputError(_no_tokenizer(tokenizer))
    capture.textual(unwrapped.model)
    card = load.card_of(unwrapped.model, tokenizer)
    if card.kind == "encoder-decoder" and not two_sided(unwrapped.model):  # only one of its two sides
        card = replace(card, kind="encoder")
    request, read = program_model_input(LoadedModel(unwrapped.model, tokenizer, card, ""), given, Settings.max_bytes)
    trace = fitted(
        unwrapped.model, read.tensors, lambda tensors: replace(read, tensors=tensors).trace(unwrapped.model, request, "")
    )
    note = f"{unwrapped.note} {unwrapped.of_text}".strip()
    return trace.noted(note) if note else trace


def _no_tokenizer(given: Any) -> str:
    """Return the error message for an object that is not a tokenizer."""
    inner = getattr(given, "tokenizer", None)
    if callable(getattr(inner, "convert_ids_to_tokens", None)):
        remedy = "Give the one that it holds: its .tokenizer."
    else:
        remedy = "Give the model's own, e.g. AutoTokenizer.from_pretrained(its name)."
    return f"A transformers tokenizer is needed beside the model; got {type(given).__name__}. {remedy}"
