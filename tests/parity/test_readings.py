"""What one forward pass reads: one stack of layers, the same text again, or several; and the arguments that a model takes."""

from __future__ import annotations

import copy
import functools
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from transformers import AutoConfig, AutoModel, PreTrainedModel
from transformers.models.albert.configuration_albert import AlbertConfig
from transformers.models.albert.modeling_albert import AlbertModel
from transformers.models.bert.configuration_bert import BertConfig
from transformers.models.bert.modeling_bert import BertModel, BertPreTrainedModel
from transformers.models.clip.configuration_clip import CLIPConfig
from transformers.models.clip.modeling_clip import CLIPModel
from transformers.models.llama.configuration_llama import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaModel

import attnviz
from attnviz.engine import call_order, capture
from attnviz.errors import AttnvizError, BadInputError, ForwardError, NoAttentionError
from tests.small_models import BERT_SIZES, WORDS, decided_bert, tokenizer

TEXT = "the animal did not cross the street"
IDS = torch.tensor([[WORDS.index(word) for word in TEXT.split()]])
CLOSE = 1e-5


def typed() -> Any:
    """A tokenizer that gives types of segments, as BERT's does."""
    found = tokenizer()
    found.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    return found


class Own(BertPreTrainedModel):
    """A user's own class around a BERT."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.build(config)
        self.post_init()

    def build(self, config: BertConfig) -> None:
        self.bert = BertModel(config)


class Towers(Own):
    def build(self, config: BertConfig) -> None:
        self.question, self.passage = BertModel(config), BertModel(config)

    def forward(self, input_ids, attention_mask=None):
        return (self.question(input_ids).pooler_output @ self.passage(input_ids).pooler_output.T,)


class Twice(Own):
    def forward(self, input_ids, attention_mask=None):
        one = self.bert(input_ids, attention_mask=attention_mask).last_hidden_state
        return (one + self.bert(input_ids.flip(1), attention_mask=attention_mask).last_hidden_state,)


class EncoderTwice(Own):
    def forward(self, input_ids, attention_mask=None):
        both = (self.bert.embeddings(input_ids), self.bert.embeddings(input_ids.flip(1)))
        return (sum(self.bert.encoder(one).last_hidden_state for one in both),)


class StatedTowers(Towers):
    """Two towers of one layer each, where the configuration states two layers."""

    def build(self, config: BertConfig) -> None:
        half = copy.deepcopy(config)
        half.num_hidden_layers = 1
        super().build(half)


class OneInTwoPlaces(Towers):
    def build(self, config: BertConfig) -> None:
        self.question = self.passage = BertModel(config)


class Conditioned(Own):
    """Reads the text backwards, knowing what the first reading found: the numbers follow, the tokens do not."""

    def forward(self, input_ids, attention_mask=None):
        first = self.bert(input_ids).pooler_output
        backwards = self.bert.embeddings.word_embeddings(input_ids.flip(1))
        return (self.bert(inputs_embeds=backwards + first[:, None]).last_hidden_state,)


class Interleaved(Own):
    def build(self, config: BertConfig) -> None:
        self.one, self.other = BertModel(config), BertModel(config)

    def forward(self, input_ids, attention_mask=None):
        one, other = self.one.embeddings(input_ids), self.other.embeddings(input_ids)
        for mine, theirs in zip(self.one.encoder.layer, self.other.encoder.layer, strict=True):
            one, other = mine(one), theirs(other)
        return (one + other,)


class Chunks(Own):
    def forward(self, input_ids, attention_mask=None):
        return (torch.cat([self.bert(part).last_hidden_state for part in input_ids.split(2, 1)], 1),)


class Rows(Own):
    def forward(self, input_ids, attention_mask=None):
        return (self.bert(torch.cat([input_ids, input_ids.flip(1)])).last_hidden_state,)


@pytest.mark.parametrize(
    ("family", "remedy"),
    [
        (Twice, r"several times in one pass with model\.bert.*attnviz\.trace\(model\.bert, tokenizer, text\)"),
        (EncoderTwice, r"attnviz\.trace\(model\.bert, tokenizer, text\)"),
        (Conditioned, r"attnviz\.trace\(model\.bert, tokenizer, text\)"),
        (Chunks, r"attnviz\.trace\(model\.bert, tokenizer, text\)"),
        (Towers, r"model\.question and model\.passage.*trace\(model\.question, .*\) or attnviz\.trace\(model\.passage, "),
        (StatedTowers, r"model\.question and model\.passage"),
        (OneInTwoPlaces, r"model\.question"),
        (Interleaved, r"model\.one and model\.other"),
        (Rows, r"makes 2 rows of the 1 that it is given"),
    ],
)
def test_several_readings_are_never_shown_as_layers(family: Any, remedy: str):
    model = decided_bert(family)

    for _ in range(2):
        with pytest.raises(NoAttentionError, match=remedy):
            attnviz.trace(model, tokenizer(), TEXT)
    with pytest.raises(NoAttentionError, match=remedy):
        attnviz.capture(model, input_ids=IDS)


def test_the_remedy_is_one():
    model = decided_bert(Towers)

    found = attnviz.trace(model.passage, tokenizer(), TEXT)

    np.testing.assert_allclose(found.weights(), eager(model.passage), rtol=0, atol=CLOSE)


class Again(Own):
    """A universal transformer: the same two layers, three times."""

    def forward(self, input_ids, attention_mask=None):
        states = self.bert.embeddings(input_ids)
        for _ in range(3):
            states = self.bert.encoder(states).last_hidden_state
        return (states,)


class Stacked(Own):
    """Two models on top of each other."""

    def build(self, config: BertConfig) -> None:
        self.lower, self.upper = BertModel(config), BertModel(config)

    def forward(self, input_ids, attention_mask=None):
        return (self.upper(inputs_embeds=self.lower(input_ids).last_hidden_state).last_hidden_state,)


class Silenced(Own):
    """A gate at 0 between two layers: they are layers all the same."""

    def forward(self, input_ids, attention_mask=None):
        lower, upper = self.bert.encoder.layer
        return (upper(lower(self.bert.embeddings(input_ids)) * 0),)


@pytest.mark.parametrize(("family", "layers"), [(Again, 6), (Stacked, 4), (Silenced, 2)])
def test_layers_that_run_again_or_build_on_another_model_are_layers(family: Any, layers: int):
    model = decided_bert(family)

    trace = attnviz.trace(model, tokenizer(), TEXT)

    assert (trace.layers, trace.source) == (layers, "projections")
    lower = model.lower if family is Stacked else model.bert
    np.testing.assert_allclose(
        trace.weights()[: 1 if family is Silenced else 2], eager(lower)[: 1 if family is Silenced else 2], atol=CLOSE
    )


def test_the_shared_layers_of_albert_are_layers():
    model = AlbertModel(AlbertConfig(**{**BERT_SIZES, "num_hidden_layers": 5, "embedding_size": 20})).eval()

    trace = attnviz.trace(model, tokenizer(), TEXT)

    assert trace.layers == 5
    np.testing.assert_allclose(trace.weights(), eager(model), rtol=0, atol=CLOSE)


def test_a_pass_that_leaves_nothing_open_is_not_followed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(call_order, "watched", lambda *given: pytest.fail("run again"))

    capture.capture(decided_bert(), input_ids=IDS)


def test_a_pass_is_followed_once(monkeypatch: pytest.MonkeyPatch):
    model, runs = decided_bert(Again), []
    watched = call_order.watched
    monkeypatch.setattr(call_order, "watched", lambda *given: runs.append(1) or watched(*given))

    for length in (3, 5, 7):
        capture.capture(model, input_ids=IDS[:, :length])

    assert runs == [1]


def eager(model: Any) -> np.ndarray:
    """[layer, head, query, key] by the library itself, on a copy that is switched."""
    other = copy.deepcopy(model)
    other.set_attn_implementation("eager")
    with torch.inference_mode():
        return torch.stack(other(input_ids=IDS, output_attentions=True).attentions)[:, 0].numpy()


class IdsOnly(Own):
    def forward(self, input_ids):
        return self.bert(input_ids)


class NoTypes(Own):
    def forward(self, input_ids, attention_mask):
        return (self.bert(input_ids, attention_mask=attention_mask).last_hidden_state,)


class Handing(Own):
    def forward(self, *args, **rest):
        return self.bert(*args, **rest)


class HandingToLess(Own):
    def forward(self, input_ids, **rest):
        return self.inner(input_ids, **rest)

    def inner(self, input_ids, use_cache=None):
        return self.bert(input_ids)


def decorated(forward: Any) -> Any:
    """Hands on whatever it is given, and takes what the forward in it takes."""

    @functools.wraps(forward)
    def outer(*args, **rest):
        return forward(*args, **rest)

    return outer


class Decorated(Own):
    @decorated
    def forward(self, input_ids):
        return self.bert(input_ids)


@pytest.mark.parametrize("family", [IdsOnly, NoTypes, Handing, HandingToLess, Decorated])
def test_a_model_is_given_what_it_takes(family: Any):
    model = decided_bert(family)

    trace = attnviz.trace(model, typed(), TEXT)

    np.testing.assert_allclose(trace.weights(), eager(model.bert), rtol=0, atol=CLOSE)


def test_a_forward_that_was_replaced_is_given_what_it_takes():
    model = decided_bert()
    before = model.forward
    model.forward = lambda input_ids: before(input_ids=input_ids)

    np.testing.assert_allclose(attnviz.trace(model, typed(), TEXT).weights(), eager(decided_bert()), rtol=0, atol=CLOSE)


class OtherNames(Own):
    def forward(self, tokens, mask=None):
        return self.bert(tokens)


class Failing(Own):
    def forward(self, input_ids, **rest):
        raise KeyError("labels")


def test_a_forward_that_takes_no_ids_or_fails_is_refused_in_words():
    with pytest.raises(BadInputError, match=r"takes mask, tokens\. Give its own tensors by name: attnviz\.capture"):
        attnviz.trace(decided_bert(OtherNames), tokenizer(), TEXT)
    with pytest.raises(ForwardError, match=r"forward of Failing failed on .*KeyError: 'labels'\. Make model"):
        attnviz.trace(decided_bert(Failing), tokenizer(), TEXT)
    assert attnviz.capture(decided_bert(OtherNames), tokens=IDS).layers == 2


NOTEBOOK = """
class Cell(BertPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.bert = BertModel(config)
        self.post_init()

    def forward(self, input_ids, attention_mask=None):
        return (self.bert(input_ids).last_hidden_state,)
"""


def test_a_class_without_source_code_is_read():
    space: dict[str, Any] = {
        "BertPreTrainedModel": BertPreTrainedModel,
        "BertModel": BertModel,
        "__name__": "cell_of_a_notebook",
    }
    exec(NOTEBOOK, space)
    model = decided_bert(space["Cell"])

    trace = attnviz.trace(model, tokenizer(), TEXT)

    assert trace.source == "projections"
    np.testing.assert_allclose(trace.weights(), eager(model.bert), rtol=0, atol=CLOSE)


IMAGE: dict[str, Any] = {
    "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 6, "intermediate_size": 40, "image_size": 8,
    "patch_size": 4,
}  # fmt: skip
SOUND: dict[str, Any] = {
    "d_model": 48, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 6, "decoder_attention_heads": 6,
    "encoder_ffn_dim": 40, "decoder_ffn_dim": 40, "vocab_size": 97, "max_source_positions": 13, "num_mel_bins": 5,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1,
}  # fmt: skip
WAVES: dict[str, Any] = {
    **BERT_SIZES, "conv_dim": [8, 8], "conv_stride": [2, 2], "conv_kernel": [3, 3], "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2,
}  # fmt: skip


@pytest.mark.parametrize(
    ("family", "sizes", "message"),
    [
        ("vit", IMAGE, r"ViTModel reads pictures, not text\. .*attnviz\.capture\(model, pixel_values=…\)"),
        ("whisper", SOUND, r"WhisperModel reads sound, not text\. .*attnviz\.capture\(model, input_features=…\)"),
        ("wav2vec2", WAVES, r"reads sound, not text\. .*attnviz\.capture\(model, input_values=…\)"),
        ("videomae", {**IMAGE, "num_frames": 4}, r"reads pictures, not text\. .*capture\(model, pixel_values=…\)"),
        ("vilt", {**IMAGE, "vocab_size": 97}, r"reads pictures beside a text.*capture\(model, input_ids=…, pixel_values=…\)"),
        ("mamba", {"hidden_size": 48, "num_hidden_layers": 2, "vocab_size": 97}, "MambaModel has no attention"),
        ("xlstm", {"hidden_size": 48, "num_blocks": 2, "num_heads": 4, "vocab_size": 97}, "xLSTMModel has no attention"),
        ("rwkv", {"hidden_size": 48, "num_hidden_layers": 2, "vocab_size": 97}, "RwkvModel has no attention"),
        ("fnet", {"hidden_size": 48, "num_hidden_layers": 2, "vocab_size": 97}, "FNetModel has no attention"),
    ],
)
def test_what_reads_no_text_or_has_no_attention_says_so(family: str, sizes: dict, message: str):
    model = AutoModel.from_config(AutoConfig.for_model(family, **sizes)).eval()

    with pytest.raises(AttnvizError, match=message):
        attnviz.trace(model, tokenizer(), TEXT)


class Flat(PreTrainedModel):
    config_class = BertConfig

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.table, self.mixed = nn.Embedding(97, 8), nn.Linear(8, 8)
        self.post_init()

    def forward(self, input_ids, attention_mask=None):
        return (self.mixed(self.table(input_ids)),)


def test_a_plain_network_says_that_it_has_no_attention():
    with pytest.raises(NoAttentionError, match="Flat has no attention"):
        attnviz.trace(decided_bert(Flat), tokenizer(), TEXT)


def test_a_picture_of_another_format_is_read_by_a_model_in_half_precision():
    model = AutoModel.from_config(AutoConfig.for_model("vit", **IMAGE)).eval().to(torch.bfloat16)

    assert attnviz.capture(model, pixel_values=torch.randn(1, 3, 8, 8)).parts[0].precision == "bfloat16"


def test_the_towers_of_clip_are_named_with_the_call_of_each():
    text = {**BERT_SIZES, "projection_dim": 8}
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=IMAGE, projection_dim=8)).eval()
    given = {"input_ids": IDS[:, :5], "pixel_values": torch.randn(1, 3, 8, 8)}  # 5 tokens, and 4 patches with a class token

    with pytest.raises(
        NoAttentionError, match=r"capture\(model\.vision_model, pixel_values=…\) or attnviz\.trace\(model\.text_model"
    ):
        attnviz.capture(model, **given)
    with pytest.raises(BadInputError, match="reads pictures beside a text"):
        attnviz.trace(model, tokenizer(), TEXT)
    assert attnviz.trace(model.text_model, tokenizer(), TEXT).layers == 2


HYBRID: dict[str, Any] = {
    **BERT_SIZES, "num_hidden_layers": 4, "num_key_value_heads": 3, "head_dim": 8, "pad_token_id": 0, "bos_token_id": 1,
    "eos_token_id": 2, "max_position_embeddings": 64,
}  # fmt: skip
MAMBA: dict[str, Any] = {"use_mamba_kernels": False, "mamba_d_state": 4}


@pytest.mark.parametrize(
    ("family", "sizes", "numbers"),
    [
        ("jamba", {**HYBRID, **MAMBA, "attn_layer_period": 2, "attn_layer_offset": 1, "mamba_dt_rank": 4}, (1, 3)),
        ("recurrent_gemma", {**HYBRID, "lru_width": 48, "num_hidden_layers": 6}, (2, 5)),
        ("zamba", {
            **HYBRID, **MAMBA, "layers_block_type": ["mamba", "hybrid", "mamba", "hybrid"], "mamba_dt_rank": 4,
            "n_mamba_heads": 2,
        }, (1, 3)),
        ("olmo_hybrid", {
            **HYBRID, "layer_types": ["linear_attention", "full_attention"] * 2, "linear_num_value_heads": 4,
            "linear_num_key_heads": 2, "linear_key_head_dim": 8, "linear_value_head_dim": 8,
        }, (1, 3)),
    ],
)  # fmt: skip
def test_of_a_hybrid_the_layers_with_attention_are_shown_by_their_own_numbers(family: str, sizes: dict, numbers: tuple):
    model = AutoModel.from_config(AutoConfig.for_model(family, **sizes)).eval()

    trace = attnviz.trace(model, tokenizer(), TEXT)

    assert trace.parts[0].numbers == numbers  # zamba calls one and the same module in both
    assert "attend from token to token" in trace.note


def test_a_decoder_in_a_custom_class_is_read():
    class Continuing(Own):
        def build(self, config: BertConfig) -> None:
            self.inner = LlamaModel(LlamaConfig(**BERT_SIZES))

        def forward(self, input_ids, **rest):
            return self.inner(input_ids)

    trace = attnviz.trace(decided_bert(Continuing), tokenizer(), TEXT)

    assert (trace.layers, trace.causal) == (2, True)


def test_one_side_of_an_encoder_decoder_is_read_by_itself():
    sizes = {"d_model": 48, "d_kv": 8, "num_layers": 2, "num_decoder_layers": 3, "num_heads": 6, "d_ff": 40, "vocab_size": 97}
    whole = AutoModel.from_config(AutoConfig.for_model("t5", **sizes, decoder_start_token_id=0)).eval()

    source, target = (attnviz.trace(side, tokenizer(), TEXT) for side in (whole.encoder, whole.decoder))

    assert (source.blocks, source.layers, source.causal) == (("self",), 2, False)
    assert (target.blocks, target.layers, target.causal) == (("self",), 3, True)
    both = attnviz.trace(whole, tokenizer(), TEXT, "the animal")
    np.testing.assert_allclose(source.weights(), both.block("encoder").weights(), rtol=0, atol=CLOSE)
