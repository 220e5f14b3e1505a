"""Encode a conversation: its messages inside the tokenizer's own chat template.

The ids are those of the tokenizer's `apply_chat_template`. What the template adds (special tokens, roles, a system prompt)
belongs to no word; the tokens of the messages keep their places in the typed text. Text that looks like a special token of
the template stays text, so that no message can end itself and begin another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from attnviz.errors import BadInputError, BadTextError
from attnviz.text import Encoding, labelled
from attnviz.text import tokenize as pieces
from attnviz.text.words import MASK
from attnviz.types import quoted

ROLE = re.compile(r"[\w-]{1,40}")
MARK = "\ue000{}\ue001"  # of the private use area, which no template and hardly any text uses
BETWEEN = "\n"  # joins the messages of a conversation into the text in which tokens have their places


@dataclass(frozen=True)
class Message:
    """One message of a conversation: its role and its content."""

    role: str
    content: str


def messages(given: Any) -> tuple[Message, ...]:
    """Return messages from a user's text or a list of `{"role": …, "content": …}`. Raises BadInputError for anything else."""
    if isinstance(given, str):
        return (Message("user", given),)
    rule = 'A conversation is a text, or a list of messages such as {"role": "user", "content": "Hello"}'
    if isinstance(given, Mapping) or not isinstance(given, Sequence) or not given:
        raise BadInputError(f"{rule}; got {type(given).__name__}. Put the messages into a list.")
    found = []
    for place, one in enumerate(given, 1):
        if not isinstance(one, Mapping) or set(one) != {"role", "content"}:
            what = f"the entries {', '.join(map(str, one))}" if isinstance(one, Mapping) else f"a {type(one).__name__}"
            raise BadInputError(f"{rule}; message {place} is {what}. Give each message its role and its content.")
        role, content = one["role"], one["content"]
        if not isinstance(role, str) or not ROLE.fullmatch(role):
            raise BadInputError(f"The role of a message is a word such as user; message {place} has {quoted(str(role))}.")
        if not isinstance(content, str) or not content.strip():
            what = "nothing but blanks" if isinstance(content, str) else f"a {type(content).__name__}"
            raise BadInputError(f"The content of a message is a text; message {place} has {what}. Type a sentence.")
        found.append(Message(role, content))
    return tuple(found)


def text_of(given: Sequence[Message]) -> str:
    """Return the text in which a conversation's tokens have their places: its messages' contents, joined by line breaks."""
    return BETWEEN.join(message.content for message in given)


def read(tokenizer: Any, given: Sequence[Message], *, max_tokens: int | None = None, name: str = "this model") -> Encoding:
    """Encode a conversation with the template around it.

    If the last message is not the assistant's, the beginning of its answer follows, as with `add_generation_prompt`.
    Raises BadInputError if the tokenizer has no template, or one that rewrites messages; BadTextError for a mask;
    TooLongError beyond `max_tokens`.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise BadInputError(
            f"A conversation needs the model's own chat template, and the tokenizer of {name} has none. Leave out chat, or "
            "choose a model that was trained on conversations, such as smollm2."
        )
    if any(MASK in message.content for message in given):
        raise BadTextError(f"{name} reads no mask inside a conversation. Remove the mask.")
    rendered, places = _rendered(tokenizer, given, name)
    starts, at = [], 0
    for message in given:
        starts.append(at)
        at += len(message.content) + len(BETWEEN)
    text = text_of(given)
    spans = [(low, high, start + shift) for (low, high, shift), start in zip(places, starts, strict=True)]
    entries, added = pieces.encode_chat(tokenizer, rendered, spans, text, max_tokens=max_tokens, name=name)
    tokens = tuple(
        replace(token, text=shown) if shown else token for token, shown in zip(labelled(entries, (text,)), added, strict=True)
    )
    types = (0,) * len(entries) if "token_type_ids" in tokenizer.model_input_names else None
    read = tuple(entry.piece for entry in entries)
    return Encoding(tuple(piece.id for piece in read), types, tokens, (text,), read)


def _rendered(tokenizer: Any, given: Sequence[Message], name: str) -> tuple[str, list[tuple[int, int, int]]]:
    """Return the template's text, and for each message its start, its end, and how much of its beginning was left out.

    The template is first filled with marks instead of the messages, to find their places. Some templates strip spaces from
    the ends of messages; those that change anything else are refused.
    """
    joined = text_of(given)
    marks = [MARK.format(place) for place in range(len(given))]
    if any(mark[0] in joined for mark in marks):
        raise BadTextError("A conversation may not hold the character U+E000, which marks its messages here. Delete it.")
    rendered = _applied(tokenizer, given, name)
    rest = _applied(tokenizer, [Message(one.role, mark) for one, mark in zip(given, marks, strict=True)], name)
    around: list[str] = []
    for place, mark in enumerate(marks, 1):
        before, found, rest = rest.partition(mark)
        if not found or mark in rest:
            raise _rewritten(name, f"message {place} does not stand in it once and in its place")
        around.append(before)
    around.append(rest)
    spans, at = [], 0
    for place, (message, before, after) in enumerate(zip(given, around, around[1:], strict=False), 1):
        at += len(before)
        forms = dict.fromkeys((message.content, message.content.strip(), message.content.rstrip(), message.content.lstrip()))
        last = place == len(given)
        form = next((f for f in forms if (rendered[at:] == f + after if last else rendered.startswith(f + after, at))), None)
        if form is None or not rendered.startswith(before, at - len(before)):
            raise _rewritten(name, f"message {place} is changed by it")
        spans.append((at, at + len(form), message.content.index(form)))
        at += len(form)
    return rendered, spans


def _rewritten(name: str, how: str) -> BadInputError:
    """Return the error for a template in whose text the typed words cannot be found."""
    return BadInputError(
        f"The chat template of {name} must repeat each message as it is, and {how}. Apply the template yourself and "
        "give its ids: tokens=tokenizer.apply_chat_template(messages, return_dict=False)."
    )


def _applied(tokenizer: Any, given: Sequence[Message], name: str) -> str:
    """Return the text that the template makes of some messages."""
    chat = [{"role": one.role, "content": one.content} for one in given]
    try:
        made = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=given[-1].role != "assistant")
    except Exception as error:  # a template, in its own language, can raise anything
        reason = (str(error).strip().splitlines() or ["it gives no reason"])[0]
        raise BadInputError(
            f"The chat template of {name} does not take this conversation: {reason[:200].rstrip('.')}. Change the messages."
        ) from error
    return str(made)
