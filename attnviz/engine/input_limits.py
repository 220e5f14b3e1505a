"""Check inputs against the sizes of a model's embeddings of tokens, segments and positions, with errors that name them.

A lookup outside a table fails deep in the library on a processor, and ends the whole process on a GPU. Sizes are those of
the tables themselves, because a configuration may say something else. They are read again each time, because a model may be
resized between two texts; that takes some microseconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from attnviz.errors import AttnvizError, BadInputError, PairError, TokenError, TooLongError
from attnviz.types import Token, quoted

POSITIONS = frozenset({"position_embeddings", "position_embedding", "embed_positions", "positions_embed", "wpe"})
SEGMENTS = "token_type_embeddings"
SIDES = {"": "the text", "decoder_": "the target text"}
OTHER_INPUTS = ("pixel_values", "input_features", "input_values", "pixel_values_videos", "image_embeds")
PLACEHOLDERS = tuple(f"{what}_token_{kind}" for what in ("image", "video", "audio") for kind in ("id", "index"))


@runtime_checkable
class EncodedText(Protocol):
    """Token ids of a text, and type ids if the model takes any; `attnviz.text.Encoding` is one."""

    @property
    def ids(self) -> tuple[int, ...]: ...
    @property
    def type_ids(self) -> tuple[int, ...] | None: ...


@runtime_checkable
class LabelledText(EncodedText, Protocol):
    """An encoded text with its tokens, which error messages name."""

    @property
    def tokens(self) -> tuple[Token, ...]: ...


@dataclass(frozen=True)
class Limits:
    """How many tokens, segments and positions there are; None if there is no table.

    Position tables of the RoBERTa family count only tokens that are not `padding`, starting one after it.
    """

    tokens: int | None
    segments: int | None = None
    positions: int | None = None
    padding: int | None = None


def limits(model: nn.Module, side: str = "") -> Limits:
    """Return the limits of a model, or of one side of an encoder-decoder: the encoder (""), or "decoder_"."""
    part = _part(model, side)
    segments = positions = padding = None
    for name, table in _tables(part):
        if name == SEGMENTS:
            segments = _rows(table)
        elif name in POSITIONS and not hasattr(table, "make_weight"):  # a table with it grows by itself
            padding = getattr(table, "padding_idx", None)
            first = int(getattr(table, "offset", 0)) if padding is None else padding + 1
            positions = max(0, _rows(table) - first)
    words = _embeddings(part) or _embeddings(model)
    return Limits(None if words is None else _rows(words), segments, positions, padding)


def check(model: nn.Module, inputs: Mapping[str, Any]) -> None:
    """Raise TokenError or TooLongError if input tensors hold values that the model cannot look up.

    For a text with tokens to name, `check_reading` says more.
    """
    two = _two(model)
    for side in ("", "decoder_") if two else ("",):
        ids = inputs.get(f"{side}input_ids")
        if not isinstance(ids, Tensor) or ids.ndim != 2 or not ids.numel() or ids.is_floating_point():
            continue
        found = limits(model, side)
        _check_ids(model, inputs, found, f"{side}input_ids", ids, side)
        types = inputs.get("token_type_ids")
        if not side and isinstance(types, Tensor) and types.ndim == 2 and types.numel():
            _check_types(model, found, types)
        if "past_key_values" not in inputs and f"{side}position_ids" not in inputs:
            _check_length(model, found, _counted(ids, found), side)


def check_reading(model: nn.Module, reading: LabelledText, name: str, side: str = "") -> None:
    """Raise TokenError, PairError or TooLongError if the model `name` cannot look up a token of a text; names the token."""
    found = limits(model, side)
    if found.tokens is not None:
        outside = [at for at, number in enumerate(reading.ids) if not 0 <= number < found.tokens]
        if outside:
            raise _no_token(model, reading, name, found.tokens, outside, side)
    if found.segments is not None and reading.type_ids is not None and max(reading.type_ids, default=0) >= found.segments:
        raise _no_segment(reading, name, found.segments)
    counted = sum(number != found.padding for number in reading.ids)
    _check_length(model, found, counted, side, name)


@contextmanager
def looked_up(model: nn.Module, inputs: Mapping[str, Any]) -> Iterator[None]:
    """Turn a lookup that fails inside the block into a TokenError or TooLongError, if `check` did not find it before.

    Some families count positions in their own way, or keep them in plain tensors.
    """
    try:
        yield
    except AttnvizError:
        raise
    except (IndexError, RuntimeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        stated = _stated(model)
        given = [inputs.get(f"{side}input_ids") for side in SIDES]
        lengths = [ids.shape[1] for ids in given if isinstance(ids, Tensor) and ids.ndim == 2]
        if stated is not None and max(lengths, default=0) > stated:
            raise TooLongError(
                f"{type(model).__name__} reads at most {stated:,} tokens; this input has {max(lengths):,}. Shorten it."
            ) from error
        if isinstance(error, IndexError):
            raise TokenError(
                f"{type(model).__name__} looks up something that it does not have ({reason:.120}). "
                "Shorten the input, or give ids of the model's own tokenizer."
            ) from error
        raise


def _two(model: Any) -> bool:
    """Return whether a model reads a source and a target."""
    return bool(getattr(getattr(model, "config", None), "is_encoder_decoder", False))


def _part(model: Any, side: str) -> nn.Module:
    """Return the encoder or the decoder of a model that has both; any other model itself."""
    if not _two(model):
        return model
    given = getattr(model, "get_decoder" if side else "get_encoder", None)
    found = given() if callable(given) else None
    return found if isinstance(found, nn.Module) else model


def _tables(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the embeddings outside the layers, each with the last part of its name."""
    for name, child in module.named_children():
        if isinstance(child, (nn.ModuleList, nn.ModuleDict)):
            continue
        if getattr(child, "main_input_name", "input_ids") != "input_ids":  # a tower for pictures or sound has its own positions
            continue
        if "mbedding" in type(child).__name__ and getattr(getattr(child, "weight", None), "ndim", 0) == 2:
            yield name, child
        yield from _tables(child)


def _embeddings(module: Any) -> nn.Module | None:
    """Return the table of tokens; None for families that have none, or hash their inputs."""
    try:
        found = module.get_input_embeddings()
    except (NotImplementedError, AttributeError):
        return None
    is_table = isinstance(found, nn.Module) and getattr(getattr(found, "weight", None), "ndim", 0) == 2
    return found if is_table and "mbedding" in type(found).__name__ else None


def _rows(table: Any) -> int:
    """Return how many rows a table has. Packed weights have another shape than the table that they encode."""
    rows = int(table.weight.shape[0]) if table.weight.is_floating_point() else int(table.num_embeddings)
    return rows + int(getattr(table, "num_additional_embeddings", 0) or 0)


def _stated(model: Any) -> int | None:
    """Return how many positions the configuration states."""
    config = getattr(model, "config", None)
    names = ("max_position_embeddings", "n_positions", "max_decoder_position_embeddings")
    return next((n for name in names if isinstance(n := getattr(config, name, None), int) and n > 0), None)


def _counted(ids: Tensor, found: Limits) -> int:
    """Return how many positions the longest row takes."""
    return ids.shape[1] if found.padding is None else int((ids != found.padding).sum(1).max())


def _check_ids(model: Any, inputs: Mapping[str, Any], found: Limits, argument: str, ids: Tensor, side: str) -> None:
    """Raise TokenError for ids without an embedding, except placeholders for pictures and sounds in other inputs."""
    if found.tokens is None:
        return
    low, high = (int(end) for end in torch.aminmax(ids))
    if low >= 0 and high < found.tokens:
        return
    outside = (ids < 0) | (ids >= found.tokens)
    if any(name in inputs for name in OTHER_INPUTS):
        for number in (getattr(model.config, name, None) for name in PLACEHOLDERS):
            outside &= ids != (number if isinstance(number, int) else -1)
    places = outside.nonzero().tolist()
    if not places:
        return
    row, at = places[0]
    mask = inputs.get(f"{side}attention_mask")
    hidden = isinstance(mask, Tensor) and mask.shape == ids.shape and not mask[row, at]
    more = f", and {len(places) - 1:,} more" if len(places) > 1 else ""
    raise TokenError(
        f"{argument} holds {int(ids[row, at])} in row {row}, place {at}{' (padding)' if hidden else ''}{more}; "
        f"{type(model).__name__} has {_sized(found.tokens)}. Give ids of the model's own tokenizer"
        f"{', padding too' if hidden else ''}, or make room with {_room(model, side)}."
    )


def _check_types(model: Any, found: Limits, types: Tensor) -> None:
    """Raise TokenError for segments without an embedding."""
    low, high = (int(end) for end in torch.aminmax(types))
    if found.segments is not None and not 0 <= low <= high < found.segments:
        raise TokenError(
            f"token_type_ids holds {low if low < 0 else high}; {type(model).__name__} tells {_segments(found.segments)} apart. "
            "Leave token_type_ids out, or give none beyond these."
        )


def _check_length(model: Any, found: Limits, counted: int, side: str, name: str = "") -> None:
    """Raise TooLongError for more tokens than there are positions."""
    if found.positions is not None and counted > found.positions:
        what = "target text" if side else "text"
        raise TooLongError(
            f"{name or type(model).__name__} reads at most {found.positions:,} tokens of a {what}; this one has {counted:,}. "
            "Shorten it or choose another model."
        )


def _no_token(model: Any, reading: LabelledText, name: str, size: int, outside: Sequence[int], side: str) -> BadInputError:
    """Return the error for tokens of a text that have no embedding."""
    at = outside[0]
    token, number = reading.tokens[at], reading.ids[at]
    others = len({reading.ids[place] for place in outside}) - 1
    more = "" if not others else f" (and {others:,} other token{'s' if others > 1 else ''} of it)"
    return TokenError(
        f"{_named(token, side)} has the id {number:,}{more}, and {name} has {_sized(size)}: "
        "its tokenizer makes tokens that the model lacks. Take the tokenizer that belongs to this model, make room with "
        f"{_room(model, side)}, or leave this token out of the text."
    )


def _no_segment(reading: LabelledText, name: str, size: int) -> BadInputError:
    """Return the error for a segment that has no embedding."""
    types = reading.type_ids or ()
    at = next(place for place, number in enumerate(types) if number >= size)
    rule = f"{_named(reading.tokens[at], '')} is given the segment {types[at]}, and {name} tells {_segments(size)} apart"
    pair = any(token.segment for token in reading.tokens)
    remedy = "Remove the second text, or take" if pair and size else "Take"
    kind = PairError if pair and size else TokenError
    return kind(f"{rule}: it can be given no pair by this tokenizer. {remedy} the tokenizer that belongs to this model.")


def _named(token: Token, side: str) -> str:
    """Return a token with its place, as messages write it."""
    if token.special:
        return f"The special token {quoted(token.piece)}"
    text = "the second text" if token.segment and not side else SIDES[side]
    return f"The token {quoted(token.piece)} at character {token.start + 1} of {text}"


def _sized(tokens: int) -> str:
    """Return how many embeddings there are, and for which ids."""
    if not tokens:
        return "no embeddings"
    return f"{tokens:,} embedding{'s' if tokens > 1 else ''}, of the ids 0 to {tokens - 1:,}"


def _segments(size: int) -> str:
    """Return how many segments there are, in words."""
    return "no segments" if not size else "one segment (0)" if size == 1 else f"{size} segments (0 to {size - 1})"


def _room(model: Any, side: str) -> str:
    """Return the call that adds embeddings."""
    owner = "model"
    if _two(model):
        if getattr(model.config, "model_type", "") == "encoder-decoder":  # the library cannot resize the whole model
            owner = "model.decoder" if side else "model.encoder"
        elif side and hasattr(model, "resize_decoder_token_embeddings"):
            return "model.resize_decoder_token_embeddings(…)"
    return f"{owner}.resize_token_embeddings(len(tokenizer))"
