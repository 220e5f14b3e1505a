"""The Trace of one forward pass, as a value: a head's weights are computed when they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, overload

import numpy as np
import torch
from jaxtyping import Float

from attnviz.engine import attention, notebook_hook
from attnviz.engine.layers import Dense, Layer, Projections, locked, looks_back_only, tensor
from attnviz.errors import BlocksError, NoAttentionError, ShapeError, UnknownHeadError
from attnviz.legibility import Legibility
from attnviz.types import AttentionRequest, HeadRef, Token

ROWS = 1e-4  # how far a row's sum may be from 1
COARSE = {"bfloat16": 2e-2, "float16": 2e-3}  # the same for weights that the library rounded, to 8 and 11 bits


def _rows(calls: Sequence[Projections], queries: Sequence[int]) -> list[Float[np.ndarray, "head row key"]]:
    """Return the weights of some queries in every head of some layers.

    The products use numpy, and one softmax covers all layers: each is so small that torch would take longer to wake its
    threads than to compute, much longer on a busy machine.
    """
    raw = [call.scores(queries) for call in calls]
    with torch.inference_mode():
        sinks = None
        if any(call.sinks is not None for call in calls):
            none = [torch.full((call.heads,), attention.NEVER) for call in calls]
            sinks = torch.cat([none[at] if call.sinks is None else tensor(call.sinks) for at, call in enumerate(calls)])
        found = attention.softmax(torch.cat(raw), sinks).to(torch.float32).numpy()
    return np.split(found, np.cumsum([call.heads for call in calls])[:-1])


@dataclass(frozen=True, eq=False)
class Block:
    """The attention of one block of a model: all layers and heads over one list of queries and one of keys.

    A model with one kind of attention has the block `self`; an encoder-decoder has `encoder`, `decoder` and `cross`.
    If only some of a model's layers have attention, `numbers` are the model's numbers of those, and `note` explains it.
    """

    name: str
    queries: tuple[Token, ...]
    keys: tuple[Token, ...]
    calls: tuple[Layer, ...]
    numbers: tuple[int, ...] = ()
    note: str = ""

    @property
    def layers(self) -> int:
        """Number of layers."""
        return len(self.calls)

    @property
    def heads(self) -> int:
        """Number of heads in a layer (the largest, if layers differ)."""
        return max(call.heads for call in self.calls)

    @property
    def source(self) -> Literal["projections", "dense"]:
        """Where weights come from: captured projections, or the library's eager weights."""
        return "dense" if isinstance(self.calls[0], Dense) else "projections"

    @cached_property
    def causal(self) -> bool:
        """Whether no query in any layer may attend to a later key."""
        if self.queries != self.keys:
            return False
        masks = (call.mask if isinstance(call, Projections) else None for call in self.calls)
        distinct = {id(call if mask is None else mask): call for mask, call in zip(masks, self.calls, strict=True)}
        return all(looks_back_only(call) for call in distinct.values())  # layers share masks: each is checked once

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays, each counted once."""
        arrays = {id(a): a for call in self.calls for a in vars(call).values() if isinstance(a, np.ndarray)}
        return sum(a.nbytes for a in arrays.values())

    @overload
    def weights(self) -> Float[np.ndarray, "layer head query key"]: ...
    @overload
    def weights(self, layer: int) -> Float[np.ndarray, "head query key"]: ...
    @overload
    def weights(self, layer: int, head: int) -> Float[np.ndarray, "query key"]: ...
    def weights(self, layer: int | None = None, head: int | None = None) -> np.ndarray:
        """Return the attention weights of all layers, of one layer, or of one head; float32, read-only.

        Raises UnknownHeadError for a layer or head that does not exist.
        """
        if layer is None:
            if len({call.heads for call in self.calls}) > 1:
                raise ShapeError("The layers of this model differ in their number of heads: ask for one layer, weights(layer).")
            whole = np.empty((self.layers, self.heads, len(self.queries), len(self.keys)), np.float32)
            for i in range(self.layers):  # filled in place: a list of layers beside their stack would double the peak
                whole[i] = self.weights(i)
            return locked(whole)
        call = self._call(layer, head)
        found = call.weights(slice(None) if head is None else slice(head, head + 1))
        return locked(self._checked(found if head is None else found[0], call, layer, head))

    def rows(self, queries: Sequence[int]) -> tuple[Float[np.ndarray, "head row key"], ...]:
        """Return the weights of some queries in every head, an array for each layer: the same rows as in `weights(layer)`."""
        captured = [call for call in self.calls if isinstance(call, Projections)]
        made = iter(_rows(captured, queries) if captured else ())
        found = [next(made) if isinstance(call, Projections) else call.array[:, list(queries)] for call in self.calls]
        return tuple(
            locked(self._checked(rows, call, layer, None))
            for layer, (rows, call) in enumerate(zip(found, self.calls, strict=True))
        )

    def sink(self, layer: int, head: int) -> Float[np.ndarray, " query"]:
        """Return the part of each row that a learned sink takes; zeros if the model has none."""
        call = self._call(layer, head)
        if not call.sunk:
            return locked(np.zeros(len(self.queries), np.float32))
        return locked(np.clip(1.0 - self.weights(layer, head).sum(-1), 0.0, 1.0).astype(np.float32))

    def difference(self, layer: int, head: int) -> float | None:
        """Return the largest difference between weights times values, computed here, and the output of the model's kernel.

        None for dense weights, which come without values to compare, and if the values stayed on another machine.
        """
        call = self._call(layer, head)
        found = None if isinstance(call, Dense) else call.differences(slice(head, head + 1))
        return None if found is None else float(found[0])

    @property
    def precision(self) -> str:
        """The number format that the model computed in, e.g. float32."""
        return self.calls[0].precision

    def _call(self, layer: int, head: int | None) -> Layer:
        """Return one layer. Raises an error that says which layers and heads exist."""
        if not 0 <= layer < self.layers:
            note = f" {self.note}" if self.note else ""
            raise UnknownHeadError(f"This model has layers 0 to {self.layers - 1}; there is no layer {layer}.{note}")
        call = self.calls[layer]
        if head is not None and not 0 <= head < call.heads:
            raise UnknownHeadError(f"Layer {layer} has heads 0 to {call.heads - 1}; there is no head {head}.")
        return call

    def _checked(self, found: np.ndarray, call: Layer, layer: int, head: int | None) -> np.ndarray:
        """Return the weights. Raises NoAttentionError if a row is not a distribution."""
        sums = found.sum(-1)
        slack = COARSE.get(call.precision, ROWS) if isinstance(call, Dense) else ROWS
        least = -slack if call.sunk else 1.0 - slack
        if not (np.isfinite(sums).all() and found.min() >= 0.0 and least <= sums.min() and sums.max() <= 1.0 + slack):
            where = f"layer {layer}" if head is None else str(HeadRef(layer, head))
            if not np.isfinite(sums).all():
                raise NoAttentionError(
                    f"Attention weights must be numbers; those of {where} on this text are not (NaN or infinite). The "
                    "model's weights may be damaged: put its files in place again, or choose another model."
                )
            raise NoAttentionError(
                f"The rows of {where} should sum to 1 and lie between {sums.min():.4f} and {sums.max():.4f}: "
                "this model's attention is not a plain softmax, so it is not shown."
            )
        return found


@dataclass(frozen=True, eq=False)
class Trace:
    """One text read by one model: its tokens, and every head's attention, computed when needed.

    Rows over visible keys are finite, at least 0 and sum to 1 within 1e-4 (with a learned sink, to 1 minus its share);
    causal traces are exactly 0 above the diagonal. `request` is the request, `digest` identifies the weights; `written` is
    the target text that an encoder-decoder wrote by itself, None if one was given or none is read. `batched` says that
    other texts were read in the same pass: its numbers are within 1e-5 of those of the text alone, but not the same to the
    last bit. `reading` says how much of the text the model reads as typed; None if there was no tokenizer, or if a server
    of an older version answered.
    """

    request: AttentionRequest
    parts: tuple[Block, ...]
    digest: str = ""
    written: str | None = None
    batched: bool = False
    reading: Legibility | None = None

    def __repr__(self) -> str:
        sizes = ", ".join(f"{part.name} {part.layers} layers × {part.heads} heads" for part in self.parts)
        unknown = sum(token.unknown for token in self.tokens)
        count = f"{len(self.tokens)} tokens{f' ({unknown} unknown)' if unknown else ''}"
        return f"Trace({self.request!r}, {count}, {sizes})"

    def _repr_html_(self) -> str | None:
        """Return the board, in a notebook."""
        return notebook_hook.html(self)

    def to_frame(
        self, layer: int | None = None, head: int | None = None, *, block: str | None = None, words: bool = False,
        special: str = "show",
    ) -> Any:  # fmt: skip
        """Return the weights as a pandas DataFrame in long form: a row for each query and key of each head.

        Columns: block, layer, head, query, query_text, key, key_text, weight; by tokens also query_word and key_word, the
        number of the word (missing for special tokens). `query` and `key` count the tokens of the block, or with `words`
        its words and special tokens: attention to a word is the sum over its pieces, from a word the mean. `special` is
        show, hide or renormalise. Raises TooLongError beyond 5,000,000 rows.
        """
        return notebook_hook.tables["frame"](self, layer, head, block=block, words=words, special=special)

    def to_xarray(
        self, layer: int | None = None, head: int | None = None, *, block: str | None = None, words: bool = False,
        special: str = "show",
    ) -> Any:  # fmt: skip
        """Return the weights as an xarray DataArray with the axes layer, head, query and key; options as in `to_frame`.

        Coordinates: layer, head, query, key, and along the last two query_text and key_text, by tokens also query_word and
        key_word (-1 for special tokens). Raises UnavailableError if xarray is not installed.
        """
        return notebook_hook.tables["xarray"](self, layer, head, block=block, words=words, special=special)

    @property
    def blocks(self) -> tuple[str, ...]:
        """Names of the blocks: ("self",) or ("encoder", "decoder", "cross")."""
        return tuple(part.name for part in self.parts)

    def block(self, name: str) -> Block:
        """Return the block called `name`. Raises UnknownHeadError, which names those that exist."""
        for part in self.parts:
            if part.name == name:
                return part
        raise UnknownHeadError(f"This trace has the blocks {', '.join(self.blocks)}; there is no block {name!r}.")

    @property
    def note(self) -> str:
        """What a reader must know besides the numbers, in sentences: renumbered layers, a target that the model wrote."""
        notes = [part.note for part in self.parts]
        if self.written is not None:
            notes.append(f"No target text was given, so the model wrote one itself: {self.written}")
        return " ".join(dict.fromkeys(filter(None, notes)))

    @property
    def tokens(self) -> tuple[Token, ...]:
        """All tokens that the model read: for an encoder-decoder, the source and then the target."""
        names = self.blocks
        if "encoder" in names and "decoder" in names:
            return self.block("encoder").queries + self.block("decoder").queries
        return self.parts[0].queries

    @property
    def layers(self) -> int:
        """Number of layers of the first block."""
        return self.parts[0].layers

    @property
    def heads(self) -> int:
        """Number of heads in a layer of the first block."""
        return self.parts[0].heads

    @property
    def causal(self) -> bool:
        """Whether no query of the first block attends to a later key."""
        return self.parts[0].causal

    @property
    def source(self) -> Literal["projections", "dense"]:
        """Where weights come from: captured "projections", or "dense" from the library."""
        return self.parts[0].source

    @property
    def nbytes(self) -> int:
        """Bytes in memory, for caches that are limited by bytes."""
        altered = self.reading.altered if self.reading else ()
        return sum(part.nbytes for part in self.parts) + 256 * (len(self.tokens) + len(altered))

    @overload
    def weights(self) -> Float[np.ndarray, "layer head query key"]: ...
    @overload
    def weights(self, layer: int) -> Float[np.ndarray, "head query key"]: ...
    @overload
    def weights(self, layer: int, head: int) -> Float[np.ndarray, "query key"]: ...
    def weights(self, layer: int | None = None, head: int | None = None) -> np.ndarray:
        """Return the attention weights [layer, head, query, key], or a part of them; float32, read-only.

        Raises BlocksError if the trace has several blocks, and names them.
        """
        only = self._only()
        if layer is None:
            return only.weights()
        return only.weights(layer) if head is None else only.weights(layer, head)

    def sink(self, layer: int, head: int) -> Float[np.ndarray, " query"]:
        """Return the part of each row that a learned sink takes; zeros if the model has none."""
        return self._only().sink(layer, head)

    def of(self, head: HeadRef) -> Float[np.ndarray, "query key"]:
        """Return the weights of one head, in the block that it belongs to."""
        return self.block(head.block).weights(head.layer, head.head)

    def labelled(
        self,
        request: AttentionRequest,
        digest: str,
        *sides: tuple[Token, ...],
        written: str | None = None,
        reading: Legibility | None = None,
        note: str = "",
    ) -> Trace:
        """Return this trace with its request and tokens: one list, or the source and the target of an encoder-decoder.

        `note` says what a reader must know about how the model was read.
        """
        source, target = sides[0], sides[-1]
        lists = {"self": (source, source), "encoder": (source, source), "decoder": (target, target), "cross": (target, source)}
        parts = []
        for part in self.parts:
            queries, keys = lists[part.name]
            if (len(queries), len(keys)) != (len(part.queries), len(part.keys)):
                raise NoAttentionError(
                    f"The model reads {len(part.queries)} queries and {len(part.keys)} keys in its {part.name} attention, "
                    f"its tokenizer made {len(queries)} and {len(keys)} tokens: they cannot be matched. "
                    "Read its own tensors, with tokens by number: attnviz.capture(model, input_ids=…)."
                )
            parts.append(replace(part, queries=queries, keys=keys, note=" ".join(filter(None, (part.note, note)))))
        return Trace(request, tuple(parts), digest, written, self.batched, reading)

    def noted(self, note: str) -> Trace:
        """Return this trace with one more note for the reader."""
        first, *others = self.parts
        joined = f"{first.note} {note}".strip()
        return replace(self, parts=(replace(first, note=joined), *others))

    def _only(self) -> Block:
        """Return the only block. Raises BlocksError if there are several."""
        if len(self.parts) != 1:
            raise BlocksError(
                f"This trace has several blocks: {', '.join(self.blocks)}. Ask one: trace.block({self.blocks[-1]!r}).weights()."
            )
        return self.parts[0]
