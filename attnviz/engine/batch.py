"""Attention weights of many texts from one padded forward pass, one layer of all texts at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from attnviz.engine import attention, capture, input_limits, inputs, recording
from attnviz.engine.block import ROWS
from attnviz.engine.build_trace import AttentionCall
from attnviz.engine.forward import forward
from attnviz.engine.input_limits import EncodedText
from attnviz.errors import BadInputError, NoAttentionError

LayerWeights = Float[np.ndarray, "row head query key"]


def layers(
    model: Any, readings: Sequence[EncodedText], queries: Sequence[Sequence[int]] | None = None
) -> Iterator[LayerWeights]:
    """Yield each layer's weights of every text, from one pass over all of them. Padding has weight 0, exactly.

    `queries` are the tokens of each text whose rows are wanted (None: all); other rows are not computed. Of an
    encoder-decoder, the encoder is read. One layer is in memory at a time. Raises NoAttentionError if a row of weights is
    not a distribution.
    """
    lengths = [len(reading.ids) for reading in readings]
    wanted = [range(length) for length in lengths] if queries is None else queries
    given = padded(model, readings)
    input_limits.check(model, given)
    with input_limits.looked_up(model, given):
        calls = _recorded(model, given)
    if calls is None:
        yield from _dense(model, readings, wanted)
        return
    places = None if queries is None else _places(queries)
    while calls:
        call = calls.pop(0)
        found = _weights(call, places)
        yield _emptied(found, [len(rows) for rows in wanted], lengths, type(model).__name__, sunk=call.sinks is not None)


def padded(model: Any, readings: Sequence[EncodedText]) -> dict[str, Tensor]:
    """Return input tensors [row, token], padded on the right to the longest text."""
    shape = len(readings), max(len(reading.ids) for reading in readings)
    filler, most = getattr(model.config, "pad_token_id", None), input_limits.limits(model).tokens
    ids = torch.full(shape, filler if isinstance(filler, int) and 0 <= filler < (most or filler + 1) else 0)
    mask, types = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    for row, reading in enumerate(readings):
        ids[row, : len(reading.ids)] = torch.tensor(reading.ids)
        mask[row, : len(reading.ids)] = 1
        types[row, : len(reading.ids)] = torch.tensor(reading.type_ids or [0] * len(reading.ids))
    found = {"input_ids": ids, "attention_mask": mask}
    return found if readings[0].type_ids is None else {**found, "token_type_ids": types}


def embeddings(model: Any, ids: Sequence[int]) -> Float[np.ndarray, "token dim"]:
    """Return the input embeddings of some token ids of the model: the vector of a token before any context is read."""
    with torch.inference_mode():
        return model.get_input_embeddings().weight[torch.tensor(list(ids))].float().numpy()


def vocabulary(model: Any, known: int) -> int:
    """Return how many token ids the model has input embeddings for; all that are `known` if it has no table of them."""
    try:
        table = getattr(model.get_input_embeddings(), "weight", None)
    except NotImplementedError:  # the library raises it for a model without such a table
        table = None
    return known if table is None else int(table.shape[0])


def _recorded(model: Any, given: dict[str, Tensor]) -> list[AttentionCall] | None:
    """Return the attention calls of one pass, or None for a family outside the interface."""
    if not model._can_set_attn_implementation() or not (capture.prepared(model) or capture.faithful(model)):
        return None
    reader = capture.readable(model)
    with recording.recording() as run:
        forward(reader.get_encoder() if model.config.is_encoder_decoder else reader, dict(given))
    return run.calls or None


def _places(queries: Sequence[Sequence[int]]) -> Tensor:
    """Return the wanted tokens as [row, query]; if a text has fewer, its first token fills the rest."""
    places = torch.zeros(len(queries), max(map(len, queries)), dtype=torch.long)
    for row, tokens in enumerate(queries):
        places[row, : len(tokens)] = torch.tensor(list(tokens), dtype=torch.long)
    return places


@torch.inference_mode()
def _weights(call: AttentionCall, places: Tensor | None) -> LayerWeights:
    """Return one call's weights, from scratch, of all queries or of those at `places`."""
    query, mask, bias, causal = call.query, call.mask, call.bias, call.causal
    if places is not None:
        if causal:  # the flag is for all queries in order; for some of them a mask is needed
            mask, causal = torch.arange(call.key.shape[2]) <= places[:, None, :, None], False
        elif mask is not None:
            mask = _at(mask, places)
        query, bias = _at(query, places), None if bias is None else _at(bias, places)
    return attention.weights(
        query, call.key, scale=call.scale, mask=mask, causal=causal, bias=bias, softcap=call.softcap, sinks=call.sinks
    ).numpy()


def _at(tensor: Tensor, places: Tensor) -> Tensor:
    """Return the rows `places` [row, wanted] of [row, head, query, …]; an axis of 1 stands for every row or query."""
    if tensor.shape[2] == 1:
        return tensor
    rows = torch.arange(len(places))[:, None]
    return tensor.expand(len(places), -1, -1, -1)[rows, :, places].transpose(1, 2)  # [row, head, wanted, …]


def _emptied(found: LayerWeights, queries: Sequence[int], keys: Sequence[int], name: str, *, sunk: bool) -> LayerWeights:
    """Return the weights with zeros at all padding. Raises NoAttentionError if a real row is then not a distribution."""
    for row, (many, length) in enumerate(zip(queries, keys, strict=True)):
        found[row, :, many:] = 0.0
        found[row, :, :, length:] = 0.0
    sums = found.sum(-1)  # row head query
    real = np.arange(found.shape[2]) < np.asarray(queries)[:, None]  # row query
    off = (sums - real[:, None]).max() if sunk else np.abs(sums - real[:, None]).max()
    if not off <= ROWS:  # also if it is not a number
        raise NoAttentionError(
            f"Each row of attention should sum to 1; one of {name} is off by {off:.4f} in a batch of {len(found)} texts. "
            "Choose another model."
        )
    return found


def _dense(model: Any, readings: Sequence[EncodedText], wanted: Sequence[Sequence[int]]) -> Iterator[LayerWeights]:
    """Yield the library's eager weights, text by text, padded with zeros: for families outside the attention interface."""
    if model.config.is_encoder_decoder:
        raise BadInputError(
            f"Of an encoder-decoder the encoder's attention is measured, and {type(model).__name__} does not pass through "
            "the attention interface with it. Choose another model."
        )
    blocks = [capture.capture(model, **inputs.row(reading.ids, reading.type_ids)).parts[0] for reading in readings]
    size = max(map(len, wanted)), max(len(reading.ids) for reading in readings)
    for layer in range(blocks[0].layers):
        found = np.zeros((len(blocks), blocks[0].calls[layer].heads, *size), np.float32)
        for row, (block, rows) in enumerate(zip(blocks, wanted, strict=True)):
            found[row, :, : len(rows), : len(block.keys)] = block.weights(layer)[:, list(rows)]
        yield found


def one_thread() -> None:
    """Compute in one thread of this process: several processes with one thread per core each would wait for each other."""
    torch.set_num_threads(1)
