"""The transformers from scratch: parts worked out by hand, and each change in the forward pass doing that and no more."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from attnviz.engine import attention, reference
from attnviz.engine.reference import AS_TRAINED, Intervention, ModelWeights, bert, llama, steps
from attnviz.errors import BadInputError, TooLongError

CLOSE = 1e-6  # a handful of float32 roundings of numbers near 1
ROOT2, ROOT3 = math.sqrt(2), math.sqrt(3)


def made(family: str, dtype: torch.dtype = torch.float32, **sizes: int) -> ModelWeights:
    """Random weights, loud enough to be far from even: 4 heads in 2 groups of 6 numbers, width 24, 3 layers, 19 words."""
    size = {"layers": 3, "heads": 4, "groups": 4 if family == "bert" else 2, "dim": 6, "inner": 14, "words": 19} | sizes
    width, small = size["heads"] * size["dim"], size["groups"] * size["dim"]
    chance = torch.Generator().manual_seed(7)
    shapes: dict[str, tuple[int, ...]] = {}
    if family == "bert":
        for name, rows in (("word", size["words"]), ("position", 16), ("token_type", 2)):
            shapes[f"embeddings.{name}_embeddings.weight"] = (rows, width)
        shapes |= {"embeddings.LayerNorm.weight": (width,), "embeddings.LayerNorm.bias": (width,)}
        for i in range(size["layers"]):
            name = f"encoder.layer.{i}"
            for part, outs, ins in (
                ("attention.self.query", width, width), ("attention.self.key", width, width),
                ("attention.self.value", width, width), ("attention.output.dense", width, width),
                ("intermediate.dense", size["inner"], width), ("output.dense", width, size["inner"]),
            ):  # fmt: skip
                shapes |= {f"{name}.{part}.weight": (outs, ins), f"{name}.{part}.bias": (outs,)}
            for part in ("attention.output.LayerNorm", "output.LayerNorm"):
                shapes |= {f"{name}.{part}.weight": (width,), f"{name}.{part}.bias": (width,)}
    else:
        shapes |= {"embed_tokens.weight": (size["words"], width), "norm.weight": (width,)}
        for i in range(size["layers"]):
            name = f"layers.{i}"
            for part, outs, ins in (
                ("self_attn.q_proj", width, width), ("self_attn.k_proj", small, width), ("self_attn.v_proj", small, width),
                ("self_attn.o_proj", width, width), ("mlp.gate_proj", size["inner"], width),
                ("mlp.up_proj", size["inner"], width), ("mlp.down_proj", width, size["inner"]),
            ):  # fmt: skip
                shapes[f"{name}.{part}.weight"] = (outs, ins)
            shapes |= {f"{name}.{part}_layernorm.weight": (width,) for part in ("input", "post_attention")}
    tensors = {
        name: (torch.randn(shape, generator=chance, dtype=torch.float64) * 0.4).to(dtype) for name, shape in shapes.items()
    }
    return ModelWeights(
        family=family, tensors=tensors, layers=size["layers"], heads=size["heads"], groups=size["groups"], dim=size["dim"],
        vocabulary=size["words"], longest=16, epsilon=1e-5, base=0.0 if family == "bert" else 100.0,
    )  # fmt: skip


BOTH = pytest.mark.parametrize("family", ["bert", "llama"])
IDS = (3, 18, 0, 7, 7, 11, 5, 2)


def one(name: str, tensor: list) -> ModelWeights:
    """Weights that hold one tensor and nothing else."""
    return replace(made("llama", layers=0), tensors={name: torch.tensor(tensor)}, epsilon=0.0)


def equal(found: torch.Tensor | np.ndarray, wanted: list, atol: float = CLOSE) -> None:
    np.testing.assert_allclose(np.asarray(found), wanted, atol=atol, rtol=0)


# The parts, by hand


def test_layer_norm_brings_to_mean_0_and_variance_1_then_stretches_and_shifts():
    w = replace(
        one("n.weight", [1.0, 2.0, 1.0]),
        tensors={"n.weight": torch.tensor([1.0, 2.0, 1.0]), "n.bias": torch.tensor([0.0, 1.0, 5.0])},
    )

    # 1, 2, 3: mean 2, variance 2/3, so they become -sqrt(3/2), 0, sqrt(3/2)
    equal(bert.normed(w, "n", torch.tensor([[1.0, 2.0, 3.0]])), [[-math.sqrt(1.5), 1.0, 5.0 + math.sqrt(1.5)]])


def test_rms_norm_divides_by_the_root_mean_square_and_shifts_nothing():
    # 1, 7: mean square 25, root 5
    equal(llama.normed(one("n.weight", [1.0, 10.0]), "n", torch.tensor([[1.0, 7.0]])), [[0.2, 14.0]])


def test_epsilon_is_added_under_the_root():
    w = replace(one("n.weight", [1.0, 1.0]), epsilon=24.0)

    equal(llama.normed(w, "n", torch.tensor([[1.0, 1.0]])), [[0.2, 0.2]])  # 1 / sqrt(1 + 24)
    plain = replace(w, tensors={"n.weight": torch.ones(2), "n.bias": torch.zeros(2)})
    equal(bert.normed(plain, "n", torch.tensor([[4.0, 6.0]])), [[-0.2, 0.2]])  # mean 5, variance 1


def test_the_soft_switches_at_points_that_are_known():
    # The normal distribution: 0.8413447 of it lies below 1. The logistic one: 0.7310586.
    equal(bert.gelu(torch.tensor([0.0, 1.0, -1.0])), [0.0, 0.8413447, -0.1586553])
    equal(llama.silu(torch.tensor([0.0, 1.0, -1.0])), [0.0, 0.7310586, -0.2689414])


def test_rotary_positions_turn_pairs_of_halves_fast_and_slow():
    # dim 4, base 9: pair (0, 2) turns by the position, pair (1, 3) by the position / sqrt(9).
    x = torch.tensor([[[1.0, 0.0, 0.0, 3.0]] * 3])  # 1 head, 3 tokens

    found = llama.apply_rotary(x, 9.0)

    wanted = [[math.cos(p), -3 * math.sin(p / 3), math.sin(p), 3 * math.cos(p / 3)] for p in range(3)]
    equal(found, [wanted])


def test_turned_products_depend_on_the_distance_alone():
    chance = torch.Generator().manual_seed(3)
    q, k = torch.randn(6, generator=chance), torch.randn(6, generator=chance)
    rotated = llama.apply_rotary(torch.stack([q.expand(9, 6), k.expand(9, 6)]), 50.0)  # the same query and key at 9 places

    products = rotated[0] @ rotated[1].T
    for distance in (-3, 0, 4):
        line = torch.diagonal(products, distance)
        equal(line, [float(line[0])] * len(line), atol=1e-5)
    assert (products[0, 1] - products[0, 5]).abs() > 0.1


def test_heads_are_cut_and_joined_in_order():
    x = torch.arange(12.0).view(2, 6)  # 2 tokens, 3 heads of 2 numbers

    cut = steps.split(x, 3)

    equal(cut, [[[0, 1], [6, 7]], [[2, 3], [8, 9]], [[4, 5], [10, 11]]])
    equal(steps.joined(cut), x.tolist())


# A whole pass


@BOTH
def test_every_step_is_there_in_order_and_read_only(family: str):
    run = reference.run(made(family), IDS)

    llamas = {"input_norm", "q_rotated", "k_rotated", "gate"}
    wanted = [name for name in reference.STEPS if family == "llama" or name not in llamas]
    for layer in run.layers:
        assert list(layer) == wanted
        assert not any(array.flags.writeable for array in layer.values())
    assert list(run.embedding)[-1] == "output"


@BOTH
def test_every_step_follows_from_the_ones_before_it(family: str):
    w = made(family, torch.float64)
    run = reference.run(w, IDS)

    np.testing.assert_array_equal(run.embedding["output"], run.layers[0]["input"])
    for before, after in zip(run.layers, run.layers[1:], strict=False):
        np.testing.assert_array_equal(before["output"], after["input"])
    got = run.layers[1]
    q, k = (got["q_rotated"], got["k_rotated"]) if family == "llama" else (got["q"], got["k"])
    for head in range(4):
        group = w.group(head)
        scores = q[head] @ k[group].T
        equal(got["scores"][head], scores, atol=1e-12)
        equal(got["scaled"][head], scores / math.sqrt(6), atol=1e-12)
        shown = np.exp(got["masked"][head])
        equal(got["weights"][head], shown / shown.sum(-1, keepdims=True), atol=1e-12)
        equal(got["mix"][head], got["weights"][head] @ got["v"][group], atol=1e-12)
        equal(got["joined"][:, head * 6 : head * 6 + 6], got["mix"][head], atol=0)
    equal(got["added"], got["input"] + got["projected"], atol=0)
    into = got["added_norm"] if family == "bert" else got["added"]
    equal(got["summed"], into + got["narrow"], atol=0)
    hidden = np.isinf(got["masked"])
    np.testing.assert_array_equal(hidden, np.broadcast_to(np.triu(np.ones((8, 8)), 1) * (family == "llama"), (4, 8, 8)))


@BOTH
def test_only_the_requested_layers_keep_their_steps(family: str):
    whole, part = reference.run(made(family), IDS), reference.run(made(family), IDS, keep=(1,))

    assert [list(layer) == ["output"] for layer in part.layers] == [True, False, True]
    np.testing.assert_array_equal(part.output, whole.output)


@pytest.mark.parametrize(
    ("ids", "error", "message"),
    [((), BadInputError, "at least one"), ((3, 19), BadInputError, "0 to 18; got 19"), ((1,) * 17, TooLongError, "at most 16")],
)
def test_ids_that_the_model_lacks_are_refused(ids: tuple[int, ...], error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        reference.run(made("bert"), ids)


def test_an_encoder_says_no_next_word():
    with pytest.raises(BadInputError, match="decoder"):
        reference.logits(made("bert"), np.zeros((1, 24), np.float32))


# What if


def first(family: str, change: Intervention, layer: int = 0, dtype: torch.dtype = torch.float64) -> reference.Steps:
    """The steps of one layer with a change."""
    return reference.run(made(family, dtype), IDS, change=change).layers[layer]


@BOTH
def test_no_change_changes_nothing(family: str):
    trained = reference.run(made(family), IDS)
    stated = reference.run(
        made(family), IDS, change=Intervention(causal=family == "llama", heads=(0, 1, 2, 3), window=99, stride=1)
    )

    np.testing.assert_array_equal(stated.output, trained.output)


def test_without_the_root_scores_stay_as_they_are_and_a_temperature_divides_them():
    q, k = torch.tensor([[[1.0, 1.0, 1.0, 1.0]]]), torch.tensor([[[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]]])

    def scaled(**change: object) -> np.ndarray:
        return steps.attended(q, k, k, Intervention(**change), causal=False)["scaled"][0, 0].numpy()  # type: ignore[arg-type]

    equal(scaled(), [0.5, 2.0])  # 1 and 4, divided by sqrt(4)
    equal(scaled(scale=False), [1.0, 4.0])
    equal(scaled(temperature=4.0), [0.125, 0.5])
    equal(scaled(scale=False, temperature=0.5), [2.0, 8.0])


@BOTH
def test_a_low_temperature_sharpens_and_a_high_one_evens_out(family: str):
    cold, warm, hot = (first(family, Intervention(temperature=t, causal=False))["weights"].max(-1) for t in (0.01, 1.0, 1e6))

    assert (cold > warm).all()
    equal(hot, np.full((4, 8), 1 / 8), atol=1e-4)


@BOTH
def test_the_causal_mask_on_hides_what_comes_later_and_off_shows_it(family: str):
    on, off = first(family, Intervention(causal=True)), first(family, Intervention(causal=False))

    assert (np.triu(on["weights"], 1) == 0).all()
    assert (off["weights"] > 0).all()
    np.testing.assert_array_equal(on["scores"], off["scores"])
    shown = np.tril(off["weights"])  # in the first layer the mask only takes away, and the rest is normalised again
    equal(on["weights"], shown / shown.sum(-1, keepdims=True), atol=1e-12)


@BOTH
def test_with_the_mask_on_a_later_word_changes_nothing_before_it(family: str):
    w, other = made(family), (*IDS[:5], 1, *IDS[6:])

    on = [reference.run(w, ids, change=Intervention(causal=True)).output for ids in (IDS, other)]
    off = [reference.run(w, ids, change=Intervention(causal=False)).output for ids in (IDS, other)]

    np.testing.assert_array_equal(on[0][:5], on[1][:5])
    assert np.abs(on[0][5:] - on[1][5:]).max(-1).min() > 1e-3
    assert np.abs(off[0][:5] - off[1][:5]).max(-1).min() > 1e-3


def shuffled(family: str, dtype: torch.dtype, change: Intervention, seed: int) -> float:
    """The largest difference between the weights of shuffled words and the shuffled weights of the words, in all layers."""
    w, order = made(family, dtype), np.random.default_rng(seed).permutation(len(IDS))
    before = reference.run(w, IDS, change=change)
    after = reference.run(w, [IDS[place] for place in order], change=change)
    states = np.abs(after.output - before.output[order]).max() / np.abs(before.output).max()
    weights = (
        np.abs(a["weights"] - b["weights"][:, order][:, :, order]).max()
        for a, b in zip(after.layers, before.layers, strict=True)
    )
    return float(max(states, *weights))


# Sums in another order round otherwise: some hundred roundings of 1e-16 and of 6e-8 in three layers.
@BOTH
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_without_positions_and_mask_the_weights_of_shuffled_words_are_the_shuffled_weights(
    family: str, dtype: torch.dtype, bound: float
):
    change = Intervention(positions=False, causal=False)

    assert max(shuffled(family, dtype, change, seed) for seed in range(20)) < bound


@BOTH
@pytest.mark.parametrize(
    "change", [Intervention(positions=False, causal=True), Intervention(causal=False)], ids=["mask", "positions"]
)
def test_a_mask_is_a_position_too_and_either_of_them_tells_the_order(family: str, change: Intervention):
    assert min(shuffled(family, torch.float64, change, seed) for seed in range(5)) > 0.01


def test_twins_without_positions_and_mask_cannot_tell_themselves_apart():
    weights = first("bert", Intervention(positions=False))["weights"]

    equal(weights[:, 3], weights[:, 4], atol=1e-12)  # tokens 3 and 4 are the same word
    equal(weights[:, :, 3], weights[:, :, 4], atol=1e-12)
    assert np.abs(first("bert", AS_TRAINED)["weights"][:, 3] - first("bert", AS_TRAINED)["weights"][:, 4]).max() > 0.01


@BOTH
def test_heads_that_are_not_kept_pass_nothing_on(family: str):
    whole, kept = first(family, AS_TRAINED), first(family, Intervention(heads=(1, 3)))

    np.testing.assert_array_equal(kept["weights"], whole["weights"])
    np.testing.assert_array_equal(kept["mix"][[1, 3]], whole["mix"][[1, 3]])
    assert (kept["mix"][[0, 2]] == 0).all()
    silent = first(family, Intervention(heads=()))
    assert (silent["joined"] == 0).all()


def test_joined_heads_are_one_softmax_over_the_sum_of_their_scores():
    # 2 heads of 2 numbers, 1 query, 2 keys. One head of 4 numbers: scores 1 + 0 and 0 + 3, divided by sqrt(4).
    q = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]])
    k = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 3.0]]])
    v = torch.tensor([[[1.0, 2.0], [0.0, 0.0]], [[0.0, 0.0], [4.0, 8.0]]])

    found = steps.attended(q, k, v, Intervention(one_head=True), causal=False)

    second = math.exp(1.5) / (math.exp(0.5) + math.exp(1.5))
    equal(found["scores"], [[[1.0, 3.0]]])
    equal(found["weights"], [[[1 - second, second]]])
    equal(found["mix"], [[[1 - second, 2 - 2 * second, 4 * second, 8 * second]]])


def test_joined_heads_of_grouped_queries_read_a_key_a_query_head():
    found = first("llama", Intervention(one_head=True))
    trained = first("llama", AS_TRAINED)

    equal(found["scores"][0], trained["scores"].sum(0), atol=1e-12)
    equal(found["scaled"][0], trained["scores"].sum(0) / math.sqrt(24), atol=1e-12)
    assert found["mix"].shape == (1, 8, 24)


@BOTH
def test_queries_of_one_text_read_keys_and_values_of_another(family: str):
    w, others = made(family, torch.float64), (9, 1, 4, 16, 10)
    other = reference.run(w, others)

    run = reference.run(w, IDS, change=Intervention(others=others))

    for number, (found, read) in enumerate(zip(run.layers, other.layers, strict=True)):
        assert found["weights"].shape == (4, 8, 5)
        equal(found["weights"].sum(-1), np.ones((4, 8)), atol=1e-12)
        np.testing.assert_array_equal(found["v"], read["v"])  # what the unchanged model makes of the other text, layer by layer
        np.testing.assert_array_equal(found["k"], read["k"])
        assert number > 0 or np.array_equal(found["q"], reference.run(w, IDS).layers[0]["q"])


def test_a_text_that_reads_itself_in_cross_attention_reads_as_ever():
    w = made("bert", torch.float64)

    equal(reference.run(w, IDS, change=Intervention(others=IDS)).output, reference.run(w, IDS).output, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (Intervention(window=2), ["11....", "111...", ".111..", "..111.", "...111", "....11"]),
        (Intervention(window=2, causal=True), ["1.....", "11....", ".11...", "..11..", "...11.", "....11"]),
        (Intervention(stride=3), ["1..1..", ".1..1.", "..1..1", "1..1..", ".1..1.", "..1..1"]),
        (Intervention(stride=3, window=2, causal=True), ["1.....", "11....", ".11...", "1.11..", ".1.11.", "..1.11"]),
        (Intervention(window=1), ["1.....", ".1....", "..1...", "...1..", "....1.", ".....1"]),
    ],
    ids=["window", "window looking back", "strides", "strides and window", "only itself"],
)
def test_windows_and_strides_show_what_they_should(change: Intervention, seen: list[str]):
    weights = reference.run(made("bert"), IDS[:6], change=change).layers[0]["weights"]

    for head in weights:
        assert ["".join("1" if share > 0 else "." for share in row) for row in head] == seen
    equal(weights.sum(-1), np.ones((4, 6)))


def test_a_window_passes_content_on_by_one_window_a_layer():
    w, other = made("bert"), (*IDS[:7], 1)  # the last word differs

    found = [reference.run(w, ids, change=Intervention(window=2)) for ids in (IDS, other)]

    for number in range(3):
        apart = np.abs(found[0].layers[number]["output"] - found[1].layers[number]["output"]).max(-1)
        assert [change > 0 for change in apart] == [place >= 6 - number for place in range(8)]


@BOTH
def test_a_token_whose_value_is_zero_is_looked_at_but_gives_nothing(family: str):
    whole, emptied = first(family, AS_TRAINED), first(family, Intervention(zeroed=(2,)))

    np.testing.assert_array_equal(emptied["weights"], whole["weights"])
    assert (emptied["v"][:, 2] == 0).all()
    values = attention.repeat_kv(torch.tensor(whole["v"]), 4).numpy()
    missing = whole["weights"][:, :, 2, None] * values[:, None, 2]  # [head, query, dim]
    equal(emptied["mix"], whole["mix"] - missing, atol=1e-12)


def test_a_change_in_one_layer_leaves_the_others_as_they_were():
    trained = reference.run(made("llama"), IDS)
    changed = reference.run(made("llama"), IDS, change=Intervention(positions=False, layer=1))

    np.testing.assert_array_equal(changed.layers[0]["output"], trained.layers[0]["output"])
    np.testing.assert_array_equal(changed.layers[1]["q"], trained.layers[1]["q"])
    np.testing.assert_array_equal(changed.layers[1]["q_rotated"], changed.layers[1]["q"])
    assert np.abs(changed.layers[2]["q_rotated"] - changed.layers[2]["q"]).max() > 0.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperature": 0.0}, "above 0"),
        ({"temperature": float("nan")}, "above 0"),
        ({"window": 0}, "window"),
        ({"stride": -1}, "stride"),
        ({"others": (1,), "causal": True}, "two texts"),
        ({"heads": (0,), "one_head": True}, "joined"),
        ({"layer": 3}, "0 to 2"),
        ({"heads": (4,)}, "0 to 3"),
        ({"zeroed": (8,)}, "0 to 7"),
        ({"zeroed": (2,), "others": (1, 1)}, "0 to 1"),
        ({"others": (19,)}, "0 to 18"),
        ({"positions": False, "layer": 0}, "once"),
    ],
)
def test_changes_that_cannot_be_made_are_refused(change: dict, message: str):
    with pytest.raises(BadInputError, match=message):
        reference.run(made("bert"), IDS, change=Intervention(**change))
