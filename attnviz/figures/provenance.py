"""Where the numbers of a head come from: model, weights, versions, text, head, options."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from attnviz.analysis import legibility_text
from attnviz.legibility import Legibility
from attnviz.types import HeadRef, ModelCard, Pattern, Token
from attnviz.view_state import TokenSelection, ViewOptions

if TYPE_CHECKING:
    from attnviz.engine.trace import Trace


PACKAGES = ("attnviz", "torch", "transformers")


@dataclass(frozen=True)
class Provenance:
    """Where a pattern's numbers come from: model, weights, versions, text, head, options.

    `digest` is of the weights that answered, `quantised` says how they differ from the published ones ("" if they do
    not); `queries` and `keys` are the tokens as the model read them; `focus` is the selected word. `written` is the target
    that the model wrote where none was given, `layers` says which of its layers attend where not all do, `batched` that
    other texts were read in the same pass: then numbers are within 1e-5 of those without them. `reading` says how much
    of the text the model reads as typed, `chat` that the text is a message inside the model's chat template.
    """

    model: str
    name: str
    digest: str
    quantised: str
    versions: tuple[tuple[str, str], ...]
    text: str
    text_b: str | None
    head: HeadRef
    options: ViewOptions
    queries: tuple[Token, ...]
    keys: tuple[Token, ...]
    focus: TokenSelection | None = None
    written: str | None = None
    layers: str = ""
    batched: bool = False
    reading: Legibility | None = None
    chat: bool = False

    @property
    def tokens(self) -> tuple[Token, ...]:
        """All tokens of the rows and columns, those of one text once."""
        return self.queries if self.queries == self.keys else self.keys + self.queries

    @property
    def unknown_tokens(self) -> int:
        """How many tokens the model reads only as its unknown token."""
        return sum(token.unknown for token in self.tokens)

    @property
    def unknown(self) -> str:
        """The part of the text that the model cannot read, as a line: `1 of 3 words, 1 of 6 characters: 😀`."""
        names = ": " + ", ".join(legibility_text.unknown_words(self.tokens)) if self.unknown_tokens else ""
        if self.reading is None:
            return f"{self.unknown_tokens} tokens{names}"
        words, characters = f"{self.reading.unknown_words} of {self.reading.words} words", self.reading.characters
        return f"{words}, {self.reading.unknown_characters} of {characters} characters{names}"

    @property
    def altered(self) -> str:
        """The words that the model does not read as typed, as a line: `CAFÉ as cafe; A as a`."""
        found = self.reading.altered if self.reading else ()
        return "; ".join(f"{one.typed} as {one.read}" if one.read else f"{one.typed} not at all" for one in found)

    def as_dict(self, pattern: Pattern) -> dict[str, Any]:
        """Return all of it for JSON, with what the pattern hides, merges or rescales."""
        return {
            "model": self.model,
            "name": self.name,
            "weights_sha256": self.digest,
            "quantised": self.quantised,
            "versions": dict(self.versions),
            "text": self.text,
            "text_b": self.text_b,
            "written": self.written,
            "layers": self.layers,
            "batched": self.batched,
            **({"chat": True} if self.chat else {}),
            "block": self.head.block,
            "head": str(self.head),
            "words": self.options.words,
            "special": self.options.special,
            "keep": None if self.options.keep is None else str(self.options.keep),
            "between": self.options.between,
            "focus": None if self.focus is None else str(self.focus),
            "note": pattern.note,
            "hidden": _decimals(pattern.hidden),
            "unknown_tokens": self.unknown_tokens,
            "reading": None if self.reading is None else self.reading.as_dict(),
            "query_pieces": [token.piece for token in self.queries],
            "key_pieces": [token.piece for token in self.keys],
        }


def provenance(
    card: ModelCard, trace: Trace, head: HeadRef, options: ViewOptions, focus: TokenSelection | None = None
) -> Provenance:
    """Return the provenance of one head. Raises UnknownHeadError for a block that the trace does not have."""
    block, request = trace.block(head.block), trace.request
    return Provenance(
        model=card.id,
        name=card.name,
        digest=trace.digest,
        quantised=card.quantised,
        versions=tuple((package, version(package)) for package in PACKAGES),
        text=request.text,
        text_b=request.text_b,
        head=head,
        options=options,
        queries=block.queries,
        keys=block.keys,
        focus=focus,
        written=trace.written,
        layers=block.note,
        batched=trace.batched,
        reading=trace.reading,
        chat=request.chat,
    )


def _decimals(array: Float[np.ndarray, "*shape"]) -> list:
    """Return nested lists of the shortest decimals that read back as the same float32."""
    return array.astype(np.str_).astype(np.float64).tolist()


@cache
def version(package: str) -> str:
    """Return the installed version of a package."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
