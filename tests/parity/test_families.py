"""Every family, from scratch, against the library's own eager attention: weights, what is mixed, and last hidden states.

Weights are random but loud (a deviation of about 0.2 where the library starts at 0.02), so that attention is far from
uniform and a wrong mask, scale, bias or group shows. Every axis has another size: 2 layers (3 in decoders that stand
beside an encoder), 6 heads, 3 key/value heads, 8 numbers a head, 11 tokens, windows of 4, batches of 4 rows.
"""

from __future__ import annotations

import copy
import functools
import sys
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from transformers import AttentionInterface, AttentionMaskInterface, AutoConfig, AutoModel, PreTrainedModel
from transformers.masking_utils import eager_mask

from attnviz.engine import capture
from attnviz.engine.layers import Projections
from attnviz.engine.trace import Trace
from attnviz.errors import NoAttentionError

CLOSE = 1e-5  # what is promised; float32 rounds these shares and states at about 1e-6
VOCABULARY = 97
SOUND = 26  # frames, halved by the model to 13

BERT = {
    "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 6, "intermediate_size": 40,
    "vocab_size": VOCABULARY, "max_position_embeddings": 64,
}  # fmt: skip
MARKS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
LLAMA = {**BERT, **MARKS, "num_key_value_heads": 3, "head_dim": 8}
MIXED = {"sliding_window": 4, "layer_types": ["sliding_attention", "full_attention"]}
BART = {
    "d_model": 48, "encoder_layers": 2, "decoder_layers": 3, "encoder_attention_heads": 6, "decoder_attention_heads": 6,
    "encoder_ffn_dim": 40, "decoder_ffn_dim": 40, "vocab_size": VOCABULARY, "max_position_embeddings": 64,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Family:
    """One model type of transformers: its sizes, what it reads, and the road by which its weights are had.

    `loud` is the deviation of its random weights: families differ in what their norms and scales make of it.
    """

    name: str
    kind: str  # encoder, decoder, translator, speech or image
    sizes: dict
    pairs: bool = False
    dense: bool = False
    loud: float = 0.2


FAMILIES = (
    Family("bert", "encoder", BERT, pairs=True),
    Family("roberta", "encoder", {**BERT, "type_vocab_size": 2}, pairs=True),
    Family("distilbert", "encoder", {
        "dim": 48, "n_layers": 2, "n_heads": 6, "hidden_dim": 40, "vocab_size": VOCABULARY, "max_position_embeddings": 64,
    }),
    Family("albert", "encoder", {**BERT, "embedding_size": 20}, pairs=True),
    Family("electra", "encoder", {**BERT, "embedding_size": 20}, pairs=True),
    Family("modernbert", "encoder", {
        **BERT, **MARKS, "local_attention": 6, "global_attn_every_n_layers": 2, "cls_token_id": 1, "sep_token_id": 2,
    }),
    Family("markuplm", "encoder", {**BERT, "max_depth": 2, "xpath_unit_hidden_size": 2}),
    Family("esm", "encoder", {**BERT, "pad_token_id": 1, "mask_token_id": 3, "position_embedding_type": "rotary"}),
    Family("gpt2", "decoder", {"n_embd": 48, "n_layer": 2, "n_head": 6, "vocab_size": VOCABULARY, "n_positions": 64}),
    Family("opt", "decoder", {
        "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 6, "ffn_dim": 40, "vocab_size": VOCABULARY,
        "max_position_embeddings": 64, "word_embed_proj_dim": 48,
    }),
    Family("llama", "decoder", LLAMA),
    Family("mistral", "decoder", {**LLAMA, "sliding_window": 4}),
    Family("qwen3", "decoder", LLAMA),
    Family("gemma2", "decoder", {**LLAMA, **MIXED, "query_pre_attn_scalar": 20, "attn_logit_softcapping": 2.0}),
    Family("gemma3_text", "decoder", {**LLAMA, **MIXED, "query_pre_attn_scalar": 20}),
    Family("gpt_oss", "decoder", {**LLAMA, **MIXED, "num_local_experts": 3, "num_experts_per_tok": 2}),
    Family("vaultgemma", "decoder", {**LLAMA, **MIXED, "query_pre_attn_scalar": 20}),
    Family("t5", "translator", {
        "d_model": 48, "d_kv": 8, "num_layers": 2, "num_decoder_layers": 3, "num_heads": 6, "d_ff": 40,
        "vocab_size": VOCABULARY,
    }, loud=0.12),
    Family("bart", "translator", BART),
    Family("marian", "translator", {**BART, "pad_token_id": 0, "decoder_start_token_id": 0}),
    Family("switch_transformers", "translator", {
        "d_model": 48, "d_kv": 8, "num_layers": 2, "num_decoder_layers": 3, "num_heads": 6, "d_ff": 40, "num_experts": 3,
        "num_sparse_encoder_layers": 1, "num_sparse_decoder_layers": 1, "vocab_size": VOCABULARY,
    }, loud=0.12),
    Family("whisper", "speech", {
        **{key: value for key, value in BART.items() if key != "max_position_embeddings"}, **MARKS,
        "max_source_positions": 13, "max_target_positions": 64, "num_mel_bins": 5, "decoder_start_token_id": 1,
    }),
    Family("vit", "image", {
        "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 6, "intermediate_size": 40,
        "image_size": 12, "patch_size": 4,
    }),
    Family("deberta-v2", "encoder", {
        **BERT, "relative_attention": True, "pos_att_type": ["p2c", "c2p"], "type_vocab_size": 2,
    }, pairs=True, dense=True),
    Family("xlnet", "encoder", {"d_model": 48, "n_layer": 2, "n_head": 6, "d_inner": 40, "vocab_size": VOCABULARY}, dense=True),
    Family("bloom", "decoder", {"hidden_size": 48, "n_layer": 2, "n_head": 6, "vocab_size": VOCABULARY}, dense=True),
    Family("falcon", "decoder", {
        "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 6, "vocab_size": VOCABULARY,
    }, dense=True),
    # These pass through the interface too, but not with all that their eager attention does.
    Family("splinter", "encoder", {**BERT, "question_token_id": 3}, pairs=True, dense=True),
    Family("nllb-moe", "translator", {
        **BART, "num_experts": 3, "encoder_sparse_step": 2, "decoder_sparse_step": 2,
    }, dense=True),
    Family("bigbird_pegasus", "translator", {**BART, "attention_type": "original_full"}, dense=True),
)  # fmt: skip

SITUATIONS = {
    "one text": (11,),
    "one token": (1,),
    "padded right": (11, 5, 9, 1),
    "padded left": (11, 5, 9, 1),
    "pair": (11,),
    "padded pairs": (11, 7, 4),
}
TARGETS = (7, 3, 6, 1)  # tokens of the second side, row by row


def cases() -> list:
    """Every family in every situation that it allows."""
    found = []
    for family in FAMILIES:
        for situation in SITUATIONS:
            text = family.kind != "image" or situation in ("one text", "padded right")
            sound = family.kind != "speech" or situation != "padded left"
            if text and sound and (family.pairs or "pair" not in situation):
                found.append(pytest.param(family, situation, id=f"{family.name}-{situation}"))
    return found


SPIED: list[torch.Tensor] = []


def spy(module, query, key, value, attention_mask, **rest):
    """The library's eager attention of the module's own family, its output noted down: [row, query, head, dim]."""
    output, shares = sys.modules[type(module).__module__].eager_attention_forward(
        module, query, key, value, attention_mask, **rest
    )
    SPIED.append(output)
    return output, shares


AttentionInterface.register("eager_spy", spy)
AttentionMaskInterface.register("eager_spy", eager_mask)


@functools.cache
def models(family: Family) -> tuple[PreTrainedModel, PreTrainedModel]:
    """One model as a reader would load it, and the library's eager reading of the same weights."""
    config = AutoConfig.for_model(family.name, **family.sizes)
    torch.manual_seed(7)
    model = AutoModel.from_config(copy.deepcopy(config)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn_like(parameter)
            parameter.copy_(noise * family.loud if parameter.ndim > 1 else parameter + noise * 0.1)
    reference = AutoModel.from_config(copy.deepcopy(config), attn_implementation="eager").eval()
    reference.load_state_dict(model.state_dict())
    if not family.dense:
        reference.set_attn_implementation("eager_spy")
    return model, reference


def tokens(lengths: tuple[int, ...], left: bool, prefix: str = "") -> dict[str, torch.Tensor]:
    """Random token numbers and their mask, padded to the longest row on one side."""
    ids = torch.randint(5, VOCABULARY, (len(lengths), max(lengths)))
    mask = torch.zeros_like(ids)
    for row, length in enumerate(lengths):
        mask[row, -length:] = 1 if left else 0
        mask[row, :length] = 1 if not left else mask[row, :length]
    return {f"{prefix}input_ids": ids, f"{prefix}attention_mask": mask}


def inputs(family: Family, situation: str) -> dict[str, torch.Tensor]:
    """What the model reads in one situation, the same in every run."""
    torch.manual_seed(11)
    lengths, left = SITUATIONS[situation], situation == "padded left"
    if family.kind == "image":
        return {"pixel_values": torch.randn(len(lengths), 3, 12, 12)}
    if family.kind == "speech":
        targets = (1,) if situation == "one token" else TARGETS[: len(lengths)]
        return {"input_features": torch.randn(len(lengths), 5, SOUND), **tokens(targets, False, "decoder_")}
    given = tokens(lengths, left)
    if family.kind == "translator":
        given |= tokens((1,) if situation == "one token" else TARGETS[: len(lengths)], left, "decoder_")
    if "pair" in situation:
        given["token_type_ids"] = (torch.arange(max(lengths)) > 2).long().expand(len(lengths), -1).contiguous()
    return given


def visible(given: dict[str, torch.Tensor], prefix: str, row: int, length: int) -> np.ndarray:
    """Positions of the real tokens of one side of one row."""
    mask = given.get(f"{prefix}attention_mask")
    return np.arange(length) if mask is None else np.flatnonzero(mask[row].numpy())


def eager(family: Family, given: dict[str, torch.Tensor]) -> tuple[dict, dict, torch.Tensor]:
    """The library's weights and attention outputs, a list of layers by block, and its last hidden state."""
    reference = models(family)[1]
    SPIED.clear()
    with torch.inference_mode():
        output = reference(**given, output_attentions=True)
    mixed = list(SPIED)
    if family.kind not in ("translator", "speech"):
        return {"self": output.attentions}, {"self": mixed}, output.last_hidden_state
    depth = len(output.encoder_attentions)
    weights = {"encoder": output.encoder_attentions, "decoder": output.decoder_attentions, "cross": output.cross_attentions}
    return (
        weights,
        {"encoder": mixed[:depth], "decoder": mixed[depth::2], "cross": mixed[depth + 1 :: 2]},
        output.last_hidden_state,
    )


SIDES = {"self": ("", ""), "encoder": ("", ""), "decoder": ("decoder_", "decoder_"), "cross": ("decoder_", "")}


def places(given: dict[str, torch.Tensor], block: str, row: int, shape: torch.Size) -> tuple[np.ndarray, np.ndarray]:
    """Visible queries and keys of one block of one row, of whole size `shape` [..., query, key]."""
    queries, keys = SIDES[block]
    return visible(given, queries, row, shape[-2]), visible(given, keys, row, shape[-1])


@pytest.mark.parametrize(("family", "situation"), cases())
def test_weights_equal_the_librarys_eager_weights(family: Family, situation: str):
    given = inputs(family, situation)
    wanted, _, _ = eager(family, given)

    traces = capture.capture_batch(models(family)[0], **given)

    assert len(traces) == len(next(iter(given.values())))
    for row, trace in enumerate(traces):
        assert trace.blocks == tuple(wanted)
        assert trace.source == ("dense" if family.dense else "projections")
        for block in trace.parts:
            assert block.layers == len(wanted[block.name])
            for layer, whole in enumerate(wanted[block.name]):
                queries, keys = places(given, block.name, row, whole.shape)
                expected = whole[row].numpy()[:, queries[:, None], keys]
                np.testing.assert_allclose(block.weights(layer), expected, atol=CLOSE, rtol=0)


@pytest.mark.parametrize(("family", "situation"), [c for c in cases() if not c.values[0].dense])
def test_weights_times_values_equal_what_eager_attention_and_the_kernel_return(family: Family, situation: str):
    given = inputs(family, situation)
    _, wanted, _ = eager(family, given)

    for row, trace in enumerate(capture.capture_batch(models(family)[0], **given)):
        for block in trace.parts:
            for layer, whole in enumerate(wanted[block.name]):
                call = block.calls[layer]
                assert isinstance(call, Projections)
                queries = visible(given, SIDES[block.name][0], row, whole.shape[1])
                expected = whole[row].transpose(0, 1).numpy()[:, queries]  # [head, query, dim]
                np.testing.assert_allclose(call.mixed(slice(None)), expected, atol=CLOSE, rtol=0)
                np.testing.assert_allclose(call.output, expected, atol=CLOSE, rtol=0)


@pytest.mark.parametrize(("family", "situation"), [c for c in cases() if not c.values[0].dense])
def test_a_model_run_by_our_attention_ends_in_the_same_hidden_states(family: Family, situation: str):
    given = inputs(family, situation)
    _, _, wanted = eager(family, given)

    found = capture.forward_from_scratch(models(family)[0], **given).last_hidden_state

    side = "decoder_" if family.kind in ("translator", "speech") else ""
    for row in range(len(wanted)):
        seen = visible(given, side, row, wanted.shape[1])
        np.testing.assert_allclose(found[row, seen].numpy(), wanted[row, seen].numpy(), atol=CLOSE, rtol=0)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_the_random_models_look_far_from_evenly(family: Family):
    wanted, _, _ = eager(family, inputs(family, "one text"))

    for layers in wanted.values():
        whole = torch.cat(layers)
        even = (1 / (whole > 0).sum(-1)).mean()  # what the strongest link would be if all visible keys were equal
        assert whole.max(-1).values.mean() > 1.25 * even


def test_a_window_shorter_than_the_text_hides_what_is_too_far_back():
    family = next(family for family in FAMILIES if family.name == "mistral")

    weights = capture.capture(models(family)[0], **inputs(family, "one text")).weights()

    query, key = np.indices(weights.shape[-2:])
    assert (weights[..., (query - key >= 4) | (key > query)] == 0).all()
    assert (weights[..., (query - key < 4) & (key <= query)] > 0).all()


def test_learned_sinks_take_what_the_rows_leave():
    family = next(family for family in FAMILIES if family.name == "gpt_oss")
    trace: Trace = capture.capture(models(family)[0], **inputs(family, "one text"))

    for layer in range(trace.layers):
        for head in range(trace.heads):
            left = 1 - trace.weights(layer, head).sum(-1)
            assert (left > 0).all()
            assert left.mean() > 0.01
            np.testing.assert_allclose(trace.sink(layer, head), left, atol=1e-6)


@pytest.mark.parametrize(
    "family", [family for family in FAMILIES if family.kind in ("encoder", "decoder")], ids=lambda f: f.name
)
@pytest.mark.parametrize("situation", ["one text", "padded left"])
def test_decoders_look_back_only_and_encoders_look_both_ways(family: Family, situation: str):
    for trace in capture.capture_batch(models(family)[0], **inputs(family, situation)):
        if len(trace.tokens) > 1:
            assert trace.causal == (family.kind == "decoder")
            assert (np.triu(trace.weights(), 1) == 0).all() == (family.kind == "decoder")


@pytest.mark.parametrize("family", [family for family in FAMILIES if family.dense], ids=lambda family: family.name)
def test_families_outside_the_interface_cannot_be_run_by_our_attention(family: Family):
    with pytest.raises(NoAttentionError, match="does not pass through the attention interface"):
        capture.forward_from_scratch(models(family)[0], **inputs(family, "one text"))
