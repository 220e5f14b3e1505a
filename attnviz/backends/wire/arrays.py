"""Arrays as bytes on the wire, and back: exact, compressed where that costs little, and checked before use.

An array of numbers is sent as planes: all first bytes of its numbers, then all second ones, and so on, little-endian. The
plane with sign and exponent deflates to about a third; of weights rounded to 16 bits two more planes deflate to almost
nothing; the others are noise and are sent as they are. Booleans are sent as bits. Of square matrices that are zero above
the diagonal, only the lower half is sent.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from msgspec import Meta, Struct

from attnviz.errors import AnswerError

BITS = "b1"
NUMBERS = {"f2": np.dtype("<f2"), "f4": np.dtype("<f4"), "f8": np.dtype("<f8")}
SAMPLE = 4096  # bytes of a plane that are deflated first, as a test
WORTHWHILE = 0.97  # of the plane's size
MAX_RATIO = 1040  # no deflated plane can inflate by more (1,032), so no more memory is ever allocated


Axis = Annotated[int, Meta(ge=1, lt=2**31)]


class ArrayHeader(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """How an array is sent: its type, its shape, whether only the lower half is sent, and the bytes of each plane."""

    type: Literal["b1", "f2", "f4", "f8"]
    shape: Annotated[tuple[Axis, ...], Meta(min_length=1, max_length=4)]
    lower: bool
    sizes: tuple[Annotated[int, Meta(ge=0)], ...]

    @property
    def count(self) -> int:
        """Numbers that are sent."""
        cells = math.prod(self.shape)
        if not self.lower:
            return cells
        side = self.shape[-1]
        return cells // (side * side) * (side * (side + 1) // 2)

    @property
    def plane(self) -> int:
        """Bytes of one plane before deflation."""
        return -(-self.count // 8) if self.type == BITS else self.count

    @property
    def planes(self) -> int:
        """The number of planes."""
        return 1 if self.type == BITS else NUMBERS[self.type].itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of the array in memory."""
        return math.prod(self.shape) * self.planes

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        return sum(self.sizes)

    def to_json(self) -> list[Any]:
        """Return the header as a JSON value."""
        return [self.type, list(self.shape), self.lower, list(self.sizes)]


def pack(array: np.ndarray, *, lower: bool = False) -> tuple[ArrayHeader, list[bytes]]:
    """Return an array as planes. With `lower` its last two axes are square, and what is above the diagonal is left out."""
    kind: Any = BITS if array.dtype == bool else f"f{array.dtype.itemsize}"
    flat = np.ascontiguousarray(_lower(array) if lower else array).reshape(-1)
    if kind == BITS:
        raw = [np.packbits(flat, bitorder="little")]
    else:
        raw = list(np.ascontiguousarray(flat.astype(NUMBERS[kind], copy=False).view(np.uint8).reshape(-1, flat.itemsize).T))
    planes = [_compressed(plane.tobytes()) for plane in raw]
    return ArrayHeader(kind, array.shape, lower, tuple(len(plane) for plane in planes)), planes


def _compressed(plane: bytes) -> bytes:
    """Deflate a plane, unless that saves almost nothing."""
    middle = max(0, len(plane) - SAMPLE) // 2
    if len(_deflated(plane[middle : middle + SAMPLE])) > WORTHWHILE * min(len(plane), SAMPLE):
        return plane
    small = _deflated(plane)
    return small if len(small) < len(plane) else plane


def _deflated(plane: bytes) -> bytes:
    """Return bytes as raw deflate that finds only runs and frequent bytes: exponents repeat only so, and it is fast."""
    packer = zlib.compressobj(1, zlib.DEFLATED, -15, 9, zlib.Z_RLE)
    return packer.compress(plane) + packer.flush()


def check_headers(headers: Sequence[ArrayHeader], available: int, max_bytes: int) -> None:
    """Raise AnswerError unless arrays can have these headers, fill `available` bytes and unpack to at most `max_bytes`."""
    for header in headers:
        if header.lower and (len(header.shape) < 2 or header.shape[-1] != header.shape[-2]):
            raise AnswerError("Only square matrices have a lower half.")
        fits = all(size <= header.plane <= size * MAX_RATIO for size in header.sizes)
        if len(header.sizes) != header.planes or not fits:
            raise AnswerError("An array's planes must have the sizes that its shape needs.")
    if sum(header.size for header in headers) != available:
        raise AnswerError(f"An answer's arrays must fill its {available:,} bytes.")
    nbytes = sum(header.nbytes for header in headers)
    if nbytes > max_bytes:
        raise AnswerError(f"An answer may hold {max_bytes:,} bytes; this one says {nbytes:,}.")


def unpack(header: ArrayHeader, data: memoryview) -> np.ndarray:
    """Return the array, read-only. Raises AnswerError for a plane that does not inflate to its size."""
    at = 0
    flat = np.empty((header.plane, header.planes), np.uint8)
    for plane, size in enumerate(header.sizes):
        flat[:, plane] = np.frombuffer(_inflated(data[at : at + size], header.plane), np.uint8)
        at += size
    if header.type == BITS:
        values = np.unpackbits(flat[:, 0], count=header.count, bitorder="little").view(bool)
    else:
        values = flat.reshape(-1).view(NUMBERS[header.type])
    array = _unpacked(values, header.shape) if header.lower else values.reshape(header.shape)
    array.flags.writeable = False
    return array


def _inflated(plane: memoryview, count: int) -> bytes | memoryview:
    """Return the `count` bytes of a plane, which may be deflated; never more than that."""
    if len(plane) == count:
        return plane
    reader = zlib.decompressobj(-15)
    try:
        found = reader.decompress(plane, count + 1)
    except zlib.error as error:
        raise AnswerError("A plane of an answer cannot be inflated.") from error
    if len(found) != count or not reader.eof or reader.unused_data:
        raise AnswerError(f"A plane must inflate to {count:,} bytes.")
    return found


def _lower(array: np.ndarray) -> np.ndarray:
    """Return the lower halves of square matrices, row after row."""
    return np.concatenate([array[..., row, : row + 1] for row in range(array.shape[-1])], axis=-1)


def _unpacked(values: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Return square matrices from their lower halves; row by row, because an index array would be larger than the data."""
    array, halves, at = np.zeros(shape, values.dtype), values.reshape(*shape[:-2], -1), 0
    for row in range(shape[-1]):
        array[..., row, : row + 1] = halves[..., at : at + row + 1]
        at += row + 1
    return array
