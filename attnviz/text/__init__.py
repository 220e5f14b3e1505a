"""Tokenise a text or a pair: the tokens that a model reads, each with its place in the text as typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from attnviz.errors import BadInputError, BadTextError, EmptyTextError, TooLongError
from attnviz.legibility import Legibility
from attnviz.text import decode
from attnviz.text.align import Piece, bytes_to_text, place_pieces, text_to_bytes
from attnviz.text.alterations import legibility
from attnviz.text.tokenize import check_length, encode, special_piece
from attnviz.text.vocabulary import InputToken
from attnviz.text.words import MASK, words
from attnviz.types import Token, Unit

__all__ = [
    "MASK", "Encoding", "checked", "labelled", "read", "read_ids", "read_output", "read_target", "read_words", "tokens_of",
    "units", "words",
]  # fmt: skip


Start = Callable[[Sequence[int]], int]


@dataclass(frozen=True)
class Encoding:
    """The input of a model: token ids, their type ids if the model takes any, and the tokens themselves."""

    ids: tuple[int, ...]
    type_ids: tuple[int, ...] | None
    tokens: tuple[Token, ...]
    texts: tuple[str, ...] = ()
    pieces: tuple[Piece, ...] = field(default=(), repr=False)

    @property
    def legibility(self) -> Legibility:
        """How much of the texts is read as typed. Computed on access: collections of texts never need it."""
        first = min((token.segment for token in self.tokens), default=0)
        return legibility(self.texts, self.pieces, self.tokens, first)


def checked(text: str, max_bytes: int) -> str:
    """Return the text unchanged if it can be read; it may contain control characters.

    Raises EmptyTextError if there are only spaces, BadTextError for half a surrogate pair, TooLongError beyond
    `max_bytes` bytes of UTF-8.
    """
    if not text.strip():
        raise EmptyTextError("A text needs at least one character that is not a blank; this one is empty. Type a sentence.")
    half = re.search("[\ud800-\udfff]", text)
    if half:
        raise BadTextError(
            f"A text may hold only whole characters; character {half.start() + 1} is half of one (U+{ord(half[0]):04X}). "
            "Delete it or type the character anew."
        )
    size = len(text.encode())
    if size > max_bytes:
        raise TooLongError(f"A text may be {max_bytes:,} bytes long; this one has {size:,}. Shorten it.")
    return text


def read(
    tokenizer: Any, text: str, text_b: str | None = None, *, max_tokens: int | None = None, name: str = "this model"
) -> Encoding:
    """Encode a text, or a pair of texts, with the special tokens that the model needs around them.

    The ids are those of the tokenizer's own call with all typed text read as text; nothing is ever cut off. A text without
    any token (control characters only) is read as the special tokens alone. Raises EmptyTextError if there are none,
    TooLongError beyond `max_tokens`, BadTextError for a mask that the model cannot read. An empty second text counts as
    none, as in the library.
    """
    texts = (text, text_b) if text_b else (text,)
    found = encode(tokenizer, texts, max_tokens=max_tokens, name=name)
    check_length(len(found), max_tokens, name)
    if not found:
        raise EmptyTextError(f"{name} makes no token of this text: it holds only characters that are left out. Type a word.")
    type_ids = tuple(entry.type_id for entry in found) if "token_type_ids" in tokenizer.model_input_names else None
    return _encoding(found, texts, type_ids)


def read_target(
    tokenizer: Any, text: str, *, start: int | Start, max_tokens: int | None = None, name: str = "this model"
) -> Encoding:
    """Encode `text` as the decoder of an encoder-decoder reads it in training; its tokens have segment 1.

    Labels shifted right: the token that output starts with, then the text without its end token, so `<pad> text` for T5
    and `</s><s> text` for BART (Raffel et al. 2020, Lewis et al. 2020). `start` is the id of that token, or a function
    of the ids of the labels: the mBART family starts with the last of them, the code of the target's language.
    """
    found = encode(tokenizer, (text,), target=True, max_tokens=max_tokens, name=name)
    first = start if isinstance(start, int) else start([entry.piece.id for entry in found])
    if found and found[-1].piece.role == "special":
        found = found[:-1]
    found = (InputToken(special_piece(tokenizer, first), 0, 0), *found)
    check_length(len(found), max_tokens, name)
    return _encoding(found, (text,), None, first=1)


def read_output(tokenizer: Any, ids: Sequence[int]) -> tuple[str, Encoding]:
    """Return the text that an encoder-decoder wrote by itself, and its tokens with the same ids as the decoder read them.

    The tokenizer could split the same text into other and more ids. The tokens have segment 1.
    """
    text, found = decode.decode_output(tokenizer, ids)
    return text, _encoding(found, (text,), None, first=1)


def _encoding(
    found: Sequence[InputToken],
    texts: tuple[str, ...],
    type_ids: tuple[int, ...] | None,
    first: int = 0,
    words: tuple[tuple[int, int], ...] | None = None,
) -> Encoding:
    """Return the whole input as a value."""
    read = tuple(entry.piece for entry in found)
    return Encoding(tuple(piece.id for piece in read), type_ids, _tokens(found, texts, first, words), texts, read)


def read_ids(
    tokenizer: Any, ids: Sequence[int], *, max_tokens: int | None = None, name: str = "this model"
) -> tuple[str, Encoding]:
    """Return the text that ids with special tokens spell, and the input with exactly these ids and their places.

    Raises TooLongError beyond `max_tokens`.
    """
    check_length(len(ids), max_tokens, name)
    text, found = decode.read_ids(tokenizer, ids)
    type_ids = (0,) * len(ids) if "token_type_ids" in tokenizer.model_input_names else None
    return text, _encoding(found, (text,), type_ids)


def read_words(
    tokenizer: Any, given: Sequence[str], *, max_tokens: int | None = None, name: str = "this model"
) -> tuple[str, Encoding]:
    """Encode a text given as words: return the text, and its tokens grouped by these words.

    The text is the words joined by spaces, which the library's `is_split_into_words` reads in the same way if the tokenizer
    splits at spaces. A piece belongs to the word in which it starts. Raises the same errors as `read`.
    """
    text, spans = " ".join(given), []
    for word in given:
        start = spans[-1][1] + 1 if spans else 0
        spans.append((start, start + len(word)))
    found = encode(tokenizer, (text,), max_tokens=max_tokens, name=name)
    check_length(len(found), max_tokens, name)
    type_ids = tuple(entry.type_id for entry in found) if "token_type_ids" in tokenizer.model_input_names else None
    return text, _encoding(found, (text,), type_ids, words=tuple(spans))


def labelled(found: Sequence[InputToken], texts: Sequence[str]) -> tuple[Token, ...]:
    """Return the tokens of a whole input of one text or of a pair."""
    return _tokens(found, texts)


def _tokens(
    found: Sequence[InputToken], texts: Sequence[str], first: int = 0, words: tuple[tuple[int, int], ...] | None = None
) -> tuple[Token, ...]:
    """Return the tokens of all texts, the first of which is segment `first`. A special token starts where a text ends.

    `words` are the spans of one text's words if they were given.
    """
    typed = [[e.piece for e in found if e.segment == i and e.piece.role != "special"] for i in range(len(texts))]
    places = [iter(place_pieces(text, side, words)) for text, side in zip(texts, typed, strict=True)]
    ends = [0] * len(texts)
    out: list[Token] = []
    for entry in found:
        name, side = entry.piece.piece, entry.segment
        if entry.piece.role == "special":
            out.append(Token(name, name, ends[side], ends[side], None, first + side, entry.piece.unknown))
            continue
        place = next(places[side])
        ends[side] = len(texts[side])
        out.append(Token(place.text, name, place.start, place.end, place.word, first + side, entry.piece.unknown))
    return tuple(out)


def units(tokens: Sequence[Token], *, words: bool = True) -> tuple[Unit, ...]:
    """Return what is shown as one unit: the pieces of a word together, and each special token; or every token alone."""
    groups: list[list[int]] = []
    for i, token in enumerate(tokens):
        if words and i and not token.special and (token.segment, token.word) == (tokens[i - 1].segment, tokens[i - 1].word):
            groups[-1].append(i)
        else:
            groups.append([i])
    return tuple(_unit([tokens[i] for i in group], tuple(group)) for group in groups)


def _unit(parts: Sequence[Token], places: tuple[int, ...]) -> Unit:
    """Return the unit of some neighbouring tokens. The bytes of a character become that character again."""
    text = parts[0].text
    if len(parts) > 1:
        raw, at = b"", parts[0].start
        for token in parts:
            is_typed = len(token.text) == token.end - token.start  # names of bytes are longer than the bytes
            raw += token.text[max(0, at - token.start) :].encode() if is_typed else text_to_bytes(token.text)
            at = max(at, token.end)
        text = bytes_to_text(raw)
    start, end = min(token.start for token in parts), max(token.end for token in parts)
    unknown = [token.unknown for token in parts]
    partly = any(unknown) and not all(unknown)
    return Unit(text, start, end, places, parts[0].special, parts[0].segment, any(unknown), partly)


def tokens_of(span: tuple[int, int], tokens: Sequence[Token], segment: int = 0) -> tuple[int, ...]:
    """Return the indices of the tokens that start in a character span of one text: only here spans become tokens.

    Raises BadInputError if there is none.
    """
    found = tuple(
        i for i, token in enumerate(tokens)
        if token.segment == segment and token.start < token.end and span[0] <= token.start < span[1]
        and token.text.strip()  # a space between two words belongs to neither
    )  # fmt: skip
    if not found:
        raise BadInputError(f"No token starts in the characters {span[0]} to {span[1]} of this text. Choose a whole word.")
    return found
