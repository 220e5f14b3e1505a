"""Small random models for tests, laid out as a local folder, an installed package or a hub cache."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gguf import GGUFWriter
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSeq2SeqLM,
    BertConfig,
    BertModel,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from attnviz.models import catalog
from attnviz.types import ModelCard

WORDS = (
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]",
    "the", "animal", "did", "not", "cross", "street", "because", "it", "was", "tired", "wide",
)  # fmt: skip
SIZES = {
    "bert": {
        "num_hidden_layers": 3, "num_attention_heads": 2, "hidden_size": 8, "intermediate_size": 10,
        "max_position_embeddings": 40,
    },
    "gpt2": {"n_layer": 2, "n_head": 4, "n_embd": 12, "n_positions": 44, "bos_token_id": 2, "eos_token_id": 3},
    "t5": {"num_layers": 2, "num_heads": 3, "d_model": 12, "d_kv": 4, "d_ff": 10, "decoder_start_token_id": 0},
    "nllb-moe": {
        "encoder_layers": 2, "decoder_layers": 2, "d_model": 12, "encoder_attention_heads": 3, "decoder_attention_heads": 3,
        "encoder_ffn_dim": 10, "decoder_ffn_dim": 10, "num_experts": 3, "max_position_embeddings": 40,
        "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "decoder_start_token_id": 3,
    },
}  # fmt: skip
BERT_SIZES: dict[str, Any] = {
    "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 6, "intermediate_size": 40, "vocab_size": 97,
}  # fmt: skip
BERT = catalog.card("bert-base-uncased")


def tokenizer() -> PreTrainedTokenizerFast:
    """A whole-word tokenizer of sixteen words."""
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token="[UNK]", pad_token="[PAD]", mask_token="[MASK]",
        model_max_length=33,  # unlike the models' 40: our limit is the model's
    )  # fmt: skip


def random_model(family: str) -> PreTrainedModel:
    """A small model of a family, with random weights."""
    torch.manual_seed(5)
    config = AutoConfig.for_model(family, vocab_size=len(WORDS), **SIZES[family])
    return (AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModel).from_config(config)


def decided_bert(family: type[PreTrainedModel] = BertModel, **options: Any) -> Any:
    """A random BERT with weights so large that it looks far from evenly, the same in every run."""
    torch.manual_seed(7)
    model = family(BertConfig(**{**BERT_SIZES, **options}))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=0.2)
    return model.eval()


def saved(folder: Path, family: str = "bert", **options: str) -> Path:
    """A folder as `save_pretrained` leaves it."""
    random_model(family).save_pretrained(folder, **options)
    tokenizer().save_pretrained(folder)
    return folder


def check_same(one: np.ndarray, other: np.ndarray) -> None:
    """Two passes over one text give the same weights. In their last bits they may differ: where a tensor lies in memory
    decides how the processor adds it up."""
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)


def changed(file: Path, **entries: object) -> None:
    """Change entries of a JSON file; None takes one away."""
    found = json.loads(file.read_text()) | entries
    file.write_text(json.dumps({key: entry for key, entry in found.items() if entry is not None}))


def snapshot(cache: Path, repository: str, family: str = "bert") -> Path:
    """A model in the hub cache's own layout: a blob store, a snapshot of links into it, and a ref."""
    root = cache / f"models--{repository.replace('/', '--')}"
    folder, blobs = root / "snapshots" / ("c0ffee" * 7)[:40], root / "blobs"
    folder.mkdir(parents=True)
    blobs.mkdir()
    for file in saved(cache / "made", family).iterdir():
        blob = blobs / hashlib.sha256(file.read_bytes()).hexdigest()
        shutil.move(file, blob)
        (folder / file.name).symlink_to(Path("../../blobs") / blob.name)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(folder.name)
    return folder


def packaged(root: Path, monkeypatch: pytest.MonkeyPatch, folder: Path) -> ModelCard:
    """The card of a model in an installed package whose import would fail, as that of a real one does."""
    (root / "our_weights").mkdir(parents=True)
    (root / "our_weights" / "__init__.py").write_text("raise ImportError('this package must never be imported')")
    shutil.copytree(folder, root / "our_weights" / "model")
    monkeypatch.syspath_prepend(str(root))
    pin = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    return replace(
        BERT, package="our_weights", requirement="our-weights==0.3.0", folder="model", sha256=(("model.safetensors", pin),)
    )


@dataclass(frozen=True)
class Llama:
    """The sizes of the Llama that `gguf_file` writes."""

    hidden: int = 64
    inner: int = 96
    layers: int = 2
    heads: int = 4
    groups: int = 2
    tokens: int = 48


GGUF = Llama()
PIECES = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *(chr(n) for n in range(33, 127)), "Ġ", "Ċ", "it", "Ġit"]


def gguf_file(file: Path) -> Path:
    """A small Llama with random weights and a byte-pair tokenizer, as a GGUF file."""
    random, size = np.random.default_rng(3), GGUF
    file.parent.mkdir(parents=True, exist_ok=True)
    writer = GGUFWriter(file, "llama")
    writer.add_name("small")
    writer.add_context_length(size.tokens)
    writer.add_embedding_length(size.hidden)
    writer.add_block_count(size.layers)
    writer.add_feed_forward_length(size.inner)
    writer.add_head_count(size.heads)
    writer.add_head_count_kv(size.groups)
    writer.add_rope_dimension_count(size.hidden // size.heads)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(PIECES))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(PIECES)
    writer.add_token_types([3, 3, 3] + [1] * (len(PIECES) - 3))
    writer.add_token_merges(["i t", "Ġ it"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    small = size.hidden // size.heads * size.groups
    shapes = {"token_embd": (len(PIECES), size.hidden), "output_norm": (size.hidden,)}
    for layer in range(size.layers):
        sizes = {
            "attn_norm": (size.hidden,), "attn_q": (size.hidden, size.hidden), "attn_k": (small, size.hidden),
            "attn_v": (small, size.hidden), "attn_output": (size.hidden, size.hidden), "ffn_norm": (size.hidden,),
            "ffn_gate": (size.inner, size.hidden), "ffn_up": (size.inner, size.hidden), "ffn_down": (size.hidden, size.inner),
        }  # fmt: skip
        shapes |= {f"blk.{layer}.{name}": shape for name, shape in sizes.items()}
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", random.normal(0.0, 0.2, shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file
