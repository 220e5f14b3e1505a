"""Two texts in; a small encoder-decoder out that nobody has trained, with a tokenizer that knows just their words.

It shows what cross-attention is where no trained encoder-decoder is at hand: who may look at whom, and that rows sum to 1.
Which word gets most is chance, and whoever shows it says so.
"""

from __future__ import annotations

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import AutoConfig, AutoModelForSeq2SeqLM, PreTrainedModel
from transformers.tokenization_utils_tokenizers import TokenizersBackend

from attnviz.models.load import READING

LAYERS, HEADS, WIDTH = 2, 4, 32
SEED = 11
START, END, UNKNOWN = "<start>", "</s>", "<unk>"


def encoder_decoder(*texts: str) -> tuple[PreTrainedModel, TokenizersBackend]:
    """A T5 (Raffel et al. 2020, arXiv:1910.10683) of 2 layers and 4 heads with random weights, the same ones each time."""
    tokenizer = _tokenizer(texts)
    config = AutoConfig.for_model(
        "t5", vocab_size=len(tokenizer), num_layers=LAYERS, num_heads=HEADS, d_model=WIDTH, d_kv=WIDTH // HEADS,
        d_ff=2 * WIDTH, decoder_start_token_id=0, pad_token_id=0, eos_token_id=1,
    )  # fmt: skip
    with READING, torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = AutoModelForSeq2SeqLM.from_config(config)
    return model.eval(), tokenizer


def _tokenizer(texts: tuple[str, ...]) -> TokenizersBackend:
    """Words and marks are tokens, upper and lower case alike; no other text is ever given to it."""
    lower, split = normalizers.Lowercase(), pre_tokenizers.BertPreTokenizer()
    pieces = [piece for text in texts for piece, _ in split.pre_tokenize_str(lower.normalize_str(text))]
    places = {name: at for at, name in enumerate(dict.fromkeys((START, END, UNKNOWN, *pieces)))}
    whole = Tokenizer(models.WordLevel(places, unk_token=UNKNOWN))
    whole.normalizer, whole.pre_tokenizer = lower, split
    return TokenizersBackend(tokenizer_object=whole, pad_token=START, eos_token=END, unk_token=UNKNOWN)
