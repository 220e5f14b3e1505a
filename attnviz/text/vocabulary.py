"""What the ids of a tokenizer mean: pieces of text, the bytes that they spell, special tokens, the unknown token."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from attnviz.text.align import Piece, alphabet, byte_named

BYTES = alphabet()
_BLANK = re.compile(r'Metaspace\(replacement="(.)"')
_IN_NO_VOCABULARY = "\U0010ffff"  # a code point that Unicode reserves never to be a character
LETTERS = {byte: character for character, byte in BYTES.items()}


@dataclass(frozen=True)
class InputToken:
    """One position of the model's input: its piece, its type id, and the text that it is from (or stands after)."""

    piece: Piece
    type_id: int
    segment: int


@dataclass(frozen=True)
class Vocabulary:
    """What a backend's ids mean: which were added to the vocabulary, which are special, and whether pieces spell bytes."""

    added: frozenset[int]
    special: frozenset[int]
    unknown: int | None
    mask: str
    byte_level: bool
    blank: str
    prefix: str
    suffix: str

    @classmethod
    def of(cls, tokenizer: Any, backend: Any) -> Vocabulary:
        """Read the vocabulary, again for every text: a caller may have added tokens in between."""
        added = backend.get_added_tokens_decoder()
        parts = f"{backend.normalizer!r} {backend.pre_tokenizer!r} {backend.decoder!r}"
        blank = _BLANK.search(parts)
        return cls(
            added=frozenset(added),
            special=frozenset(number for number, token in added.items() if token.special),
            unknown=_unknown(tokenizer, backend.model),
            mask=str(tokenizer.mask_token),
            byte_level="ByteLevel" in parts,
            blank=blank[1] if blank else "▁",
            prefix=getattr(backend.model, "continuing_subword_prefix", None) or "",
            suffix=getattr(backend.model, "end_of_word_suffix", None) or "",
        )

    def piece(self, number: int, piece: str, start: int, end: int, typed: str) -> Piece:
        """Return a piece of text, with the bytes that it spells if it spells bytes and not characters."""
        raw = None
        if number not in self.added and piece != typed and not self.byte_level:
            raw = byte_named(piece)
        elif number not in self.added and self.byte_level and all(character in BYTES for character in piece):
            raw = bytes(BYTES[character] for character in piece.removesuffix(self.suffix))
        spelled = "" if raw is not None else piece.removeprefix(self.prefix).removesuffix(self.suffix).replace(self.blank, " ")
        return Piece(number, piece, start, end, raw, unknown=number == self.unknown, spelled=spelled)

    def reads_as_special(self, piece: Piece, typed: str) -> bool:
        """Return whether typed text was taken for a special token. An unknown word may be read as the unknown token."""
        return piece.id in self.special and (not piece.unknown or typed.strip() == piece.piece)


def _unknown(tokenizer: Any, model: Any) -> int | None:
    """Return the id that a backend's model gives to unknown characters; None if it knows all, or leaves them out.

    This is the model's own id, not the wrapper's `unk_token`, which may be another token or missing. A unigram model does
    not name it, so the model reads a character that no vocabulary has.
    """
    if hasattr(model, "unk_token"):
        return model.token_to_id(model.unk_token) if model.unk_token else None
    try:
        found = model.tokenize(_IN_NO_VOCABULARY)
    except Exception:  # noqa: BLE001  # the library raises a plain Exception where a unigram model has no unknown token
        return None
    if len(found) == 1 and model.id_to_token(found[0].id) != _IN_NO_VOCABULARY:
        return int(found[0].id)
    return tokenizer.unk_token_id
