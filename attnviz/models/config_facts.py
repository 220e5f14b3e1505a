"""Read a model's kind, number of layers and heads, and token limit from its own configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedConfig
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
)

from attnviz.errors import BadInputError

# Their first position is numbered pad_token_id + 1, so that many rows of the position table are never used:
# a table of 514 rows reads 512 tokens (Liu et al. 2019; `create_position_ids_from_input_ids` in each of them).
OFFSET = frozenset({
    "camembert", "data2vec-text", "esm", "ibert", "longformer", "luke", "markuplm", "mpnet", "roberta",
    "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod",
})  # fmt: skip
BOTH_WAYS = frozenset({"xlnet"})  # listed among the causal language models, but every token sees every other
UNSTATED = 2048  # tokens allowed if a model states no limit (relative positions): easy to show on a laptop
HUGE = 1_000_000  # tokenizers say "no limit" with numbers from here up to 1e30


@dataclass(frozen=True)
class ConfigFacts:
    """The facts in a configuration, with the names of the fields of ModelCard."""

    kind: str
    layers: int
    heads: int
    max_tokens: int


def read_config(config: PreTrainedConfig, tokenizer_limit: int | float = HUGE, *, text_only: bool = True) -> ConfigFacts:
    """Return the facts of a configuration. Raises BadInputError if it is no text model, or does not give them.

    `tokenizer_limit` is used only if the configuration states none. Without `text_only`, a family that reads something
    else counts as an encoder, and one that does not name its sizes in this way as one layer with one head.
    """
    inner = config if getattr(config, "num_hidden_layers", None) else config.get_text_config()
    sizes = (getattr(inner, name, None) for name in ("num_hidden_layers", "num_attention_heads"))
    stated = text_only or all(size and isinstance(size, (int, list, tuple)) for size in sizes)
    return ConfigFacts(
        _kind(config) or ("encoder" if not text_only else _refused(config)),
        _count(inner, "num_hidden_layers") if stated else 1,
        _count(inner, "num_attention_heads") if stated else 1,
        _limit(inner, tokenizer_limit),
    )


def _kind(config: PreTrainedConfig) -> str | None:
    """Return encoder, decoder or encoder-decoder, by the tasks that transformers lists the family for; None if it has none."""
    family = config.model_type
    if getattr(config, "is_encoder_decoder", False):
        return "encoder-decoder" if family in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES else None
    if family in MODEL_FOR_MASKED_LM_MAPPING_NAMES or family in BOTH_WAYS:
        return "decoder" if getattr(config, "is_decoder", False) else "encoder"
    return "decoder" if family in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES else None


def _refused(config: PreTrainedConfig) -> str:
    """Raise BadInputError: only families that read and write text can be shown."""
    raise BadInputError(
        f"A model must read text: an encoder such as bert, a decoder such as gpt2 or llama, or an encoder-decoder such as t5. "
        f"This one is of the family {config.model_type!r}."
    )


def _count(config: PreTrainedConfig, name: str) -> int:
    """Return a whole number above 0 from a configuration; the largest if it has one for each layer."""
    found: Any = getattr(config, name, None)
    counts = list(found) if isinstance(found, (list, tuple)) else [found]
    if not counts or not all(isinstance(n, int) and n > 0 for n in counts):
        raise BadInputError(f"A model's config.json must give {name} as a whole number above 0; this one gives {found!r}.")
    return max(counts)


def _limit(config: PreTrainedConfig, tokenizer_limit: int | float) -> int:
    """Return the largest number of tokens that the model reads, including special tokens."""
    stated: Any = next((n for name in ("max_position_embeddings", "n_positions") if (n := getattr(config, name, None))), None)
    if isinstance(stated, int) and stated > 0:
        unused = 0
        if config.model_type in OFFSET:
            padding = 1 if config.model_type == "mpnet" else config.pad_token_id  # mpnet has a fixed number in its code
            unused = (padding or 0) + 1
        return max(1, stated - unused)
    return int(tokenizer_limit) if 0 < tokenizer_limit < HUGE else UNSTATED
