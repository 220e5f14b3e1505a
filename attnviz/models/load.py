"""Load the model and the tokenizer of a card, with the digest of the weights that were read."""

from __future__ import annotations

import os
import threading
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.utils import logging as hub_logging
from transformers import (
    AutoModel,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from attnviz.errors import BadInputError, DamagedWeightsError, OutputError, UnavailableError
from attnviz.models import config_file, folders, gguf, hub, reading_progress, tensor_check, text_files, weights
from attnviz.models.config_facts import HUGE, ConfigFacts, read_config
from attnviz.models.locate import CONFIG, find_weights
from attnviz.models.reading_errors import CONFIGURATION, check_tokenizer, reading_errors
from attnviz.progress import OnProgress, ProgressEvent, ignore
from attnviz.settings import Settings
from attnviz.types import ModelCard

# Once for the process: the library's progress bars and reports would mix with the output of our own command line.
logging.set_verbosity_error()
logging.disable_progress_bar()  # the hub's bars too
hub_logging.set_verbosity_error()

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
    with reading_progress.counting(reading_progress.counter(report, f"Reading {card.name}")):
        return _from_folder(card, folder, digest, location.remedy)


def local_card(folder: Path) -> ModelCard:
    """Return the card of a user's own transformers folder, with values from its config.json.

    Raises UnavailableError if something is missing, and says what the folder holds instead. Raises BadInputError if it is not a
    text model of a known family.
    """
    place = folders.model_folder(folder)
    folder, name = place.folder, place.name
    with text_files.unmarked(folder) as plain, reading_errors(CONFIGURATION, name, plain, ""):
        found = config_file.facts(plain)
    check_tokenizer(folder, name, "")
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


def _from_folder(card: ModelCard, folder: Path, digest: str, remedy: str) -> LoadedModel:
    """Load a folder whose weight files were checked, without the byte order marks in its text files."""
    with text_files.unmarked(folder) as plain:
        return _from_plain(card, plain, digest, remedy)


def _from_plain(card: ModelCard, folder: Path, digest: str, remedy: str) -> LoadedModel:
    """Load model and tokenizer from a folder without byte order marks."""
    check_tokenizer(folder, card.name, remedy)
    with reading_errors(CONFIGURATION, card.name, folder, remedy):
        found, config = config_file.facts(folder), config_file.read(folder)
    with reading_errors("tokenizer", card.name, folder, remedy):
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    family = AutoModelForSeq2SeqLM if found.kind == "encoder-decoder" else AutoModel
    with reading_errors("weights", card.name, folder, remedy), READING:
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
    pruned = config_file.pruned_heads(config)
    if report["mismatched_keys"] and pruned and not tensor_check.lacking(report):
        note = tensor_check.prune(model, tensor_check.read(weights.weight_files(folder, name, remedy)), report, pruned)
        if note:
            report = {**report, "mismatched_keys": set()}
            notes.append(note)
    tensor_check.checked(report, model, name, remedy)
    notes.append(tensor_check.left_over(report, model))
    return model, " ".join(filter(None, notes))


def _own_code(folder: Path) -> str:
    """Return a note if a model comes with its own code, which another program might run, or ""."""
    if "AutoModel" not in str(config_file.read_json(folder / CONFIG).get("auto_map", "")):
        return ""
    return "This model brings code of its own, which is never run here: it is read by the library's code for its family."


def _from_gguf(card: ModelCard, file: Path, settings: Settings, remedy: str, on_progress: OnProgress | None) -> LoadedModel:
    """Load a GGUF model: from the user's cache, or converted now and kept there."""
    report = on_progress or ignore
    digest = weights.digest((file,), dict(card.sha256), card.name, remedy)
    folder = gguf.folder_of(settings.cache_dir, digest)
    if gguf.is_complete(folder, reading_progress.counter(report, f"Checking the kept copy of {card.name}", "MB", 10**6)):
        report(ProgressEvent(f"Reading {card.name}."))
        try:
            with reading_progress.counting(reading_progress.counter(report, f"Reading {card.name}")):
                return _from_folder(card, folder, digest, remedy)
        except DamagedWeightsError:
            # Another process replaces a damaged copy.
            report(ProgressEvent(f"The kept copy of {card.name} went away while it was read."))
    report(ProgressEvent(f"Converting {card.name} to plain weights, once. This can take a minute."))
    counter = reading_progress.counter(report, f"Converting {card.name} to plain weights, once")
    with reading_errors("weights", card.name, file.parent, remedy), READING, reading_progress.counting(counter):
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


def _lower_case(folder: Path) -> str:
    """Return a note if sentence-transformers puts texts into lower case for this model, or ""."""
    file = folder / "sentence_bert_config.json"
    if not file.is_file() or not config_file.read_json(file).get("do_lower_case"):
        return ""
    return "Sentence-transformers puts texts into lower case for this model; here they are read as typed."
