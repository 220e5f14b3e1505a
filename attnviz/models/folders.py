"""Find the model in a user's own folder, or say what the folder holds if no model can be read from it.

Only names and small JSON files are read here. Nothing in a folder is run, and messages contain no paths of this machine,
only the names of folders and files.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attnviz.errors import UnavailableError
from attnviz.models.locate import CONFIG, INDEX, WEIGHTS
from attnviz.types import joined, quoted

RULE = "A local model is a folder with config.json, a tokenizer and safetensors"
ADAPTER = "adapter_config.json"
MODULES = "modules.json"  # of sentence-transformers: its modules in order, each with the sub-folder that holds it
READABLE = re.compile(r"transformer|bert|albert|xlnet|t5|gpt", re.IGNORECASE)  # modules that are a transformers model
CHECKPOINT = re.compile(r"checkpoint-\d+")
LISTED = 5  # names that a message lists

# The files of other programs, and how to get safetensors from them. The most specific ones come first.
FORMATS: tuple[tuple[str, str, str], ...] = (
    ("tf_model*.h5", "TensorFlow weights", "from_tf=True"),
    ("flax_model*.msgpack", "Flax weights", "from_flax=True"),
    ("bert_model.ckpt*", "a TensorFlow checkpoint of the first BERT", ""),
    ("*.gguf", "a GGUF file", ""),
    ("*.onnx", "an ONNX file", ""),
    ("onnx/*.onnx", "an ONNX file", ""),
    ("openvino_model*.xml", "an OpenVINO model", ""),
    ("*.mlmodel", "a Core ML model", ""),
    ("*.mlpackage", "a Core ML model", ""),
    ("*.tflite", "a TensorFlow Lite file", ""),
    ("rust_model.ot", "weights for Rust", ""),
    ("weights*.npz", "weights for MLX", ""),
)
PICKLES = ("pytorch_model*.bin", "*.bin", "*.pt", "*.pth", "*.ckpt")


@dataclass(frozen=True)
class LocatedModel:
    """The folder that holds a model's config.json, and the name by which the user knows the model."""

    folder: Path
    name: str


def model_folder(path: Path) -> LocatedModel:
    """Return where the model is in a folder.

    This is the folder itself, the transformer of a sentence-transformers folder (`0_Transformer`), or the current snapshot
    of a folder in the hub's own layout (`models--org--name`). Raises UnavailableError, which says what the folder holds
    and what to do, if there is no config.json of a model.
    """
    path = Path(os.path.realpath(os.path.expanduser(path)))  # the methods of Path raise errors for odd names; these never do
    name = path.name
    if not os.path.isdir(path):
        raise UnavailableError(f"{RULE}; {_no_folder(path)}")
    snapshot = _snapshot(path)
    if snapshot is not None:
        path, name = snapshot, _hub_name(name)
    elif path.parent.name == "snapshots" and path.parent.parent.name.startswith("models--"):
        name = _hub_name(path.parent.parent.name)
    inner = _transformer(path, name)
    if inner is not None:
        return LocatedModel(inner, name)
    if os.path.isfile(path / CONFIG):
        return LocatedModel(path, name)
    raise UnavailableError(f"{RULE}; {quoted_name(name)} has no config.json. {_contents(path, name)}")


def quoted_name(name: str) -> str:
    """Return a name as messages quote it: on one line, and shortened to fit."""
    return repr(name if len(name) <= 60 else f"{name[:60]}…")


def without_weights(folder: Path, name: str) -> str:
    """Return what a folder with config.json has in place of model.safetensors, and what to do; "" if it has nothing."""
    if os.path.isfile(folder / ADAPTER):
        return _adapter(folder, name)
    if os.path.lexists(folder / WEIGHTS):
        return f"{name} has a {WEIGHTS} that is a link to nothing. Get the file again, or correct the link."
    other = _other_format(folder)
    odd = _safetensors(folder)
    if odd is not None:
        return f"{name} has no {WEIGHTS}, but {odd}"
    pickle = _pickle(folder)
    if pickle:
        return (
            f"{name} has its weights as a pickle only ({pickle}), which can run code when it is read, so it is not read. "
            "Save the model once more as safetensors, with a version of transformers that reads it: "
            "AutoModel.from_pretrained(folder).save_pretrained(folder)."
        )
    other = other or _checkpoints([entry.name for entry in _entries(folder)], name)
    return f"{name} has no {WEIGHTS}: it has {other}" if other else ""


def check_unambiguous(folder: Path, name: str) -> None:
    """Raise UnavailableError if there is an adapter beside complete weights: which of the two is meant is not known."""
    if os.path.isfile(folder / ADAPTER):
        raise UnavailableError(
            f"A folder holds a whole model or an adapter; {quoted_name(name)} has both, and the weights alone may be another "
            f"model than the two together. Merge the adapter into the model, or move {ADAPTER} and its weights elsewhere."
        )


def _no_folder(path: Path) -> str:
    """Return why a path is not a folder."""
    name = quoted_name(path.name)
    if not os.path.lexists(path):
        return f"{name} has no config.json, because it is not there. Correct the path; it counts from where you are."
    if os.path.isfile(path):
        kind = next((kind for pattern, kind, _ in FORMATS if path.match(pattern)), "")
        found_kind = f" It is {kind}, which is not read from a folder of your own." if kind else ""
        return f"{name} has no config.json, because it is a file.{found_kind} Name the folder with all of the model's files."
    return f"{name} has no config.json, because it is a link that leads nowhere. Correct the link."


def _snapshot(folder: Path) -> Path | None:
    """Return the snapshot to read of a folder in the hub's layout: the one that `refs/main` names, or the only one."""
    snapshots = folder / "snapshots"
    if os.path.isfile(folder / CONFIG) or not os.path.isdir(snapshots):
        return None
    found = [one for one in _entries(snapshots) if one.is_dir()]
    try:
        main = (folder / "refs" / "main").read_text("utf-8").strip()
    except (OSError, ValueError):
        main = ""
    named = [one for one in found if one.name == main] or (found if len(found) == 1 else [])
    if named:
        return named[0]
    if not found:
        raise UnavailableError(
            f"{RULE}; {quoted_name(folder.name)} has no config.json: it is a folder of the hub's cache without a snapshot, as "
            "a download that was broken off leaves it. Download the model again."
        )
    names = joined([quoted_name(one.name) for one in found[:LISTED]])
    raise UnavailableError(
        f"{RULE}; {quoted_name(folder.name)} has no config.json of its own: it is a folder of the hub's cache with "
        f"{len(found)} snapshots. Name one of them: {names}, in its folder snapshots."
    )


def _hub_name(name: str) -> str:
    """Return the model's own name in `models--org--name`: `name`."""
    return name.rpartition("--")[2] or name


def _transformer(folder: Path, name: str) -> Path | None:
    """Return the sub-folder of a sentence-transformers folder that holds its transformer; None if there is none.

    `modules.json` lists the modules in order; the first one reads the text. In the layout before version 2, each has a
    sub-folder (`0_Transformer`, `0_BERT`); even older folders have no list.
    """
    listed = _json(folder / MODULES)
    if isinstance(listed, list) and listed and isinstance(listed[0], dict):
        kind, inner = str(listed[0].get("type", "")).rpartition(".")[2], listed[0].get("path", "")
        if not READABLE.search(kind):
            raise UnavailableError(
                f"{RULE}; {quoted_name(name)} is a sentence-transformers folder whose first module is {quoted(kind)}, "
                "which has no attention. Choose a model that begins with a Transformer."
            )
        if not isinstance(inner, str) or inner in ("", "."):
            return None
        if Path(inner).name != inner or inner == "..":
            raise UnavailableError(
                f"{RULE}; {MODULES} of {quoted_name(name)} must name a sub-folder of its own, and names {quoted(inner)}. "
                "Correct it."
            )
        if not os.path.isfile(folder / inner / CONFIG):
            raise UnavailableError(
                f"{RULE}; {quoted_name(name)} has no config.json in {quoted_name(inner)}, where its {MODULES} says that the "
                "transformer is. Put the whole folder in its place again."
            )
        return folder / inner
    old = [one for one in _entries(folder) if re.fullmatch(r"0_\w+", one.name) and os.path.isfile(one / CONFIG)]
    own = _json(folder / CONFIG)
    return old[0] if len(old) == 1 and not (isinstance(own, dict) and "model_type" in own) else None


def _contents(folder: Path, name: str) -> str:
    """Return what a folder without config.json holds, and what to do, in sentences."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if not entry.name.startswith("."))
    except OSError as error:
        return f"It cannot be opened ({error.strerror}). Give yourself the right to read it."
    if not names:
        return "It is empty. Put the model's files there, or name another folder."
    if ADAPTER in names:
        return _adapter(folder, name)
    steps = _checkpoints(names, name)
    if steps:
        return f"It holds {steps}"
    cached = [one for one in names if one.startswith("models--")]
    if cached:
        return f"It is the hub's cache ({_some(cached)}). Name one of the folders in it: {name}/{cached[0]}."
    inner = [one for one in names if isinstance(own := _json(folder / one / CONFIG), dict) and "model_type" in own]
    if inner:
        each = "Its sub-folder" if len(inner) == 1 else "Its sub-folders"
        return f"{each} {_some(inner)} {'has' if len(inner) == 1 else 'have'} one. Name it: {name}/{inner[0]}."
    other = _other_format(folder)
    if other:
        return f"It has {other}"
    if "model_index.json" in names:
        return "It is a pipeline for pictures (diffusers), of several models. Name the folder of a text model."
    weights = [one for one in names if one.endswith(".safetensors")]
    pickle = _pickle(folder)
    if weights or pickle:
        return (
            f"It has weights ({weights[0] if weights else pickle}) without the sizes of their model. "
            "Save the whole model there: model.save_pretrained(folder) and tokenizer.save_pretrained(folder)."
        )
    return (
        f"It holds {_some(names)}. Save a model there with model.save_pretrained(folder) and tokenizer.save_pretrained(folder)."
    )


def _checkpoints(names: list[str], name: str) -> str:
    """Return a message about the checkpoints of a training run among some names, and what to do; "" if there are none."""
    steps = sorted((one for one in names if CHECKPOINT.fullmatch(one)), key=lambda one: int(one.partition("-")[2]))
    if not steps:
        return ""
    which = "checkpoints" if len(steps) > 1 else "a checkpoint"
    return f"{which} of a training run ({_some(steps)}). Name {'one of them' if len(steps) > 1 else 'it'}: {name}/{steps[-1]}."


def _adapter(folder: Path, name: str) -> str:
    """Return a message about an adapter, and how to make a model from it."""
    found = _json(folder / ADAPTER)
    found = found if isinstance(found, dict) else {}
    base, kind = found.get("base_model_name_or_path"), found.get("peft_type")
    if isinstance(base, str) and base:
        base_name = Path(base).name if base.startswith((".", "/", "~")) or "\\" in base else base  # no path of this machine
        of = f" for {quoted(base_name)}"
    else:
        of = ""
    sort = f" ({kind})" if isinstance(kind, str) and kind.isalnum() and len(kind) <= 20 else ""
    return (
        f"{quoted_name(name)} is an adapter{sort}{of}, which is no model by itself: it changes the weights of one. "
        "Merge it and name the folder of the result: AutoPeftModel.from_pretrained(folder).merge_and_unload()"
        ".save_pretrained(merged), and save the tokenizer there too."
    )


def _other_format(folder: Path) -> str:
    """Return the files of another program in a folder, and what to do, as the end of a sentence; "" if there are none."""
    for pattern, kind, option in FORMATS:
        files = sorted(file.name for file in folder.glob(pattern))
        if not files:
            continue
        do = (
            "Convert it once where TensorFlow or Flax and transformers 4 are installed: "
            f"AutoModel.from_pretrained(folder, {option}).save_pretrained(folder)."
            if option
            else "Get the model's safetensors from where it was published, with its config.json and tokenizer."
        )
        return f"{kind} ({files[0]}), which cannot be read here. {do}"
    return ""


def _safetensors(folder: Path) -> str | None:
    """Return safetensors files with another name than the one that is read, and what to do, as the end of a sentence."""
    files = sorted(file.name for file in folder.glob("*.safetensors"))
    if not files:
        return None
    first = files[0]
    variant = next(
        (match[1] for file in files if (match := re.fullmatch(r"model\.([\w-]+?)(?:-\d{5}-of-\d{5})?\.safetensors", file))),
        None,
    )
    if variant:
        return (
            f"a variant of it: {first}. Load that variant once and save it under the usual name: "
            f'AutoModel.from_pretrained(folder, variant="{variant}").save_pretrained(folder).'
        )
    parts = [file for file in files if re.fullmatch(r"model-\d{5}-of-\d{5}\.safetensors", file)]
    if parts:
        count = int(parts[0][-17:-12])
        return (
            f"{len(parts)} of its {count} parts, without {INDEX}, which says what is in which. "
            "Put the whole folder in its place again."
        )
    return f"safetensors of another name: {first}. If that is the whole model, rename it to {WEIGHTS}."


def _pickle(folder: Path) -> str:
    """Return the name of a file of pickled weights, other than a trainer's own files; "" if there is none."""
    own = {"training_args.bin", "optimizer.pt", "optimizer.bin", "scheduler.pt", "scaler.pt", "rng_state.pth"}
    found = [file.name for pattern in PICKLES for file in sorted(folder.glob(pattern))]
    return next((name for name in found if name not in own and not name.startswith("rng_state")), "")


def _some(names: list[str]) -> str:
    """Return a few names of a list, and how many more there are."""
    shown = [quoted_name(name) for name in names[:LISTED]]
    more = len(names) - len(shown)
    return joined([*shown, f"{more} more"]) if more else joined(shown)


def _entries(folder: Path) -> list[Path]:
    """Return the contents of a folder, sorted; nothing if it cannot be opened."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _json(file: Path) -> Any:
    """Return the contents of a JSON file; None if it does not exist or cannot be read."""
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
