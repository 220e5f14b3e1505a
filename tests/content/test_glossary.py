"""Check every number and every claim about a model in the glossary against the models."""

from __future__ import annotations

import math
import re
from functools import lru_cache

import numpy as np
import pytest

import attnviz
from attnviz.analysis import link_ranking, specificity
from attnviz.analysis.row_stats import entropy
from attnviz.analysis.statistics import wilson
from attnviz.engine.layers import Projections
from attnviz.lessons import glossary
from attnviz.linguistics.fixed_rules import ERROR
from attnviz.models.load import LoadedModel
from attnviz.selection import TEXT
from attnviz.types import Link

NAMES = r"all-MiniLM-L6-v2|SmolLM2(-135M)?|GPT-2|T5|L\d+(·H\d+)?|\[[A-Z]+\]"
YEAR = r"\b(19|20)\d\d\b"


@lru_cache(maxsize=2)
def loaded(name: str) -> LoadedModel:
    return attnviz.load(name)


def config(model: str, name: str) -> int:
    return getattr(loaded(model).model.config, name)


def kept(groups: int) -> int:
    """Numbers that smollm2 keeps of a text as long as its limit: a key and a value a token, layer and group."""
    dim = config("smollm2", "hidden_size") // config("smollm2", "num_attention_heads")
    return 2 * config("smollm2", "max_position_embeddings") * config("smollm2", "num_hidden_layers") * groups * dim


def heads(model: str) -> int:
    return config(model, "num_hidden_layers") * config(model, "num_attention_heads")


def percent(rate: float) -> int:
    return round(100 * rate)


def example_link() -> tuple[float, float]:
    """What L3·H1 of minilm gives from “it” to “animal”, and what the other words give “animal”."""
    ranked = link_ranking.rank_heads(attnviz.attend(TEXT), [Link((43, 45), (4, 10))])
    (one,) = (one for one in ranked if (one.layer, one.head) == (3, 1))
    assert one.others is not None
    return round(one.weight, 2), round(one.others, 1)


def numbers(text: str) -> list[str]:
    """The numbers of a text; formulas, names of models and heads, and years are none."""
    return re.findall(r"\d+(?:[.,]\d+)*", re.sub(rf"\$[^$]*\$|{NAMES}|{YEAR}", "", text))


# What each text says, in the order in which it says it.
STATED = {
    "layer": lambda: [config("minilm", "num_hidden_layers"), config("smollm2", "num_hidden_layers")],
    "context-length": lambda: [
        loaded("minilm").model.state_dict()["embeddings.position_embeddings.weight"].shape[0],
        config("smollm2", "max_position_embeddings"),
    ],
    "multi-head": lambda: [
        config("minilm", "num_attention_heads"),
        config("minilm", "hidden_size") // config("minilm", "num_attention_heads"),
        config("minilm", "hidden_size"),
    ],
    "grouped-queries": lambda: [
        config("smollm2", "num_attention_heads"),
        config("smollm2", "num_key_value_heads"),
        config("smollm2", "num_attention_heads") // config("smollm2", "num_key_value_heads"),
        config("smollm2", "max_position_embeddings"),
        round(kept(config("smollm2", "num_key_value_heads")) / 1e6),
        round(loaded("smollm2").model.num_parameters() / 1e6),
        round(kept(config("smollm2", "num_attention_heads")) / 1e6),
    ],
    "head": lambda: [3, 1],  # how L3·H1 is read
    "softmax": lambda: [round(math.e, 1)],
    "entropy": lambda: [2**2, 2**3],
    "sink": lambda: [0.3],  # Gu et al. 2025, section 3.2: a mean over all rows, the first token's own among them
    "interval": lambda: [
        15, 30, percent(15 / 30), *map(percent, wilson(15, 30)), 3000, *map(percent, wilson(1500, 3000)), 95,
    ],
    "vocabulary": lambda: [config(name, "vocab_size") for name in ("minilm", "smollm2")],
    "vector": lambda: [config(name, "hidden_size") for name in ("minilm", "smollm2")],
    "parameter": lambda: [round(loaded(name).model.num_parameters() / 1e6) for name in ("minilm", "smollm2")],
    "feed-forward": lambda: [config("minilm", "hidden_size"), config("minilm", "intermediate_size")],
    "dot-product": lambda: [1, 2, 3, 4, 1, 3, 2, 4, np.dot((1, 2), (3, 4))],
    "cosine": lambda: [1, 0, 1],  # the last one after a minus
    "weight": lambda: [0, 1, 1],
    "logit": lambda: [round(math.e, 1)],
    "gap": lambda: [8908],  # Webster et al. 2018, abstract
    "margin": lambda: [0.64, 0.1, round(0.64 - 0.1, 2)],
    "specific": lambda: [*example_link(), specificity.FEW, specificity.LEAST],
    "p-value": lambda: [
        0.01, 0.01 * 100, 100, heads("minilm"), heads("minilm"), 0.0005, heads("minilm"), round(0.0005 * heads("minilm"), 6),
        ERROR,
    ],
    "Why is long context expensive?": lambda: [2**2],
    "I found a head that does exactly what I was looking for. Is that a discovery?": lambda: [
        heads(name) for name in ("minilm", "smollm2")
    ],
}  # fmt: skip
PROSE = {
    **{one.id: f"{one.short} {one.long}" for one in glossary.terms()},
    **{one.question: one.answer for one in glossary.questions()},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", STATED)
def test_every_number_in_the_prose_is_true(name: str):
    assert [float(number.replace(",", "")) for number in numbers(PROSE[name])] == [float(one) for one in STATED[name]()]


def test_no_number_in_the_prose_is_unchecked():
    assert {name for name, text in PROSE.items() if numbers(text)} == set(STATED)


def test_even_rows_have_the_bits_that_the_glossary_says():
    assert entropy(np.full((1, 4), 0.25, np.float32)) == pytest.approx([2.0])
    assert entropy(np.full((1, 8), 0.125, np.float32)) == pytest.approx([3.0])


@pytest.mark.slow
def test_a_word_becomes_the_pieces_that_the_glossary_names_and_what_cannot_be_spelt_one_unknown_token():
    def read(text: str, model: str) -> list[str]:
        return [token.piece for token in attnviz.attend(text, model).tokens]

    assert read("playfulness", "minilm") == ["[CLS]", "playful", "##ness", "[SEP]"]
    assert read("🦜", "minilm") == ["[CLS]", "[UNK]", "[SEP]"]
    assert len(read("Hello there", "smollm2")) == 2  # no special token


@pytest.mark.slow
def test_the_small_networks_hold_about_two_thirds_of_a_standard_layer():
    layer = {name: w.numel() for name, w in loaded("minilm").model.state_dict().items() if name.startswith("encoder.layer.0.")}
    small = sum(n for name, n in layer.items() if "attention" not in name)
    assert small / sum(layer.values()) == pytest.approx(2 / 3, abs=0.02)


@pytest.mark.slow
def test_norms_and_positions_are_of_the_stated_kinds():
    minilm, smollm2 = (set(loaded(name).model.state_dict()) for name in ("minilm", "smollm2"))
    assert "embeddings.position_embeddings.weight" in minilm
    assert any(name.endswith("LayerNorm.bias") for name in minilm)
    assert not any("position" in name for name in smollm2)
    assert "rope_theta" in str(loaded("smollm2").model.config)
    assert not any("norm" in name and name.endswith("bias") for name in smollm2)


@pytest.mark.slow
def test_the_row_of_it_is_the_same_in_a_decoder_and_not_in_an_encoder():
    def row(model: str, text: str) -> np.ndarray:
        trace = attnviz.attend(text, model)
        it = next(at for at, token in enumerate(trace.tokens) if token.text == "it")
        return trace.weights()[:, :, it, : it + 1]

    wide = TEXT.replace("tired", "wide")
    assert np.abs(row("smollm2", TEXT) - row("smollm2", wide)).max() < 1e-5
    assert np.abs(row("minilm", TEXT) - row("minilm", wide)).max() > 0.1


@pytest.mark.slow
@pytest.mark.parametrize(("model", "resting"), [("minilm", ("[CLS]", "[SEP]")), ("smollm2", ("The",))])
def test_sinks_take_much_and_have_short_values(model: str, resting: tuple[str, ...]):
    trace = attnviz.attend(TEXT, model)
    at = [i for i, token in enumerate(trace.tokens) if token.text in resting]
    others = [i for i in range(len(trace.tokens)) if i not in at]
    taken = trace.weights()[:, :, others][..., at].sum(-1).mean()
    assert taken > 0.3
    calls = [call for call in trace.parts[0].calls if isinstance(call, Projections)]
    lengths = np.stack([np.linalg.norm(call.value, axis=-1) for call in calls])
    assert lengths[..., at].mean() < 0.6 * lengths[..., others].mean()
