"""The Trace of one forward pass, as a value: a head's weights are computed when they are needed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, overload

import numpy as np
from jaxtyping import Float

from attnviz.engine import notebook_hook
from attnviz.engine.block import Block
from attnviz.errors import BlocksError, NoAttentionError, UnknownHeadError
from attnviz.legibility import Legibility
from attnviz.types import AttentionRequest, HeadRef, Token


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
