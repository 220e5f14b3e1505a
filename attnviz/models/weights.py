"""Find and check the weight files of a model's folder before anything reads them, and compute their digest.

Weights are read from safetensors only. The older formats are pickles, which may run any code when they are loaded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from attnviz import charset
from attnviz.errors import DamagedWeightsError, UnavailableError
from attnviz.models import folders
from attnviz.models.locate import INDEX, WEIGHTS

PART = 2**22  # bytes of a file that are read at once
LARGEST_HEADER = 100_000_000  # bytes; the safetensors format allows no more
POINTER = b"version https://git-lfs"  # the beginning of the few lines that replace a large file in a Git repository


def remedied(message: str, remedy: str) -> str:
    """Return a message that ends with what to do: a command, or advice if no command helps."""
    return f"{message} {f'Fetch it again: {remedy}' if remedy else 'Put the whole folder in its place again.'}"


def weight_files(folder: Path, name: str, remedy: str) -> tuple[Path, ...]:
    """Return `model.safetensors`, or the parts that its index names. Raises UnavailableError, which says what is there."""
    if (folder / WEIGHTS).exists():
        folders.check_unambiguous(folder, name)
        return (folder / WEIGHTS,)
    if (folder / INDEX).exists():
        parts = _parts(folder / INDEX, name, remedy)
        missing = [part for part in parts if not (folder / part).is_file()]
        if missing:
            raise UnavailableError(
                remedied(f"The weights of {name} come in {len(parts)} files; {missing[0]!r} is missing.", remedy)
            )
        return tuple(folder / part for part in parts)
    other = folders.without_weights(folder, name)
    if other:
        raise UnavailableError(other)
    raise UnavailableError(remedied(f"{name} has no weights in its folder: {WEIGHTS} is missing.", remedy))


def pointer(file: Path) -> bool:
    """Return whether a file is a pointer of Git LFS: a few lines in place of a large file that was not downloaded."""
    try:
        with file.open("rb") as content:
            return content.read(len(POINTER)) == POINTER
    except OSError:
        return False


def fetched(file: Path, name: str) -> None:
    """Raise DamagedWeightsError if a file is only a pointer of Git LFS."""
    if pointer(file):
        raise DamagedWeightsError(
            f"{file.name} of {name} is a pointer of Git LFS: some lines that stand for the file, which was not fetched. "
            "Run git lfs install and git lfs pull in that folder."
        )


def digest(files: tuple[Path, ...], pins: Mapping[str, str], name: str, remedy: str) -> str:
    """Return the sha256 of the weights: of the one file, or of the lines `hash  name` if there are several.

    Raises DamagedWeightsError if a file does not have the hash in the catalogue.
    """
    sums = {}
    for file in files:
        try:
            sums[file.name] = sha256(file)
        except OSError as error:
            raise DamagedWeightsError(remedied(f"The weights of {name} cannot be read ({error.strerror}).", remedy)) from error
        if pins and sums[file.name] != pins.get(file.name):
            known = " or ".join(f"{hash[:12]}… ({pinned})" for pinned, hash in pins.items())
            raise DamagedWeightsError(
                remedied(
                    f"The weights of {name} must be the published ones; {file.name} was altered, cut short or exchanged, and "
                    f"is not read. Its sha256 begins {sums[file.name][:12]}…, and should begin {known}.",
                    remedy,
                )
            )
    if len(sums) == 1:
        return next(iter(sums.values()))
    return hashlib.sha256("".join(f"{sums[file]}  {file}\n" for file in sorted(sums)).encode()).hexdigest()


def sha256(file: Path, read: Callable[[int], None] = lambda size: None) -> str:
    """Return the sha256 of a file's bytes, in hexadecimal. `read` is called with the size of each part that was read."""
    found = hashlib.sha256()
    with file.open("rb") as content:
        while part := content.read(PART):
            found.update(part)
            read(len(part))
    return found.hexdigest()


def checked_size(file: Path, name: str, remedy: str) -> None:
    """Raise DamagedWeightsError unless a safetensors file is exactly as long as its own header says.

    A file is eight bytes with the header's length, the header in JSON, and the numbers (safetensors format, version 0.x).
    """
    fetched(file, name)
    size = file.stat().st_size
    with file.open("rb") as content:
        length = int.from_bytes(content.read(8), "little")
        header = content.read(length) if 0 < length <= min(size, LARGEST_HEADER) else b""
    try:
        entries = json.loads(header)
        end = max((entry["data_offsets"][1] for key, entry in entries.items() if key != "__metadata__"), default=0)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise DamagedWeightsError(
            remedied(f"{file.name} of {name} does not begin as safetensors do{_instead(file)}.", remedy)
        ) from error
    if size != 8 + length + end:
        raise DamagedWeightsError(
            remedied(
                f"{file.name} of {name} must be {8 + length + end:,} bytes long and has {size:,}: it is not whole.", remedy
            )
        )


def _instead(file: Path) -> str:
    """Return what a file that is not safetensors is, if its first bytes show it."""
    with file.open("rb") as content:
        first = content.read(64)
    if not first:
        return ": it is empty"
    if first.lstrip()[:1] == b"<":
        return ": it is a web page, as a link to a page instead of a file brings it"
    known = (
        (b"PK\x03\x04", "a pickle of PyTorch"),
        (b"\x80", "a pickle"),
        (b"GGUF", "a GGUF file"),
        (b"\x89HDF", "an HDF5 file"),
    )
    return next((f": it is {kind} under another name" for begins, kind in known if first.startswith(begins)), "")


def _parts(index: Path, name: str, remedy: str) -> list[str]:
    """Return the names of the files that an index lists: plain names in the folder, no paths out of it."""
    fetched(index, name)
    try:
        parts = sorted(set(json.loads(charset.read(index))["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedWeightsError(remedied(f"{index.name} of {name} is not a list of weight files.", remedy)) from error
    odd = [part for part in parts if not isinstance(part, str) or Path(part).name != part or not part.endswith(".safetensors")]
    if odd or not parts:
        raise DamagedWeightsError(
            remedied(f"{index.name} of {name} may only name safetensors beside it; it names {odd[:1]}.", remedy)
        )
    return parts
