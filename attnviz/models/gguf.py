"""Convert a GGUF file to the same model in plain float32, once, and keep it in the user's cache.

transformers takes about 20 seconds to read the file, and one second to read the kept model. A kept model is a folder that
appears complete, by one rename, with a manifest of its hashes: a file that does not match it counts as missing.
"""

from __future__ import annotations

import copy
import json
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import torch
from safetensors import SafetensorError
from transformers import AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase, modeling_gguf_pytorch_utils
from transformers.utils import logging

from attnviz import charset
from attnviz.errors import OutputError
from attnviz.models.reading_progress import Counted
from attnviz.models.weights import sha256

FORMAT = 1  # of kept models; a new number does not touch older folders
MANIFEST = "manifest.json"
UNFINISHED = ".unfinished-"
ABANDONED = 3600.0  # seconds after which an unfinished folder belongs to a process that ended

# This reader draws its progress bar with tqdm itself. The library's wrapper can be switched off.
modeling_gguf_pytorch_utils.__dict__["tqdm"] = logging.tqdm


def converted(file: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return the model and tokenizer of a GGUF file, in float32.

    A model read from GGUF stays marked as quantised and cannot be saved, although its weights are floats now. The same
    tensors with a configuration without that mark are an ordinary model.
    """
    own = {"gguf_file": file.name, "local_files_only": True}
    tokenizer = AutoTokenizer.from_pretrained(file.parent, trust_remote_code=False, **own)
    marked = AutoModel.from_pretrained(file.parent, trust_remote_code=False, dtype=torch.float32, **own)
    config = copy.deepcopy(marked.config)
    del config.quantization_config
    return type(marked).from_pretrained(None, config=config, state_dict=marked.state_dict(), dtype=torch.float32), tokenizer


def folder_of(cache: Path, digest: str) -> Path:
    """Return the folder for the converted GGUF file with this sha256."""
    return cache / f"gguf-{digest[:16]}-v{FORMAT}"


def is_complete(folder: Path, counted: Counted = lambda done, total: None) -> bool:
    """Return whether the folder holds a complete conversion: all files of its manifest, unchanged (0.6 s for 540 MB).

    `counted` is called with the bytes that were checked, and those of all files.
    """
    try:
        files = {folder / Path(name).name: hash for name, hash in json.loads(charset.read(folder / MANIFEST)).items()}
        done, total = 0, sum(file.stat().st_size for file in files)

        def read(size: int) -> None:
            nonlocal done
            done += size
            counted(done, total)

        return bool(files) and all(sha256(file, read) == hash for file, hash in files.items())
    except (OSError, ValueError, AttributeError, TypeError):
        return False


def store(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write model, tokenizer and manifest into `folder`, which appears at once or not at all.

    Two processes may keep the same conversion at the same time: the later one finds the complete folder of the earlier one
    and keeps it. A damaged folder is replaced. Raises OutputError if nothing can be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(folder.parent)
        unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder.parent))
        try:
            model.save_pretrained(unfinished)
            tokenizer.save_pretrained(unfinished)
            sums = {file.name: sha256(file) for file in sorted(unfinished.iterdir())}
            (unfinished / MANIFEST).write_text(json.dumps(sums, indent=2), "utf-8")
            _publish(unfinished, folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    except (OSError, SafetensorError) as error:  # a full disk raises either
        reason = getattr(error, "strerror", None) or "the disk took only a part of them"
        if isinstance(error, FileExistsError):  # a file has this name
            reason = "it is a file"
        raise OutputError(
            f"The converted weights cannot be kept in {_by_home(folder.parent)} ({reason}). "
            "Set ATTNVIZ_CACHE_DIR to a folder that can be written, with 600 MB free."
        ) from error


def _by_home(path: Path) -> str:
    """Return a path with the home folder as ~, so that it shows nothing about this machine."""
    home = Path(os.path.expanduser("~"))
    return f"~/{path.relative_to(home).as_posix()}" if path.is_relative_to(home) else str(path)


def _publish(unfinished: Path, folder: Path) -> None:
    """Rename a folder to its final name, unless a complete conversion has it now. Anything else there is moved away."""
    try:
        os.rename(unfinished, folder)
    except OSError:  # there is a folder that is not empty, or a file
        if is_complete(folder):
            return
        aside = unfinished.with_name(f"{unfinished.name}-old")
        with suppress(FileNotFoundError):  # another process moved it away first
            os.rename(folder, aside)
        _remove(aside)
        try:
            os.rename(unfinished, folder)
        except OSError:
            if not is_complete(folder):
                raise


def _remove_abandoned(cache: Path) -> None:
    """Remove folders that an ended process left incomplete: half a gigabyte each."""
    for left in cache.glob(f"{UNFINISHED}*"):
        with suppress(FileNotFoundError):  # another process finished, or removed it, meanwhile
            if time.time() - left.stat().st_mtime > ABANDONED:
                _remove(left)


def _remove(path: Path) -> None:
    """Remove a file, or a folder with its contents; what cannot be removed stays."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
