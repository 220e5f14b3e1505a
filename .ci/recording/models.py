"""Small random models as folders of one's own, always the same: an encoder and an encoder-decoder."""

from __future__ import annotations

from pathlib import Path

WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] the animal did not cross street because it was tired wide".split()


def save(work: Path) -> None:
    """`my-bert`, `my-t5` and an empty folder `empty`."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration
    from transformers.utils import logging

    logging.disable_progress_bar()
    found = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    found.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=found, unk_token="[UNK]", pad_token="[PAD]", mask_token="[MASK]", model_max_length=33
    )
    torch.manual_seed(5)
    bert = BertConfig(
        vocab_size=len(WORDS), num_hidden_layers=3, num_attention_heads=2, hidden_size=8, intermediate_size=10,
        max_position_embeddings=40,
    )  # fmt: skip
    t5 = T5Config(
        vocab_size=len(WORDS), num_layers=2, num_heads=3, d_model=12, d_kv=4, d_ff=10, decoder_start_token_id=0,
    )  # fmt: skip
    for name, model in (("my-bert", BertModel(bert)), ("my-t5", T5ForConditionalGeneration(t5))):
        model.save_pretrained(work / name)
        tokenizer.save_pretrained(work / name)
    (work / "empty").mkdir(exist_ok=True)
