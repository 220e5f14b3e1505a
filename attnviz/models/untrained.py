"""Models with random weights: a small encoder-decoder for a lesson, and the untrained twin of a model as a control.

The encoder-decoder shows what cross-attention is if no trained model is available: which token may attend to which, and that
rows sum to 1. Which word gets most is chance, and the page says so.
"""

from __future__ import annotations

from copy import deepcopy

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import AutoConfig, AutoModelForSeq2SeqLM, PreTrainedModel
from transformers.tokenization_utils_tokenizers import TokenizersBackend

from attnviz.models.load import READING

LAYERS, HEADS, WIDTH = 2, 4, 32
SEED = 11
CONTROL_SEED = 0
START, END, UNKNOWN = "<start>", "</s>", "<unk>"


def encoder_decoder(*texts: str) -> tuple[PreTrainedModel, TokenizersBackend]:
    """Return a T5 (Raffel et al. 2020, arXiv:1910.10683) of 2 layers and 4 heads with random weights, always the same."""
    tokenizer = _tokenizer(texts)
    config = AutoConfig.for_model(
        "t5", vocab_size=len(tokenizer), num_layers=LAYERS, num_heads=HEADS, d_model=WIDTH, d_kv=WIDTH // HEADS,
        d_ff=2 * WIDTH, decoder_start_token_id=0, pad_token_id=0, eos_token_id=1,
    )  # fmt: skip
    with READING, torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = AutoModelForSeq2SeqLM.from_config(config)
    return model.eval(), tokenizer


def twin(model: PreTrainedModel, seed: int = CONTROL_SEED) -> PreTrainedModel:
    """Return the same architecture with new random weights, drawn as its library does before training, from `seed`.

    A probe that finds a structure in such a model has found it in the architecture or in the input, not in what was learned
    (Zhang and Bowman 2018, arXiv:1809.10040; Hewitt and Liang 2019, arXiv:1909.03368).
    """
    with READING, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = type(model)(deepcopy(model.config))
    return made.float().eval()


def _tokenizer(texts: tuple[str, ...]) -> TokenizersBackend:
    """Return a tokenizer of words and punctuation, without case, for this page's texts only."""
    lower, split = normalizers.Lowercase(), pre_tokenizers.BertPreTokenizer()
    pieces = [piece for text in texts for piece, _ in split.pre_tokenize_str(lower.normalize_str(text))]
    places = {name: at for at, name in enumerate(dict.fromkeys((START, END, UNKNOWN, *pieces)))}
    word_level = Tokenizer(models.WordLevel(places, unk_token=UNKNOWN))
    word_level.normalizer, word_level.pre_tokenizer = lower, split
    return TokenizersBackend(tokenizer_object=word_level, pad_token=START, eos_token=END, unk_token=UNKNOWN)
