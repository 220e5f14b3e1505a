"""Requests in, Traces out, by models loaded into this process."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import torch

from attnviz import text as texts
from attnviz.engine import capture, verify
from attnviz.engine.trace import Trace
from attnviz.engine.verify import Check
from attnviz.errors import BadInputError, PairError
from attnviz.models import catalog, load
from attnviz.models.load import LoadedModel
from attnviz.settings import Settings
from attnviz.types import AttentionRequest, ModelCard, Token

Inputs = dict[str, Any]
Sides = tuple[tuple[Token, ...], ...]

GREEDY = 40  # tokens of output that an encoder-decoder writes when no target text is given


class LocalBackend:
    """Models in this process: each loaded once, when first asked for, and shared by all threads.

    Loading one model blocks nobody who uses another. At most `settings.loaded_models` stay in memory; the one unused
    for longest goes first (a request under way keeps its own until it is done).
    """

    def __init__(self, settings: Settings | None = None, progress: Callable[[str], None] | None = None) -> None:
        self.settings = settings or Settings.from_env()
        self.progress = progress
        self._lock = threading.Lock()
        self._models: OrderedDict[str, Future[LoadedModel]] = OrderedDict()

    def models(self) -> tuple[ModelCard, ...]:
        """The catalogue."""
        return catalog.cards()

    def loaded(self, name: str) -> LoadedModel:
        """The model called `name` (or a local folder, written with a slash), ready to be read by `capture`."""
        with self._lock:
            found = self._models.get(name)
            mine = found is None
            if found is None:
                found = self._models[name] = Future()
            self._models.move_to_end(name)
            while len(self._models) > self.settings.loaded_models:
                self._models.popitem(last=False)
        if mine:
            try:
                found.set_result(self._load(name))
            except BaseException as error:
                found.set_exception(error)  # those who wait get it too; the next one tries again
                with self._lock:
                    if self._models.get(name) is found:
                        del self._models[name]
        return found.result()

    def _load(self, name: str) -> LoadedModel:
        """Read the weights and set the recorded attention, once."""
        card = load.local_card(Path(name)) if name.startswith((".", "/", "~")) else catalog.card(name)
        model = load.load(card, self.settings, self.progress)
        capture.prepare(model.model)
        return model

    def attend(self, request: AttentionRequest) -> Trace:
        """One forward pass over the request's text; see Backend."""
        loaded, inputs, sides = self._inputs(request)
        return capture.capture(loaded.model, **inputs).labelled(request, loaded.digest, *sides)

    def check(self, request: AttentionRequest) -> Check:
        """Every head of every layer against the library's own eager model."""
        loaded, inputs, sides = self._inputs(request)
        trace = capture.capture(loaded.model, **inputs).labelled(request, loaded.digest, *sides)
        return verify.against_eager(loaded.model, trace, inputs)

    def _inputs(self, request: AttentionRequest) -> tuple[LoadedModel, Inputs, Sides]:
        """The model, its input tensors and the tokens of each side. The text is checked before a model is loaded for it."""
        for part in (request.text, request.text_b):
            if part is not None:
                texts.checked(part, self.settings.max_bytes)
        loaded = self.loaded(request.model)
        return (loaded, *inputs_of(loaded, request))

    def close(self) -> None:
        """Forget the models."""
        with self._lock:
            self._models.clear()


def traced(model: Any, tokenizer: Any, text: str, text_b: str | None = None) -> Trace:
    """The trace of one text read by a model that somebody else loaded, and which is left as it was."""
    loaded = LoadedModel(model, tokenizer, load.card_of(model), "")
    request = AttentionRequest(loaded.card.id, texts.checked(text, Settings.max_bytes), text_b)
    inputs, sides = inputs_of(loaded, request)
    return capture.capture(model, **inputs).labelled(request, "", *sides)


def inputs_of(loaded: LoadedModel, request: AttentionRequest) -> tuple[Inputs, Sides]:
    """A request's input tensors, one row, and the tokens of each side of the attention."""
    card = loaded.card
    if card.kind == "encoder-decoder":
        return _both_sides(loaded, request)
    if request.text_b is not None and not card.pairs:
        raise PairError(f"{card.name} reads one text and continues it; it takes no second one. Remove the second sentence.")
    reading = texts.read(loaded.tokenizer, request.text, request.text_b, max_tokens=card.max_tokens, name=card.name)
    inputs = _tensors(reading)
    if reading.type_ids is not None:
        inputs["token_type_ids"] = torch.tensor([reading.type_ids])
    return inputs, (reading.tokens,)


def _both_sides(loaded: LoadedModel, request: AttentionRequest) -> tuple[Inputs, Sides]:
    """Source and target of an encoder-decoder: the target as given (teacher-forced), or its own greedy output."""
    card, model = loaded.card, loaded.model
    source = texts.read(loaded.tokenizer, request.text, max_tokens=card.max_tokens, name=card.name)
    inputs = _tensors(source)
    start = model.config.decoder_start_token_id
    target = request.text_b
    if target is None:
        with torch.inference_mode():
            written = model.generate(**inputs, max_new_tokens=GREEDY, num_beams=1, do_sample=False)
        target = str(loaded.tokenizer.decode(written[0].tolist(), skip_special_tokens=True)).strip()
        if not target:
            raise BadInputError(f"{card.name} writes nothing for this text. Type a target text as the second sentence.")
    reading = texts.target(loaded.tokenizer, target, start=start, max_tokens=card.max_tokens, name=card.name)
    return {**inputs, "decoder_input_ids": torch.tensor([reading.ids])}, (source.tokens, reading.tokens)


def _tensors(reading: texts.Reading) -> Inputs:
    """Token ids and an all-visible mask, one row."""
    ids = torch.tensor([reading.ids])
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
