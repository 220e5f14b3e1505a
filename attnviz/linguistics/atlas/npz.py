"""Read members of an untrusted archive of arrays, and check the type and shape of each.

No pickle is read, and every size is checked first. Anything wrong with a file raises BadInputError.
"""

from __future__ import annotations

import zipfile
import zlib
from importlib.resources.abc import Traversable
from math import prod

import numpy as np

from attnviz.errors import BadInputError
from attnviz.types import quoted

MAX_BYTES = 2**30  # bytes of a member; those of the shipped atlases have a few million
DAMAGED = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, KeyError, NotImplementedError, RuntimeError)


def read_bytes(file: Traversable, name: str, most: int) -> bytes:
    """Return the bytes of one member, at most `most`."""
    try:
        with file.open("rb") as opened, zipfile.ZipFile(opened) as archive:
            size = archive.getinfo(name).file_size
            if size > most:
                raise ValueError(f"{size:,} bytes, where at most {most:,} are allowed")
            return archive.read(name)  # the reader returns at most the declared size
    except DAMAGED as error:
        raise damaged_error(file, f"{name}: {error}") from error


def read_array(file: Traversable, name: str, dtype: type, shape: tuple[int | None, ...]) -> np.ndarray:
    """Return the array in member `name`, read-only, if it is of `dtype` and `shape`; None in `shape` means any length."""
    try:
        with file.open("rb") as opened, zipfile.ZipFile(opened) as archive, archive.open(name) as member:
            np.lib.format.read_magic(member)
            found, columns_first, stored = np.lib.format.read_array_header_1_0(member, max_header_size=1000)
            fits = len(found) == len(shape) and all(wanted in (None, got) for got, wanted in zip(found, shape, strict=True))
            if columns_first or stored != np.dtype(dtype) or not fits:
                raise ValueError(f"{stored} {found}, where {np.dtype(dtype)} {shape} belongs")
            size = prod(found) * stored.itemsize
            if size > MAX_BYTES:
                raise ValueError(f"{size:,} bytes, where at most {MAX_BYTES:,} are allowed")
            content = member.read(size + 1)  # one byte more, to detect a longer member; the archive checks its sum at the end
            if len(content) != size:
                raise ValueError(f"{len(content):,} bytes or more, where {size:,} belong")
            return np.frombuffer(content, stored).reshape(found)
    except DAMAGED as error:
        raise damaged_error(file, f"{name}: {error}") from error


def damaged_error(file: Traversable, reason: str) -> BadInputError:
    """Return the error for an atlas that cannot be used: rule, value, remedy."""
    why = " ".join(reason.split())[:160]
    return BadInputError(
        f"An atlas is a file that `attnviz atlas build` wrote; {quoted(file.name)} is none, or damaged ({why}). Build it again."
    )
