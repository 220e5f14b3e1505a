"""Errors of files that cannot be read as a model: which part, which file and what is wrong with it, and what to do."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attnviz import charset
from attnviz.errors import AttnvizError, DamagedWeightsError, UnavailableError
from attnviz.models import weights

TOKENIZERS = (
    "tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "tokenizer.model", "sentencepiece.bpe.model", "source.spm",
)  # fmt: skip
CONFIGURATION = "configuration"


def check_tokenizer(folder: Path, name: str, remedy: str) -> None:
    """Raise UnavailableError if a folder has no tokenizer."""
    if not any(os.path.isfile(folder / file) for file in TOKENIZERS):
        lacking = f"A model needs its tokenizer; {name!r} has none of {', '.join(TOKENIZERS)}."
        again = f"Fetch it again: {remedy}" if remedy else "Save it there with tokenizer.save_pretrained."
        raise UnavailableError(f"{lacking} {again}")


@contextmanager
def reading_errors(part: str, name: str, folder: Path, remedy: str) -> Iterator[None]:
    """Turn errors while a part of a model is read into DamagedWeightsError, or UnavailableError if a library is missing.

    The library's message is quoted only for a configuration; for other parts it is hard to understand.
    """
    try:
        yield
    except (AttnvizError, MemoryError):
        raise
    except ImportError as error:
        raise UnavailableError(f"{name} needs the library {error.name or 'named here'}: {_brief(error, folder)}.") from error
    except Exception as error:  # tokenizers raises Exception itself
        mixed = "some of its files are damaged, or are those of another model"
        fault = _unreadable(folder) or _no_merges(folder, part) or (_brief(error, folder) if part == CONFIGURATION else mixed)
        raise DamagedWeightsError(weights.remedied(f"The {part} of {name} cannot be read: {fault}.", remedy)) from error


def _unreadable(folder: Path) -> str:
    """Return which JSON file of a folder is damaged, in words, or ""."""
    for file in sorted([*folder.glob("*.json"), *(folder / name for name in TOKENIZERS if not name.endswith(".json"))]):
        if weights.pointer(file):
            return f"{file.name} is a pointer of Git LFS, and the file was not fetched: run git lfs pull in that folder"
        if file.suffix != ".json":
            continue
        content = b""
        try:
            content = file.read_bytes()
            json.loads(content)
        except OSError as error:
            return f"{file.name} cannot be opened ({error.strerror})"
        except UnicodeDecodeError as error:
            unmarked = not charset.find_mark(content)[0] and error.encoding == "utf-8"
            return f"{file.name} {charset.error_message(content, error.start).rstrip('.') if unmarked else 'is not whole JSON'}"
        except (ValueError, RecursionError):
            return f"{file.name} is not whole JSON"
    return ""


def _no_merges(folder: Path, part: str) -> str:
    """Return which half of a byte-pair tokenizer is missing, in words, or ""."""
    there = {name for name in (*TOKENIZERS, "merges.txt") if (folder / name).is_file()}
    return "vocab.json is there without its merges.txt" if part == "tokenizer" and there == {"vocab.json"} else ""


def _brief(error: Exception, folder: Path) -> str:
    """Return the first line of an error, without paths of this machine."""
    lines = str(error).strip().splitlines() or ["no reason was given"]
    return lines[0][:160].replace(str(folder), folder.name).rstrip(": .")
