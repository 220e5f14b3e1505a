"""A transformers tokenizer and a text (or a pair) in, the model's whole input out: pieces, special tokens, type ids.

Whatever a reader types is text. Where the library would still turn "</s>" into a special token (unigram models find it
in their vocabulary), it is read letter by letter. Only MASK becomes the model's real mask token.
"""

from __future__ import annotations

import re
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from attnviz.errors import BadTextError
from attnviz.spans import Piece, aligned, alphabet, byte_named
from attnviz.words import MASK

# A tokenizer keeps truncation, padding and the treatment of special tokens as switches on one shared object.
_LOCKS: WeakKeyDictionary[Any, threading.Lock] = WeakKeyDictionary()
_LOCKS_LOCK = threading.Lock()
_BYTES = alphabet()
_LETTERS = {byte: character for character, byte in _BYTES.items()}


@dataclass(frozen=True)
class Entry:
    """One position of the model's input: the piece there, its type id, and which text it is from or stands after."""

    piece: Piece
    type_id: int
    segment: int


def entries(tokenizer: Any, texts: Sequence[str], *, target: bool = False, name: str = "this model") -> tuple[Entry, ...]:
    """The whole input that `tokenizer` makes of one text or of a pair. Nothing is cut off, nothing padded.

    `target` reads as the library's `text_target` does: with the output vocabulary or language, where there are two.
    Raises BadTextError where a text holds a MASK that the model cannot read.
    """
    for text in texts:
        if MASK in text and getattr(tokenizer, "mask_token", None) is None:
            raise BadTextError(
                f"{name} has no mask token, but character {text.index(MASK) + 1} of the text is a mask. "
                "Remove the mask or choose a model that was trained with one, such as BERT."
            )
    backend = getattr(tokenizer, "backend_tokenizer", None)
    with _alone(tokenizer), _side(tokenizer, target):
        if backend is None:
            return _walked(tokenizer, texts)
        with _plain(backend):
            return _encoded(tokenizer, backend, texts, name)


def special(tokenizer: Any, number: int) -> Piece:
    """The special token with this id, as a piece."""
    with _alone(tokenizer):
        return Piece(number, str(tokenizer.convert_ids_to_tokens(number)), role="special")


@contextmanager
def _alone(tokenizer: Any) -> Iterator[None]:
    """No other thread of ours uses this tokenizer until the block ends."""
    with _LOCKS_LOCK:
        lock = _LOCKS.setdefault(tokenizer, threading.Lock())
    with lock:
        yield


@contextmanager
def _side(tokenizer: Any, target: bool) -> Iterator[None]:
    """Read source text, or target text; afterwards the tokenizer reads source text, as after any call of it."""
    for switch in ("_switch_to_input_mode", *(("_switch_to_target_mode",) if target else ())):
        getattr(tokenizer, switch, lambda: None)()
    try:
        yield
    finally:
        getattr(tokenizer, "_switch_to_input_mode", lambda: None)()


@contextmanager
def _plain(backend: Any) -> Iterator[None]:
    """The backend without truncation and padding; all its switches are put back afterwards."""
    truncation, padding, split = backend.truncation, backend.padding, backend.encode_special_tokens
    try:
        backend.no_truncation()
        backend.no_padding()
        yield
    finally:
        backend.encode_special_tokens = split
        if truncation is not None:
            backend.enable_truncation(**truncation)
        if padding is not None:
            backend.enable_padding(**padding)


@dataclass(frozen=True)
class _Vocabulary:
    """What a backend's ids mean: which were added to the model's own, which are special, and whether pieces spell bytes."""

    added: frozenset[int]
    special: frozenset[int]
    unknown: str
    mask: str
    byte_level: bool

    @classmethod
    def of(cls, tokenizer: Any, backend: Any) -> _Vocabulary:
        """Read anew for every text: somebody may have added tokens meanwhile."""
        added = backend.get_added_tokens_decoder()
        return cls(
            added=frozenset(added),
            special=frozenset(number for number, token in added.items() if token.special),
            unknown=str(tokenizer.unk_token),
            mask=str(tokenizer.mask_token),
            byte_level="ByteLevel" in f"{backend.normalizer!r} {backend.pre_tokenizer!r} {backend.decoder!r}",
        )

    def piece(self, number: int, piece: str, start: int, end: int, typed: str) -> Piece:
        """A piece of text with the bytes that it spells, if it spells bytes and not characters."""
        raw = None
        if number not in self.added and piece != typed and not self.byte_level:
            raw = byte_named(piece)
        elif number not in self.added and self.byte_level and all(character in _BYTES for character in piece):
            raw = bytes(_BYTES[character] for character in piece)
        return Piece(number, piece, start, end, raw)

    def taken(self, piece: Piece, typed: str) -> bool:
        """Whether typed text was taken for a special token. A word that is unknown may be read as the unknown token."""
        return piece.id in self.special and (piece.piece != self.unknown or typed.strip() == self.unknown)


def _encoded(tokenizer: Any, backend: Any, texts: Sequence[str], name: str) -> tuple[Entry, ...]:
    """The road of tokenizers with a backend, which gives spans."""
    vocabulary = _Vocabulary.of(tokenizer, backend)
    encodings, sides = [], []
    for text in texts:
        # A mask has to be recognised inside its sentence, or blanks around it would be read otherwise.
        backend.encode_special_tokens = MASK not in text
        encoding = backend.encode(text.replace(MASK, vocabulary.mask), add_special_tokens=False)
        encodings.append(encoding)
        sides.append(_read(backend, vocabulary, encoding, text))
        if sum(piece.role == "mask" for piece in sides[-1]) != text.count(MASK):
            raise BadTextError(f"{name} takes its mask only as a word of its own. Put a blank on each side of it.")
    whole = backend.post_process(*encodings)
    template = [
        (Piece(number, backend.id_to_token(number), role="special") if added else None, type_id)
        for number, type_id, added in zip(whole.ids, whole.type_ids, whole.special_tokens_mask, strict=True)
    ]
    return _woven(template, [len(encoding.ids) for encoding in encodings], sides)


def _read(backend: Any, vocabulary: _Vocabulary, encoding: Any, text: str) -> list[Piece]:
    """The pieces of an encoding, their spans counted in `text`, where each mask is one character."""
    size = len(vocabulary.mask)
    masks = [at for at, character in enumerate(text) if character == MASK]
    grown = [at + nth * (size - 1) for nth, at in enumerate(masks)]  # where they stand in what was encoded

    def place(at: int) -> int:
        before = bisect_right(grown, at - size)
        return masks[before] if before < len(masks) and at > grown[before] else at - before * (size - 1)

    out: list[Piece] = []
    for number, (low, high) in zip(encoding.ids, encoding.offsets, strict=True):
        name, start, end = backend.id_to_token(number), place(low), place(high)
        nth = bisect_left(grown, low)
        if name == vocabulary.mask and nth < len(grown) and grown[nth] < high:
            out.append(Piece(number, name, masks[nth], masks[nth] + 1, role="mask"))
            continue
        piece = vocabulary.piece(number, name, start, end, text[start:end])
        out += _letters(backend, vocabulary, text, start, end) if vocabulary.taken(piece, text[start:end]) else [piece]
    return out


def _letters(backend: Any, vocabulary: _Vocabulary, text: str, start: int, end: int) -> list[Piece]:
    """Typed text that was taken for a special token, read as text; letter by letter where nothing else helps."""
    backend.encode_special_tokens = True
    again = backend.encode(text[start:end], add_special_tokens=False)
    spans = [(start + low, start + high) for low, high in again.offsets]
    out = [
        vocabulary.piece(number, backend.id_to_token(number), low, high, text[low:high])
        for number, (low, high) in zip(again.ids, spans, strict=True)
    ]
    if not any(vocabulary.taken(piece, text[piece.start : piece.end]) for piece in out):
        return out
    out = []
    for at in range(start, end):
        spelled = "".join(_LETTERS[byte] for byte in text[at].encode()) if vocabulary.byte_level else text[at].replace(" ", "▁")
        out += [vocabulary.piece(token.id, token.value, at, at + 1, text[at]) for token in backend.model.tokenize(spelled)]
    return out


def _walked(tokenizer: Any, texts: Sequence[str]) -> tuple[Entry, ...]:
    """The road of tokenizers written in Python, which give no spans: pieces are matched with the text."""
    taken = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    sides: list[list[Piece]] = []
    for text in texts:
        side: list[Piece] = []
        start = 0
        for stretch in re.split(f"({MASK})", text):
            if stretch == MASK:
                side.append(Piece(tokenizer.mask_token_id, tokenizer.mask_token, start, start + 1, role="mask"))
            elif stretch:
                side += _matched(tokenizer, stretch, start, taken)
            start += len(stretch)
        sides.append(side)
    # Negative numbers go through the template untouched and tell afterwards what stands where.
    markers = [[-1] * len(side) for side in sides]
    whole = tokenizer.prepare_for_model(*markers, add_special_tokens=True, verbose=False)
    ids = whole["input_ids"]
    template = [
        (None if number < 0 else Piece(number, tokenizer.convert_ids_to_tokens(number), role="special"), type_id)
        for number, type_id in zip(ids, whole.get("token_type_ids", [0] * len(ids)), strict=True)
    ]
    return _woven(template, [len(side) for side in sides], sides)


def _matched(tokenizer: Any, stretch: str, start: int, taken: set[int]) -> list[Piece]:
    """The pieces of a stretch without masks, with the spans that `aligned` finds."""
    names: list[str] = []
    for name in tokenizer.tokenize(stretch, split_special_tokens=True):
        broken = tokenizer.convert_tokens_to_ids([name])[0] in taken
        names += (
            [part for letter in name for part in tokenizer.tokenize(letter, split_special_tokens=True)] if broken else [name]
        )
    out = []
    for number, name, (low, high) in zip(tokenizer.convert_tokens_to_ids(names), names, aligned(stretch, names), strict=True):
        out.append(Piece(number, name, start + low, start + high, byte_named(name) if stretch[low:high] != name else None))
    return out


def _woven(
    template: Sequence[tuple[Piece | None, int]], lengths: Sequence[int], sides: Sequence[Sequence[Piece]]
) -> tuple[Entry, ...]:
    """A template's special tokens with each text's pieces put where its `lengths` places (None) are."""
    out: list[Entry] = []
    seen = segment = 0
    for piece, type_id in template:
        if piece is not None:
            out.append(Entry(piece, type_id, segment))
            continue
        segment = 0 if seen < lengths[0] else 1
        if seen in (0, lengths[0]):
            out += [Entry(inner, type_id, segment) for inner in sides[segment]]
        seen += 1
    return tuple(out)
