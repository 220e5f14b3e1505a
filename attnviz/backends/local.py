"""Requests in, Traces out, by models loaded into this process."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

from attnviz import text as texts
from attnviz.backends import program_input, scheduler
from attnviz.backends.program_input import Given
from attnviz.engine import capture, input_limits, inputs, memory_estimate, reference, verify
from attnviz.engine.forward import fitted, two_sided
from attnviz.engine.reference import Intervention, ModelWeights
from attnviz.engine.reference.head_steps import LayerSteps, layer_steps
from attnviz.engine.reference.intervened import InterventionResult, fits, intervene
from attnviz.engine.reference.word_order import WordOrderResult, compare_orders, shuffled_order
from attnviz.engine.trace import Trace
from attnviz.engine.verify import Check
from attnviz.errors import BadInputError, PairError
from attnviz.legibility import Legibility, combined
from attnviz.models import catalog, load, locate
from attnviz.models.load import LoadedModel
from attnviz.progress import Progress, Still
from attnviz.settings import Settings
from attnviz.text import Encoding, tokenize
from attnviz.text import chat as chats
from attnviz.types import AttentionRequest, HeadRef, ModelCard, Token

Sides = tuple[tuple[Token, ...], ...]

LONG = 512  # tokens from which a reader is told how far a text is read
GREEDY = 40  # tokens of output that an encoder-decoder writes when no target text is given


@dataclass(frozen=True, eq=False)
class Read:
    """A request as a model reads it: input tensors of one row, the tokens of each side, and a target that the model wrote."""

    tensors: dict[str, Any]
    sides: Sides
    written: str | None = None
    reading: Legibility | None = None

    def trace(self, model: Any, request: AttentionRequest, digest: str, note: str = "") -> Trace:
        """What the model did with it, labelled."""
        return self.labelled(capture.capture(model, **self.tensors), request, digest, note)

    def labelled(self, trace: Trace, request: AttentionRequest, digest: str, note: str = "") -> Trace:
        """A trace of these tensors with its tokens, how much of the text they are, and a note on how the model was read."""
        return trace.labelled(request, digest, *self.sides, written=self.written, reading=self.reading, note=note)


class LocalBackend:
    """Models in this process: each loaded once, when first asked for, and shared by all threads.

    Loading one model blocks nobody who uses another. At most `settings.loaded_models` stay in memory; the one unused
    for longest goes first (a request under way keeps its own until it is done).
    """

    def __init__(
        self,
        settings: Settings | None = None,
        progress: Callable[[str], None] | None = None,
        folders: tuple[ModelCard, ...] = (),
    ) -> None:
        """`folders` are cards of local folders that may be named beside the catalogue: no request can name another path."""
        self.settings = settings or Settings.from_env()
        self.folders = {card.id: card for card in folders}
        self.progress = progress
        self._lock = threading.Lock()
        self._models: OrderedDict[str, Future[LoadedModel]] = OrderedDict()

    def models(self) -> tuple[ModelCard, ...]:
        """The catalogue, and the folders."""
        return (*catalog.cards(), *self.folders.values())

    def loaded(self, name: str) -> LoadedModel:
        """The model called `name`, ready to be read by `capture`.

        Who waits while another thread loads gets its error too; where that one is called away (a reader who moves on,
        Ctrl+C), one of those who wait loads in its place.
        """
        with self._lock:
            found = self._models.get(name)
            mine = found is None
            if found is None:
                found = self._models[name] = Future()
            self._models.move_to_end(name)
        if not mine:
            error = scheduler.wait_for_error(found, self._still)
            away = error is not None and not isinstance(error, Exception)  # meant for the one who loads, not for us
            return self.loaded(name) if away else found.result()
        try:
            model = self._load(name)
        except BaseException as error:
            with self._lock:
                if self._models.get(name) is found:
                    del self._models[name]  # first, so that those who go on do not find it again
            found.set_exception(error)
            raise
        with self._lock:  # only now: a name that nothing can be loaded for takes no other model's place
            while len(self._models) > self.settings.loaded_models:
                self._models.popitem(last=False)
        found.set_result(model)
        return model

    def _still(self) -> None:
        """Who waits for a model that another thread loads is told so, and may go."""
        if self.progress is not None:
            self.progress(Still("Waiting for the model, which another reader is loading."))

    def holds(self, name: str) -> bool:
        """Whether this model is in memory, so that reading a text waits for nothing else."""
        found = self._models.get(name)
        return found is not None and found.done() and found.exception() is None

    def has_weights(self, name: str) -> bool:
        """Whether the weights of this model are on this machine."""
        card = next((card for card in self.models() if card.id == name), None)
        return card is not None and locate.place(card, self.settings).kind not in ("missing", "hub")

    def ready(self, request: AttentionRequest) -> None:
        """Checks the text and loads the model, so that nothing but the reading is left to do."""
        self._checked(request)
        self.loaded(request.model)

    def _load(self, name: str) -> LoadedModel:
        """Read the weights and set the recorded attention, once.

        The tests know every family of the catalogue; a folder of the reader's own may be of any, and is looked at first.
        """
        model = load.load(self.folders.get(name) or catalog.card(name), self.settings, self.progress)
        if name not in self.folders or capture.faithful(model.model):
            capture.prepare(model.model)
        return model

    def attend(self, request: AttentionRequest) -> Trace:
        """One forward pass over the request's text; see Backend."""
        return self.answer(request, *self.asked(request))

    def asked(self, request: AttentionRequest) -> tuple[LoadedModel, Read]:
        """The model, and the request as it reads it. All that is wrong with a request is said here."""
        loaded, read = self._read(request)
        self._sized(loaded, read.sides)
        return loaded, read

    def attend_given(self, name: str, asked: Given) -> Trace:
        """What a model does with tokens, words or messages, which no request can carry."""
        loaded = self.loaded(name)
        request, read = read_given(loaded, asked, self.settings.max_bytes)
        self._sized(loaded, read.sides)
        return self.answer(request, loaded, read)

    def answer(self, request: AttentionRequest, loaded: LoadedModel, read: Read) -> Trace:
        """One forward pass over what was `asked`."""
        with capture.followed(self._progress_of(loaded, read.sides)):
            return read.trace(loaded.model, request, loaded.digest, loaded.note)

    def _sized(self, loaded: LoadedModel, sides: Sides) -> None:
        """Raises TooLongError, before anything is run, where reading this text would keep too much."""
        card, tokens = loaded.card, [len(side) for side in sides]
        dense = not capture.prepared(loaded.model)
        bytes_needed = memory_estimate.bytes_needed(loaded.model.config, card.layers, card.heads, *tokens, dense=dense)
        memory_estimate.check(card.name, bytes_needed, tokens[0], self.settings.text_bytes, dense=dense)

    def _progress_of(self, loaded: LoadedModel, sides: Sides) -> Callable[[int], None]:
        """Tells whoever waits for a long text how far it is read."""
        tokens = sum(len(side) for side in sides)
        calls = loaded.card.layers * (1 if len(sides) == 1 else 3)  # the encoder's, the decoder's own and its looks across

        def heard(done: int) -> None:
            scheduler.check_cancelled()
            if self.progress is not None and tokens >= LONG:
                self.progress(Progress(f"Reading {tokens:,} tokens: layer {done} of {calls}.", min(done / calls, 1.0)))

        return heard

    def check(self, request: AttentionRequest) -> Check:
        """Every head of every layer against the library's own eager model."""
        loaded, read = self._read(request)
        return verify.against_eager(loaded.model, read.trace(loaded.model, request, loaded.digest), read.tensors)

    def step_trace(self, request: AttentionRequest, layer: int) -> LayerSteps:
        """One layer from scratch, step by step. BadInputError for models of other families and layers that are not there."""
        _, weights, ids, types, tokens = self._from_scratch(request, HeadRef(layer, 0))
        return layer_steps(weights, ids, types, tokens, layer)

    def intervene(self, request: AttentionRequest, layer: int, change: Intervention, other: str = "") -> InterventionResult:
        """The text with one thing changed in the forward pass from scratch."""
        loaded, weights, ids, types, tokens = self._from_scratch(request, HeadRef(layer, 0))
        keys = tokens
        if other:
            texts.checked(other, self.settings.max_bytes)
            read = reading(loaded, other)
            change, keys = replace(change, others=tuple(read.ids)), read.tokens
        return intervene(
            weights, ids, types, change, layer, tokens, keys, lambda id: tokenize.decode_token(loaded.tokenizer, id)
        )

    def compare_orders(self, request: AttentionRequest, head: HeadRef, change: Intervention, seed: int) -> WordOrderResult:
        """The text and its words in another order, in the forward pass from scratch."""
        _, weights, ids, types, tokens = self._from_scratch(request, head)
        fits(tokens)
        return compare_orders(weights, ids, types, shuffled_order(tokens, seed), change, head)

    def _from_scratch(
        self, request: AttentionRequest, head: HeadRef
    ) -> tuple[LoadedModel, ModelWeights, list[int], list[int] | None, tuple[Token, ...]]:
        """The model, its weights as they are read from scratch, and the text's ids, segments and tokens."""
        loaded, read = self._read(request)
        weights = reference.read(loaded.model)
        if head.block != "self" or head.layer >= weights.layers or head.head >= weights.heads:
            there = f"it has {weights.layers} layers of {weights.heads} heads"
            raise BadInputError(f"{loaded.card.name} has no head {head}: {there}.")
        ids, types = (read.tensors.get(name) for name in ("input_ids", "token_type_ids"))
        rows = [None if part is None else part[0].tolist() for part in (ids, types)]
        return loaded, weights, rows[0] or [], rows[1], read.sides[0]

    def _read(self, request: AttentionRequest) -> tuple[LoadedModel, Read]:
        """The model, and the request as it reads it. The text is checked before a model is loaded for it."""
        self._checked(request)
        loaded = self.loaded(request.model)
        return loaded, read_by(loaded, request)

    def _checked(self, request: AttentionRequest) -> None:
        """Raises a BadInputError for a text that no model reads."""
        for part in (request.text, request.text_b):
            if part is not None:
                texts.checked(part, self.settings.max_bytes)

    def close(self) -> None:
        """Forget the models."""
        with self._lock:
            self._models.clear()


def traced(model: Any, tokenizer: Any, text: Any, text_b: Any = None, **more: Any) -> Trace:
    """The trace of one text read by a model that somebody else loaded, and which is left as it was.

    `more` are tokens, words and chat, as in Given. What is known to hold a model on its way (compiled, parallel, with
    adapters, a pipeline) is opened, and its own tokenizer is taken where none is given.
    """
    asked = Given(text, text_b, **more)
    held = capture.unwrap(model)
    if tokenizer is None:
        tokenizer = held.tokenizer
    if not callable(getattr(tokenizer, "convert_ids_to_tokens", None)):
        raise BadInputError(_no_tokenizer(tokenizer))
    capture.textual(held.model)
    card = load.card_of(held.model, tokenizer)
    if card.kind == "encoder-decoder" and not two_sided(held.model):  # one of its two sides, taken out
        card = replace(card, kind="encoder")
    request, read = read_given(LoadedModel(held.model, tokenizer, card, ""), asked, Settings.max_bytes)
    trace = fitted(held.model, read.tensors, lambda tensors: replace(read, tensors=tensors).trace(held.model, request, ""))
    note = f"{held.note} {held.of_text}".strip()
    return trace.noted(note) if note else trace


def _no_tokenizer(given: Any) -> str:
    """What is said of something that is no tokenizer."""
    inner = getattr(given, "tokenizer", None)
    if callable(getattr(inner, "convert_ids_to_tokens", None)):
        remedy = "Give the one that it holds: its .tokenizer."
    else:
        remedy = "Give the model's own, e.g. AutoTokenizer.from_pretrained(its name)."
    return f"A transformers tokenizer is needed beside the model; got {type(given).__name__}. {remedy}"


def read_given(loaded: LoadedModel, asked: Given, max_bytes: int) -> tuple[AttentionRequest, Read]:
    """What is given as a model reads it, and the request that stands for it."""
    if not asked.plain:
        request, first = program_input.read(loaded, asked, max_bytes)
        return request, read_by(loaded, request, first)
    request = AttentionRequest(loaded.card.id, asked.text, asked.text_b, asked.chat)
    for part in (request.text, request.text_b):
        if part is not None:
            texts.checked(part, max_bytes)
    return request, read_by(loaded, request)


def read_by(loaded: LoadedModel, request: AttentionRequest, first: Encoding | None = None) -> Read:
    """A request as a model reads it; `first` is its first text where that is tokenised already."""
    card = loaded.card
    if request.chat and request.text_b is not None:
        raise PairError("A conversation is read alone, without a second text. Leave the second text out.")
    if request.chat and first is None:
        first = chats.read(loaded.tokenizer, chats.messages(request.text), max_tokens=card.max_tokens, name=card.name)
    if first is not None:
        input_limits.check_reading(loaded.model, first, card.name)
    if card.kind == "encoder-decoder":
        return _both_sides(loaded, request, first)
    if request.text_b is not None and not card.pairs:
        raise PairError(f"{card.name} reads one text and continues it; it takes no second one. Remove the second sentence.")
    if first is not None and request.text_b is not None:
        raise PairError("Tokens are all that the model reads; a second text is among them, or is none. Leave out text_b.")
    read = reading(loaded, request.text, request.text_b) if first is None else first
    return Read(inputs.row(read.ids, read.type_ids), (read.tokens,), reading=read.legibility)


def reading(loaded: LoadedModel, text: str, text_b: str | None = None) -> Encoding:
    """A text, or a pair, as a model reads it.

    Raises TokenError and PairError for tokens and segments that the tokenizer makes and the model lacks.
    """
    card = loaded.card
    found = texts.read(loaded.tokenizer, text, text_b, max_tokens=card.max_tokens, name=card.name)
    input_limits.check_reading(loaded.model, found, card.name)
    return found


def _both_sides(loaded: LoadedModel, request: AttentionRequest, first: Encoding | None = None) -> Read:
    """Source and target of an encoder-decoder: the target as given (teacher-forced), or its own greedy output."""
    card, model = loaded.card, loaded.model
    source = reading(loaded, request.text) if first is None else first
    row = inputs.row(source.ids)
    if request.text_b is None:
        opening = tokenize.target_language(loaded.tokenizer)
        ids = inputs.written(capture.generator(model), row, min(GREEDY, card.max_tokens - 1), opening)
        written, target = texts.read_output(loaded.tokenizer, ids)
        if not written:
            raise BadInputError(f"{card.name} writes nothing for this text. Type a target text as the second sentence.")
    else:
        target = texts.read_target(
            loaded.tokenizer, request.text_b, start=lambda ids: inputs.start(model, ids),
            max_tokens=card.max_tokens, name=card.name,
        )  # fmt: skip
        written = None
    input_limits.check_reading(model, target, card.name, "decoder_")
    legible = source.legibility if written is not None else combined((source.legibility, target.legibility))
    return Read(inputs.with_target(row, target.ids), (source.tokens, target.tokens), written, legible)
