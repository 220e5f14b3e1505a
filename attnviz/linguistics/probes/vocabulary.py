"""Find the ids of a tokenizer that are a word or its beginning, from which the probes draw random tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

FORMS = (" {}", "{}")  # after a space; at the beginning of a text, where a tokenizer adds the space itself
ENOUGH = 8  # ids that the first form must reproduce to be used


def whole_words(tokenizer: Any, rows: int) -> tuple[int, ...]:
    """Return the ids, in order, that are neither special nor added, have letters only, and are read back as themselves.

    `rows` is the number of the model's embeddings: a tokenizer may have more ids than its model.

    Each is written alone after a space, as inside a text, so that byte-level vocabularies give " word", not the end of a word.
    The beginning of a word also counts if it is one token when it stands alone.
    """
    apart = {*tokenizer.all_special_ids, *getattr(tokenizer, "added_tokens_decoder", {})}
    ids = [number for number in range(min(tokenizer.vocab_size, rows)) if number not in apart]
    written = tokenizer.batch_decode([[number] for number in ids], clean_up_tokenization_spaces=False)
    words = {number: text.strip() for number, text in zip(ids, written, strict=True) if text.strip().isalpha()}
    found: tuple[int, ...] = ()
    for form in FORMS:
        found = _read_back(tokenizer, words, form)
        if len(found) >= ENOUGH:
            break
    return found


def special_around(
    tokenizer: Any, read: Sequence[int], special: Sequence[bool], rows: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the special ids before and after a text, from an example; a start token if the tokenizer has one but adds none.

    Olsson et al. put one before every sequence; a model without one would use the first word as an attention sink.
    """
    inner = [at for at, one in enumerate(special) if not one]
    before, after = tuple(read[: inner[0]]), tuple(read[inner[-1] + 1 :])
    start = getattr(tokenizer, "bos_token_id", None)
    return (before or (() if start is None or start >= rows else (int(start),))), after


def names(tokenizer: Any, ids: tuple[Sequence[int], Sequence[int]]) -> tuple[list[str], list[str]]:
    """Return the names of the special tokens before and after."""
    before, after = ([str(name) for name in tokenizer.convert_ids_to_tokens(list(some))] for some in ids)
    return before, after


def _read_back(tokenizer: Any, words: dict[int, str], form: str) -> tuple[int, ...]:
    """Return the ids whose word, in this form, is read as that one id."""
    if not words:
        return ()
    again = tokenizer([form.format(word) for word in words.values()], add_special_tokens=False)["input_ids"]
    return tuple(number for number, ids in zip(words, again, strict=True) if list(ids) == [number])
