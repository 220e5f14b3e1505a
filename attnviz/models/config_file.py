"""Read a model folder's config.json: its configuration, the facts in it, and what to do if it names no known family."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from transformers import AutoConfig, PreTrainedConfig
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
    MODEL_MAPPING_NAMES,
)

from attnviz.errors import BadInputError
from attnviz.models.config_facts import HUGE, ConfigFacts, read_config
from attnviz.models.locate import CONFIG

QUANTISED = ("quantize_config.json", "quant_config.json")  # beside weights of older GPTQ and AWQ programs


def pruned_heads(config: PreTrainedConfig) -> dict[int, list[int]]:
    """Return the pruned heads of each layer, from a configuration of transformers before version 5."""
    found = getattr(config, "pruned_heads", None) or {}
    if not isinstance(found, dict):
        return {}
    return {
        int(layer): [int(head) for head in heads]
        for layer, heads in found.items()
        if str(layer).isdecimal() and isinstance(heads, (list, tuple)) and all(isinstance(head, int) for head in heads)
    }


def facts(folder: Path) -> ConfigFacts:
    """Return the facts in the folder's configuration."""
    options = read_json(folder / "tokenizer_config.json") if (folder / "tokenizer_config.json").is_file() else {}
    limit = options.get("model_max_length", HUGE)
    return read_config(read(folder), float(limit) if isinstance(limit, (int, float)) else HUGE)


def read(folder: Path) -> PreTrainedConfig:
    """Return the configuration, a new object each time: two models with one object would share every later change."""
    raw = read_json(folder / CONFIG)
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


def read_json(file: Path) -> dict[str, Any]:
    """Return the object in a JSON file."""
    found = json.loads(file.read_text("utf-8"))
    if not isinstance(found, dict):
        raise ValueError(f"{file.name} must hold an object in JSON")
    return found
