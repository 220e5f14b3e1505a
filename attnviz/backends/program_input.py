"""What a program can give a model in place of one typed text: tokens or words of its own, a conversation, or many texts."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from attnviz import text as texts
from attnviz.errors import BadInputError, EmptyTextError
from attnviz.models.load import LoadedModel
from attnviz.text import Encoding
from attnviz.text import chat as chats
from attnviz.types import AttentionRequest, quoted

T = TypeVar("T")
EXAMPLES = 8  # pieces in a message


@dataclass(frozen=True)
class ProgramInput:
    """Exactly one of a text, tokens and words; `chat` puts the text, or a list of messages, into the chat template."""

    text: Any = None
    text_b: Any = None
    tokens: Any = None
    words: Any = None
    chat: bool = False

    def __post_init__(self) -> None:
        named = [name for name in ("text", "tokens", "words") if getattr(self, name) is not None]
        if len(named) != 1:
            found = " and ".join(named) if named else "none of them"
            raise BadInputError(f"A model reads a text, tokens or words, and one of them at a time; got {found}. Give one.")
        if self.chat and self.text is None:
            raise BadInputError(
                f"A chat template is put around a text; got {named[0]}. Give the text, or leave out chat and give the ids of "
                "the whole conversation as tokens."
            )
        for name, value in (("text", None if self.chat else self.text), ("text_b", self.text_b)):
            if value is not None and not isinstance(value, str):
                raise BadInputError(f"{name} must be a text, a string; got {type(value).__name__}. Put it in quotes.")
        if self.text_b is not None and (self.chat or self.words is not None):
            what = "A conversation" if self.chat else "A list of words"
            raise BadInputError(f"{what} is read alone, without a second text. Leave out text_b.")

    @property
    def plain(self) -> bool:
        """Whether any backend can take it as a request: one text, or a text as a user's message."""
        return self.tokens is None and self.words is None and (not self.chat or isinstance(self.text, str))


def read(loaded: LoadedModel, given: ProgramInput, max_bytes: int) -> tuple[AttentionRequest, Encoding]:
    """Return the request that stands for the input, and its tokens. Raises BadInputErrors that name the position."""
    card = loaded.card
    limits = {"max_tokens": card.max_tokens, "name": card.name}
    if given.tokens is not None:
        text, reading = texts.read_ids(loaded.tokenizer, ids_of(loaded, given.tokens), **limits)
        return AttentionRequest(card.id, text, given.text_b), reading
    if given.words is not None:
        words = _words(given.words)
        texts.checked(" ".join(words), max_bytes)
        text, reading = texts.read_words(loaded.tokenizer, words, **limits)
        return AttentionRequest(card.id, text), reading
    messages = chats.messages(given.text)
    texts.checked(chats.text_of(messages), max_bytes)
    reading = chats.read(loaded.tokenizer, messages, **limits)
    return AttentionRequest(card.id, chats.text_of(messages), None, True), reading


def ids_of(loaded: LoadedModel, tokens: Any) -> tuple[int, ...]:
    """Return the ids of tokens given as ids, or as pieces exactly as the tokenizer writes them. Nothing is added.

    A row of a tensor is accepted too. Raises BadInputError for what is not a token of this tokenizer, and names it.
    """
    rows = tokens.tolist() if hasattr(tokens, "tolist") else tokens
    if isinstance(rows, (str, bytes, Mapping)) or not isinstance(rows, Iterable):
        raise BadInputError(
            f"Tokens are a list of ids or of pieces; got {type(tokens).__name__}. Give a list, e.g. "
            "tokens=tokenizer(text)['input_ids']."
        )
    row = list(rows)
    if row and all(isinstance(one, (list, tuple)) or (hasattr(one, "tolist") and getattr(one, "ndim", 0) == 1) for one in row):
        if len(row) > 1:
            raise BadInputError(
                f"Tokens are those of one text; got {len(row)} rows. Give one row at a time, or use capture_batch."
            )
        return ids_of(loaded, row[0])
    if not row:
        raise EmptyTextError("Tokens must be at least one; got none. Give a list of ids or of pieces.")
    tokenizer = loaded.tokenizer
    vocabulary: Mapping[str, int] = tokenizer.get_vocab() if any(isinstance(one, str) for one in row) else {}
    size = _rows(loaded.model)
    found = []
    for place, one in enumerate(row):
        number = vocabulary.get(one) if isinstance(one, str) else _integer(one)
        if number is None:
            raise BadInputError(_no_token(tokenizer, one, place))
        if not 0 <= number < size:
            raise BadInputError(
                f"Ids of tokens are 0 to {size - 1} in {loaded.card.name}; token {place} has the id {number}. "
                "Give the ids of its own tokenizer."
            )
        if tokenizer.convert_ids_to_tokens(number) is None:
            raise BadInputError(
                f"No piece of the tokenizer has the id {number} (token {place}). Give the ids of its vocabulary."
            )
        found.append(number)
    return tuple(found)


def _integer(value: Any) -> int | None:
    """Return an integer of any type as int; None for anything else, and for True and False."""
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def _rows(model: Any) -> int:
    """Return the number of ids that the model has embeddings for."""
    found = model.get_input_embeddings()
    weight = getattr(found, "weight", None)
    return int(weight.shape[0]) if weight is not None else int(model.config.get_text_config().vocab_size)


def _no_token(tokenizer: Any, one: Any, place: int) -> str:
    """Return the message for a token that does not exist, with how the tokenizer would write it."""
    rule = "Each token is an id or a piece of the tokenizer's vocabulary, as the tokenizer writes it"
    if not isinstance(one, str):
        return f"{rule}; token {place} is {quoted(repr(one))}. Give whole numbers or pieces."
    if not one:
        return f"{rule}; token {place} is empty. Leave it out."
    spelled = [str(piece) for piece in tokenizer.tokenize(one[:100])][:EXAMPLES]
    return f"{rule}; token {place}, {quoted(one)}, is none. As text it is read as {spelled}."


def _words(words: Any) -> tuple[str, ...]:
    """Check a list of words: none may be empty. Raises BadInputError and names the position."""
    rule = "Words are a list of texts, each a word with its own label"
    if isinstance(words, (str, bytes, Mapping)) or not isinstance(words, Iterable):
        raise BadInputError(f"{rule}; got {type(words).__name__}. Give a list, e.g. words=['The', 'animal'].")
    found = tuple(words)
    for place, word in enumerate(found):
        if not isinstance(word, str) or not word.strip():
            what = f"{quoted(repr(word))}"
            raise BadInputError(f"{rule}; word {place}, counted from 0, is {what}. Leave it out, or give it as a text.")
        if word != word.strip():
            raise BadInputError(f"{rule}; word {place}, {quoted(repr(word))}, has blanks at its ends. Take them off.")
    if not found:
        raise EmptyTextError("Words must be at least one; got none. Give a list of words.")
    return found


def is_batch(text: Any, *, chat: bool) -> bool:
    """Return whether a text is several texts: a list, or a column of a table. The messages of one conversation are one text."""
    if text is None or isinstance(text, (str, bytes, Mapping)) or not isinstance(text, Iterable):
        return False
    conversation = isinstance(text, Sequence) and len(text) > 0 and all(isinstance(one, Mapping) for one in text)
    if conversation and not chat:
        raise BadInputError("A list of messages is a conversation, which is read inside a chat template. Add chat=True.")
    return not conversation


def for_each(items: Any, text_b: Any, one: Callable[[Any, Any], T]) -> tuple[T, ...]:
    """Apply `one` to each text, with its own second text where a list of them is given. Errors name the text."""
    rows = list(items)
    others = [None] * len(rows) if text_b is None else text_b
    if isinstance(others, str) or not isinstance(others, Iterable) or len(others := list(others)) != len(rows):
        raise BadInputError(f"Of {len(rows)} texts each has a second text, or none has. Give text_b as a list of {len(rows)}.")
    found = []
    for place, (text, other) in enumerate(zip(rows, others, strict=True), 1):
        try:
            found.append(one(text, other))
        except BadInputError as error:
            raise type(error)(f"Text {place} of {len(rows)}: {error}") from error
    return tuple(found)
