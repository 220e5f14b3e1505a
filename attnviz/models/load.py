"""Load the model and the tokenizer of a card, with the digest of the weights that were read."""

from __future__ import annotations

import json
import os
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.utils import logging as hub_logging
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
    MODEL_MAPPING_NAMES,
)
from transformers.utils import logging

from attnviz import charset
from attnviz.errors import AttnvizError, BadInputError, DamagedWeightsError, OutputError, UnavailableError
from attnviz.models import folders, gguf, hub, tensor_check, text_files, weights
from attnviz.models.config_facts import HUGE, ConfigFacts, read_config
from attnviz.models.locate import CONFIG, find_weights
from attnviz.progress import OnProgress, ProgressEvent, ignore
from attnviz.settings import Settings
from attnviz.types import ModelCard

# Once for the process: the library's progress bars and reports would mix with the output of our own command line.
logging.set_verbosity_error()
logging.disable_progress_bar()  # the hub's bars too
hub_logging.set_verbosity_error()

TOKENIZERS = (
    "tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "tokenizer.model", "sentencepiece.bpe.model", "source.spm",
)  # fmt: skip

QUANTISED = ("quantize_config.json", "quant_config.json")  # beside weights of older GPTQ and AWQ programs

CONFIGURATION = "configuration"

# While it loads a model, transformers changes defaults of torch that all threads see (dtype, initialisation).
READING = threading.Lock()


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model ready to run: its card, with values from its own configuration, and the sha256 of its weights file.

    If the weights were converted, `digest` is that of the published file. `note` says in sentences what was changed to
    read the model, if anything.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    card: ModelCard
    digest: str
    note: str = ""


def load(card: ModelCard, settings: Settings, on_progress: OnProgress | None = None) -> LoadedModel:
    """Load the model of a card, in float32. `on_progress` gets an event before each slow step.

    Raises UnavailableError if the weights are not on this machine and cannot be downloaded, DamagedWeightsError if a file
    does not match. Code that comes with a model is never run, and pickles are never read.
    """
    report = on_progress or ignore
    location = find_weights(card, settings)
    if location.kind == "missing":
        switched = "; the hub is switched off" if card.hub else ""
        absent = f"The weights of {card.name} are not on this machine{switched}. Get them with: {location.remedy}"
        raise UnavailableError(absent, command=location.remedy)
    folder = location.path or hub.fetched(card, location.remedy, report)
    if location.kind == "folder" and not card.gguf:
        folder = folders.model_folder(folder).folder
    if card.gguf and os.path.isfile(folder / card.gguf):
        return _from_gguf(card, folder / card.gguf, settings, location.remedy, on_progress)
    files = weights.weight_files(folder, card.name, location.remedy)
    for file in files:
        weights.fetched(file, card.name)
    digest = weights.digest(files, dict(card.sha256), card.name, location.remedy)
    for file in files:
        weights.checked_size(file, card.name, location.remedy)
    report(ProgressEvent(f"Reading {card.name}."))
    return _from_folder(card, folder, digest, location.remedy)


def local_card(folder: Path) -> ModelCard:
    """Return the card of a user's own transformers folder, with values from its config.json.

    Raises UnavailableError if something is missing, and says what the folder holds instead. Raises BadInputError if it is not a
    text model of a known family.
    """
    place = folders.model_folder(folder)
    folder, name = place.folder, place.name
    with text_files.unmarked(folder) as plain, _reading_errors(CONFIGURATION, name, plain, ""):
        found = _config_facts(plain)
    _tokenized(folder, name, "")
    weights.weight_files(folder, name, "")
    return ModelCard(
        id=f"local:{name}", name=name, kind=found.kind, layers=found.layers, heads=found.heads, max_tokens=found.max_tokens,
        licence="not stated", source="a folder of your own", folder=str(folder),
    )  # fmt: skip


def card_of(model: Any, tokenizer: Any = None) -> ModelCard:
    """Return the card of a model that the caller loaded. Raises BadInputError if it is no transformers model."""
    if not isinstance(model, PreTrainedModel):
        raise BadInputError(f"A transformers model is needed; got {type(model).__name__}.")
    limit = float(getattr(tokenizer, "model_max_length", HUGE))
    found = read_config(model.config, limit, text_only=False)
    name = Path(
        str(getattr(model.config, "name_or_path", "") or type(model).__name__)
    ).name  # the last part: it may be a path of this machine
    return ModelCard(
        id=name, name=name, kind=found.kind, layers=found.layers, heads=found.heads, max_tokens=found.max_tokens,
        licence="not stated", source="a model in memory",
    )  # fmt: skip


def _tokenized(folder: Path, name: str, remedy: str) -> None:
    """Raise UnavailableError if a folder has no tokenizer."""
    if not any(os.path.isfile(folder / file) for file in TOKENIZERS):
        lacking = f"A model needs its tokenizer; {name!r} has none of {', '.join(TOKENIZERS)}."
        again = f"Fetch it again: {remedy}" if remedy else "Save it there with tokenizer.save_pretrained."
        raise UnavailableError(f"{lacking} {again}")


def _from_folder(card: ModelCard, folder: Path, digest: str, remedy: str) -> LoadedModel:
    """Load a folder whose weight files were checked, without the byte order marks in its text files."""
    with text_files.unmarked(folder) as plain:
        return _from_plain(card, plain, digest, remedy)


def _from_plain(card: ModelCard, folder: Path, digest: str, remedy: str) -> LoadedModel:
    """Load model and tokenizer from a folder without byte order marks."""
    _tokenized(folder, card.name, remedy)
    with _reading_errors(CONFIGURATION, card.name, folder, remedy):
        found, config = _config_facts(folder), _config(folder)
    with _reading_errors("tokenizer", card.name, folder, remedy):
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    family = AutoModelForSeq2SeqLM if found.kind == "encoder-decoder" else AutoModel
    with _reading_errors("weights", card.name, folder, remedy), READING:
        model, note = _filled(family, folder, config, card.name, remedy)
    odd = None if card.sha256 else next((key for key, part in model.state_dict().items() if not part.isfinite().all()), None)
    if odd:
        rule = f"The weights of {card.name} must be numbers; {odd} holds NaN or infinity: its file was altered."
        raise DamagedWeightsError(weights.remedied(rule, remedy))
    return LoadedModel(model, tokenizer, _carded(card, found), digest, note)


def _filled(family: Any, folder: Path, config: PreTrainedConfig, name: str, remedy: str) -> tuple[PreTrainedModel, str]:
    """Return the model with every tensor from its file, and a note if names or sizes had to be adjusted."""
    options = {"dtype": torch.float32, "output_loading_info": True, "ignore_mismatched_sizes": True}
    model, report = family.from_pretrained(
        folder, config=config, use_safetensors=True, trust_remote_code=False, local_files_only=True, **options
    )
    notes = [_own_code(folder), _lower_case(folder)]
    if tensor_check.lacking(report):
        found = tensor_check.read(weights.weight_files(folder, name, remedy))
        own = model.state_dict().keys()
        names, prefix = tensor_check.unwrapped(found, {*own, *(f"{model.base_model_prefix}.{key}" for key in own)})
        if prefix:
            inner = {names[key]: tensor for key, tensor in found.items()}
            filled, again = type(model).from_pretrained(None, config=config, state_dict=inner, **options)
            if not tensor_check.lacking(again):
                filled.config.name_or_path = model.config.name_or_path
                if model.can_generate():
                    filled.generation_config = model.generation_config
                model, report = filled, again
                notes.append(f"The names in the weights file begin with {prefix}, as a wrapper leaves them: read without it.")
    pruned = _pruned(config)
    if report["mismatched_keys"] and pruned and not tensor_check.lacking(report):
        note = tensor_check.prune(model, tensor_check.read(weights.weight_files(folder, name, remedy)), report, pruned)
        if note:
            report = {**report, "mismatched_keys": set()}
            notes.append(note)
    tensor_check.checked(report, model, name, remedy)
    notes.append(tensor_check.left_over(report, model))
    return model, " ".join(filter(None, notes))


def _pruned(config: PreTrainedConfig) -> dict[int, list[int]]:
    """Return the pruned heads of each layer, from a configuration of transformers before version 5."""
    found = getattr(config, "pruned_heads", None) or {}
    if not isinstance(found, dict):
        return {}
    return {
        int(layer): [int(head) for head in heads]
        for layer, heads in found.items()
        if str(layer).isdecimal() and isinstance(heads, (list, tuple)) and all(isinstance(head, int) for head in heads)
    }


def _own_code(folder: Path) -> str:
    """Return a note if a model comes with its own code, which another program might run, or ""."""
    if "AutoModel" not in str(_json(folder / CONFIG).get("auto_map", "")):
        return ""
    return "This model brings code of its own, which is never run here: it is read by the library's code for its family."


def _from_gguf(card: ModelCard, file: Path, settings: Settings, remedy: str, on_progress: OnProgress | None) -> LoadedModel:
    """Load a GGUF model: from the user's cache, or converted now and kept there."""
    report = on_progress or ignore
    digest = weights.digest((file,), dict(card.sha256), card.name, remedy)
    folder = gguf.folder_of(settings.cache_dir, digest)
    if gguf.is_complete(folder):
        report(ProgressEvent(f"Reading {card.name}."))
        try:
            return _from_folder(card, folder, digest, remedy)
        except DamagedWeightsError:
            # Another process replaces a damaged copy.
            report(ProgressEvent(f"The kept copy of {card.name} went away while it was read."))
    report(ProgressEvent(f"Converting {card.name} to plain weights, once. This can take a minute."))
    with _reading_errors("weights", card.name, file.parent, remedy), READING:
        model, tokenizer = gguf.converted(file)
    try:
        gguf.store(model, tokenizer, folder)
    except OutputError as error:
        message = f"{card.name} works now but will be converted again next time. {error}"
        on_progress(ProgressEvent(message, "notice")) if on_progress else warnings.warn(message, stacklevel=3)
    return LoadedModel(model, tokenizer, _carded(card, read_config(model.config)), digest)


def _carded(card: ModelCard, found: ConfigFacts) -> ModelCard:
    """Return the card with the values of the model's own configuration; a missing default head becomes the first."""
    head = card.head if card.head[0] < found.layers and card.head[1] < found.heads else (0, 0)
    return replace(card, kind=found.kind, layers=found.layers, heads=found.heads, max_tokens=found.max_tokens, head=head)


def _config_facts(folder: Path) -> ConfigFacts:
    """Return the facts in the folder's configuration."""
    options = _json(folder / "tokenizer_config.json") if (folder / "tokenizer_config.json").is_file() else {}
    limit = options.get("model_max_length", HUGE)
    return read_config(_config(folder), float(limit) if isinstance(limit, (int, float)) else HUGE)


def _config(folder: Path) -> PreTrainedConfig:
    """Return the configuration, a new object each time: two models with one object would share every later change."""
    raw = _json(folder / CONFIG)
    family = raw.get("model_type")
    if family not in CONFIG_MAPPING:
        own = " It brings its own code, which is never run here." if "auto_map" in raw else ""
        if family is None:
            raise BadInputError(
                f"A model must be of a family that transformers knows, and config.json says which; "
                f"this one has no model_type.{own}{_family(raw)}"
            )
        near = str(family).lower().replace("_", "-")
        meant = f" Did you mean {near!r}?" if near in CONFIG_MAPPING else ""
        raise BadInputError(
            f"A model must be of a family that transformers knows; config.json names {family!r:.60}.{own}{meant}"
        )
    packed = raw.get("quantization_config") or raw.get("compression_config")
    other = next((file for file in QUANTISED if (folder / file).is_file()), "")
    if packed or other:
        method = packed.get("quant_method") if isinstance(packed, dict) else None
        how = f" (by {method})" if isinstance(method, str) and re.fullmatch(r"[\w-]{1,30}", method) else ""
        raise BadInputError(
            f"Quantised weights are read from GGUF only; this folder has others{how}. Save the model in float32 or bfloat16."
        )
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    config._attn_implementation = None  # we choose the kernel: a config may name code on the hub
    return config


def _lower_case(folder: Path) -> str:
    """Return a note if sentence-transformers puts texts into lower case for this model, or ""."""
    file = folder / "sentence_bert_config.json"
    if not file.is_file() or not _json(file).get("do_lower_case"):
        return ""
    return "Sentence-transformers puts texts into lower case for this model; here they are read as typed."


def _family(raw: dict[str, Any]) -> str:
    """Return what to do if a configuration names no family: add the family of its class, if that is known."""
    classes = raw.get("architectures")
    named = [one for one in classes if isinstance(one, str)] if isinstance(classes, list) else []
    families = {
        family
        for mapping in (MODEL_MAPPING_NAMES, MODEL_FOR_MASKED_LM_MAPPING_NAMES, MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
                        MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES, MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES)
        for family, known in mapping.items()
        if set(named) & set(known if isinstance(known, tuple) else (known,))
    }  # fmt: skip
    if len(families) == 1:
        return f' Its class is {named[0]}: add "model_type": "{families.pop()}" to config.json.'
    return ' Add it, e.g. "model_type": "bert", if you know the family of its weights.'


def _json(file: Path) -> dict[str, Any]:
    """Return the object in a JSON file."""
    found = json.loads(file.read_text("utf-8"))
    if not isinstance(found, dict):
        raise ValueError(f"{file.name} must hold an object in JSON")
    return found


@contextmanager
def _reading_errors(part: str, name: str, folder: Path, remedy: str) -> Iterator[None]:
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
