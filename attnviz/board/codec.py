"""All heads' weights in whole thousandths in, few bytes out; codec.js makes the same thousandths of them, head by head.

A head is walked row by row. What of it is known already makes an expectation of the next weight: what stands above and
beside it, what its column usually holds, what the row has left to give, and what the most similar earlier row, its twin,
has there, put together by nine whole coefficients of the head's own. The expectation chooses a table of frequencies, and
the weight is written by its frequency in that table (range asymmetric numeral systems: Duda 2013, arXiv:1311.2540).
Every head is a lane of its own, read without the others. All that decides a table is arithmetic with whole numbers.

Layout, little-endian: a uint32 for each head, the words in its lane; for each head its class and nine int8 coefficients;
the tables, each a count of symbols and then their shares of 4096 as bytes of 7 bits, the last one below 128; the lanes,
uint16 words, of which the first two are the coder's state, high word first. Rows of a causal block end at the diagonal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, Int8, UInt8, UInt16

STEPS = 1000  # a weight of 1
FINE = 256  # parts of an octave in which expectations are counted
EXACT = 16  # smaller weights are symbols of their own; above, each octave is four symbols, and the rest of the number is even
SYMBOLS = EXACT + 4 * 6
CLASSES, BINS = 2, 40  # heads are as certain as most or less so; expectations go up to 1000 in quarters of an octave
FEATURES = 9
WHOLE = 64  # a coefficient of 1
SHARES = 4096  # what all symbols of a table share
TOTAL = 65536  # the same in the coder's own unit, so that a symbol divides further among the weights it stands for
CHUNK = 500_000  # weights looked at together: their surroundings take a hundred megabytes
ALONE = 200_000  # products that the library multiplies in one thread: on a busy machine several wait long for each other

# log2(1 + t) for t in sixteenths of a thousandth; no entry lies near a half, so every machine rounds it alike.
LOGS = np.rint(FINE * np.log2(1 + np.arange(16 * STEPS + 1) / 16)).astype(np.int32)


def _symbols() -> tuple[UInt8[np.ndarray, "step"], UInt8[np.ndarray, "step"]]:
    """Of each number of thousandths, its symbol, and how many bits of it the symbol leaves open."""
    t = np.arange(STEPS + 1)
    octave = np.array([max(int(v).bit_length() - 1, 4) for v in t])
    large = t >= EXACT
    return (
        np.where(large, EXACT + 4 * (octave - 4) + (t >> (octave - 2) & 3), t).astype(np.uint8),
        np.where(large, octave - 2, 0).astype(np.uint8),
    )


SYMBOL, OPEN = _symbols()
# A symbol's share is a multiple of this, so that each weight it stands for gets the same whole part of TOTAL.
UNIT = np.maximum(1, (1 << np.repeat([0, 2, 3, 4, 5, 6, 7], [EXACT, 4, 4, 4, 4, 4, 4])) * SHARES // TOTAL)


@dataclass(frozen=True, eq=False)
class _Heads:
    """What some heads need to be written: coefficients, twins, and of each weight its expectation and how far that is off."""

    coefficients: Int8[np.ndarray, "head feature"]
    twins: Int[np.ndarray, "head query"]
    bins: UInt8[np.ndarray, "head weight"]
    miss: Int[np.ndarray, "head"]


def packed(steps: UInt16[np.ndarray, "head query key"], causal: bool) -> bytes:
    """The bytes of all heads. `steps` are weights in thousandths, at most 1000; of causal heads the lower triangle is kept."""
    heads, rows, columns = steps.shape
    seen = np.tri(rows, columns, dtype=bool) if causal else np.ones((rows, columns), bool)
    many = max(1, CHUNK // max(1, rows * columns))
    parts = [_looked_at(steps[at : at + many].astype(np.int32), seen) for at in range(0, heads, many)]
    coefficients, twins, bins = (np.concatenate([getattr(p, f) for p in parts]) for f in ("coefficients", "twins", "bins"))
    kinds = _classes(np.concatenate([part.miss for part in parts]))
    tables = bins + (BINS * kinds[:, None]).astype(np.int16)
    flat = steps[:, seen]
    shares = _shares(tables, SYMBOL[flat])
    lanes, lengths = _lanes(*_intervals(flat, tables, twins, shares, seen))
    return b"".join((
        lengths.astype("<u4").tobytes(),
        np.concatenate([kinds[:, None].astype(np.int8), coefficients], axis=1).tobytes(),
        *(_table(row) for row in shares),
        lanes.astype("<u2").tobytes(),
    ))  # fmt: skip


def _looked_at(steps: Int[np.ndarray, "head query key"], seen: Bool[np.ndarray, "query key"]) -> _Heads:
    """The surroundings of every weight of some heads, and what each head makes of them."""
    logs = LOGS[16 * steps]
    twins = _twins(logs)
    around = _surroundings(steps, logs, twins, seen)[:, :, seen]
    wanted = logs[:, seen]
    coefficients = _fitted(around, wanted)
    expected = np.einsum("fhw,hf->hw", around, coefficients.astype(np.int32))
    miss = np.abs(expected - WHOLE * wanted).sum(1) // max(1, wanted.shape[1])
    return _Heads(coefficients, twins, np.clip(expected >> 12, 0, BINS - 1).astype(np.uint8), miss)


def _twins(logs: Int[np.ndarray, "head query key"]) -> Int[np.ndarray, "head query"]:
    """Of each row, the earlier row that is most like it; 0 for the first."""
    rows, keys = logs.shape[1:]
    x = logs.astype(np.float64)  # sums of whole numbers below 2**53 are exact
    size = (x**2).sum(-1)
    twins = np.zeros(logs.shape[:2], np.int64)
    many = max(1, ALONE // (rows * keys))
    for at in range(1, rows, many):
        end = min(at + many, rows)
        apart = size[:, None, :end] - 2 * np.matmul(x[:, at:end], x[:, :end].transpose(0, 2, 1))  # [head, row, earlier row]
        apart[:, ~np.tri(end - at, end, at - 1, dtype=bool)] = np.inf
        twins[:, at:end] = np.argmin(apart, axis=2)
    return twins


def _surroundings(
    steps: Int[np.ndarray, "head query key"],
    logs: Int[np.ndarray, "head query key"],
    twins: Int[np.ndarray, "head query"],
    seen: Bool[np.ndarray, "query key"],
) -> Int[np.ndarray, "feature head query key"]:
    """What is known of a weight before it is read, nine numbers, each about a logarithm of thousandths."""
    twin = np.take_along_axis(logs, twins[:, :, None], axis=1)
    twin[:, 0] = 0
    above = np.maximum(np.cumsum(seen, axis=0) - seen, 1)  # how many weights of the column are known
    usual = (np.cumsum(logs, axis=1) - logs) // above
    left = np.arange(steps.shape[2]) + 4  # the weights of the row that are known, and some to be careful
    ahead = np.maximum(seen.sum(1, keepdims=True) - np.arange(steps.shape[2]), 1)
    rest = np.clip(STEPS - (np.cumsum(steps, axis=2) - steps), 0, STEPS)
    around = np.zeros((FEATURES, *steps.shape), np.int32)
    around[0, :, 1:] = logs[:, :-1]
    around[1, :, :, 1:] = logs[:, :, :-1]
    around[2, :, 1:, 1:] = logs[:, :-1, :-1]
    around[3] = usual
    around[4] = LOGS[16 * rest // ahead]
    around[5] = (np.cumsum(logs - usual, axis=2) - (logs - usual)) // left  # how far this row runs above its columns
    around[6] = twin
    around[7] = (np.cumsum(logs - twin, axis=2) - (logs - twin)) // left  # and above its twin
    around[8] = FINE
    return around


def _fitted(
    around: Int[np.ndarray, "feature head weight"], wanted: Int[np.ndarray, "head weight"]
) -> Int8[np.ndarray, "head feature"]:
    """Each head's coefficients: least squares, in whole 64ths."""
    x = around.transpose(1, 0, 2).astype(np.float64)
    square = np.matmul(x, x.transpose(0, 2, 1)) + FINE * np.eye(FEATURES)
    found = np.linalg.solve(square, np.matmul(x, wanted[:, :, None].astype(np.float64)))[:, :, 0]
    return np.clip(np.rint(found * WHOLE), -128, 127).astype(np.int8)


def _classes(miss: Int[np.ndarray, "head"]) -> Int[np.ndarray, "head"]:
    """The certain half of the heads, and the other one."""
    return np.argsort(np.argsort(miss, kind="stable"), kind="stable") * CLASSES // max(1, len(miss))


def _shares(
    tables: Int[np.ndarray, "head weight"], symbols: UInt8[np.ndarray, "head weight"]
) -> Int[np.ndarray, "table symbol"]:
    """How often each symbol comes under each table, in parts of 4096: 0 where it never does, else a multiple of its unit."""
    size = CLASSES * BINS * SYMBOLS
    counts = np.bincount((tables * SYMBOLS + symbols).ravel(), minlength=size).reshape(-1, SYMBOLS)
    least = np.where(counts, UNIT, 0)
    room = SHARES - least.sum(1, keepdims=True)
    shares = least + counts * room // np.maximum(counts.sum(1, keepdims=True), 1) // UNIT * UNIT
    most = np.argmax(shares, axis=1)[:, None]  # gets what rounding has left over
    left = (SHARES - shares.sum(1, keepdims=True)) // UNIT[most] * UNIT[most]
    np.put_along_axis(shares, most, np.where(counts.sum(1, keepdims=True), np.take_along_axis(shares, most, 1) + left, 0), 1)
    return shares


def _table(shares: Int[np.ndarray, "symbol"]) -> bytes:
    """One table as bytes."""
    last = int(np.flatnonzero(shares)[-1]) + 1 if shares.any() else 0
    return bytes([last]) + b"".join(
        bytes([share]) if share < 128 else bytes([128 | share & 127, share >> 7]) for share in shares[:last].tolist()
    )


def _intervals(
    flat: UInt16[np.ndarray, "head weight"],
    tables: Int[np.ndarray, "head weight"],
    twins: Int[np.ndarray, "head query"],
    shares: Int[np.ndarray, "table symbol"],
    seen: Bool[np.ndarray, "query key"],
) -> tuple[np.ndarray, np.ndarray]:
    """What is written, in order: width and start of each interval of TOTAL, both [turn, head].

    A turn is a weight, or, before each row from the third on, the number of its twin.
    """
    starts = np.cumsum(shares, axis=1) - shares
    symbol, bits = SYMBOL[flat], OPEN[flat].astype(np.int64)
    width = shares[tables, symbol] * (TOTAL // SHARES) >> bits
    start = starts[tables, symbol] * (TOTAL // SHARES) + (flat & (1 << bits) - 1) * width
    row = np.nonzero(seen)[0]
    rows = np.arange(2, len(seen))
    turns = np.arange(len(row)) + np.maximum(row - 1, 0)
    before = np.searchsorted(row, rows) + rows - 2
    twin = np.array([TOTAL >> (int(i) - 1).bit_length() for i in rows], np.int64)
    widths, begins = (np.empty((len(row) + len(rows), len(flat)), np.uint32) for _ in range(2))
    widths[turns], begins[turns] = width.T, start.T
    widths[before], begins[before] = twin[:, None], twins[:, 2:].T * twin[:, None]
    return widths, begins


def _lanes(widths: np.ndarray, begins: np.ndarray) -> tuple[UInt16[np.ndarray, "word"], Int[np.ndarray, "head"]]:
    """The words of every head, head after head, and how many each has. What is read first is written last."""
    turns, heads = widths.shape
    words = np.zeros((turns + 2, heads), np.uint16)
    used = np.ones((turns + 2, heads), bool)
    state = np.full(heads, TOTAL, np.uint64)
    for turn in range(turns - 1, -1, -1):
        width = widths[turn]
        high = state >> np.uint64(16)
        full = used[turn + 2] = high >= width
        words[turn + 2] = state
        state = np.where(full, high, state)
        state += state // width * (TOTAL - width) + begins[turn]
    words[0], words[1] = state >> np.uint64(16), state
    return words.T[used.T], used.sum(0)
