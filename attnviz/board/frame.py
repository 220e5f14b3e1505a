"""The bytes that the board reads: a small JSON header and little-endian arrays.

Layout: `ATN1`, 16 bytes of digest over all that follows, the header's length as uint32, the header, zeros up to a multiple
of four, then the array, of the form that the header names. All numbers are little-endian. `ATZ1` in front says that the
array is deflated (thousandths.py): the browser inflates it when it arrives.
A frame depends only on request and block. It holds every head's weights: for a short text in 65535ths (exact in a saved
page), for a longer one in thousandths, deflated. If these are still too many, it holds small pictures of the heads
instead; an `outline` is such a frame whose pictures follow layer by layer, each `layer` as soon as it is ready.
A chosen or pinned head is also sent as a `sheet`, with its exact weights.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Float32, UInt8, UInt16

from attnviz.board import thousandths
from attnviz.figures import encoding
from attnviz.text import units
from attnviz.types import HeadRef, Token, Unit

if TYPE_CHECKING:  # they bring torch, for which a server that starts does not wait
    from attnviz.engine.block import Block
    from attnviz.engine.trace import Trace

MAGIC, DEFLATED = b"ATN1", b"ATZ1"
PLAIN_WEIGHTS = 98_304  # up to this many weights, all are sent as they are: at most 192 kB
EXACT_WEIGHTS = 262_144  # up to this many, a saved page contains them as they are: 1 MB
ALL_WEIGHTS = 4_000_000  # up to this many, every head is sent: at most about 1.3 MB
ONE_WEIGHTS = 4_194_304  # up to this many, the chosen head is sent exactly: 2,048 tokens, 8 MB if causal, else 16 MB
OF_LAYER = -1  # the place of a layer's mean among the sheets of its heads
SIDE = 40  # weights along one edge of a pooled picture: about the device pixels of its cell


def frame(trace: Trace, block: str = "self", *, name: str, roles: Sequence[Sequence[str]] = (), exact: bool = False) -> bytes:
    """Return tokens, units and weights of one block, for the board.

    `name` is the model's; `roles[layer][head]`, when given, is the sentence that stands beside a head's name. With `exact`,
    the weights of a short text travel as they are: a page without a server cannot load the sheet of a head.
    """
    part = trace.block(block)
    dtype, array = _all_heads(part, exact=exact)
    pool = list(array.shape[-2:]) if dtype == "uint8" else None
    return _joined(_header(trace, block, name, roles) | {"pool": pool, "dtype": dtype}, array)


def outline(trace: Trace, block: str = "self", *, name: str, roles: Sequence[Sequence[str]] = ()) -> bytes:
    """Return a frame of too many weights, without its pictures: tokens and units come first, each `layer` follows."""
    part = trace.block(block)
    pool = [min(len(side), SIDE) for side in (part.queries, part.keys)]
    header = _header(trace, block, name, roles) | {"pool": pool, "dtype": "uint8", "layered": True}
    return _joined(header, np.empty(0, np.uint8))


def layer(trace: Trace, number: int, frame: bytes, block: str = "self") -> bytes:
    """Return the pictures of one layer's heads, for the board of an `outline`."""
    part = trace.block(block)
    header = {"kind": "layer", "frame": digest(frame), "block": block, "layer": number, "dtype": "uint8"}
    return _joined(header, _pooled(_padded(part.weights(number), part.heads)))


def sheet(trace: Trace, head: HeadRef, frame: bytes) -> bytes | None:
    """Return the exact weights of one head, for the board of `frame`; None if even one head is too large."""
    part = trace.block(head.block)
    if not fits(part):
        return None
    header = {"kind": "sheet", "frame": digest(frame), "block": head.block, "head": [head.layer, head.head], "dtype": "float32"}
    return _joined(header, _seen(part, part.weights(head.layer, head.head)[None]).astype("<f4"))


def _header(trace: Trace, block: str, name: str, roles: Sequence[Sequence[str]]) -> dict:
    """Return the header of a frame, without the form of its weights."""
    part, request = trace.block(block), trace.request
    return {
        "kind": "frame",
        "block": block,
        "name": name,
        "layers": part.layers,
        "heads": part.heads,
        "counts": [call.heads for call in part.calls],
        "causal": part.causal,
        "cross": part.queries != part.keys,
        "sinks": _has_sinks(part),
        "texts": [request.text, request.text_b or trace.written or ""],
        "queries": _side(part.queries),
        "keys": None if part.keys == part.queries else _side(part.keys),
        "roles": [list(row) for row in roles],
        "whole": is_whole(part),
        "sheets": fits(part),
    }


def layer_sheet(trace: Trace, layer: int, block: str, frame: bytes) -> bytes | None:
    """Return the exact mean of one layer's heads, as a sheet of the head OF_LAYER; None if even one head is too large."""
    part = trace.block(block)
    if not fits(part):
        return None
    header = {"kind": "sheet", "frame": digest(frame), "block": block, "head": [layer, OF_LAYER], "dtype": "float32"}
    return _joined(header, _seen(part, part.weights(layer).mean(0)[None]).astype("<f4"))


def digest(data: bytes) -> str:
    """Return the digest of a frame or sheet, by which the board stores it."""
    return data[4:20].hex()


def is_whole(part: Block) -> bool:
    """Return whether a frame of this block holds the weights of every head."""
    return part.layers * part.heads * len(part.queries) * len(part.keys) <= ALL_WEIGHTS


def fits(part: Block) -> bool:
    """Return whether one head of this block may be sent exactly."""
    return len(part.queries) * len(part.keys) <= ONE_WEIGHTS


def _padded(found: Float[np.ndarray, "head query key"], heads: int) -> Float[np.ndarray, "{heads} query key"]:
    """Return a layer's weights, with zeros for heads that other layers have in addition; the header has the true count."""
    short = heads - found.shape[0]
    return np.pad(found, ((0, short), (0, 0), (0, 0))) if short else found


def _has_sinks(part: Block) -> bool:
    """Return whether a learned sink takes a share of some rows."""
    return any(call.sunk for call in part.calls)


def _all_heads(part: Block, *, exact: bool) -> tuple[str, np.ndarray]:
    """Return all heads in the form in which they are sent, and the name of this form."""
    heads = part.heads
    count = part.layers * heads * len(part.queries) * len(part.keys)
    layers = (_padded(weights, heads) for weights in part.by_layer())
    if not is_whole(part):
        return "uint8", np.stack([_pooled(weights) for weights in layers])
    if exact and count <= EXACT_WEIGHTS:
        return "float32", _seen(part, np.stack(list(layers))).astype("<f4")
    # The missing part of a row is the share of its learned sink; thousandths would blur it, so send such weights as they are.
    if count <= PLAIN_WEIGHTS or _has_sinks(part):
        return "uint16", _plain(_seen(part, np.stack(list(layers))))
    return "thousandths", np.frombuffer(thousandths.deflated(layers, part.causal), np.uint8)


def _seen(part: Block, weights: Float[np.ndarray, "*lead query key"]) -> Float[np.ndarray, "*lead weight"]:
    """Return weights row by row; of a causal block only the visible ones."""
    if part.causal:
        return weights[..., np.tri(weights.shape[-1], dtype=bool)]
    return weights.reshape(*weights.shape[:-2], -1)


def _plain(weights: Float32[np.ndarray, "*lead weight"]) -> UInt16[np.ndarray, "*lead weight"]:
    """Return weights as whole 65535ths, off by at most 1/131070."""
    return np.rint(np.clip(weights, 0.0, 1.0) * 65535.0).astype("<u2")


def _pooled(weights: Float[np.ndarray, "head query key"]) -> UInt8[np.ndarray, "head row column"]:
    """Return a small picture of each head, at most SIDE weights a side: each cell is the largest weight in its area."""
    rows, columns = weights.shape[-2:]
    side = min(rows, SIDE)
    cuts = np.arange(side + 1) * rows // side
    # Strip by strip: numpy's reduceat along the columns is ten times slower.
    strips = np.stack([weights[:, a:b].max(1) for a, b in pairwise(cuts)], axis=1)  # [head, row, key]
    side = min(columns, SIDE)
    found = np.maximum.reduceat(strips, np.arange(side) * columns // side, axis=-1)
    return np.rint(np.clip(found, 0.0, 1.0) * 255.0).astype(np.uint8)


def _side(tokens: tuple[Token, ...]) -> dict:
    """Return the tokens of one side and their words; `unknown` are the positions of tokens that the model cannot read."""
    found = {
        "tokens": [[t.text, t.start, t.end, int(t.special), t.segment] for t in tokens],
        "words": [_unit(u) for u in units(tokens, words=True)],
        "pieces": [_unit(u) for u in units(tokens, words=False)],
    }
    unknown = [at for at, token in enumerate(tokens) if token.unknown]
    return found | {"unknown": unknown} if unknown else found


def _unit(unit: Unit) -> list:
    """Return one unit as the header has it."""
    return [unit.text, encoding.label(unit.text), unit.start, unit.end, int(unit.special), unit.segment, list(unit.tokens)]


def _joined(header: dict, array: np.ndarray) -> bytes:
    """Join header and array, with the digest of both in front."""
    # Lone surrogates cannot be encoded; JSON's own escapes carry every text, and JSON.parse reads them.
    head = json.dumps(header, ensure_ascii=True, separators=(",", ":")).encode("ascii")
    body = struct.pack("<I", len(head)) + head
    body += b"\0" * (-(len(MAGIC) + 16 + len(body)) % 4) + np.ascontiguousarray(array).tobytes()
    magic = DEFLATED if header["dtype"] == "thousandths" else MAGIC
    return magic + hashlib.blake2s(body, digest_size=16).digest() + body
