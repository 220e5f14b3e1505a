"""Decode ids to the text that they spell, and find the span of each in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from attnviz.text.align import Piece, bare, byte_named
from attnviz.text.tokenizer_state import locked, reading_side
from attnviz.text.vocabulary import InputToken, Vocabulary

BEHIND = 16  # ids that are decoded together with the next one: more than the bytes of any character or the joints of a word


def decode_token(tokenizer: Any, number: int) -> str:
    """Return a token of the vocabulary as it is written in a text, with its space."""
    with locked(tokenizer):
        return str(tokenizer.decode([number], clean_up_tokenization_spaces=False))


def decode_output(tokenizer: Any, ids: Sequence[int]) -> tuple[str, tuple[InputToken, ...]]:
    """Return the text that `ids` decode to, without special tokens and outer spaces, and the tokens with their spans.

    The span of a token is where the text grows when its id is decoded too. Tokens that form one character together (its
    bytes) all get the span of that character.
    """
    with locked(tokenizer), reading_side(tokenizer, target=True):
        names = [str(name) for name in tokenizer.convert_ids_to_tokens(list(ids))]
        options = {"skip_special_tokens": True, "clean_up_tokenization_spaces": False}
        grown = [str(tokenizer.decode(list(ids[: i + 1]), **options)) for i in range(len(ids))]
        vocabulary = Vocabulary.of(tokenizer, backend) if (backend := getattr(tokenizer, "backend_tokenizer", None)) else None
        hidden = {*tokenizer.all_special_ids, *(vocabulary.special if vocabulary else ())}
        unknown = vocabulary.unknown if vocabulary else tokenizer.unk_token_id
        other = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)  # one token may be all three
    full = grown[-1] if grown else ""
    text, left = full.strip(), len(full) - len(full.lstrip())
    done = [min(max(_common_prefix(part, full) - left, 0), len(text)) for part in grown]  # characters complete so far
    begun = [
        min(at + (len(part) - left > at), len(text)) for at, part in zip(done, grown, strict=True)
    ]  # counting a character that is half complete
    found: list[InputToken] = []
    start = 0
    for place, (number, name) in enumerate(zip(ids, names, strict=True)):
        if number in hidden:
            is_unknown = number == unknown and number not in other
            found.append(InputToken(Piece(number, name, role="special", unknown=is_unknown), 0, 0))
            continue
        end = next((end for end in begun[place:] if end > start), len(text))
        raw = vocabulary.piece(number, name, start, end, text[start:end]).raw if vocabulary else byte_named(name)
        found.append(InputToken(Piece(number, name, start, end, raw, unknown=number == unknown), 0, 0))
        start = max(start, done[place])
    return text, tuple(found)


def _common_prefix(one: str, other: str) -> int:
    """Return the length of the common prefix of two texts, in characters."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def read_ids(tokenizer: Any, ids: Sequence[int]) -> tuple[str, tuple[InputToken, ...]]:
    """Return the text that ids spell, without special tokens, and the input tokens with their spans in it.

    Each id is decoded together with the few before it, because a tokenizer joins neighbours (`an ##imal`, the bytes of
    one character). Special tokens stay special: here the caller gave them as ids.
    """
    with locked(tokenizer), reading_side(tokenizer, target=False):
        names = [str(piece) for piece in tokenizer.convert_ids_to_tokens(list(ids))]
        backend = getattr(tokenizer, "backend_tokenizer", None)
        vocabulary = Vocabulary.of(tokenizer, backend) if backend is not None else None
        hidden = {*tokenizer.all_special_ids, *(vocabulary.special if vocabulary else ())}
        text, before, places = "", [], []
        for number in ids:
            if number in hidden:
                places.append((len(text), len(text)))
                continue
            was, now = (str(tokenizer.decode(some, clean_up_tokenization_spaces=False)) for some in (before, [*before, number]))
            same = _common_prefix(was, now)
            start = len(text) - (len(was) - same)
            if start < len(text):  # a character is complete now: all of its bytes get its span
                places = [(low, min(high, start + 1)) for low, high in places]
            text = text[:start] + now[same:]
            if start == len(text) and now.endswith("\ufffd"):  # one more byte of an incomplete character
                start -= 1
            places.append((start, len(text)))
            before = [*before, number][-BEHIND:]
    found: list[InputToken] = []
    for number, name, (start, end) in zip(ids, names, places, strict=True):
        if vocabulary:
            piece = vocabulary.piece(number, name, start, end, text[start:end])
        else:
            unknown = number == tokenizer.unk_token_id
            piece = Piece(number, name, start, end, byte_named(name), unknown=unknown, spelled=bare(name))
        found.append(InputToken(replace(piece, raw=None, role="special") if number in hidden else piece, 0, 0))
    return text, tuple(found)
