"""The badge: it is green for what the model really did, and not for anything else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModel, PreTrainedModel

from attnviz.engine import capture, verify
from attnviz.engine.block import Block
from attnviz.engine.layers import Dense, Projections
from attnviz.engine.trace import Trace
from attnviz.errors import BadInputError, ShapeError, TooLongError, UnknownHeadError
from attnviz.types import HeadRef

SIZES = {
    "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 6, "intermediate_size": 40,
    "vocab_size": 97, "max_position_embeddings": 600, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
GROUPED = {**SIZES, "num_key_value_heads": 3, "head_dim": 8}
TWO = [HeadRef(0, 2), HeadRef(1, 5)]


def model(family: str, sizes: dict, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """A random model of one family, loud enough to look far from evenly."""
    torch.manual_seed(7)
    made = AutoModel.from_config(AutoConfig.for_model(family, **sizes)).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=0.2)
    return made.to(dtype)


def inputs(length: int = 11) -> dict[str, torch.Tensor]:
    return {"input_ids": torch.randint(5, 97, (1, length), generator=torch.Generator().manual_seed(3))}


def tampered(trace: Trace, layer: int, **changed: np.ndarray) -> Trace:
    """The trace with some arrays of one layer exchanged."""
    block = trace.parts[0]
    call = block.calls[layer]
    assert isinstance(call, Projections)
    calls = (*block.calls[:layer], replace(call, **changed), *block.calls[layer + 1 :])
    return replace(trace, parts=(replace(block, calls=calls),))


@pytest.mark.parametrize(
    ("family", "sizes"), [("bert", SIZES), ("llama", GROUPED), ("gpt2", {"n_embd": 48, "n_layer": 2, "n_head": 6})]
)
def test_both_checks_pass_on_what_the_model_did(family: str, sizes: dict):
    reader, given = model(family, sizes), inputs()
    trace = capture.capture(reader, **given)

    quick = verify.against_kernel(trace, TWO)
    dear = verify.against_eager(reader, trace, given)

    assert (quick.against, quick.ok, quick.heads, quick.bound) == ("fused kernel", True, 2, 1e-5)
    assert quick.difference <= 1e-5
    assert "the 2 heads reproduce the model's own output: largest difference" in quick.note
    assert (dear.against, dear.ok, dear.heads, dear.bound) == ("eager model", True, 12, 1e-5)
    assert dear.difference <= 1e-5
    assert "all 12 heads equal those of the model library" in dear.note


def test_a_tampered_key_fails_both_checks():
    reader, given = model("llama", GROUPED), inputs()
    trace = capture.capture(reader, **given)
    call = trace.parts[0].calls[1]
    assert isinstance(call, Projections)
    key = call.key.copy()
    key[2, 4] += 0.01  # group 2 of 3: heads 4 and 5

    wrong = tampered(trace, 1, key=key)
    quick, dear = verify.against_kernel(wrong, TWO), verify.against_eager(reader, wrong, given)

    for check in (quick, dear):
        assert not check.ok
        assert check.difference > 1e-4
        assert "do not " in check.note
        assert check.note.endswith("Do not rely on this picture.")
    assert verify.against_kernel(wrong, [HeadRef(1, 3)]).ok  # group 1 was left alone


def test_a_mask_that_was_dropped_fails_both_checks():
    reader = model("gpt2", {"n_embd": 48, "n_layer": 2, "n_head": 6})
    trace = capture.capture(reader, **inputs())
    call = trace.parts[0].calls[0]
    assert isinstance(call, Projections)
    assert call.causal

    blind = replace(trace, parts=(replace(trace.parts[0], calls=(replace(call, causal=False), *trace.parts[0].calls[1:])),))

    assert not verify.against_kernel(blind, TWO).ok
    assert not verify.against_eager(reader, blind, inputs()).ok


def test_an_output_that_is_no_number_is_not_verified():
    trace = capture.capture(model("bert", SIZES), **inputs())

    check = verify.against_kernel(tampered(trace, 0, output=np.full((6, 11, 8), np.nan, np.float32)), TWO)

    assert not check.ok


def test_another_texts_trace_fails_and_another_length_is_refused():
    reader = model("bert", SIZES)
    other = {"input_ids": inputs()["input_ids"].flip(1)}

    assert not verify.against_eager(reader, capture.capture(reader, **other), inputs()).ok
    with pytest.raises(ShapeError, match="compare a trace with the inputs that it was made of"):
        verify.against_eager(reader, capture.capture(reader, **inputs(7)), inputs())
    with pytest.raises(BadInputError, match="got 2"):
        verify.against_eager(reader, capture.capture(reader, **inputs()), {"input_ids": inputs()["input_ids"].repeat(2, 1)})


def test_half_precision_has_a_looser_bound_and_says_so():
    trace = capture.capture(model("llama", GROUPED, torch.bfloat16), **inputs())

    check = verify.against_kernel(trace, TWO)

    assert check.ok
    assert check.bound == 2e-2
    assert 1e-5 < check.difference <= 2e-2
    assert "computes in bfloat16, so this is its own precision" in check.note


def test_the_librarys_own_weights_are_named_as_such():
    reader = model("bloom", {"hidden_size": 48, "n_layer": 2, "n_head": 6, "vocab_size": 97})
    trace = capture.capture(reader, **inputs())

    check = verify.against_kernel(trace, TWO)

    assert (check.ok, check.heads, check.difference) == (True, 0, 0.0)
    assert "the model library's own" in check.note
    assert verify.against_eager(reader, trace, inputs()).ok


@pytest.mark.parametrize(
    ("family", "more"),
    [("gemma2", {"attn_logit_softcapping": 2.0}), ("gpt_oss", {"num_local_experts": 3, "num_experts_per_tok": 2})],
)
def test_what_no_fused_kernel_can_answer_is_not_verified_by_itself(family: str, more: dict):
    reader = model(family, {**GROUPED, **more})
    trace = capture.capture(reader, **inputs())

    alone = verify.against_kernel(trace, TWO)

    assert (alone.ok, alone.heads) == (False, 0)
    assert "the model used attnviz's attention" in alone.note
    assert verify.against_eager(reader, trace, inputs()).ok


def test_padding_and_three_blocks_are_compared_where_tokens_are():
    sizes = {"d_model": 48, "d_kv": 8, "num_layers": 2, "num_decoder_layers": 3, "num_heads": 6, "d_ff": 40, "vocab_size": 97}
    reader = model("t5", sizes)
    given = {
        **inputs(),
        "attention_mask": torch.tensor([[0] * 3 + [1] * 8]),
        "decoder_input_ids": inputs(7)["input_ids"],
    }
    trace = capture.capture(reader, **given)

    check = verify.against_eager(reader, trace, given)

    assert trace.block("cross").weights().shape == (3, 6, 7, 8)
    assert check.ok, check.note
    assert check.heads == 6 * (2 + 3 + 3)
    assert verify.against_kernel(trace, [HeadRef(2, 5, "cross"), HeadRef(1, 0, "encoder")]).ok


def test_more_than_512_tokens_are_refused_with_the_remedy():
    reader = model("llama", GROUPED)
    trace = capture.capture(reader, **inputs(513))

    assert verify.against_kernel(trace, TWO).ok
    with pytest.raises(TooLongError, match="at most 512 tokens; this text has 513"):
        verify.against_eager(reader, trace, inputs(513))


def test_a_head_that_is_not_there_is_refused():
    trace = capture.capture(model("bert", SIZES), **inputs())

    with pytest.raises(UnknownHeadError):
        verify.against_kernel(trace, [HeadRef(0, 6)])
    with pytest.raises(UnknownHeadError):
        verify.against_kernel(trace, [HeadRef(0, 0, "cross")])


def test_dense_and_projected_heads_together_compare_the_projected_ones():
    trace = capture.capture(model("bert", SIZES), **inputs())
    block = trace.parts[0]
    mixed = Block("self", block.queries, block.keys, (block.calls[0], Dense(block.weights(1))))

    check = verify.against_kernel(replace(trace, parts=(mixed,)), TWO)

    assert (check.ok, check.heads) == (True, 1)
