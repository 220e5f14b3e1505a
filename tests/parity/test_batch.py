"""A padded batch of texts gives the weights that each text gives by itself, in every kind of family; padding never leaks."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModel, PreTrainedModel

from attnviz.engine import batch, capture
from attnviz.errors import BadInputError, NoAttentionError
from attnviz.text import Encoding

VOCABULARY = 97
BERT = {
    "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 6, "intermediate_size": 40,
    "vocab_size": VOCABULARY, "max_position_embeddings": 64,
}  # fmt: skip
LLAMA = {**BERT, "num_key_value_heads": 3, "head_dim": 8, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
MIXED = {"sliding_window": 4, "layer_types": ["sliding_attention", "full_attention"]}
T5 = {
    "d_model": 48, "d_kv": 8, "num_layers": 2, "num_decoder_layers": 3, "num_heads": 6, "d_ff": 40, "vocab_size": VOCABULARY,
}  # fmt: skip
FAMILIES = {
    "bert": BERT,
    "roberta": {**BERT, "type_vocab_size": 2},
    "gpt2": {"n_embd": 48, "n_layer": 2, "n_head": 6, "vocab_size": VOCABULARY, "n_positions": 64},
    "llama": LLAMA,
    "mistral": {**LLAMA, "sliding_window": 4},
    "gemma2": {**LLAMA, **MIXED, "query_pre_attn_scalar": 20, "attn_logit_softcapping": 2.0},
    "gpt_oss": {**LLAMA, **MIXED, "num_local_experts": 3, "num_experts_per_tok": 2},
    "deberta-v2": {**BERT, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
}  # fmt: skip
LENGTHS = (11, 5, 9, 2)
WANTED = ((10, 3), (4,), (0, 8), (1,))
CLOSE = 1e-6  # the same tensors by the same formula: a few float32 roundings of shares, which are at most 1
APART = 2e-5  # another batch: float32 sums in another order, through two loud layers


def model_of(name: str) -> PreTrainedModel:
    """A loud random model: weights with a deviation of 0.2, so that attention is far from uniform."""
    config = AutoConfig.for_model(name, **(FAMILIES | {"t5": T5})[name])
    torch.manual_seed(7)
    model = AutoModel.from_config(copy.deepcopy(config)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * (0.12 if name == "t5" else 0.2))
    if capture.faithful(model):
        capture.prepare(model)
    return model


def readings() -> list[Encoding]:
    """Four texts of other lengths."""
    torch.manual_seed(11)
    return [Encoding(tuple(torch.randint(5, VOCABULARY, (length,)).tolist()), None, ()) for length in LENGTHS]


@pytest.mark.parametrize("name", FAMILIES)
def test_every_layer_is_what_capture_batch_gives_and_padding_gets_and_gives_nothing(name: str):
    model, texts = model_of(name), readings()
    traces = capture.capture_batch(model, **batch.padded(model, texts))
    found = list(batch.layers(model, texts))
    assert len(found) == 2
    for layer, weights in enumerate(found):
        assert weights.shape == (4, 6, 11, 11)
        assert weights.dtype == np.float32
        for row, length in enumerate(LENGTHS):
            np.testing.assert_allclose(weights[row, :, :length, :length], traces[row].weights(layer), rtol=0, atol=CLOSE)
            assert not weights[row, :, length:].any()
            assert not weights[row, :, :, length:].any()


@pytest.mark.parametrize("name", FAMILIES)
def test_a_text_has_the_same_weights_alone_and_in_a_batch(name: str):
    model, texts = model_of(name), readings()
    together = list(batch.layers(model, texts))
    for row, text in enumerate(texts):
        for layer, alone in enumerate(batch.layers(model, [text])):
            length = LENGTHS[row]
            np.testing.assert_allclose(together[layer][row, :, :length, :length], alone[0], rtol=0, atol=APART)


@pytest.mark.parametrize("name", FAMILIES)
def test_wanted_queries_are_rows_of_the_whole(name: str):
    model, texts = model_of(name), readings()
    for some, whole in zip(batch.layers(model, texts, WANTED), batch.layers(model, texts), strict=True):
        assert some.shape == (4, 6, 2, 11)
        for row, wanted in enumerate(WANTED):
            np.testing.assert_allclose(some[row, :, : len(wanted)], whole[row][:, list(wanted)], rtol=0, atol=CLOSE)
            assert not some[row, :, len(wanted) :].any()


def test_texts_of_one_length_are_read_without_a_mask_and_queries_still_see_no_later_key():
    model, text = model_of("llama"), readings()[0]
    for some, whole in zip(batch.layers(model, [text, text], [(3,), (9,)]), batch.layers(model, [text, text]), strict=True):
        np.testing.assert_allclose(some[:, :, 0], np.stack([whole[0, :, 3], whole[1, :, 9]]), rtol=0, atol=CLOSE)
        assert not some[0, :, 0, 4:].any()


def test_of_an_encoder_decoder_the_encoder_is_read():
    model, texts = model_of("t5"), readings()
    given = batch.padded(model, texts) | {"decoder_input_ids": torch.ones(4, 1, dtype=torch.long)}
    traces = capture.capture_batch(model, **given)
    found = list(batch.layers(model, texts))
    assert len(found) == 2
    for row, length in enumerate(LENGTHS):
        wanted = traces[row].block("encoder").weights(1)
        np.testing.assert_allclose(found[1][row, :, :length, :length], wanted, rtol=0, atol=CLOSE)


def test_a_model_whose_weights_are_no_numbers_is_refused():
    model = model_of("llama")
    with torch.no_grad():
        next(p for name, p in model.named_parameters() if "q_proj" in name).fill_(float("nan"))
    with pytest.raises(NoAttentionError, match="should sum to 1"):
        list(batch.layers(model, readings()))


def test_an_encoder_decoder_outside_the_interface_is_refused_in_words(monkeypatch: pytest.MonkeyPatch):
    model = model_of("t5")
    monkeypatch.setattr(capture, "prepared", lambda model: False)
    monkeypatch.setattr(capture, "faithful", lambda model: False)
    with pytest.raises(BadInputError, match="encoder"):
        list(batch.layers(model, readings()))


def test_embeddings_are_the_rows_of_the_table():
    model = model_of("bert")
    found = batch.embeddings(model, [7, 5, 7])
    assert found.shape == (3, 48)
    np.testing.assert_array_equal(found[1], model.get_input_embeddings().weight[5].detach().numpy())
    np.testing.assert_array_equal(found[0], found[2])
