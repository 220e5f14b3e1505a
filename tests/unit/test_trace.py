"""A Trace as a value: what it answers, what it refuses, and that it is read-only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from attnviz.engine.block import Block
from attnviz.engine.layers import Dense, Projections
from attnviz.engine.trace import Trace
from attnviz.errors import BlocksError, NoAttentionError, ShapeError, UnknownHeadError
from attnviz.types import AttentionRequest, HeadRef, Token

LAYERS, HEADS, GROUPS, DIM = 2, 6, 3, 4


def words(*texts: str) -> tuple[Token, ...]:
    return tuple(Token(text, text, 0, len(text), index) for index, text in enumerate(texts))


SOURCE, TARGET = words("a", "b", "c", "d", "e"), words("x", "y", "z")


def call(queries: int, keys: int, seed: int = 0, **more) -> Projections:
    """One captured call of random projections, its output computed the long way."""
    random = np.random.default_rng(seed)
    query = random.normal(size=(HEADS, queries, DIM)).astype(np.float32)
    key, value = (random.normal(size=(GROUPS, keys, DIM)).astype(np.float32) for _ in range(2))
    made = Projections(query, key, value, 0.5, more.pop("causal", False), np.zeros_like(query), **more)
    whole = made.weights(slice(None))
    return replace(made, output=np.stack([whole[head] @ value[head // (HEADS // GROUPS)] for head in range(HEADS)]))


def block(name: str, queries: tuple[Token, ...], keys: tuple[Token, ...], **more) -> Block:
    return Block(name, queries, keys, tuple(call(len(queries), len(keys), seed, **more) for seed in range(LAYERS)))


def one(**more) -> Trace:
    return Trace(AttentionRequest("m", "a b c d e"), (block("self", SOURCE, SOURCE, **more),))


def three() -> Trace:
    sides = (("encoder", SOURCE, SOURCE), ("decoder", TARGET, TARGET), ("cross", TARGET, SOURCE))
    return Trace(
        AttentionRequest("m", "a b c d e", "x y z"), tuple(block(*side, causal=side[0] == "decoder") for side in sides)
    )


def dense(whole: np.ndarray, tokens: tuple[Token, ...], precision: str = "float32") -> Trace:
    return Trace(AttentionRequest("m", ""), (Block("self", tokens, tokens, (Dense(whole.astype(np.float32), precision),)),))


def test_everything_a_layer_and_a_head_are_the_same_numbers():
    trace = one()

    whole = trace.weights()

    assert whole.shape == (LAYERS, HEADS, 5, 5)
    assert whole.dtype == np.float32
    for layer in range(LAYERS):
        np.testing.assert_allclose(trace.weights(layer), whole[layer], atol=1e-7)
        for head in range(HEADS):
            np.testing.assert_allclose(trace.weights(layer, head), whole[layer, head], atol=1e-7)
            np.testing.assert_allclose(trace.of(HeadRef(layer, head)), whole[layer, head], atol=1e-7)


def test_one_head_reads_the_key_of_its_own_group():
    trace = one()
    projections = trace.parts[0].calls[1]
    assert isinstance(projections, Projections)

    raw = projections.query[5] @ projections.key[2].T * 0.5  # 6 heads, 3 groups: head 5 reads the last

    grown = np.exp(raw)
    np.testing.assert_allclose(trace.weights(1, 5), grown / grown.sum(-1, keepdims=True), atol=1e-6)


@pytest.mark.parametrize("parts", [(), (0,), (0, 1)], ids=["all", "layer", "head"])
def test_weights_are_read_only(parts: tuple[int, ...]):
    for trace in (one(), dense(np.full((2, 5, 5), 0.2), SOURCE)):
        with pytest.raises(ValueError, match="read-only"):
            trace.weights(*parts)[..., 0] = 1


def test_a_trace_says_its_size_source_and_tokens():
    trace = one(causal=True)

    assert (trace.layers, trace.heads, trace.source, trace.causal) == (LAYERS, HEADS, "projections", True)
    assert trace.blocks == ("self",)
    assert trace.tokens == SOURCE
    assert trace.parts[0].precision == "float32"


def test_three_blocks_have_their_own_queries_and_keys():
    trace = three()

    assert trace.blocks == ("encoder", "decoder", "cross")
    assert trace.tokens == SOURCE + TARGET
    assert (trace.block("cross").queries, trace.block("cross").keys) == (TARGET, SOURCE)
    assert trace.block("cross").weights().shape == (LAYERS, HEADS, 3, 5)
    assert [trace.block(name).causal for name in trace.blocks] == [False, True, False]
    np.testing.assert_array_equal(trace.of(HeadRef(1, 2, "decoder")), trace.block("decoder").weights(1, 2))


def test_weights_of_several_blocks_raise_and_name_them():
    for ask in (
        lambda: three().weights(),
        lambda: three().weights(0),
        lambda: three().weights(0, 1),
        lambda: three().sink(0, 1),
    ):
        with pytest.raises(BlocksError, match=r"encoder, decoder, cross.*trace\.block\('cross'\)"):
            ask()


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (lambda trace: trace.weights(2), "layers 0 to 1; there is no layer 2"),
        (lambda trace: trace.weights(-1, 0), "layers 0 to 1; there is no layer -1"),
        (lambda trace: trace.weights(1, 6), "Layer 1 has heads 0 to 5; there is no head 6"),
        (lambda trace: trace.sink(0, -1), "there is no head -1"),
        (lambda trace: trace.block("cross"), "blocks self; there is no block 'cross'"),
        (lambda trace: trace.of(HeadRef(0, 0, "decoder")), "no block 'decoder'"),
    ],
)
def test_what_is_missing_is_reported_with_what_exists(ask, answer: str):
    with pytest.raises(UnknownHeadError, match=answer):
        ask(one())


def test_without_sinks_nothing_is_sunk():
    for trace in (one(), dense(np.full((2, 5, 5), 0.2), SOURCE)):
        np.testing.assert_array_equal(trace.sink(0, 1), np.zeros(5))


def test_a_sink_is_what_a_row_leaves():
    trace = one(sinks=np.linspace(-1, 2, HEADS).astype(np.float32))

    for head in range(HEADS):
        np.testing.assert_allclose(trace.sink(1, head), 1 - trace.weights(1, head).sum(-1), atol=1e-6)
        assert (trace.sink(1, head) > 0.01).all()


def test_the_difference_to_the_kernel_is_the_largest_of_any_query():
    trace = one()
    projections = trace.parts[0].calls[0]
    assert isinstance(projections, Projections)
    assert trace.parts[0].difference(0, 2) == pytest.approx(0, abs=1e-6)

    output = projections.output.copy()
    output[2, 3, 1] += 0.25
    moved = Block("self", SOURCE, SOURCE, (replace(projections, output=output),))

    assert moved.difference(0, 2) == pytest.approx(0.25, abs=1e-6)
    assert moved.difference(0, 1) == pytest.approx(0, abs=1e-6)
    assert dense(np.full((2, 5, 5), 0.2), SOURCE).parts[0].difference(0, 0) is None


@pytest.mark.parametrize(
    ("mask", "causal"),
    [
        (np.tril(np.ones((5, 5), bool)), True),
        (np.tril(np.ones((5, 5), bool)) & ~np.tril(np.ones((5, 5), bool), -2), True),  # a window of two
        (np.where(np.tril(np.ones((5, 5))), 0.0, -np.inf).astype(np.float32), True),
        (np.where(np.tril(np.ones((5, 5))), 0.0, -1e4).astype(np.float32), True),
        (np.abs(np.subtract.outer(range(5), range(5))) < 2, False),  # a window to both sides
        (np.stack([np.tril(np.ones((5, 5), bool))] * 5 + [np.ones((5, 5), bool)]), False),  # one head looks ahead
        (None, False),
    ],
)
def test_a_block_is_causal_when_no_layer_lets_a_query_look_ahead(mask, causal: bool):
    trace = one(mask=mask)

    assert trace.causal == causal
    assert (np.triu(trace.weights(), 1) == 0).all() == causal


def test_one_layer_that_looks_ahead_is_enough():
    mixed = (call(5, 5, causal=True), call(5, 5, mask=np.ones((5, 5), bool) & (np.indices((5, 5)).sum(0) < 8)))

    assert not Block("self", SOURCE, SOURCE, mixed).causal


def test_dense_weights_are_causal_by_their_zeros():
    assert dense(np.tril(np.ones((2, 5, 5))) / np.arange(1, 6)[:, None], SOURCE).causal
    assert not dense(np.full((2, 5, 5), 0.2), SOURCE).causal
    assert not dense(np.ones((2, 1, 1)), SOURCE[:1]).causal  # one token alone cannot tell


WINDOW = np.tril(np.ones((5, 5), bool)) & (np.indices((5, 5))[0] - np.indices((5, 5))[1] < 3)
ROADS = {
    "everything visible": {},
    "causal by a flag": {"causal": True},
    "a window": {"mask": WINDOW},
    "a flag and a mask": {"causal": True, "mask": np.arange(5)[None] != 1 + np.zeros((5, 1))},
    "a flag and numbers that are added": {"causal": True, "mask": np.linspace(-3, 0, 25, dtype=np.float32).reshape(5, 5)},
    "numbers for each head": {"mask": np.linspace(-3, 0, 25 * HEADS, dtype=np.float32).reshape(HEADS, 5, 5)},
    "one row of a mask for all": {"mask": np.array([[True, False, True, True, True]])},
    "a bias": {"bias": np.linspace(-2, 2, 25 * HEADS, dtype=np.float32).reshape(HEADS, 5, 5)},
    "a cap and sinks": {"softcap": 2.0, "sinks": np.linspace(-1, 1, HEADS, dtype=np.float32), "causal": True},
}


@pytest.mark.parametrize("more", ROADS.values(), ids=ROADS)
@pytest.mark.parametrize("queries", [[0], [4, 1], [2, 2], [0, 1, 2, 3, 4]], ids=str)
def test_the_rows_of_some_queries_are_those_of_the_whole(queries: list[int], more: dict):
    part = one(**more).parts[0]
    found = part.rows(queries)
    assert len(found) == LAYERS
    for layer, rows in enumerate(found):
        np.testing.assert_allclose(rows, part.weights(layer)[:, queries], atol=1e-6, rtol=0)


def test_rows_across_two_texts_and_of_weights_from_the_library():
    part = three().block("cross")
    np.testing.assert_allclose(part.rows([2, 0])[1], part.weights(1)[:, [2, 0]], atol=1e-6, rtol=0)
    whole = np.random.default_rng(5).dirichlet(np.ones(5), size=(3, 5))
    np.testing.assert_array_equal(dense(whole, SOURCE).parts[0].rows([3, 1])[0], whole.astype(np.float32)[:, [3, 1]])


def test_rows_are_checked_as_the_whole_is():
    bad = np.full((2, 5, 5), 0.3)
    with pytest.raises(NoAttentionError, match="should sum to 1"):
        dense(bad, SOURCE).parts[0].rows([1])
    with pytest.raises(ValueError, match="read-only"):
        one().parts[0].rows([1])[0][0] = 0


def test_rows_of_layers_that_differ():
    fewer = Projections(*(np.ones((1, 5, DIM), np.float32) for _ in range(3)), 0.5, False, np.ones((1, 5, DIM), np.float32))
    whole = np.random.default_rng(5).dirichlet(np.ones(5), size=(3, 5)).astype(np.float32)
    sunk = call(5, 5, sinks=np.linspace(-1, 1, HEADS, dtype=np.float32))
    part = Block("self", SOURCE, SOURCE, (call(5, 5, causal=True), Dense(whole), fewer, sunk))
    for layer, rows in enumerate(part.rows([1, 4])):
        np.testing.assert_allclose(rows, part.weights(layer)[:, [1, 4]], atol=1e-6, rtol=0)
    for layer, rows in enumerate(part.by_layer()):
        np.testing.assert_array_equal(rows, part.weights(layer))


def test_bytes_count_a_shared_mask_once():
    mask = np.tril(np.ones((5, 5), bool))
    floats = LAYERS * (2 * HEADS + 2 * GROUPS) * 5 * DIM * 4  # query and output; key and value

    assert one(mask=mask).parts[0].nbytes == floats + mask.nbytes
    assert one(mask=mask).nbytes > floats


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (np.full((2, 5, 5), 0.3), "rows of L0·H1 should sum to 1"),
        (np.tile([1.5, -0.5, 0, 0, 0], (2, 5, 1)), "rows of L0·H1 should sum to 1"),
        (np.full((2, 5, 5), np.nan), "must be numbers; those of L0·H1 on this text are not"),
        (np.tile([np.inf, 0, 0, 0, 0], (2, 5, 1)), "must be numbers; those of L0·H1 on this text are not"),
    ],
)
def test_rows_that_are_no_distribution_are_not_shown(wrong: np.ndarray, says: str):
    with pytest.raises(NoAttentionError, match=says):
        dense(wrong, SOURCE).weights(0, 1)


def test_rows_rounded_to_half_precision_are_shown():
    rounded = np.full((2, 5, 5), 0.2012)  # 1.006: more than float32 may be off, less than eight bits may

    assert dense(rounded, SOURCE, "bfloat16").weights(0, 1).shape == (5, 5)
    with pytest.raises(NoAttentionError):
        dense(rounded, SOURCE).weights(0, 1)


def test_layers_with_different_numbers_of_heads_are_read_one_by_one():
    wide, narrow = np.full((4, 5, 5), 0.2, np.float32), np.full((2, 5, 5), 0.2, np.float32)
    trace = Trace(AttentionRequest("m", ""), (Block("self", SOURCE, SOURCE, (Dense(wide), Dense(narrow))),))

    assert trace.weights(1).shape == (2, 5, 5)
    with pytest.raises(UnknownHeadError, match="Layer 1 has heads 0 to 1"):
        trace.weights(1, 3)
    with pytest.raises(ShapeError, match="ask for one layer"):
        trace.weights()


def test_labels_change_the_tokens_and_nothing_else():
    bare = words("#0", "#1", "#2", "#3", "#4")
    trace = Trace(AttentionRequest("m", ""), (block("self", bare, bare),))
    request = AttentionRequest("minilm", "a b c d e")

    labelled = trace.labelled(request, "abc", SOURCE)

    assert (labelled.request, labelled.digest, labelled.tokens) == (request, "abc", SOURCE)
    assert trace.tokens == bare
    np.testing.assert_array_equal(labelled.weights(), trace.weights())


def test_labels_of_two_sides_reach_the_right_blocks():
    labelled = three().labelled(AttentionRequest("t", ""), "", words(*"ABCDE"), words(*"XYZ"))

    assert [token.text for token in labelled.block("encoder").keys] == list("ABCDE")
    assert [token.text for token in labelled.block("decoder").keys] == list("XYZ")
    assert [token.text for token in labelled.block("cross").queries] == list("XYZ")
    assert [token.text for token in labelled.block("cross").keys] == list("ABCDE")


def test_labels_that_do_not_fit_are_refused():
    with pytest.raises(NoAttentionError, match="5 queries and 5 keys in its self attention, its tokenizer made 3 and 3"):
        one().labelled(AttentionRequest("m", ""), "", TARGET)
    with pytest.raises(NoAttentionError, match="decoder attention"):
        three().labelled(AttentionRequest("m", ""), "", SOURCE)
