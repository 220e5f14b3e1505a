"""Arrays in, bytes for the wire out, and back: exact, smaller where that costs little, and never believed unchecked.

An array of numbers travels as planes: all first bytes of its numbers, then all second ones, and so on, little-endian. The
plane that holds sign and exponent is about a third of its size when deflated, of weights that are rounded to 16 bits two
more are nothing; the others are noise and stay as they are. Booleans travel as bits. Of square matrices that are zero
above the diagonal only the lower half travels.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from attnviz.errors import AnswerError

BITS = "b1"
NUMBERS = {"f2": np.dtype("<f2"), "f4": np.dtype("<f4"), "f8": np.dtype("<f8")}
AXES = 4
SAMPLE = 4096  # bytes of a plane that are tried first
PAYS = 0.97  # of what it was
DENSEST = 1040  # times its own size: more than any deflated plane can hold (1,032), so that nothing larger is made room for


@dataclass(frozen=True)
class Parcel:
    """What is said of an array: its type, its shape, whether only the lower half came, and the bytes of each plane."""

    type: str
    shape: tuple[int, ...]
    lower: bool
    sizes: tuple[int, ...]

    @property
    def count(self) -> int:
        """Numbers that travel."""
        whole = math.prod(self.shape)
        if not self.lower:
            return whole
        side = self.shape[-1]
        return whole // (side * side) * (side * (side + 1) // 2)

    @property
    def plane(self) -> int:
        """Bytes of one plane as it was."""
        return -(-self.count // 8) if self.type == BITS else self.count

    @property
    def planes(self) -> int:
        """How many planes."""
        return 1 if self.type == BITS else NUMBERS[self.type].itemsize

    @property
    def held(self) -> int:
        """Bytes of the array once it is unpacked."""
        return math.prod(self.shape) * self.planes

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        return sum(self.sizes)

    @property
    def told(self) -> list[Any]:
        """The same as JSON has it."""
        return [self.type, list(self.shape), self.lower, list(self.sizes)]


def packed(array: np.ndarray, *, lower: bool = False) -> tuple[Parcel, list[bytes]]:
    """An array as planes. With `lower` its last two axes are square, and what is above the diagonal is left out."""
    kind = BITS if array.dtype == bool else f"f{array.dtype.itemsize}"
    flat = np.ascontiguousarray(_lower(array) if lower else array).reshape(-1)
    if kind == BITS:
        raw = [np.packbits(flat, bitorder="little")]
    else:
        raw = list(np.ascontiguousarray(flat.astype(NUMBERS[kind], copy=False).view(np.uint8).reshape(-1, flat.itemsize).T))
    planes = [_smaller(plane.tobytes()) for plane in raw]
    return Parcel(kind, array.shape, lower, tuple(len(plane) for plane in planes)), planes


def _smaller(plane: bytes) -> bytes:
    """A plane deflated, or as it is where that would gain next to nothing."""
    middle = max(0, len(plane) - SAMPLE) // 2
    if len(_deflated(plane[middle : middle + SAMPLE])) > PAYS * min(len(plane), SAMPLE):
        return plane
    small = _deflated(plane)
    return small if len(small) < len(plane) else plane


def _deflated(plane: bytes) -> bytes:
    """Raw deflate that looks for runs and frequent bytes only: of exponents nothing else repeats, and it is quick."""
    packer = zlib.compressobj(1, zlib.DEFLATED, -15, 9, zlib.Z_RLE)
    return packer.compress(plane) + packer.flush()


def parcels(told: Any, available: int, most: int) -> tuple[Parcel, ...]:
    """What is said of all arrays, checked before any is made: they fill `available` bytes and unpack to at most `most`.

    Raises AnswerError otherwise.
    """
    if not isinstance(told, list):
        raise AnswerError("The arrays of an answer are a list.")
    found = tuple(_parcel(entry) for entry in told)
    if sum(one.size for one in found) != available:
        raise AnswerError(f"An answer's arrays must fill its {available:,} bytes.")
    held = sum(one.held for one in found)
    if held > most:
        raise AnswerError(f"An answer may hold {most:,} bytes; this one says {held:,}.")
    return found


def _parcel(entry: Any) -> Parcel:
    """One entry of the list, if an array can be so."""
    match entry:
        case [str(kind), list(shape), bool(lower), list(sizes)] if kind in NUMBERS or kind == BITS:
            pass
        case _:
            raise AnswerError("An array is told by type, shape, half or whole, and sizes.")
    if not all(type(n) is int for n in (*shape, *sizes)):
        raise AnswerError("The axes and planes of an array have whole numbers of entries.")
    if not 1 <= len(shape) <= AXES or not all(1 <= n < 2**31 for n in shape):
        raise AnswerError(f"An array has 1 to {AXES} axes, each at least 1.")
    if lower and (len(shape) < 2 or shape[-1] != shape[-2]):
        raise AnswerError("Only square matrices have a lower half.")
    found = Parcel(kind, tuple(shape), lower, tuple(sizes))
    fits = all(n <= found.plane <= n * DENSEST for n in sizes)
    if len(sizes) != found.planes or not fits:
        raise AnswerError("An array's planes must have the sizes that its shape needs.")
    return found


def unpacked(parcel: Parcel, data: memoryview) -> np.ndarray:
    """The array again, read-only. Raises AnswerError where a plane is not what it should be."""
    at = 0
    flat = np.empty((parcel.plane, parcel.planes), np.uint8)
    for plane, size in enumerate(parcel.sizes):
        flat[:, plane] = np.frombuffer(_inflated(data[at : at + size], parcel.plane), np.uint8)
        at += size
    if parcel.type == BITS:
        values = np.unpackbits(flat[:, 0], count=parcel.count, bitorder="little").view(bool)
    else:
        values = flat.reshape(-1).view(NUMBERS[parcel.type])
    array = _whole(values, parcel.shape) if parcel.lower else values.reshape(parcel.shape)
    array.flags.writeable = False
    return array


def _inflated(plane: memoryview, count: int) -> bytes | memoryview:
    """`count` bytes of a plane, as it is or deflated; never more of them than that."""
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
    """The lower halves of square matrices, row behind row."""
    return np.concatenate([array[..., row, : row + 1] for row in range(array.shape[-1])], axis=-1)


def _whole(values: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Square matrices from their lower halves; row by row, since indices would be larger than what they point at."""
    array, halves, at = np.zeros(shape, values.dtype), values.reshape(*shape[:-2], -1), 0
    for row in range(shape[-1]):
        array[..., row, : row + 1] = halves[..., at : at + row + 1]
        at += row + 1
    return array
