"""Models loaded by other code: never switched, never trained on by accident, safe under threads, refused with a reason."""

from __future__ import annotations

import copy
import gc
import re
import threading
import types
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from transformers import AutoConfig, AutoModel, PreTrainedModel
from transformers.models.bert.configuration_bert import BertConfig
from transformers.models.bert.modeling_bert import BertModel
from transformers.models.encoder_decoder.configuration_encoder_decoder import EncoderDecoderConfig
from transformers.models.encoder_decoder.modeling_encoder_decoder import EncoderDecoderModel
from transformers.models.llama.configuration_llama import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaModel

from attnviz.engine import capture, recording
from attnviz.engine.layers import Projections
from attnviz.engine.trace import Trace
from attnviz.errors import BadInputError, NoAttentionError, UnknownHeadError

VOCABULARY = 97
SIZES: dict[str, Any] = {
    "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 6, "intermediate_size": 40,
    "vocab_size": VOCABULARY, "max_position_embeddings": 64, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip

STACKS: dict[str, Any] = {
    "d_model": 48, "encoder_layers": 2, "decoder_layers": 3, "encoder_attention_heads": 6, "decoder_attention_heads": 6,
    "encoder_ffn_dim": 40, "decoder_ffn_dim": 40, "vocab_size": VOCABULARY,
}  # fmt: skip
LONGT5: dict[str, Any] = {"d_model": 48, "d_kv": 8, "num_layers": 2, "num_heads": 6, "d_ff": 40, "vocab_size": VOCABULARY}


def loud(model: PreTrainedModel) -> PreTrainedModel:
    """The model with random weights that make attention far from uniform, the same in every run."""
    torch.manual_seed(7)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=0.2)
    return model.eval()


def bert(**more) -> BertModel:
    model = loud(BertModel(BertConfig(**{**SIZES, **more})))
    assert isinstance(model, BertModel)
    return model


def llama(**more) -> LlamaModel:
    model = loud(LlamaModel(LlamaConfig(**{**SIZES, "num_key_value_heads": 3, "head_dim": 8, **more})))
    assert isinstance(model, LlamaModel)
    return model


def ids(length: int, rows: int = 1, seed: int = 3) -> torch.Tensor:
    return torch.randint(5, VOCABULARY, (rows, length), generator=torch.Generator().manual_seed(seed))


def eager_weights(model: PreTrainedModel, **given) -> torch.Tensor:
    """[layer, row, head, query, key] by the library itself, on a model of its own."""
    other = type(model)(copy.deepcopy(model.config)).eval().to(model.dtype)
    other.load_state_dict(model.state_dict())
    other.set_attn_implementation("eager")
    with torch.inference_mode():
        return torch.stack(other(**given, output_attentions=True).attentions)


@pytest.mark.parametrize("setting", ["sdpa", "eager"])
@pytest.mark.parametrize("training", [True, False])
def test_a_foreign_model_keeps_its_settings(setting: str, training: bool):
    model = bert()
    model.set_attn_implementation(setting)
    model.train(training)
    before = set(vars(model)), len(model._forward_hooks)

    capture.capture(model, input_ids=ids(11))
    capture.forward_from_scratch(model, input_ids=ids(11))
    capture.eager_traces(model, input_ids=ids(11))

    assert model.config._attn_implementation == setting
    assert [module.training for module in model.modules()] == [training] * len(list(model.modules()))
    assert (set(vars(model)), len(model._forward_hooks)) == before


def test_a_foreign_model_is_never_switched_even_while_another_thread_captures():
    model = bert()
    seen, done = set(), threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen.add((model.config._attn_implementation, model.training))

    watcher = threading.Thread(target=watch)
    watcher.start()
    for length in range(2, 14):
        capture.capture(model, input_ids=ids(length))
    done.set()
    watcher.join()

    assert seen == {("sdpa", False)}


def test_training_mode_adds_no_dropout_noise():
    model = bert(hidden_dropout_prob=0.5, attention_probs_dropout_prob=0.5)
    expected = capture.capture(model, input_ids=ids(11)).weights()

    model.train()

    np.testing.assert_array_equal(capture.capture(model, input_ids=ids(11)).weights(), expected)
    assert model.training


def test_a_prepared_model_put_into_training_is_read_without_noise():
    model = bert(hidden_dropout_prob=0.5, attention_probs_dropout_prob=0.5)
    capture.prepare(model)
    expected = capture.capture(model, input_ids=ids(11)).weights()

    model.train()

    np.testing.assert_array_equal(capture.capture(model, input_ids=ids(11)).weights(), expected)


def test_two_models_from_one_config_object_do_not_switch_each_other():
    config = BertConfig(**SIZES)
    first, second = BertModel(config).eval(), BertModel(config).eval()
    assert first.config is second.config

    ours, theirs = (capture.capture(model, input_ids=ids(11)) for model in (first, second))

    assert config._attn_implementation == "sdpa"
    assert not np.allclose(ours.weights(), theirs.weights(), atol=1e-6)
    for model, trace in ((first, ours), (second, theirs)):
        np.testing.assert_allclose(trace.weights(), eager_weights(model, input_ids=ids(11))[:, 0].numpy(), atol=1e-5)


def test_the_shadow_shares_every_weight():
    model = bert()

    other = capture.shadow(model, recording.NAME)

    assert other is not model
    assert all(mine is theirs for mine, theirs in zip(model.parameters(), other.parameters(), strict=True))
    assert all(mine is theirs for mine, theirs in zip(model.buffers(), other.buffers(), strict=True))
    assert other is capture.shadow(model, recording.NAME)


def test_weights_changed_since_are_read_as_they_are_now():
    model = bert()
    capture.capture(model, input_ids=ids(11))

    with torch.no_grad():
        model.encoder.layer[1].attention.self.query.weight.mul_(-1)
    changed = capture.capture(model, input_ids=ids(11))
    model.encoder.layer[0].attention.self.key = nn.Linear(48, 48)
    exchanged = capture.capture(model, input_ids=ids(11))

    np.testing.assert_allclose(exchanged.weights(), eager_weights(model, input_ids=ids(11))[:, 0].numpy(), atol=1e-5)
    assert not np.allclose(changed.weights(0), exchanged.weights(0), atol=1e-3)


def test_a_hook_added_since_acts_on_the_shadow_too():
    model = bert()
    plain = capture.capture(model, input_ids=ids(11))

    handle = model.encoder.layer[0].register_forward_hook(lambda module, args, output: output * 0)
    silenced = capture.capture(model, input_ids=ids(11))
    handle.remove()

    np.testing.assert_array_equal(silenced.weights(0), plain.weights(0))
    np.testing.assert_allclose(silenced.weights(1), np.full((6, 11, 11), 1 / 11), atol=1e-6)  # nothing to tell tokens apart
    np.testing.assert_array_equal(capture.capture(model, input_ids=ids(11)).weights(), plain.weights())


def test_a_model_that_was_read_can_be_forgotten():
    model = bert()
    capture.capture(model, input_ids=ids(11))
    gone = weakref.ref(model)

    del model
    gc.collect()

    assert gone() is None


def test_half_precision_is_compared_at_its_own_precision():
    model = llama().to(torch.bfloat16)

    trace = capture.capture(model, input_ids=ids(11))

    assert trace.parts[0].precision == "bfloat16"
    assert trace.weights().dtype == np.float32
    # Eight bits: a score of about 4 is off by 0.016 and its share with it, and the second layer starts from rounded states.
    np.testing.assert_allclose(trace.weights(), eager_weights(model, input_ids=ids(11))[:, 0].float().numpy(), atol=4e-2)
    call = trace.parts[0].calls[0]
    assert isinstance(call, Projections)
    np.testing.assert_allclose(call.mixed(slice(None)), call.output, atol=2e-2)


@pytest.mark.parametrize("family", ["mamba", "fnet"])
def test_a_model_without_attention_is_refused(family: str):
    sizes = {"hidden_size": 48, "num_hidden_layers": 2, "vocab_size": VOCABULARY}
    model = AutoModel.from_config(AutoConfig.for_model(family, **sizes)).eval()

    with pytest.raises(NoAttentionError, match=f"{type(model).__name__}.*Choose another model"):
        capture.capture(model, input_ids=ids(11))
    with pytest.raises(NoAttentionError, match=type(model).__name__):
        capture.forward_from_scratch(model, input_ids=ids(11))


@pytest.mark.parametrize(
    ("family", "more", "reason"),
    [
        ("squeezebert", {**SIZES, "embedding_size": 48}, "should sum to 1"),  # returns raw scores
        ("longformer", {**SIZES, "attention_window": 4}, "not one weight for each pair"),  # returns bands
        ("pegasus_x", STACKS, "encoder attention that PegasusXModel returns is several parts"),
        ("longt5", LONGT5, "encoder attention that LongT5Model returns is not one weight for each pair"),
        ("diffllama", {**SIZES, "num_key_value_heads": 2}, "attends twice in one layer"),
    ],
)
def test_what_is_no_plain_softmax_over_the_tokens_is_refused(family: str, more: dict, reason: str):
    model = AutoModel.from_config(AutoConfig.for_model(family, **more)).eval()
    target = {"decoder_input_ids": ids(7)} if model.config.is_encoder_decoder else {}

    with pytest.raises(NoAttentionError, match=reason):
        capture.capture(model, input_ids=ids(11), attention_mask=torch.ones(1, 11, dtype=torch.long), **target)


def test_a_family_is_shown_as_it_attends_whatever_its_flag_for_the_fused_kernel():
    """paligemma takes the fused kernel, and looks both ways by it where its eager attention looks back only."""
    text = {**SIZES, "num_key_value_heads": 3, "head_dim": 8}
    vision = {
        "hidden_size": 48, "num_hidden_layers": 1, "num_attention_heads": 6, "intermediate_size": 40,
        "image_size": 8, "patch_size": 4, "projection_dim": 48,
    }  # fmt: skip
    sizes = {"text_config": text, "vision_config": vision, "projection_dim": 48, "image_token_index": 96}
    model = loud(AutoModel.from_config(AutoConfig.for_model("paligemma", **sizes)))
    given = {"input_ids": ids(11), "attention_mask": torch.ones(1, 11, dtype=torch.long)}

    trace = capture.capture(model, **given)

    (wanted,) = capture.eager_traces(model, **given)
    assert trace.source == "dense"
    np.testing.assert_allclose(trace.weights(), wanted.weights(), atol=1e-5)


def test_a_model_is_tried_once_and_without_its_hooks(monkeypatch: pytest.MonkeyPatch):
    model, heard, looked = bert(), [], []
    look = capture.agrees
    monkeypatch.setattr(capture, "agrees", lambda *given: looked.append(1) or look(*given))
    hook = model.encoder.layer[0].register_forward_hook(lambda module, args, output: heard.append(args[0].shape[1]))

    for _ in range(2):
        capture.capture(model, input_ids=ids(11))
    hook.remove()
    capture.capture(model, input_ids=ids(11))
    assert (heard, looked) == ([11, 11], [1])

    model.config.is_decoder = True  # another setting: the answer may be another
    capture.capture(model, input_ids=ids(11))
    assert looked == [1, 1]


def test_eight_threads_read_one_family_in_the_same_way():
    model = loud(AutoModel.from_config(AutoConfig.for_model("splinter", **SIZES, question_token_id=3)))

    with ThreadPoolExecutor(8) as pool:
        traces = list(pool.map(lambda length: capture.capture(model, input_ids=ids(length)), range(3, 19)))

    assert {(trace.source, trace.causal) for trace in traces} == {("dense", False)}


def test_settings_changed_since_are_read_as_they_are_now():
    model = loud(AutoModel.from_config(AutoConfig.for_model("mistral", **SIZES, num_key_value_heads=3, head_dim=8)))
    wide = capture.capture(model, input_ids=ids(11))

    model.config.sliding_window = 2
    narrow, wanted = capture.capture(model, input_ids=ids(11)), eager_weights(model, input_ids=ids(11))
    layer: Any = model.layers[1]
    layer.self_attn.scaling *= 2
    sharp = capture.capture(model, input_ids=ids(11))

    query, key = np.indices((11, 11))
    assert (wide.weights()[..., (query - key >= 2) & (query >= key)] > 0).all()
    assert (narrow.weights()[..., query - key >= 2] == 0).all()
    np.testing.assert_allclose(narrow.weights(), wanted[:, 0].numpy(), atol=1e-5)
    np.testing.assert_array_equal(sharp.weights(0), narrow.weights(0))
    assert not np.allclose(sharp.weights(1), narrow.weights(1), atol=1e-2)


@pytest.mark.parametrize("kind", ["closure", "method", "global", "pure"])
def test_a_forward_that_was_replaced_acts_on_the_shadow_too(kind: str):
    model = bert()
    plain = capture.capture(model, input_ids=ids(11))
    layer: Any = model.encoder.layer[0]
    before = layer.forward
    space: dict[str, Any] = {"before": before}  # what a notebook's cells share
    exec("def by_name(*args, **rest):\n    return before(*args, **rest) * 0", space)
    layer.forward = {
        "closure": lambda *args, **rest: before(*args, **rest) * 0,
        "method": types.MethodType(lambda self, *args, **rest: type(self).forward(self, *args, **rest) * 0, layer),
        "global": space["by_name"],
        "pure": lambda states, *args, **rest: states * 0,
    }[kind]

    found = capture.capture(model, input_ids=ids(11))

    assert found.layers == (1 if kind == "pure" else 2)  # a layer that calls no attention has none to show
    if kind == "pure":
        assert found.parts[0].numbers == (1,)
    else:
        np.testing.assert_array_equal(found.weights(0), plain.weights(0))
    np.testing.assert_allclose(found.weights(found.layers - 1), np.full((6, 11, 11), 1 / 11), atol=1e-6)
    del layer.forward
    np.testing.assert_array_equal(capture.capture(model, input_ids=ids(11)).weights(), plain.weights())


HERE = "here they are layers 0 to 1"


@pytest.mark.parametrize(
    ("attending", "numbers", "note"),
    [
        ([3], (3,), "Only layer 3 of this model's 4 attends from token to token; it is layer 0 here."),
        ([1, 3], (1, 3), f"Only layers 1 and 3 of this model's 4 attend from token to token; {HERE}, in this order."),
        ([0, 1], (), f"Only 2 of this model's 4 layers attend from token to token; {HERE}."),
        ([0, 1, 2, 3], (), ""),
    ],
)
def test_renumbered_layers_show_their_own_numbers(attending: list[int], numbers: tuple[int, ...], note: str):
    kinds = ["full_attention" if layer in attending else "conv" for layer in range(4)]
    sizes = {**SIZES, "num_hidden_layers": 4, "num_key_value_heads": 3, "layer_types": kinds, "block_auto_adjust_ff_dim": False}
    model = loud(AutoModel.from_config(AutoConfig.for_model("lfm2", **sizes)))

    trace = capture.capture(model, input_ids=ids(11))

    assert (trace.layers, trace.parts[0].numbers, trace.note) == (len(attending), numbers, note)
    np.testing.assert_allclose(trace.weights(), eager_weights(model, input_ids=ids(11))[:, 0].numpy(), atol=1e-5)
    with pytest.raises(UnknownHeadError, match=re.escape(note) + "$"):
        trace.weights(4)
    (dense,) = capture.eager_traces(model, input_ids=ids(11))  # here nothing tells which ones
    assert ("Only" in dense.note) == (len(attending) < 4)


def test_layers_of_different_sizes_are_refused():
    sizes = {"image_size": 16, "patch_size": 2, "embed_dim": 12, "depths": [1, 1], "num_heads": [3, 6], "window_size": 4}
    model = AutoModel.from_config(AutoConfig.for_model("swin", **sizes)).eval()

    with pytest.raises(NoAttentionError, match="changes its size from layer to layer"):
        capture.capture(model, pixel_values=torch.randn(1, 3, 16, 16))


def test_what_is_no_transformers_model_is_refused():
    with pytest.raises(BadInputError, match="got Linear"):
        capture.capture_batch(nn.Linear(3, 2), input_ids=ids(4))


def test_capture_takes_one_row_and_a_row_has_tokens():
    with pytest.raises(BadInputError, match=r"got 2\. Use capture_batch"):
        capture.capture(bert(), input_ids=ids(5, rows=2))
    with pytest.raises(BadInputError, match="Row 1 has no visible token"):
        capture.capture_batch(bert(), input_ids=ids(5, rows=2), attention_mask=torch.tensor([[1] * 5, [0] * 5]))


def test_unlabelled_tokens_carry_their_numbers():
    given = ids(5)

    assert [token.text for token in capture.capture(bert(), input_ids=given).tokens] == [f"#{int(i)}" for i in given[0]]
    embedded = capture.capture(bert(), inputs_embeds=torch.randn(1, 3, 48))
    assert [token.text for token in embedded.tokens] == ["0", "1", "2"]


def pair_of_berts() -> EncoderDecoderModel:
    decoder = BertConfig(**{**SIZES, "num_hidden_layers": 3}, is_decoder=True, add_cross_attention=True)
    model = EncoderDecoderModel(EncoderDecoderConfig.from_encoder_decoder_configs(BertConfig(**SIZES), decoder))
    loud(model)
    return model


def test_a_composite_of_two_berts_has_three_blocks_with_the_right_sides():
    model = pair_of_berts()
    source, target = ids(11), ids(7, seed=5)

    trace = capture.capture(model, input_ids=source, decoder_input_ids=target)

    assert trace.blocks == ("encoder", "decoder", "cross")
    sizes = {"encoder": (2, 11, 11), "decoder": (3, 7, 7), "cross": (3, 7, 11)}
    for name, (layers, queries, keys) in sizes.items():
        block = trace.block(name)
        assert block.weights().shape == (layers, 6, queries, keys)
        assert (len(block.queries), len(block.keys)) == (queries, keys)
        assert block.causal == (name == "decoder")
    assert [token.text for token in trace.block("cross").queries] == [f"#{int(i)}" for i in target[0]]
    assert [token.text for token in trace.block("cross").keys] == [f"#{int(i)}" for i in source[0]]
    for part in capture.eager_traces(model, input_ids=source, decoder_input_ids=target)[0].parts:
        np.testing.assert_allclose(trace.block(part.name).weights(), part.weights(), atol=1e-5)


def test_a_decoder_that_is_handed_states_pads_each_side_by_its_own_mask():
    decoder = bert(is_decoder=True, add_cross_attention=True)
    states, hides = torch.randn(2, 9, 48), torch.tensor([[1] * 9, [1] * 6 + [0] * 3])
    given = {"input_ids": ids(7, rows=2), "attention_mask": torch.tensor([[1] * 7, [1] * 4 + [0] * 3])}

    traces = capture.capture_batch(decoder, **given, encoder_hidden_states=states, encoder_attention_mask=hides)

    sizes = [(len(t.block("decoder").queries), len(t.block("cross").queries), len(t.block("cross").keys)) for t in traces]
    assert sizes == [(7, 7, 9), (4, 4, 6)]


def test_rows_of_a_batch_do_not_keep_each_other_alive():
    (trace, _) = capture.capture_batch(bert(), input_ids=ids(5, rows=2))
    call = trace.parts[0].calls[0]
    assert isinstance(call, Projections)

    for array in (call.query, call.key, call.value, call.output):
        assert array.base is None or array.base.nbytes == array.nbytes


def test_masks_of_fewer_axes_and_additive_masks_are_understood():
    model = bert()
    may = torch.ones(1, 1, 11, 11, dtype=torch.bool).tril()
    additive = torch.zeros(1, 1, 11, 11).masked_fill(~may, torch.finfo(torch.float32).min)

    by_flag = capture.capture(model, input_ids=ids(11), attention_mask=may)
    by_number = capture.capture(model, input_ids=ids(11), attention_mask=additive)

    assert by_flag.causal
    assert by_number.causal
    np.testing.assert_allclose(by_flag.weights(), by_number.weights(), atol=1e-6)
    assert (np.triu(by_flag.weights(), 1) == 0).all()


def test_layers_share_one_mask():
    given = {"input_ids": ids(11, rows=2), "attention_mask": torch.tensor([[1] * 11, [0] * 4 + [1] * 7])}

    padded = capture.capture_batch(llama(), **given)[1]

    first, second = padded.parts[0].calls
    assert isinstance(first, Projections)
    assert isinstance(second, Projections)
    assert first.mask is not None
    assert first.mask is second.mask


@pytest.mark.parametrize("prepared", [True, False])
@pytest.mark.parametrize("make", [bert, llama])
def test_eight_threads_on_one_model_answer_as_one_thread_does(make, prepared: bool):
    model = make()
    if prepared:
        capture.prepare(model)
    texts = [{"input_ids": ids(length, seed=length)} for length in range(2, 26)]
    for given in texts[::3]:
        given["attention_mask"] = torch.ones_like(given["input_ids"])

    def read(given: dict) -> Trace:
        return capture.capture(model, **given)

    alone = [read(given) for given in texts]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(read, texts * 3))

    for index, trace in enumerate(together):
        wanted = alone[index % len(texts)]
        assert trace.tokens == wanted.tokens
        np.testing.assert_array_equal(trace.weights(), wanted.weights())
        for mine, theirs in zip(trace.parts[0].calls, wanted.parts[0].calls, strict=True):
            assert isinstance(mine, Projections)
            assert isinstance(theirs, Projections)
            np.testing.assert_array_equal(mine.output, theirs.output)


def test_a_forward_pass_outside_any_capture_is_recorded_nowhere():
    model = bert()
    capture.prepare(model)

    with recording.recording() as run:
        thread = threading.Thread(target=lambda: model(input_ids=ids(4)))
        thread.start()
        thread.join()
        model(input_ids=ids(11))

    assert [call.query.shape[2] for call in run.calls] == [11, 11]
    assert model(input_ids=ids(4)).last_hidden_state.requires_grad
    assert len(run.calls) == 2
