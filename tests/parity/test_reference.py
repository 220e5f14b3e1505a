"""The two transformers from scratch against the library's own: every layer's states and weights, and the next words.

Differences are taken a token at a time and divided by the norm of that token's state: in smollm2 the state of the first
token grows to 30,000, and would hide any fault in the others. `pytest -s` prints the largest and the mean of every layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel, LlamaConfig, LlamaForCausalLM, LlamaModel, PreTrainedConfig, PreTrainedModel

from attnviz.engine import capture
from attnviz.engine import reference as scratch
from attnviz.errors import BadInputError
from attnviz.models import catalog, load
from attnviz.models.load import LoadedModel
from attnviz.settings import Settings

# Both sides round after every operation, about 6e-8 of a number each time, in another order; thirty layers of some ten
# operations stay near 1e-6 of a state. A wrong epsilon, activation or angle is off by 1e-3 and more. (One word thirty times
# in a row is left out: there the library's own states lie 3e-5 from the same pass in float64, so no other order can be nearer.)
STATES = 2e-5
WEIGHTS = 1e-5  # shares of at most 1, as everywhere in this house
# Ten texts with little in common, and how many of their tokens are read, 1 to 200; each is repeated until it has so many.
TEXTS = {
    "a word": ("Attention", 1),
    "digits": ("3141592653 + 2718281828 = 5859874481; 0.000125 / 16 ", 64),
    "a sentence": ("The animal didn't cross the street because it was too tired.", 13),
    "words that come again": ("The dog that saw the dog saw the dog that the dog saw. ", 34),
    "code": (
        "def area(r: float) -> float:\n    return 3.14 * r ** 2  # not exact\n\nprint([area(n) for n in range(7)])\n",
        127,
    ),
    "Arabic": ("لم يعبر الحيوان الشارع لأنه كان متعبا جدا، ثم نام حتى الصباح. ", 55),
    "Chinese": ("那只动物没有过马路，因为它太累了。后来它在树下睡着了。", 41),
    "German": ("Der Übergang war gesperrt; größere Boote fuhren außen herum, übrigens auch nachts. ", 21),
    "marks and pictures": ("\U0001f642\U0001f680 ¿?! «…» {[(<>)]} ~~~ §½ @ # \\ \u200d \t é ", 8),
    "prose": (
        "When the lantern went out, the captain, who had not slept since Sunday, asked her sister for the letter; nobody "
        "answered. Some boats in the harbour were painted green, others had never been painted at all. ",
        200,
    ),
}


@dataclass(frozen=True, eq=False)
class Reference:
    """What the library says of one text: states before each layer and after the last, and each layer's weights."""

    states: tuple[np.ndarray, ...]
    weights: tuple[np.ndarray, ...]


def reference(model: PreTrainedModel, **inputs: Any) -> Reference:
    with torch.inference_mode():
        found = capture.shadow(model, "eager")(**inputs, output_hidden_states=True, output_attentions=True)
    return Reference(
        tuple(state[0].numpy() for state in found.hidden_states), tuple(layer[0].numpy() for layer in found.attentions)
    )


def relative(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The difference of each token's state, as a part of that state's norm."""
    return np.linalg.norm(found - wanted, axis=-1) / np.linalg.norm(wanted, axis=-1)


def compared(run: scratch.ForwardPass, wanted: Reference, title: str) -> None:
    """Every layer's states and weights within their bounds; a line a layer is printed."""
    assert len(run.layers) == len(wanted.weights) == len(wanted.states) - 1
    found = [layer["input"] for layer in run.layers] + [run.output]
    np.testing.assert_array_equal(found[0], run.embedding["output"])
    for number, (ours, theirs) in enumerate(zip(found, wanted.states, strict=True)):
        apart = relative(ours, theirs)
        print(f"{title}, states {number}: largest {apart.max():.1e}, mean {apart.mean():.1e}")
        assert apart.max() <= STATES, number
    for number, (steps, theirs) in enumerate(zip(run.layers, wanted.weights, strict=True)):
        apart = np.abs(steps["weights"] - theirs)
        print(f"{title}, weights {number}: largest {apart.max():.1e}, mean {apart.mean():.1e}")
        assert apart.max() <= WEIGHTS, number


@pytest.fixture(scope="module", params=["minilm", pytest.param("smollm2", marks=pytest.mark.slow)])
def loaded(request: pytest.FixtureRequest) -> LoadedModel:
    return load.load(catalog.card(request.param), Settings.from_env())


def read(loaded: LoadedModel, name: str) -> list[int]:
    """The tokens of one text, without special ones."""
    text, length = TEXTS[name]
    ids = loaded.tokenizer(text * length, add_special_tokens=False)["input_ids"][:length]
    assert len(ids) == length
    return ids


@pytest.mark.slow
@pytest.mark.parametrize("name", TEXTS)
def test_every_layer_of_the_embedded_models_equals_the_library(loaded: LoadedModel, name: str):
    ids = read(loaded, name)

    run = scratch.run(scratch.read(loaded.model), ids)

    compared(run, reference(loaded.model, input_ids=torch.tensor([ids])), f"{loaded.card.id}, {name}, {len(ids)} tokens")


def test_a_sentence_pair_in_minilm_equals_the_library():
    loaded = load.load(catalog.card("minilm"), Settings.from_env())
    given = loaded.tokenizer("The cat sat.", "It was tired.", return_tensors="pt")
    types = given["token_type_ids"][0].tolist()
    assert set(types) == {0, 1}

    run = scratch.run(scratch.read(loaded.model), given["input_ids"][0].tolist(), types)

    compared(run, reference(loaded.model, **given), "minilm, a pair")
    alone = scratch.run(scratch.read(loaded.model), given["input_ids"][0].tolist())
    assert np.abs(alone.layers[0]["weights"] - run.layers[0]["weights"]).max() > 0.01  # the segments do matter


def apart_when_shuffled(
    weights: scratch.ModelWeights, ids: list[int], change: scratch.Intervention, seeds: range
) -> list[float]:
    """For each shuffle the largest difference between the weights of shuffled words and the shuffled weights of the words."""
    before, found = scratch.run(weights, ids, change=change), []
    for seed in seeds:
        order = np.random.default_rng(seed).permutation(len(ids))
        after = scratch.run(weights, [ids[place] for place in order], change=change)
        both = zip(before.layers, after.layers, strict=True)
        found.append(max(float(np.abs(b["weights"] - a["weights"][:, order][:, :, order]).max()) for a, b in both))
    return found


# Sums in another order round otherwise: a few 1e-15 of a share in float64 and a few 1e-6 in float32, through all layers.
@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_without_positions_and_mask_weights_are_shuffled_with_the_words(loaded: LoadedModel, dtype: torch.dtype, bound: float):
    weights = scratch.read(loaded.model, dtype)
    ids = loaded.tokenizer("The animal didn't cross the street because it was too tired")["input_ids"]

    neither = apart_when_shuffled(weights, ids, scratch.Intervention(positions=False, causal=False), range(20))
    masked = apart_when_shuffled(weights, ids, scratch.Intervention(positions=False, causal=True), range(2))

    print(f"{loaded.card.id}, {dtype}, 20 shuffles: largest {max(neither):.1e}; with the causal mask on {min(masked):.2f}")
    assert max(neither) < bound
    assert min(masked) > 0.1  # the mask is a position by itself


@pytest.mark.slow
@pytest.mark.parametrize("loaded", ["smollm2"], indirect=True)
@pytest.mark.parametrize("name", TEXTS)
def test_smollm2_says_the_same_ten_next_words(loaded: LoadedModel, name: str):
    ids = read(loaded, name)
    with torch.device("meta"):
        whole = LlamaForCausalLM(loaded.model.config)
    whole.model = loaded.model
    whole.tie_weights()

    weights = scratch.read(loaded.model)
    found = scratch.logits(weights, scratch.run(weights, ids, keep=()).output)
    with torch.inference_mode():
        wanted = whole(input_ids=torch.tensor([ids])).logits[0].numpy()

    assert found.shape == wanted.shape == (len(ids), 49152)
    for ours, theirs in zip(found, wanted, strict=True):
        assert np.argsort(-ours)[:10].tolist() == np.argsort(-theirs)[:10].tolist()


def loud(model: PreTrainedModel) -> PreTrainedModel:
    """Weights far from what a model starts with: attention far from even, norms that stretch and shift, biases that show."""
    generator = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return model.eval()


BERT = {
    "vocab_size": 31, "hidden_size": 15, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 22,
    "max_position_embeddings": 12, "type_vocab_size": 2, "layer_norm_eps": 0.1,
}  # fmt: skip
LLAMA = {
    "vocab_size": 31, "hidden_size": 18, "num_hidden_layers": 2, "num_attention_heads": 6, "num_key_value_heads": 2,
    "head_dim": 8, "intermediate_size": 26, "max_position_embeddings": 64, "rms_norm_eps": 0.1,
    "rope_parameters": {"rope_type": "default", "rope_theta": 50.0},
}  # fmt: skip
IDS, TYPES = [4, 30, 1, 1, 0, 17, 9], [0, 0, 0, 1, 1, 1, 1]


def test_a_small_bert_equals_the_library():
    model = loud(BertModel(BertConfig(**BERT)))

    run = scratch.run(scratch.read(model), IDS, TYPES)

    compared(run, reference(model, input_ids=torch.tensor([IDS]), token_type_ids=torch.tensor([TYPES])), "small bert")


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("groups", [1, 2, 6])
def test_a_small_llama_equals_the_library(groups: int, bias: bool):
    sizes = {**LLAMA, "num_key_value_heads": groups, "attention_bias": bias, "mlp_bias": bias}
    model = loud(LlamaModel(LlamaConfig(**sizes)))

    run = scratch.run(scratch.read(model), IDS)

    compared(run, reference(model, input_ids=torch.tensor([IDS])), f"small llama, {groups} groups")


def test_a_model_with_a_head_of_its_own_uses_it():
    model = loud(LlamaForCausalLM(LlamaConfig(**LLAMA, tie_word_embeddings=False)))

    weights = scratch.read(model)
    found = scratch.logits(weights, scratch.run(weights, IDS).output)

    with torch.inference_mode():
        wanted = model(input_ids=torch.tensor([IDS])).logits[0].numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-5, rtol=0)  # sums of twenty products near 1


SCALED = {"rope_parameters": {"rope_type": "linear", "rope_theta": 50.0, "factor": 2.0}}


@pytest.mark.parametrize(
    ("family", "config", "message"),
    [
        (BertModel, BertConfig(**BERT, hidden_act="relu"), "'relu'"),
        (BertModel, BertConfig(**BERT, is_decoder=True), "decoder"),
        (LlamaModel, LlamaConfig(**LLAMA, hidden_act="gelu"), "'gelu'"),
        (LlamaModel, LlamaConfig(**{**LLAMA, **SCALED}), "'linear'"),
    ],
    ids=["activation", "decoder", "another activation", "scaled positions"],
)
def test_variants_that_are_not_written_out_are_refused(family: type[PreTrainedModel], config: PreTrainedConfig, message: str):
    with pytest.raises(BadInputError, match=message):
        scratch.read(family(config))
